"""What was received earlier is heard again: every format that can be decrypted, at any pace."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from mbuscli.capture.walk import WalkWriter
from mbuscli.devices.sticks.base import Reception
from mbuscli.errors import InputError, UsageError
from mbuscli.protocol.receivers.amber import RECEIVED, encode_frame
from mbuscli.protocol.receivers.stream import append_rssi, encode_rssi
from mbuscli.protocol.wired.frames import encode_long
from mbuscli.protocol.wireless.frame_format import strip_crcs
from mbuscli.services.input import pieces_of_stream
from mbuscli.services.recorded import Moment, Piped, Recording, moments_of, read_recording
from mbuscli.services.sticks import open_stick, split_replay
from tests.capture import telegrams as lines
from tests.capture.telegrams import ISO, STAMP

TELEGRAM = bytes.fromhex("1844AE4C4455223368077A55000000041389E20100023B0000")
START = datetime.fromisoformat("2026-01-31T10:00:00+01:00")
WANTED = frozenset(("C1", "T1"))


def walk(path: Path, seconds: list[float], **options: int) -> str:
    """A capture with a telegram at each of these seconds."""
    with WalkWriter(str(path), **options) as writer:
        for number, second in enumerate(seconds):
            data = TELEGRAM[:11] + bytes((number % 256,)) + TELEGRAM[12:]
            moment = datetime.fromtimestamp(START.timestamp() + second, START.tzinfo)
            writer.telegram(
                moment, data, rssi_dbm=-71.5, mode="T1", frame_format="none", stick="cul", port="x"
            )
    return str(path)


def hear_all(text: str) -> list[Reception]:
    with open_stick(text) as stick:
        assert stick.listen(WANTED) == WANTED
        heard: list[Reception] = []
        while not stick.ended:
            heard += stick.receive(stick.now() + 1.0)
        assert stick.receive(stick.now() + 1.0) == []
        assert not stick.is_alive()
        return heard


class Clock:
    """A clock that only moves when somebody waits."""

    def __init__(self) -> None:
        self.time = 500.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.time

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += seconds


def test_a_walk_comes_back_as_it_was(tmp_path: Path) -> None:
    path = walk(tmp_path / "walk.ndjson", [0, 0.5, 60, 3600])
    with open_stick(f"replay:{path}") as stick:
        assert stick.identify().family == stick.family == "replay"
        assert stick.now() == START.timestamp()
        heard = []
        while not stick.ended:
            heard += stick.receive(stick.now() + 10.0)
    assert [each.data[11] for each in heard] == [0, 1, 2, 3]
    assert [stick.wall_time(each.time) - START.timestamp() for each in heard] == [0, 0.5, 60, 3600]
    first = heard[0]
    assert (first.rssi_dbm, first.mode, first.frame_format, first.error) == (-71.5, "T1", "none", None)


def test_nothing_comes_before_its_time(tmp_path: Path) -> None:
    path = walk(tmp_path / "walk.ndjson", [0, 10])
    with open_stick(f"replay:{path}") as stick:
        assert len(stick.receive(stick.now() + 5)) == 1
        assert stick.receive(stick.now() + 5) == []
        assert stick.now() == START.timestamp() + 5
        assert len(stick.receive(stick.now() + 5)) == 1
        assert stick.ended


@pytest.mark.parametrize(("speed", "took_s"), [(1.0, 100.0), (10.0, 10.0), (None, 0.0)])
def test_pace(tmp_path: Path, speed: float | None, took_s: float) -> None:
    path = walk(tmp_path / "walk.ndjson", [0, 30, 30, 100])
    clock = Clock()
    recording = Recording(read_recording(path), path, speed=speed, clock=clock, wait=clock.wait)
    times = []
    while not recording.ended:
        times += [each.time for each in recording.receive(recording.now() + 7)]
    assert clock.time - 500.0 == pytest.approx(took_s)
    assert [time - START.timestamp() for time in times] == [0, 30, 30, 100]


def test_real_waits_are_short(tmp_path: Path) -> None:
    """Against the computer's clock: ten minutes in less than a few seconds."""
    path = walk(tmp_path / "walk.ndjson", [0, 600])
    with open_stick(f"replay:{path}?speed=2000") as stick:
        heard: list[Reception] = []
        while not stick.ended:
            heard += stick.receive(stick.now() + 100)
        assert stick.now() - START.timestamp() >= 600
    assert len(heard) == 2


@pytest.mark.parametrize("name", ["walk.ndjson", "walk.ndjson.gz"])
def test_parts_and_a_cut_end(tmp_path: Path, name: str) -> None:
    path = walk(tmp_path / name, [float(second) for second in range(400)], max_size=3000)
    assert len(list(tmp_path.iterdir())) > 1
    assert len(hear_all(f"replay:{path}")) == 400
    single = walk(tmp_path / f"single_{name}", [0.0, 1.0, 2.0])
    os.truncate(single, os.path.getsize(single) - 30)
    heard = hear_all(f"replay:{single}")
    assert [each.data[11] for each in heard] in ([0, 1], [0, 1, 2])
    assert all(each.error is None for each in heard)


