"""Commands that write, in a process of their own, on meters whose registers the test reads."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mbuscli.cli.exit_codes import ExitCode
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.wired.fields import SND_UD
from mbuscli.protocol.wired.frames import Frame
from mbuscli.simulator.bus import Bus
from mbuscli.simulator.slave import IGNORES_WRITES
from tests.cli.program import COMMAND, GOLDEN, Result, environment, run
from tests.cli.served import record_frames, served_pty, served_tcp
from tests.cli.terminal import run_at_terminal
from tests.services.written_meters import address_of, bus_of, clock_of, meter

needs_pty = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
ONE = "11111111.KAM.1B.16"


@pytest.fixture
def bus() -> Bus:
    return bus_of(meter(clock="2026-01-31T10:00:00", running_clock=True), meter("22222222", 2))


@pytest.fixture
def port(bus: Bus) -> Iterator[str]:
    with served_tcp(bus) as name:
        yield name


class Program:
    """Runs commands with a journal of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *args: str, **environ: str) -> Result:
        # The simulated answers come at once: silence need not take as long as on a wire.
        environ = {"MBUSCLI_TIMEOUT": "0.15", "MBUSCLI_MARGIN": "0.03", **environ}
        return run(*args, MBUSCLI_STATE_DIR=str(self.folder), **environ)

    def journal(self) -> list[dict[str, Any]]:
        path = self.folder / "journal.ndjson"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def registers(bus: Bus) -> list[tuple[int, MeterAddress]]:
    return [(slave.address, MeterAddress.from_octets(slave.meter)) for slave in bus.slaves]


def is_write(frame: Frame) -> bool:
    return frame.c_field is not None and frame.c_field & 0x4F == SND_UD & 0x4F and frame.ci_field != 0x52


UNTOUCHED = [(1, address_of("11111111")), (2, address_of("22222222"))]


@pytest.mark.parametrize("target", ["1", ONE, "11111111", "1FFFFFFF.KAM"])
def test_set_address_and_its_undo(bus: Bus, port: str, program: Program, target: str) -> None:
    result = program("set-address", target, "7", "--port", port, "--yes", "-o", "json")
    assert result.code == ExitCode.DONE, result.err
    assert registers(bus) == [(7, address_of("11111111")), UNTOUCHED[1]]
    written = json.loads(result.out)
    assert {
        name: written[name] for name in ("schema", "event", "command", "port", "target", "old", "new")
    } == {
        "schema": "mbuscli/1",
        "event": "write",
        "command": "set-address",
        "port": port,
        "target": target if target != "11111111" else "11111111",
        "old": "1",
        "new": "7",
    }
    assert (written["outcome"], written["verified"], written["meter"]["address"]) == ("written", True, ONE)
    begun, ended = program.journal()
    assert (begun["outcome"], ended["outcome"]) == ("begun", "written")
    assert begun["undo"] == written["undo"]
    undone = program(*written["undo"][1:], "--yes")
    assert undone.code == ExitCode.DONE, undone.err
    assert registers(bus) == UNTOUCHED
    assert program.journal()[-1]["undo"][2:4] == [ONE, "7"]


def test_set_identification_and_its_undo(bus: Bus, port: str, program: Program) -> None:
    for number, expected in (
        ("77777777", address_of("77777777")),
        ("77777777.LUG.03", MeterAddress("77777777", 0x32A7, 3, 0x16)),
    ):
        result = program("set-address", "1", "--id", number, "--port", port, "--yes", "-o", "json")
        assert result.code == ExitCode.DONE, result.err
        assert registers(bus)[0] == (1, expected)
        assert program(*json.loads(result.out)["undo"][1:], "--yes").code == ExitCode.DONE
        assert registers(bus) == UNTOUCHED


def test_already_right(bus: Bus, port: str, program: Program) -> None:
    frames = record_frames(bus)
    result = program("set-address", "1", "1", "--port", port, "-o", "json")
    assert (result.code, json.loads(result.out)["outcome"]) == (ExitCode.DONE, "already")
    assert not any(map(is_write, frames))
    assert program.journal() == []


