from __future__ import annotations

import json
import os

import pytest

from mbuscli.errors import InputError
from mbuscli.ports.base import Received
from mbuscli.ports.replay import ReplayPort, read_capture
from mbuscli.ports.tap import CaptureWriter, Tap, Transfer, encode_line

REQUEST = bytes.fromhex("105B015C16")


@pytest.fixture
def talk(tmp_path):
    """A port that answers: a capture, played."""
    path = tmp_path / "talk.ndjson"
    lines = [
        Transfer(0.0, "baud", b"2400"),
        Transfer(0.1, "tx", REQUEST),
        Transfer(0.2, "rx", b"\x68\x03", frozenset({1})),
        Transfer(0.4, "baud", b"9600"),
        Transfer(0.5, "rx", b"\xe5"),
    ]
    path.write_bytes(b"".join(map(encode_line, lines)))
    return str(path)


def converse(port) -> list[Received]:
    port.write(REQUEST)
    heard = [port.read(port.now() + 1), port.read(port.now() + 0.1)]
    port.set_baud(9600)
    return [*heard, port.read(port.now() + 1)]


def test_the_sink_gets_every_transfer(talk) -> None:
    seen: list[Transfer] = []
    with Tap(ReplayPort(talk), seen.append) as tap:
        heard = converse(tap)
        assert (tap.name, tap.baud) == (f"replay:{talk}", 9600)
    assert [received.data for received in heard] == [b"\x68\x03", b"", b"\xe5"]
    assert [(each.direction, each.data) for each in seen] == [
        ("baud", b"2400"),
        ("tx", REQUEST),
        ("rx", b"\x68\x03"),
        ("baud", b"9600"),
        ("rx", b"\xe5"),
    ]
    assert seen[2].bad == {1}
    assert [each.time for each in seen] == sorted(each.time for each in seen)


def test_a_capture_of_a_replay_plays_the_same(talk, tmp_path) -> None:
    again = str(tmp_path / "again.ndjson")
    with CaptureWriter(again) as sink, Tap(ReplayPort(talk), sink) as tap:
        heard = converse(tap)
    with ReplayPort(again) as port:
        assert converse(port) == heard


def test_each_transfer_is_a_whole_line_in_the_file_at_once(tmp_path) -> None:
    path = tmp_path / "capture.ndjson"
    with CaptureWriter(str(path)) as sink:
        for count in range(1, 4):
            sink(Transfer(count / 3, "rx", b"\xe5", frozenset({0})))
            lines = path.read_bytes().split(b"\n")
            assert len(lines) == count + 1
            assert lines[-1] == b""
    assert json.loads(lines[0]) == {"time": 0.333333333, "dir": "rx", "data": "E5", "bad": [0]}
    sink.close()


def test_appending_after_a_cut_at_every_offset(tmp_path) -> None:
    path = tmp_path / "capture.ndjson"
    lines = [encode_line(Transfer(float(i), "rx", bytes([i] * i))) for i in range(4)]
    whole = b"".join(lines)
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        with CaptureWriter(str(path)) as sink:
            sink(Transfer(9.0, "rx", b"\xe5"))
        kept, cut = read_capture(str(path))
        assert not cut
        assert len(kept) == whole[:length].count(b"\n") + 1


@pytest.mark.parametrize("content", [b"precious", b"a\nb", b"\0" * 100_000], ids=["text", "no end", "binary"])
def test_other_files_are_left_alone(tmp_path, content: bytes) -> None:
    path = tmp_path / "thesis"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        CaptureWriter(str(path))
    assert caught.value.name == "input.unrecognised"
    assert path.read_bytes() == content


def test_places_that_cannot_be_written(tmp_path) -> None:
    for path in (str(tmp_path), str(tmp_path / "none" / "capture"), "", "a\0b"):
        with pytest.raises(InputError) as caught:
            CaptureWriter(path)
        assert caught.value.name == "input.unwritable"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk() -> None:
    with CaptureWriter("/dev/full") as sink, pytest.raises(InputError, match="No space left"):
        sink(Transfer(0.0, "rx", b"\xe5"))


@pytest.mark.parametrize(
    ("name", "is_remote"),
    [
        ("tcp://10.0.0.7:10001", True),
        ("rfc2217://h:1", True),
        ("/dev/ttyUSB0", False),
        ("replay:tcp:", False),
    ],
)
def test_a_replay_waits_as_long_as_the_port_needed(tmp_path, name, is_remote) -> None:
    from mbuscli.services.link import Link

    path = tmp_path / "bus.ndjson"
    with ReplayPort(_capture_of(tmp_path, [])) as inner, CaptureWriter(str(path)) as sink:
        inner.name = name
        Tap(inner, sink).set_baud(2400)
    assert [json.loads(line).get("port") for line in path.read_bytes().splitlines()] == [name, None]
    port = ReplayPort(str(path))
    assert (port.is_remote, Tap(port, lambda _: None).is_remote) == (is_remote, is_remote)
    assert Link(port).session.timing.reply_timeout_s == pytest.approx(0.1875 + (0.25 if is_remote else 0.05))
    assert Link(port, margin_s=0.5).session.timing.reply_timeout_s == pytest.approx(0.6875)


def test_a_port_that_is_no_text_is_no_capture(tmp_path) -> None:
    path = tmp_path / "bus.ndjson"
    path.write_text('{"time": 0, "dir": "baud", "data": "2400", "port": 7}\n')
    with pytest.raises(InputError):
        ReplayPort(str(path))


def _capture_of(tmp_path, transfers) -> str:
    path = tmp_path / "inner.ndjson"
    path.write_bytes(b"".join(map(encode_line, transfers)))
    return str(path)