FORMATS: dict[str, Callable[[], str]] = {
    "rtl_wmbus": lambda: lines.rtl_wmbus(TELEGRAM),
    "rtl_433": lambda: lines.rtl_433_json(TELEGRAM, "T"),
    "rtl_433 table": lambda: f"{lines.RTL_433_HEADER}\n{lines.rtl_433_row(TELEGRAM, 'T')}",
    "wmbusmeters": lambda: lines.wmbusmeters(TELEGRAM),
    "cul": lambda: lines.cul(TELEGRAM, "A"),
    "hex": lambda: TELEGRAM.hex(),
    "hex among words": lambda: f"2026-01-31 10:00:00.123 heard {TELEGRAM.hex()} ok",
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("zipped", [False, True])
def test_every_format_is_heard_again(tmp_path: Path, name: str, zipped: bool) -> None:
    path = tmp_path / "log"
    octets = f"# comment\n{FORMATS[name]()}\n".encode()
    path.write_bytes(gzip.compress(octets) if zipped else octets)
    (heard,) = hear_all(f"replay:{path}")
    assert heard.error is None
    assert strip_crcs(heard.data, frame_format=heard.frame_format).telegram == TELEGRAM
    if STAMP in FORMATS[name]():
        assert heard.time == datetime.fromisoformat(ISO).timestamp()


def test_seconds_of_wmbusmeters_give_the_pace(tmp_path: Path) -> None:
    path = tmp_path / "log"
    text = TELEGRAM.hex().upper()
    path.write_text("".join(f"telegram=|{text}|+{second}\n" for second in (2, 5, 65)))
    times = [each.time for each in hear_all(f"replay:{path}")]
    assert [time - times[0] for time in times] == pytest.approx([0, 3, 63])


def test_damage_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "log"
    wired = encode_long(0x08, 1, 0x72, bytes.fromhex("785634122D2C1B16010000000C1367452301"))
    rows = [
        lines.rtl_wmbus(TELEGRAM, crc_ok=0),
        TELEGRAM.hex(),
        wired.hex(),
        TELEGRAM.hex()[:-1],
        "no telegram in this",
    ]
    path.write_text("\n".join(rows) + "\n")
    names = [each.error.name if each.error else "" for each in hear_all(f"replay:{path}")]
    assert names == ["link.crc", "", "link.unexpected", "input.odd-hex", "input.unrecognised"]


@pytest.mark.parametrize("appended", [True, False])
def test_the_strength_behind_telegrams_of_amber_sticks(appended: bool) -> None:
    telegram = append_rssi(TELEGRAM, encode_rssi(-80)) if appended else TELEGRAM
    frame = encode_frame(RECEIVED, telegram[1:])
    text = io.BytesIO(b"".join(frame.hex().encode() + b"\n" for _ in range(2)))
    moments = list(moments_of(pieces_of_stream(text, "log")))
    assert [moment.reception.data for moment in moments] == [TELEGRAM] * 2
    assert {moment.reception.rssi_dbm for moment in moments} == {-80.0 if appended else None}


def test_times_that_go_back_or_are_missing() -> None:
    moments = [Moment(Reception(TELEGRAM, 0.0), time) for time in (None, 1000.0, None, 900.0, 1001.0)]
    clock = Clock()
    recording = Recording(moments[1:], "x", speed=1.0, clock=clock, wait=clock.wait)
    heard: list[Reception] = []
    while not recording.ended:
        heard += recording.receive(recording.now() + 5)
    assert [each.time for each in heard] == [1000.0, 1000.0, 900.0, 1001.0]
    assert sum(clock.waits) == pytest.approx(1.0)
    untimed = Recording(moments[:1], "x", speed=1.0)
    assert abs(untimed.now() - datetime.now().timestamp()) < 60


def test_what_cannot_be_replayed(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        open_stick(f"replay:{tmp_path / 'none'}")
    assert caught.value.name == "input.unreadable"
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(InputError, match="is empty"):
        open_stick(f"replay:{empty}")
    for speed in ("0", "-1", "fast", "nan", "inf"):
        with pytest.raises(UsageError) as usage:
            split_replay(f"replay:walk?speed={speed}")
        assert usage.value.name == "usage.invalid"
    with pytest.raises(UsageError):
        split_replay("replay:walk?pace=1")
    assert split_replay("replay:walk?speed=2.5") == ("walk", 2.5)
    assert split_replay("replay:walk?speed=max") == split_replay("replay:walk") == ("walk", None)
    odd = tmp_path / "what?.log"
    odd.touch()
    assert split_replay(f"replay:{odd}") == (str(odd), None)


def test_a_pipe_is_heard_while_it_is_written() -> None:
    source, sink = os.pipe()
    with open(source, "rb") as stream:
        stick = Piped(moments_of(pieces_of_stream(stream, "standard input")), "standard input")
        assert stick.receive(stick.now() + 0.05) == []
        for count in (1, 2):
            os.write(sink, f"{lines.rtl_wmbus(TELEGRAM)}\n".encode() * count)
            heard: list[Reception] = []
            until = stick.now() + 20
            while len(heard) < count and stick.now() < until:
                heard += stick.receive(until)
            assert [each.data for each in heard] == [TELEGRAM] * count
            assert all(each.time <= stick.now() for each in heard)
        assert stick.is_alive()
        os.close(sink)
        while not stick.ended:
            assert stick.receive(stick.now() + 20) == []
        assert not stick.is_alive()


def test_a_pipe_without_telegrams_says_so() -> None:
    stick = Piped(moments_of(pieces_of_stream(io.BytesIO(b"hello\nworld\n" * 5), "standard input")), "x")
    with pytest.raises(InputError, match="no M-Bus telegram was found in standard input"):
        stick.receive(stick.now() + 20)
    assert stick.ended