@pytest.mark.parametrize(
    "args",
    [
        ("set-address", "1", "7"),
        ("set-address", "1", "--id", "77777777"),
        ("set-clock", "1"),
        ("reset", "1", "user-data"),
        ("send", "1", "--ci", "B1"),
        ("send", "1", "--frame", "68 03 03 68 53 01 50 A4 16"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("way", ["--dry-run", ""])
def test_nothing_is_written_without_consent(
    bus: Bus, port: str, program: Program, args: tuple[str, ...], way: str
) -> None:
    frames = record_frames(bus)
    result = program(*args, "--port", port, "-o", "json", *([way] if way else []))
    assert result.code == (ExitCode.DONE if way else ExitCode.NOT_CONFIRMED), result.err
    assert registers(bus) == UNTOUCHED
    assert not any(map(is_write, frames))
    assert program.journal() == []
    if way:
        shown = json.loads(result.out)
        assert shown["outcome"] == "dry-run"
        assert shown["frames"][-1]["hex"].startswith("68")
    else:
        assert json.loads(result.err)["error"]["name"] == "usage.not-confirmed"


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("set-address", "1", "2"), ExitCode.NOT_CONFIRMED),  # taken
        (("set-address", "1", "251"), ExitCode.NOT_CONFIRMED),
        (("set-address", "1", "255"), ExitCode.NOT_CONFIRMED),
        (("set-address", "1", "256"), ExitCode.USAGE),
        (("set-address", "1", "x"), ExitCode.USAGE),
        (("set-address", "1"), ExitCode.USAGE),
        (("set-address", "1", "7", "--id", "77777777"), ExitCode.USAGE),
        (("set-address", "1", "--id", "7777777F"), ExitCode.USAGE),
        (("set-address", "254", "7"), ExitCode.NOT_CONFIRMED),
        (("set-address", "255", "7"), ExitCode.NOT_CONFIRMED),
        (("set-address", "253", "7"), ExitCode.NOT_CONFIRMED),
        (("set-address", "FFFFFFFF", "7"), ExitCode.DAMAGED),
        (("set-address", "9", "7"), ExitCode.NO_ANSWER),
        (("set-baud", "1", "9600"), ExitCode.PORT),  # a TCP gateway's rate is its own
        (("set-baud", "1", "14400"), ExitCode.USAGE),
        (("set-clock", "1", "--time", "2026-01-31T10:00Z"), ExitCode.USAGE),
        (("set-clock", "1", "--time", "2026-01-31"), ExitCode.USAGE),
        (("set-clock", "1", "--time", "2026-01-31T10:00", "--shift", "5"), ExitCode.USAGE),
        (("reset", "1", "nonsense"), ExitCode.USAGE),
        (("send", "1"), ExitCode.USAGE),
        (("send", "1", "--nke", "--request"), ExitCode.USAGE),
        (("send", "1", "--data", "01"), ExitCode.USAGE),
        (("send", "1", "--record", "address = 251"), ExitCode.NOT_CONFIRMED),
        (("send", "1", "--ci", "51", "--data", "017AFE"), ExitCode.NOT_CONFIRMED),
        (("send", "1", "--frame", "68 06 06 68 53 01 51 01 7A FB 1B 16"), ExitCode.NOT_CONFIRMED),
        (("send", "1", "--frame", "68 06 06 68 53 02 51 01 7A 07 28 16"), ExitCode.USAGE),  # to address 2
        (("send", "1", "--frame", "68 06 06 68 53 FF 51 01 7A 07 25 16"), ExitCode.USAGE),
        (("send", "1", "--frame", "68 06 06 68 53 01 51 01 7A 07 00 16"), ExitCode.USAGE),  # check sum
        (("send", "255", "--request"), ExitCode.USAGE),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_refused_touches_no_register(
    bus: Bus, port: str, program: Program, args: tuple[str, ...], code: ExitCode
) -> None:
    frames = record_frames(bus)
    result = program(*args, "--port", port, *([] if "--request" in args else ["--yes"]))
    assert result.code == code, result.err
    assert result.out == ""
    assert registers(bus) == UNTOUCHED
    assert not any(map(is_write, frames))
    assert program.journal() == []


def test_two_meters_at_one_address(program: Program) -> None:
    bus = bus_of(meter(), meter("22222222", 1))
    with served_tcp(bus) as port:
        result = program("set-address", "1", "7", "--port", port, "--yes")
        assert result.code == ExitCode.DAMAGED
        assert "12345678.KAM" in result.err
        assert program("set-address", "22222222", "7", "--port", port, "--yes").code == ExitCode.DONE
    assert [slave.address for slave in bus.slaves] == [1, 7]


@pytest.mark.parametrize("spec", [meter(quirks=(IGNORES_WRITES,)), meter(write_protected=True)])
def test_a_refusal_is_an_outcome_and_an_error(program: Program, spec: Any) -> None:
    bus = bus_of(spec)
    with served_tcp(bus) as port:
        result = program("set-address", "1", "7", "--port", port, "--yes", "-o", "json")
    assert result.code == ExitCode.REFUSED
    assert json.loads(result.out)["outcome"] == "refused"
    assert json.loads(result.err)["error"]["name"].startswith("application.")
    assert bus.slaves[0].address == 1
    assert [line["outcome"] for line in program.journal()] == ["begun", "refused"]


def test_set_clock(bus: Bus, port: str, program: Program) -> None:
    result = program("set-clock", "1", "--port", port, "--yes", "-o", "json", TZ="UTC")
    assert result.code == ExitCode.DONE, result.err
    clock = bus.slaves[0].clock
    assert clock is not None
    # What the clock was set to stands still until somebody asks.
    shown = clock_of(bus, 0, clock._since or 0.0)
    assert abs((datetime.now(UTC).replace(tzinfo=None) - shown).total_seconds()) < 30
    assert "slow" in json.loads(result.out)["old"]


@pytest.mark.parametrize(("word", "code"), [("user-data:1", 0x11), ("50", 0x50), (None, None)])
def test_reset(bus: Bus, port: str, program: Program, word: str | None, code: int | None) -> None:
    bus.slaves[0].application_select = 0x99
    args = [word] if word else []
    assert program("reset", ONE, *args, "--port", port, "--yes").code == ExitCode.DONE
    assert bus.slaves[0].application_select == code


def test_send(bus: Bus, port: str, program: Program) -> None:
    asked = program("send", "1", "--request", "--port", port, "-o", "json")
    assert json.loads(asked.out)["meter"]["address"] == ONE
    assert program("send", ONE, "--request", "--port", port).code == ExitCode.DONE
    assert program("send", "1", "--nke", "--port", port).code == ExitCode.DONE
    asked = program("send", "1", "--frame", "10 5B 01 5C 16", "--port", port, "-o", "json")
    assert json.loads(asked.out)["meter"]["address"] == ONE
    assert registers(bus) == UNTOUCHED
    assert program.journal() == []
    done = program(
        "send", "1", "--record", "identification = 77777777", "--port", port, "--yes", "-o", "json"
    )
    assert done.code == ExitCode.DONE, done.err
    assert json.loads(done.out)["answer"]["meter"]["id"] == "77777777"
    assert registers(bus)[0][1].id == "77777777"
    frame = "68 06 06 68 73 01 51 01 7A 07 47 16"
    assert program("send", "1", "--frame", frame, "--port", port, "--yes").code == ExitCode.DONE
    assert registers(bus)[0][0] == 7


def test_a_frame_to_all_meters_needs_a_bus_with_one(program: Program) -> None:
    frame = "68 06 06 68 53 FF 51 01 7A 07 25 16"
    alone = bus_of(meter())
    with served_tcp(alone) as port:
        assert program("send", "255", "--frame", frame, "--port", port, "--yes").code == ExitCode.DONE
    assert alone.slaves[0].address == 7
    bus = bus_of(meter(), meter("22222222", 2))
    with served_tcp(bus) as port:
        result = program("send", "255", "--frame", frame, "--port", port, "--yes")
    assert (result.code, registers(bus)) == (ExitCode.NOT_CONFIRMED, UNTOUCHED)


def test_long_octets_stay_out_of_the_journal(bus: Bus, port: str, program: Program) -> None:
    key = "000102030405060708090A0B0C0D0E0F"
    program("send", "1", "--ci", "B1", "--data", key, "--port", port, "--yes")
    assert len(program.journal()) == 2
    assert key not in (program.folder / "journal.ndjson").read_text()


@needs_pty
def test_set_baud_and_its_undo(bus: Bus, program: Program) -> None:
    with served_pty(bus) as port:
        result = program("set-baud", "1", "9600", "--port", port, "--yes", "-o", "json")
        assert result.code == ExitCode.DONE, result.err
        assert [slave.stored_baud for slave in bus.slaves] == [9600, 2400]
        assert program("set-baud", "1", "9600", "--port", port, "--baud", "9600").code == ExitCode.DONE
        undone = program(*json.loads(result.out)["undo"][1:], "--yes")
        assert undone.code == ExitCode.DONE, undone.err
    assert [slave.stored_baud for slave in bus.slaves] == [2400, 2400]


@needs_pty
@pytest.mark.parametrize(
    ("typed", "code", "address"),
    [("11111111", 0, 7), ("22222222", 9, 1), ("", 9, 1), ("y", 9, 1), ("\x04", 9, 1)],
)
def test_the_number_is_typed_at_a_terminal(
    bus: Bus, port: str, tmp_path: Path, typed: str, code: int, address: int
) -> None:
    screen = run_at_terminal(
        *("set-address", "1", "7", "--port", port, "-q"),
        answers=[("11111111 to go on: ", typed)],
        MBUSCLI_STATE_DIR=str(tmp_path),
    )
    assert screen.code == code, screen.text
    assert bus.slaves[0].address == address
    # who and what stands above the question, even with --quiet
    above = screen.text[: screen.text.index("to go on")]
    assert ONE in above
    assert "1 -> 7" in above


@needs_pty
def test_killed_in_the_middle(program: Program) -> None:
    """The meter answers late: the write has arrived, its acknowledgement has not. Then the plug is pulled."""
    bus = bus_of(meter())
    with served_tcp(bus, pace="real") as port:
        args = ["set-address", ONE, "7", "--port", port, "--yes", "--timeout", "3"]
        child = subprocess.Popen(
            [*COMMAND, *args],
            cwd=GOLDEN,
            env=environment(MBUSCLI_STATE_DIR=str(program.folder)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        slave = bus.slaves[0]
        write = slave._write

        def write_and_answer_late(data: bytes, now: float) -> None:
            write(data, now)
            slave.reply_delay_s = 15.0

        slave._write = write_and_answer_late  # type: ignore[method-assign]
        deadline = time.monotonic() + 60
        while slave.reply_delay_s is None:
            assert child.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        child.send_signal(signal.SIGKILL)
        child.wait()
        slave.reply_delay_s = None
    assert slave.address == 7
    (begun,) = program.journal()
    assert (begun["outcome"], begun["old"], begun["new"]) == ("begun", "1", "7")
    shown = json.loads(program("journal", "-o", "json").out)["writes"]
    assert [row["outcome"] for row in shown] == ["begun"]
    later = bus_of(meter(address=7))
    with served_tcp(later) as port:
        again = program("set-address", ONE, "7", "--port", port, "-o", "json")
    assert json.loads(again.out)["outcome"] == "already"


def test_the_journal_lists_and_filters(bus: Bus, port: str, program: Program) -> None:
    assert program("journal").code == ExitCode.DONE
    for target, new in (("1", "7"), ("2", "8")):
        assert program("set-address", target, new, "--port", port, "--yes").code == ExitCode.DONE
    rows = json.loads(program("journal", "-o", "json").out)["writes"]
    assert [(row["meter"], row["new"], row["outcome"]) for row in rows] == [
        (ONE, "7", "written"),
        ("22222222.KAM.1B.16", "8", "written"),
    ]
    assert len(json.loads(program("journal", "2FFFFFFF", "-o", "json").out)["writes"]) == 1
    assert json.loads(program("journal", "33333333", "-o", "json").out)["writes"] == []
    plain = program("journal").out.splitlines()
    assert plain[0].split("\t")[-1] == f"mbuscli set-address {ONE} 1 --port {port} --baud 2400"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows takes no time zone from TZ")
@pytest.mark.parametrize(
    ("moment", "options", "hour_octet"),
    [
        ("2026-07-01T12:00", [], "AC"),  # bit 7: daylight saving; bit 5: the century
        ("2026-07-01T12:00", ["--standard-time"], "2C"),
        ("2026-01-31T12:00", [], "2C"),
    ],
)
def test_daylight_saving_is_that_of_the_computers_zone(
    port: str, program: Program, moment: str, options: list[str], hour_octet: str
) -> None:
    args = ("set-clock", "1", "--time", moment, "--type", "F", "--dry-run", "--port", port, "-o", "json")
    result = program(*args, *options, TZ="Europe/Berlin")
    assert result.code == ExitCode.DONE, result.err
    record = bytes.fromhex(json.loads(result.out)["frames"][1]["hex"])[7:-2]
    assert record[:4].hex(" ").upper() == f"04 6D 00 {hour_octet}"
