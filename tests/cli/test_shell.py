"""`mbuscli shell` with scripts: lines in, the exit code of the line that failed out."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mbuscli.simulator.bus import Bus
from mbuscli.simulator.scenario import load_scenario
from tests.cli.program import COMMAND, GOLDEN, ROOT, Result, environment, run
from tests.cli.served import counted_connections, served_tcp

VALUES = "--fields quantity,value --quiet"


def script(text: str, *args: str, folder: Path, **environ: str) -> Result:
    own = {"MBUSCLI_STATE_DIR": str(folder / "state"), "MBUSCLI_CONFIG_DIR": str(folder / "config")}
    return run("shell", *args, stdin=text.encode(), **own, **environ)


def test_a_script_in_a_pipe(tmp_path: Path) -> None:
    text = f"# morning\nset port sim:\n\nuse 1\nmbuscli read {VALUES} # the cellar\nread 0 {VALUES}\n"
    result = script(text, folder=tmp_path)
    assert result.code == 0
    assert result.out.count("energy\t482175000") == 1
    assert "volume\t3.507" in result.out
    assert result.err == "meter: 1\n"
    assert not (tmp_path / "state" / "shell_history").exists()


def test_the_first_failure_ends_it(tmp_path: Path) -> None:
    result = script("scan --range 1 -q\nread 77 -q\nread 1\n", "--port", "sim:", folder=tmp_path)
    assert result.code == 4
    assert "[bus.no-answer]" in result.err
    assert result.err.splitlines()[-1] == (
        "standard input:2: read 77 -q: exit code 4, nobody answered in time; what follows is not run"
    )
    assert "energy" not in result.out


def test_going_on(tmp_path: Path) -> None:
    result = script("read 77 -q\nread 1 -q\n", "--port", "sim:", "--keep-going", folder=tmp_path)
    assert result.code == 8
    assert "energy" in result.out
    assert "standard input:1: read 77 -q: exit code 4, nobody answered in time\n" in result.err


def test_lines_with_nothing_in_them_do_not_fail(tmp_path: Path) -> None:
    """What failed before them, in this script or before it was run, is told once."""
    inner = tmp_path / "inner.mbus"
    inner.write_text("# a comment\n\nread 1 -q\n")
    text = f"read 77 -q\n\n# a comment\nrun '{inner}'\n"
    result = script(text, "--port", "sim:", "--keep-going", folder=tmp_path)
    assert result.code == 8
    assert "energy" in result.out
    assert result.err.count("exit code 4") == 1
    assert "comment" not in result.err


def test_a_file_that_runs_a_file(tmp_path: Path) -> None:
    inner, outer = tmp_path / "inner.mbus", tmp_path / "outer.mbus"
    inner.write_text("read 1 -q\nread 77 -q\nread 0 -q\n")
    outer.write_text(f"run '{inner}'\nread 0 -q\n")
    result = run("shell", str(outer), "--port", "sim:")
    assert result.code == 4
    assert [line.partition(": ")[0] for line in result.err.splitlines()[-2:]] == [f"{inner}:2", f"{outer}:1"]
    outer.write_text(f"run '{inner}' --keep-going\n")
    assert run("shell", str(outer), "--port", "sim:").code == 8
    outer.write_text(f"run '{outer}'\n")
    result = run("shell", str(outer))
    assert result.code == 10
    assert "is run by a script that it runs itself" in result.err


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("nosuch", 2, "No such command 'nosuch'"),
        ("read 'a", 2, "the quotation mark ' is not closed"),
        ("read 1 | head", 2, "this shell has no |"),
        ("shell", 2, "this is the shell already"),
        ("run", 2, "write: run FILE [--keep-going]"),
        ("run nosuch.mbus", 10, "there is no file nosuch.mbus"),
        ("use 999", 2, "999 is no address of a meter"),
        ("set prot sim:", 2, "did you mean port?"),
        ("set baud 1234", 2, "baud is one of 300"),
        ("set key 000102030405060708090A0B0C0D0E0F", 2, "a key is not kept in the shell"),
        ("unset baud", 2, "baud is not set in this shell"),
        ("scan --port sim: &", 2, "scan does not run in the background"),
        ("stop", 2, "nothing runs in the background"),
        ("history many", 2, "is no number of lines"),
        ("scan", 2, "no port is given"),
    ],
)
def test_refusals(line: str, code: int, said: str, tmp_path: Path) -> None:
    result = script(line + "\n", folder=tmp_path)
    assert result.code == code
    assert said in result.err
    assert "Traceback" not in result.err
    assert "0001020304" not in result.err


def test_the_error_is_the_same_as_outside(tmp_path: Path) -> None:
    line = "read 77 --port sim: -o json"
    outside = run(*line.split())
    inside = script(line + "\n", folder=tmp_path)
    assert inside.code == outside.code == 4
    assert inside.err.startswith(outside.err)


def test_json_by_set_makes_errors_json(tmp_path: Path) -> None:
    result = script("set output ndjson\nset port sim:\nread 1\nread 77\n", folder=tmp_path)
    events = [json.loads(line) for line in result.out.splitlines()]
    assert [event["event"] for event in events] == ["telegram"]
    assert json.loads(result.err.splitlines()[0])["error"]["name"] == "bus.no-answer"


def test_where_a_value_comes_from(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir(mode=0o700)
    (config / "config.toml").write_text('[defaults]\nretries = 1\nbaud = 300\nport = "sim:"\n')
    result = script("set baud 2400\nset\nset margin\n", folder=tmp_path, MBUSCLI_PORT="sim:?pace=real")
    rows = [line.split("\t") for line in result.out.splitlines()]
    assert ["port", "sim:?pace=real", "MBUSCLI_PORT"] in rows
    assert ["baud", "2400", "set here"] in rows
    assert ["retries", "1", f"{config / 'config.toml'}:2"] in rows
    assert rows[-1][0] == "margin"
    assert rows[-1][2] == "built in"


def test_set_wins_over_the_environment_and_a_flag_over_set(tmp_path: Path) -> None:
    text = "set port sim:\nscan --range 1 -o json -q\nscan --range 1 -o json -q --port sim:?pace=real\n"
    result = script(text, folder=tmp_path, MBUSCLI_PORT="/nosuch")
    decoder = json.JSONDecoder()
    first, end = decoder.raw_decode(result.out)
    second, _ = decoder.raw_decode(result.out[end:].lstrip())
    assert (first["port"], second["port"]) == ("sim:", "sim:?pace=real")


def test_the_port_is_opened_once(tmp_path: Path) -> None:
    with served_tcp(Bus(load_scenario())) as bus, counted_connections(bus) as (port, connections):
        text = "scan --range 0-1 -q\nread 1 -q\nsend 1 --nke -q\n"
        result = script(text, "--port", port, folder=tmp_path)
        assert result.code == 0, result.err
        assert len(connections) == 1
        assert run("read", "1", "-q", "--port", port).code == 0
        assert len(connections) == 2


def test_what_was_written_stays_written_on_a_simulated_bus(tmp_path: Path) -> None:
    result = script("set-address 1 9 --yes -q\nread 9 -q\n", "--port", "sim:", folder=tmp_path)
    assert result.code == 0, result.err


def test_a_job_in_a_script(tmp_path: Path) -> None:
    """It is stopped at the end, and its stick put back."""
    text = "sniff --port sim:stick --count 3 --no-inventory -o ndjson &\njobs\nread 1 -q --port sim:\n"
    result = script(text, folder=tmp_path)
    assert result.code == 0, result.err
    assert "[1] sniff --port sim:stick --count 3 --no-inventory -o ndjson: " in result.err


def test_a_command_may_read_on_in_the_script(tmp_path: Path) -> None:
    text = "keys add 12345678 --key - -q\n000102030405060708090A0B0C0D0E0F\nkeys list -o plain\n"
    result = script(text, folder=tmp_path)
    assert result.code == 0, result.err
    assert "12345678" in result.out
    assert stat.S_IMODE((tmp_path / "config" / "keys.toml").stat().st_mode) == 0o600


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    shell = subprocess.Popen(
        [*COMMAND, "shell", "--port", "sim:"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=GOLDEN,
        env=environment(MBUSCLI_STATE_DIR=str(tmp_path)),
    )
    assert shell.stdin is not None
    assert shell.stdout is not None
    shell.stdout.close()
    _, err = shell.communicate(b"read 1 -q\nread 0 -q\n", timeout=40)
    assert shell.returncode == 0
    assert err == b""


def test_a_script_needs_no_terminal_library(tmp_path: Path) -> None:
    code = (
        "import sys; from mbuscli.cli.main import main; "
        "assert main(['shell', sys.argv[1]]) == 0; assert 'prompt_toolkit' not in sys.modules"
    )
    path = tmp_path / "empty.mbus"
    path.write_text("use 1\nhelp\nhelp use\n")
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, text=True, timeout=40
    )
    assert done.returncode == 0, done.stderr
    assert "use [METER]" in done.stdout
    assert "scan" in done.stdout
