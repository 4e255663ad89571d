"""The trace: one line a frame, whatever pieces it came in."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.ports.tap import Transfer
from mbuscli.protocol.wired.frames import decode_frame, encode_long
from mbuscli.render.streams import Streams
from mbuscli.render.trace import Trace, describe_frame

REQUEST = bytes.fromhex("107B017C16")
ANSWER = encode_long(0x08, 1, 0x72, bytes.fromhex("785634122D2C1B16010000000C1367452301"))
SELECT = encode_long(0x73, 253, 0x52, bytes.fromhex("785634122D2CFFFF"))


def lines(*transfers: Transfer) -> list[str]:
    err = io.StringIO()
    trace = Trace(Streams(io.StringIO(), err, {}))
    for transfer in transfers:
        trace(transfer)
    trace.flush()
    return err.getvalue().splitlines()


@given(st.sets(st.integers(1, len(ANSWER) - 1)))
def test_an_answer_in_pieces_is_one_line(cuts: set[int]) -> None:
    ends = [*sorted(cuts), len(ANSWER)]
    pieces = [ANSWER[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    received = [Transfer(2.1 + index / 100, "rx", piece) for index, piece in enumerate(pieces)]
    shown = lines(Transfer(1.0, "baud", b"2400"), Transfer(2.0, "tx", REQUEST), *received)
    last = received[-1].time
    assert shown[0] == "    0.000   +0.000      2400 baud"
    assert shown[1].split(maxsplit=3) == [
        "1.000",
        "+1.000",
        "tx",
        f"REQ_UD2 FCB=1 to 1                    {REQUEST.hex(' ').upper()}",
    ]
    assert shown[2].startswith(f"{last - 1:9.3f} {last - 2:+8.3f}  rx  RSP_UD from 1, CI 72 variable data")
    assert shown[2].endswith(ANSWER.hex(" ").upper())
    assert len(shown) == 3


def test_echo_and_noise() -> None:
    shown = lines(
        Transfer(0, "tx", REQUEST),
        Transfer(0.1, "rx", REQUEST + b"\x68\x03"),
        Transfer(0.5, "tx", b"\xff"),
        Transfer(0.9, "rx", b"\xe5"),
    )
    assert "rx  echo of REQ_UD2 FCB=1 to 1" in shown[1]
    assert "rx  no frame: " in shown[2]
    assert shown[2].endswith("68 03")
    assert "tx  no frame: " in shown[3]
    assert "rx  acknowledgement" in shown[4]


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (SELECT, "SND_UD to 253, CI 52 select meter 12345678.KAM"),
        (encode_long(0x53, 5, 0xB8), "SND_UD FCB=0 to 5, CI B8 set baud rate 300"),
        (
            encode_long(0x53, 253, 0x52, bytes.fromhex("F1FFFF12 FFFFFFFF")),
            "SND_UD to 253, CI 52 select meters 12FFFFF1 (F: any)",
        ),
        (
            encode_long(0x53, 253, 0x52, b"\xff" * 8),
            "SND_UD to 253, CI 52 select every meter",
        ),
        (
            encode_long(0x53, 253, 0x52, b"\xff" * 8 + bytes.fromhex("0C78785634F2")),
            "SND_UD to 253, CI 52 select every meter and more (0C78785634F2)",
        ),
        (
            encode_long(0x53, 253, 0x52, b"\xff" * 4),
            "SND_UD to 253, CI 52 select meter",
        ),
        (encode_long(0x53, 5, 0x51, b"\x01\x7a\x06"), "SND_UD FCB=0 to 5, CI 51 data send: address 6"),
        (encode_long(0x53, 5, 0x51, b"\x04\x13\x06"), "SND_UD FCB=0 to 5, CI 51 data send"),
        (
            encode_long(0x53, 5, 0x51, bytes.fromhex("0C1367452301")),
            "SND_UD FCB=0 to 5, CI 51 data send: volume 1234.567 m³",
        ),
        (encode_long(0x53, 5, 0x5A, bytes(4)), "SND_UD FCB=0 to 5, CI 5A command"),
        (encode_long(0x08, 5, 0x73, bytes(16)), "RSP_UD from 5, CI 73 fixed data"),
        (encode_long(0x08, 5, 0x73, bytes(17)), "RSP_UD from 5, CI 73 compact frame"),
        (encode_long(0x08, 5, 0x01), "RSP_UD from 5, CI 01 (unknown)"),
        (bytes.fromhex("1040FE3E16"), "SND_NKE to 254 (test: every meter answers)"),
    ],
)
def test_words(frame: bytes, words: str) -> None:
    assert describe_frame(decode_frame(frame)) == words


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminals_lines_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    err = Screen()
    trace = Trace(Streams(io.StringIO(), err, {}))
    for frame in (SELECT, REQUEST):
        trace(Transfer(0.5, "tx", frame))
    trace(Transfer(0.7, "rx", ANSWER))
    assert err.getvalue().splitlines() == [
        "    0.000   +0.000  tx  SND_UD to 253, CI 52 select meter 12345678.KAM",
        "                        68 0B 0B 68 73 FD 52 78 56 34 12 2D 2C FF FF 2D 16",
        "    0.000   +0.000  tx  REQ_UD2 FCB=1 to 1                    10 7B 01 7C 16",
        "    0.200   +0.200  rx  RSP_UD from 1, CI 72 variable data",
        "                        68 15 15 68 08 01 72 78 56 34 12 2D 2C 1B 16 01 00 00 00",
        "                        0C 13 67 45 23 01 09 16",
    ]


def test_listening_once_more_is_no_frame() -> None:
    assert len(lines(Transfer(0, "tx", REQUEST), Transfer(0.1, "tx", b""))) == 1
