"""Telegrams are found in whatever they come in."""

from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.errors import InputError, UsageError
from mbuscli.protocol.wired.frames import encode_long, encode_short
from mbuscli.services.input import Piece, pieces_of_arguments, pieces_of_stream

FRAME = encode_long(0x08, 5, 0x78, bytes.fromhex("0C1367452301"))
OTHER = encode_long(0x08, 6, 0x78, bytes.fromhex("025AD200"))
APPLICATION = bytes.fromhex("780C1367452301")
FRAMES = st.lists(
    st.builds(encode_long, st.just(8), st.integers(0, 250), st.just(0x72), st.binary(max_size=252)),
    min_size=1,
    max_size=4,
)


def of_text(text: str, encoding: str = "utf-8") -> list[Piece]:
    return list(pieces_of_stream(io.BytesIO(text.encode(encoding)), "file"))


def frames_of_text(text: str, encoding: str = "utf-8") -> list[tuple[bytes, int | None]]:
    return [(piece.data, piece.line) for piece in of_text(text, encoding) if piece.error is None]


def of_bytes(data: bytes) -> list[bytes]:
    return [piece.data for piece in pieces_of_stream(io.BytesIO(data), "file")]


def test_arguments_are_joined() -> None:
    words = FRAME.hex(" ").split()
    assert [piece.data for piece in pieces_of_arguments(words)] == [FRAME]
    assert [piece.data for piece in pieces_of_arguments([APPLICATION[:3].hex(), APPLICATION[3:].hex()])] == [
        APPLICATION
    ]


def test_arguments_that_are_telegrams_of_their_own() -> None:
    long = bytes.fromhex("78") + 3 * bytes.fromhex("0C1367452301")
    assert [piece.data for piece in pieces_of_arguments([FRAME.hex(), OTHER.hex()])] == [FRAME, OTHER]
    assert [piece.data for piece in pieces_of_arguments([long.hex(), long.hex()])] == [long, long]


def test_arguments_without_bytes() -> None:
    with pytest.raises(InputError, match="no bytes"):
        list(pieces_of_arguments([" ", ":"]))
    with pytest.raises(UsageError, match="argument 2"):
        list(pieces_of_arguments(["68", "6"]))


@given(FRAMES, st.integers(1, 40))
def test_frames_spread_over_lines(frames: list[bytes], width: int) -> None:
    pieces: list[bytes] = []
    for frame in frames:
        rows = [frame[at : at + width].hex(" ") for at in range(0, len(frame), width)]
        pieces += [piece.data for piece in of_text("\n".join(rows))]
    assert pieces == frames


@given(FRAMES, st.integers(1, 3))
def test_binary_files(frames: list[bytes], copies: int) -> None:
    assert of_bytes(b"".join(frames) * copies) == frames * copies


def test_garbage_around_frames() -> None:
    assert of_bytes(b"\x00noise" + FRAME + b"\xff\xe5" + OTHER + b"\x01") == [FRAME, OTHER]
    text = f"-- log of 2026-01-31\n10:01 RX {FRAME.hex(' ')} ok\n\n# comment 68\n10:02 RX {OTHER.hex()} ok\n"
    assert frames_of_text(text) == [(FRAME, 2), (OTHER, 5)]


def test_a_frame_over_lines_among_words_knows_its_line() -> None:
    text = f"start\nRX {FRAME[:9].hex(' ')} more\nRX {FRAME[9:].hex(' ')} end\n{OTHER.hex()}"
    assert frames_of_text(text) == [(FRAME, 2), (OTHER, 4)]


def test_several_frames_and_requests_on_a_line() -> None:
    request = encode_short(0x5B, 5)
    assert [piece.data for piece in of_text((request + FRAME + b"\xe5" + OTHER).hex())] == [
        request,
        FRAME,
        OTHER,
    ]


def test_application_data_line_by_line() -> None:
    assert [piece.data for piece in of_text(f"{APPLICATION.hex()}\nRX {APPLICATION.hex()} ok")] == [
        APPLICATION
    ] * 2


def test_a_damaged_frame_is_not_passed_over() -> None:
    damaged = FRAME[:-2] + bytes((FRAME[-2] ^ 1, FRAME[-1]))
    assert of_bytes(b"\x00" + damaged + OTHER) == [damaged, OTHER]
    assert [piece.data for piece in of_text(f"{damaged.hex()}\n{FRAME[:-4].hex()}\n{OTHER.hex()}")] == [
        damaged,
        FRAME[:-4],
        OTHER,
    ]


def test_a_line_that_lost_a_digit_is_told() -> None:
    pieces = of_text(f"{FRAME.hex()[:-1]}\n{OTHER.hex()}")
    assert pieces[0].error is not None
    assert (pieces[0].error.name, pieces[0].line) == ("input.odd-hex", 1)
    assert pieces[1].data == OTHER


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_encodings_of_windows(encoding: str) -> None:
    text = ("﻿" if encoding == "utf-16-le" else "") + f"Zähler\r\n{FRAME.hex(' ')}\r\n"
    assert frames_of_text(text, encoding) == [(FRAME, 2)]


@pytest.mark.parametrize(
    "content", [b"hello\n", b"\n\n", b"\x00\x01\x02", b"\x7fELF" + bytes(range(256)) * 40]
)
def test_nothing_in_it(content: bytes) -> None:
    with pytest.raises(InputError) as caught:
        of_bytes(content)
    assert caught.value.name == "input.unrecognised"


def test_an_empty_file() -> None:
    with pytest.raises(InputError) as caught:
        of_bytes(b"")
    assert caught.value.name == "input.empty"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_line_that_is_too_long_is_left_out(encoding: str) -> None:
    text = f"{FRAME.hex()}\n{'68' * (1 << 20)}\n{OTHER.hex()}\n{'é' * (3 << 20)}"
    first, long, other, last = of_text(text, encoding)
    assert (first.data, other.data, other.line) == (FRAME, OTHER, 3)
    for piece, line in ((long, 2), (last, 4)):
        assert piece.error is not None
        assert (piece.error.name, piece.line) == ("input.too-long", line)


def test_lines_are_decoded_as_they_come() -> None:
    class Growing(io.BytesIO):
        read_to = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            line = super().readline(size)
            self.read_to += len(line)
            return line

    stream = Growing(f"{FRAME.hex()}\n{OTHER.hex()}\n".encode())
    pieces = pieces_of_stream(stream, "pipe")
    assert next(pieces).data == FRAME
    assert stream.read_to == 2 * len(FRAME) + 1


@given(st.binary(min_size=1, max_size=600) | st.text(min_size=1).map(str.encode))
def test_any_input_is_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(InputError):
        of_bytes(content)
