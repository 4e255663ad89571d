"""Every exit code is met, and says what it should."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from mbuscli.cli import main as program
from mbuscli.cli.exit_codes import MEANINGS, ExitCode, exit_code_of, of_many
from mbuscli.errors import (
    BusError,
    DecodeError,
    InputError,
    MbuscliError,
    NoAnswerError,
    PortError,
    Reason,
    RefusedError,
    UsageError,
)
from tests.cli.program import run

FRAME = "68070768080578025AD200B316"
DAMAGED = "68070768080578025AD300B316"
CUT = "68 06 06 68 08 05 78 0B 13 27 CA 16"
# A meter in security mode 5, one encrypted block.
ENCRYPTED = "72785634122D2C1B162A001005" + 16 * "5A"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (UsageError, 2),
        (PortError, 3),
        (NoAnswerError, 4),
        (DecodeError, 5),
        (BusError, 5),
        (RefusedError, 7),
        (InputError, 10),
        (MbuscliError, 1),
    ],
)
def test_an_error_class_has_one_code(kind: type[MbuscliError], code: int) -> None:
    assert exit_code_of(kind("", reason=Reason.INVALID)) == code
    assert exit_code_of(kind("", reason=Reason.KEY_MISSING, layer="security")) == ExitCode.KEY


def test_every_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(ExitCode)


@pytest.mark.parametrize(("codes", "one"), [([], 0), ([0, 0], 0), ([0, 4], 8), ([5, 4], 5), ([4], 4)])
def test_one_code_for_many(codes: list[int], one: int) -> None:
    assert of_many([ExitCode(code) for code in codes]) == one


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["decrypt", FRAME], 0),
        (["decrypt", DAMAGED], 5),
        (["decrypt", CUT], 5),
        (["decrypt", FRAME, DAMAGED], 8),
        (["decrypt", ENCRYPTED], 6),
        (["decrypt", "681"], 2),
        (["decrypt", "xyz"], 2),
        (["decrypt", "/nowhere/at.all"], 10),
        (["decrypt", "."], 10),
        (["decrypt", "bus.toml"], 10),
        (["decrypt", "telegrams.log", "absent.log"], 8),
        (["read", "1", "--port", "/nowhere/ttyUSB0"], 3),
        (["read", "9", "--port", "sim:"], 4),
        (["read", "20", "--port", "sim:"], 5),
        (["read", "1", "9", "--port", "sim:"], 8),
        (["read", "5", "--port", "replay:refused.ndjson"], 7),
        (["scan", "--range", "9", "--port", "sim:"], 4),
        (["scan", "--range", "20", "--port", "sim:"], 5),
        (["scan", "--range", "1,20", "--port", "sim:"], 8),
        (["scan", "--range", "1", "--port", "sim:"], 0),
        (["scan", "--port", "sim:absent.toml"], 10),
        (["scan", "--bogus"], 2),
        (["simulate", "absent.toml"], 10),
        (["simulate", "--tcp", "no"], 2),
    ],
)
def test_exit_code(args: list[str], code: int) -> None:
    result = run(*args)
    assert result.code == code, result.err
    assert "Traceback" not in result.err
    if code:
        assert result.err


@pytest.mark.parametrize("form", [["-o", "json"], ["-ojson"], ["--output=ndjson"], ["--output", "ndjson"]])
@pytest.mark.parametrize(
    "args", [["decrypt", "6"], ["read", "1"], ["scan", "--port", "sim:absent.toml"], ["read"]]
)
def test_an_error_for_programs_is_one_object(args: list[str], form: list[str]) -> None:
    result = run(*args, *form)
    error = json.loads(result.err)["error"]
    assert list(error)[:5] == ["name", "text", "layer", "offset", "hint"]
    assert result.out == ""


def test_the_port_may_come_from_the_environment() -> None:
    assert run("read", "1", MBUSCLI_PORT="sim:").code == 0


def test_a_busy_tcp_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert run("simulate", "--tcp", str(taken.getsockname()[1])).code == 3


def test_a_bug_is_one_line_unless_debug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_args: object, **_options: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("mbuscli.services.decrypt.decode", broken)
    assert program.main(["decrypt", FRAME]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "error: unexpected ZeroDivisionError: oops [internal.unexpected]",
        "  try: run it again with --debug, and report what it shows",
    ]
    assert program.main(["decrypt", FRAME, "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_no_arguments_is_help() -> None:
    result = run()
    assert result.code == 0
    assert "Look:" in result.out


def test_why_a_telegram_failed_is_told_to_programs() -> None:
    """The document holds what stands before the damage; stderr says in one object why the exit code is 5."""
    body = bytes.fromhex("08017814130100000004131B")
    frame = bytes((0x68, len(body), len(body), 0x68)) + body + bytes((sum(body) & 0xFF, 0x16))
    result = run("decrypt", frame.hex(), "-o", "json")
    assert result.code == ExitCode.DAMAGED
    assert json.loads(result.out)["records"][0]["value"] == 0.001
    error = json.loads(result.err)["error"]
    assert (error["name"], error["offset"]) == ("application.record-truncated", 13)


def test_a_quoted_line_of_a_log_is_no_file_name(tmp_path: Path) -> None:
    octets = "0F44AE0C78563412010778" + "0B13436587"
    line = f"T1;1;1;2026-01-31 10:00:00.000;-71;-70;12345678;0x{octets}"
    assert "876.543" in run("decrypt", line, "-o", "plain").out
    file = tmp_path / "my walk.log"
    file.write_text(line + "\n")
    assert "876.543" in run("decrypt", str(file), "-o", "plain").out
