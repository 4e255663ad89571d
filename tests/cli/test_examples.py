"""Every example in the help of every command runs, against simulated devices, and ends as documented."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mbuscli.cli.commands import LazyCommands
from mbuscli.cli.manual_page import parse_help
from tests.cli import examples_table as table
from tests.cli.program import COMMAND, Result, environment, run
from tests.cli.shells import put_program
from tests.cli.terminal import run_at_terminal
from tests.services.lorawan_frames import NWK, TEXT_1_0, frame
from tests.settings.kem_files import OLD, encrypt_kem

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the examples are those of a POSIX shell")

WIRED = "68 07 07 68 08 05 78 02 5A D2 00 B3 16"


def examples() -> Iterator[str]:
    def of(command: click.Command) -> Iterator[str]:
        yield from parse_help(command.help or "").examples
        for sub in getattr(command, "commands", {}).values():
            yield from of(sub)

    for command in LazyCommands().values():
        yield from of(command)


EXAMPLES = list(dict.fromkeys(examples()))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every file that examples name, and a user who has worked for a while."""
    folder = tmp_path_factory.mktemp("site")
    for name, text in _texts().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for name in ("gas.key", "device.keys", "media/keys.toml", "media/passphrase"):
        (folder / name).chmod(0o600)
    (folder / "delivery.kem").write_bytes(encrypt_kem(OLD))
    (folder / ".zfunc").mkdir()
    put_program(folder / "bin")
    _put(folder / "bin" / "pass", f"echo {'00' * 16}")
    if shutil.which("jq") is None:
        _put(folder / "bin" / "jq", "cat")
    key = ("--key", "-")
    _work(folder, "sniff", "--for", "60s", "-q")
    _break_off_a_search(folder)
    _work(folder, "set-address", "5", "17", "--port", "sim:house.toml", "--yes")
    _work(folder, "scan", "--port", "sim:house.toml", "-o", "json", out="found.json")
    _work(folder, "read", "--all", "--summary", "-o", "csv", "--port", "sim:house.toml", out="billing.csv")
    _work(folder, "keys", "add", "12345678.KAM", "--name", "flat 3, cold water", *key, stdin="01" * 16)
    _work(folder, "config", "set", "scan.output", "csv")
    _work(folder, "config", "set", "port", "sim:house.toml")
    _work(folder, "profile", "add", "site-7", "--port", "sim:house.toml", "--baud", "2400")
    _work(folder, "profile", "add", "walk", "--port", "sim:stick", "--stick", "im871a")
    return folder


def _break_off_a_search(folder: Path) -> None:
    """For --resume: the same port, unplugged in the middle."""
    house = folder / "house.toml"
    whole = house.read_text()
    house.write_text(table.LOST.format(baud=2400))
    done = run("scan", "--port", "sim:house.toml", "--secondary", cwd=folder, **_environ(folder))
    assert done.code == 3, done
    house.write_text(whole)


def _texts() -> dict[str, str]:
    lorawan = b64encode(frame(b"\1\2", 5)).decode()
    return {
        "house.toml": table.HOUSE.format(baud=2400),
        "house300.toml": table.HOUSE.format(baud=300),
        "seventeen.toml": table.SEVENTEEN.format(baud=2400),
        "faulty.toml": table.HOUSE.format(baud=2400),
        "air.toml": table.AIR,
        "delivery.csv": "number;place\n12345678;flat 1\n12345679;flat 2\n",
        "route.csv": "number;place\n12345678;flat 1\n12345679;flat 2\n",
        "plan.csv": "12345678;6\n12345679;8\n",
        "meters.csv": f"meter;key\n12345671;{'02' * 16}\n",
        "wmbusmeters.d/flat1": f"name=flat1\nid=12345672\nkey={'03' * 16}\ndriver=iperl\n",
        "gas.key": table.GAS_KEY + "\n",
        "device.keys": TEXT_1_0.replace(",", "\n") + "\n",
        "walk.log": f"T1;1;1;2026-01-31 10:00:00.000;60;80;12345678;0x{table.BARE}\n{table.PLAIN}\n",
        "month.log": f"{table.PLAIN}\n" * 20,
        "gateway.log": f'{{"rxpk":[{{"data":"{lorawan}","rssi":-71}}]}}\n',
        "other.toml": "[defaults]\nbaud = 300\n",
        "morning.mbus": "scan --range 0-2\nread 1 -o json\n",
        "media/keys.toml": f'version = 1\n\n[[key]]\nname = "a"\nmeters = "12345678"\nkey = "{"04" * 16}"\n',
        "media/passphrase": table.PASSPHRASE + "\n",
    }


