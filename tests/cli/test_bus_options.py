"""Port, baud rate and waits of a command: flag before MBUSCLI_* before profile before default."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from mbuscli.cli.exit_codes import ExitCode
from mbuscli.simulator.bus import Bus
from mbuscli.simulator.scenario import parse_scenario
from tests.cli.program import GOLDEN, Result, run
from tests.cli.served import served_pty

PROFILE = f"""
[profile.site-7]
port = "sim:{(GOLDEN / "bus.toml").as_posix()}"
baud = 9600
timeout_s = 1.5
retries = 4

[profile.slow]
port = "sim:{(GOLDEN / "bus.toml").as_posix()}"
margin_s = 0.5

[profile.any]
port = "sim:"
baud = "auto"
"""
# What the silence of an absent meter tells of the waits.
_WAITS = re.compile(r"\((\d+) (?:try|tries), (\d+) ms each at (\d+) baud\)")


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "config.toml").write_text(PROFILE, encoding="utf-8")
    return {"MBUSCLI_CONFIG_DIR": str(tmp_path)}


def waits(result: Result) -> tuple[int, ...]:
    """Tries, milliseconds and baud rate."""
    assert result.code == ExitCode.NO_ANSWER, result.err
    found = _WAITS.search(result.err)
    assert found, result.err
    return tuple(map(int, found.groups()))


def test_the_profile_stands_behind_the_environment_and_the_flags(settings: dict[str, str]) -> None:
    assert waits(run("read", "9", "--port", "sim:bus.toml")) == (3, 238, 2400)
    read = ("read", "9", "--port", "site-7")
    assert waits(run(*read, **settings)) == (5, 1500, 9600)
    assert waits(run("read", "9", MBUSCLI_PORT="site-7", **settings)) == (5, 1500, 9600)
    environ = {"MBUSCLI_TIMEOUT": "0.7", "MBUSCLI_RETRIES": "0", "MBUSCLI_BAUD": "300", **settings}
    assert waits(run(*read, **environ)) == (1, 700, 300)
    flags = ("--timeout", "0.3", "--retries", "1", "--baud", "600")
    assert waits(run(*read, *flags, **environ)) == (2, 300, 600)
    assert waits(run(*read, "--baud", "2400", **settings)) == (5, 1500, 2400)


def test_the_margin_of_a_converter(settings: dict[str, str]) -> None:
    # 330 bit times at 2400 baud and 50 ms are 187.5 ms.
    assert waits(run("read", "9", "--port", "slow", **settings))[1] == 688
    assert waits(run("read", "9", "--port", "slow", MBUSCLI_MARGIN="0.2", **settings))[1] == 388
    assert waits(run("read", "9", "--port", "slow", "--margin", "0", **settings))[1] == 188


def test_a_profile_may_leave_the_rate_open(settings: dict[str, str]) -> None:
    result = run("scan", "--port", "any", "--range", "17", "-o", "json", **settings)
    assert [(row["address"], row["baud"]) for row in json.loads(result.out)["found"]] == [(17, 300)]
    result = run("scan", "--port", "any", "--range", "17", "--baud", "2400", **settings)
    assert result.code == ExitCode.NO_ANSWER


def test_a_misspelt_profile(settings: dict[str, str]) -> None:
    result = run("read", "1", "--port", "site7", **settings)
    assert result.code == ExitCode.USAGE
    assert "did you mean site-7?" in result.err
    assert "site-7, slow, any" in result.err


def test_without_settings_a_name_is_a_port(tmp_path: Path) -> None:
    result = run("read", "1", "--port", "site-7", MBUSCLI_CONFIG_DIR=str(tmp_path))
    assert result.code == ExitCode.PORT


def test_settings_that_are_wrong_end_the_command(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[profile.a]\nprot = 'x'\n", encoding="utf-8")
    result = run("read", "1", "--port", "a", MBUSCLI_CONFIG_DIR=str(tmp_path))
    assert result.code == ExitCode.INPUT
    assert "did you mean port?" in result.err
    # Without a profile too: what the file says of other options would be left out without a word.
    assert run("read", "1", "--port", "sim:", MBUSCLI_CONFIG_DIR=str(tmp_path)).code == ExitCode.INPUT


@pytest.mark.parametrize("name", ["MBUSCLI_BAUD", "MBUSCLI_TIMEOUT", "MBUSCLI_RETRIES", "MBUSCLI_MARGIN"])
def test_nonsense_in_the_environment_is_a_usage_error(name: str) -> None:
    assert run("read", "1", "--port", "sim:", **{name: "x"}).code == ExitCode.USAGE
    assert run("read", "1", "--port", "sim:", **{name: ""}).code == ExitCode.DONE


def test_baud_auto_is_for_reading_only() -> None:
    result = run("set-address", "1", "9", "--port", "sim:", "--baud", "auto", "--yes")
    assert result.code == ExitCode.USAGE
    assert "scan --baud auto" in result.err


@pytest.mark.parametrize(("port", "command"), [("sim:stick?family=cul", "sniff"), ("sim:modem", "lora-join")])
def test_a_stick_or_a_modem_is_no_bus(port: str, command: str) -> None:
    result = run("scan", "--port", port)
    assert (result.code, result.out) == (ExitCode.USAGE, "")
    assert f"{port} is no wired bus" in result.err
    assert f"it is for mbuscli {command}" in result.err


def test_the_hints_of_silence_can_be_typed() -> None:
    err = run("read", "9", "--port", "sim:").err
    assert "mbuscli scan --baud auto" in err
    assert "--timeout 2" in err
    assert run("scan", "--port", "sim:", "--range", "1", "--baud", "auto", "--timeout", "2").code == 0


def test_a_tcp_gateways_rate_is_its_own() -> None:
    result = run("scan", "--port", "tcp://127.0.0.1:1", "--baud", "auto")
    assert (result.code, "usage.unsupported" in result.err) == (ExitCode.USAGE, True)


def test_an_echoing_converter_is_told_once(tmp_path: Path) -> None:
    scenario = tmp_path / "echo.toml"
    scenario.write_text(
        "[faults]\necho = true\n" + (GOLDEN / "bus.toml").read_text("utf-8"), encoding="utf-8"
    )
    for command in (("scan", "--range", "0-9"), ("scan", "--secondary"), ("read", "1", "2")):
        result = run(*command, "--port", f"sim:{scenario}")
        plain = run(*command, "--port", "sim:bus.toml")
        assert result.err.count("the converter echoes") == 1
        assert (result.out, result.code) == (plain.out, plain.code)
        assert "echo" not in plain.err
    document = json.loads(run("scan", "--range", "0-2", "--port", f"sim:{scenario}", "-o", "json").out)
    assert document["echo"] is True


def test_where_nobody_answers_the_test_address_the_usual_rates_are_searched(tmp_path: Path) -> None:
    scenario = tmp_path / "dead.toml"
    text = (GOLDEN / "bus.toml").read_text("utf-8")
    dead = re.findall(r'^id = "(\d+)"', text, re.MULTILINE)
    scenario.write_text(f"[faults]\ndead = {json.dumps(dead)}\n{text}", encoding="utf-8")
    for command in (("scan", "--range", "0-3"), ("scan", "--secondary"), ("read", "1")):
        result = run(*command, "--baud", "auto", "--port", f"sim:{scenario}")
        assert result.code == ExitCode.NO_ANSWER
        assert re.search(r"2400, 300(,| or) 9600 baud", result.err)
        assert ("nobody answers the test address 254" in result.err) is (command[0] == "scan")


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_real_line_changes_its_rate() -> None:
    text = (GOLDEN / "bus.toml").read_text("utf-8").replace("address = 2\n", "address = 2\nbaud = 300\n")
    with served_pty(Bus(parse_scenario(text))) as port:
        result = run(
            "scan", "--range", "1-2", "--baud", "auto", "--timeout", "0.2", "--port", port, "-o", "json"
        )
    document = json.loads(result.out)
    assert [(row["address"], row["baud"]) for row in document["found"]] == [(1, 2400), (2, 300)]
    assert (document["baud"], document["bauds"]) == (None, [2400, 300])
