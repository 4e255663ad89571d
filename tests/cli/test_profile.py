"""`mbuscli profile`."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from tests.cli.program import Result, run


def here(folder: Path, *args: str, **environ: str) -> Result:
    return run(*args, MBUSCLI_CONFIG_DIR=str(folder), MBUSCLI_STATE_DIR=str(folder / "state"), **environ)


def listed(folder: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(here(folder, "profile", "list", "-o", "json").out)["profiles"]
    return found


def test_add_list_show_use_remove(tmp_path: Path) -> None:
    assert listed(tmp_path) == []
    add = (
        "profile",
        "add",
        "site-7",
        "--port",
        "sim:",
        "--baud",
        "300",
        "--timeout",
        "1.5",
        "--retries",
        "1",
    )
    done = here(tmp_path, *add, "--margin", "0.1", "--set", "unit=MWh")
    assert (done.code, done.out) == (
        0,
        "site-7\tsim:\tbaud=300 timeout_s=1.5 retries=1 margin_s=0.1 unit=MWh\t\n",
    )
    assert "mbuscli scan --port site-7" in done.err
    assert "port sim:, 300 baud" in here(tmp_path, "scan", "--port", "site-7", "--range", "40").err

    again = here(tmp_path, "profile", "add", "site-7", "--port", "sim:")
    assert (again.code, "--replace" in again.err) == (10, True)
    assert listed(tmp_path)[0]["settings"] == {
        "baud": 300,
        "timeout_s": 1.5,
        "retries": 1,
        "margin_s": 0.1,
        "unit": ["MWh"],
    }
    here(tmp_path, "profile", "add", "site-7", "--port", "sim:", "--replace", "--baud", "600")
    assert listed(tmp_path)[0]["settings"] == {"baud": 600}

    show = here(tmp_path, "profile", "show", "site-7", "--origin").out.splitlines()
    assert [line.split("\t")[:2] for line in show] == [["port", "sim:"], ["baud", "600"]]
    assert all(f"{tmp_path / 'config.toml'}:" in line for line in show)

    assert here(tmp_path, "profile", "use", "site-7").code == 0
    assert listed(tmp_path)[0]["used"] == "port"
    assert "port sim:, 600 baud" in here(tmp_path, "scan", "--range", "40").err

    removed = here(tmp_path, "profile", "remove", "site-7")
    assert removed.code == 0
    assert "unset: port" in removed.err
    assert listed(tmp_path) == []
    undo = removed.err.split("add it again: ")[1].splitlines()[0]
    assert here(tmp_path, *shlex.split(undo)[1:]).code == 0
    assert listed(tmp_path)[0]["settings"] == {"baud": 600}
    assert here(tmp_path, "scan", "--range", "1").code == 2


@pytest.mark.parametrize(
    ("args", "role"),
    [
        (("--port", "sim:stick", "--mode", "T1"), "stick_port"),
        (("--port", "/dev/ttyUSB0", "--stick", "im871a"), "stick_port"),
        (("--port", "sim:modem"), "modem_port"),
        (("--port", "/dev/ttyUSB0", "--region", "EU868"), "modem_port"),
        (("--port", "/dev/ttyUSB0"), "port"),
    ],
)
def test_a_profile_is_used_as_what_it_is(tmp_path: Path, args: tuple[str, ...], role: str) -> None:
    assert here(tmp_path, "profile", "add", "mine", *args, "--use").code == 0
    assert listed(tmp_path)[0]["used"] == role
    assert here(tmp_path, "profile", "use", "mine", "--as", "bus").code == 0
    assert str(listed(tmp_path)[0]["used"]).split(",")[0] == "port"


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("add", "COM3", "--port", "x"), 2, "no name of a profile"),
        (("add", "a b", "--port", "x"), 2, "no name of a profile"),
        (("add", "a"), 2, "--port"),
        (("add", "a", "--port", "x", "--baud", "17"), 2, "--baud"),
        (("add", "a", "--port", "x", "--retries", "11"), 2, "a whole number 0..10"),
        (("add", "a", "--port", "x", "--mode", "X9"), 2, "no link mode 'X9'"),
        (("add", "a", "--port", "x", "--set", "unit"), 2, "KEY=VALUE"),
        (("add", "a", "--port", "x", "--set", "prot=x"), 2, "did you mean port?"),
        (("add", "a", "--port", "x", "--set", "no_input=yes"), 2, "mbuscli config set no_input"),
        (("show", "site8"), 10, "did you mean site-8?"),
        (("use", "absent"), 10, "known are: site-8"),
        (("remove", "site8"), 10, "did you mean site-8?"),
    ],
)
def test_what_cannot_be(tmp_path: Path, args: tuple[str, ...], code: int, words: str) -> None:
    here(tmp_path, "profile", "add", "site-8", "--port", "sim:")
    before = (tmp_path / "config.toml").read_bytes()
    done = here(tmp_path, "profile", *args)
    assert done.code == code
    assert words in done.err
    assert (tmp_path / "config.toml").read_bytes() == before


def test_the_variable_of_the_port_is_not_taken_for_a_new_profile(tmp_path: Path) -> None:
    assert here(tmp_path, "profile", "add", "a", MBUSCLI_PORT="sim:").code == 2