def _put(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def _environ(folder: Path) -> dict[str, str]:
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {**table.ENVIRONMENT, "HOME": str(folder), "PATH": path, "SHELL": "/bin/bash"}


def _work(folder: Path, *args: str, stdin: str = "", out: str = "") -> None:
    done = run(*args, stdin=stdin.encode(), cwd=folder, **_environ(folder))
    assert done.code == 0, done
    if out:
        (folder / out).write_text(done.out)


def changed(example: str) -> str:
    """The example with simulated devices in the place of real ones."""
    if table.UNCHANGED.match(example):
        return example.replace("EDITOR=nano", "EDITOR=true")
    for change in table.CHANGES:
        example = re.sub(change.pattern, change.replacement, example)
    return example


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs(example: str, site: Path, tmp_path: Path) -> None:
    if example in table.NOT_RUN:
        pytest.skip(table.NOT_RUN[example])
    _needs(example)
    folder = tmp_path / "site"
    shutil.copytree(site, folder, symlinks=True)
    if re.match(r"mbuscli (profile add|keys (add|import))", example):
        # These begin something: nothing of that name is there yet.
        shutil.rmtree(folder / ".config")
    if table.SERVERS.match(example):
        _serve(example, folder)
        return
    done = _run_example(example, folder)
    codes = table.ENDS.get(example, ((0,), ""))[0]
    assert done.code in codes, f"{example}\n{done.out}\n{done.err}"
    assert "[internal." not in done.err


def _needs(example: str) -> None:
    if ".parquet" in example:
        pytest.importorskip("pyarrow")
    if "--pdf" in example and not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        pytest.skip("no browser is installed that prints")


def _run_example(example: str, folder: Path) -> Result:
    environ = _environ(folder)
    line = changed(example)
    if example in table.ANSWERS:
        words = shlex.split(line.removeprefix("EDITOR=true ").removeprefix("EDITOR=nano "))[1:]
        screen = run_at_terminal(*words, answers=table.ANSWERS[example], cwd=folder, **environ)
        return Result(screen.text, "", screen.code)
    if "./bus" in line:
        return _run_on_served_bus(line, folder)
    stdin = next((text for word, text in table.INPUTS.items() if word in example), "")
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment(**environ),
        timeout=55,
    )
    return Result(done.stdout, done.stderr, done.returncode)


def _run_on_served_bus(line: str, folder: Path) -> Result:
    server = _Server("mbuscli simulate house.toml --link ./bus --pace fast", folder)
    try:
        return run(*shlex.split(line)[1:], "--range", "0-7", cwd=folder, **_environ(folder))
    finally:
        assert server.end() == 0


def _serve(example: str, folder: Path) -> None:
    """Wait until it says where it serves, then Ctrl-C."""
    server = _Server(changed(example), folder)
    assert server.place
    assert server.end() == 0


class _Server:
    def __init__(self, line: str, folder: Path) -> None:
        self._child = subprocess.Popen(
            [*COMMAND, *shlex.split(line)[1:]],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=environment(**_environ(folder)),
        )
        assert self._child.stdout is not None
        self.place = self._child.stdout.readline().strip()

    def end(self) -> int:
        deadline = time.monotonic() + 30
        self._child.send_signal(signal.SIGINT)
        _, err = self._child.communicate(timeout=deadline - time.monotonic())
        assert "internal." not in err
        return self._child.returncode


def test_the_tables_name_examples_that_exist() -> None:
    for name in (*table.ANSWERS, *table.ENDS, *table.NOT_RUN):
        assert name in EXAMPLES, name
    assert len(EXAMPLES) > 100
    assert len(NWK) == 16


def test_what_is_changed_is_only_what_a_site_has() -> None:
    assert (
        changed("mbuscli scan --port /dev/ttyUSB0 --secondary")
        == "mbuscli scan --port sim:house.toml --secondary"
    )
    assert changed("mbuscli config set port /dev/ttyUSB0") == "mbuscli config set port /dev/ttyUSB0"
    assert changed("mbuscli decrypt 68 07") == "mbuscli decrypt 68 07"
