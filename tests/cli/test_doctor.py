"""`mbuscli doctor` as a user runs it: on broken files, held ports and other people's rights."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import COMMAND, ROOT, environment, run
from tests.cli.terminal import run_at_terminal

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="rights and terminals of POSIX")
KEY = "000102030405060708090A0B0C0D0E0F"
NKE = bytes.fromhex("1040FD3D16")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".config" / "mbuscli").mkdir(parents=True)
    return tmp_path


def checks(home: Path, *args: str, **environ: str) -> list[dict[str, Any]]:
    result = run("doctor", *args, "-o", "json", HOME=str(home), **environ)
    document = json.loads(result.out)
    assert (document["schema"], document["event"]) == ("mbuscli/1", "checks")
    found: list[dict[str, Any]] = document["checks"]
    assert result.code == int(any(each["state"] == "failed" for each in found)), result.err
    assert all(each["hint"] for each in found if each["state"] == "failed")
    return found


def check(home: Path, name: str, *args: str, **environ: str) -> dict[str, Any]:
    (found,) = (each for each in checks(home, *args, **environ) if each["check"] == name)
    return found


def ring(home: Path, mode: int = 0o600) -> Path:
    path = home / ".config" / "mbuscli" / "keys.toml"
    path.write_text(f'version = 1\n[[key]]\nname = "hall"\nmeters = "12345678"\nkey = "{KEY}"\n')
    path.chmod(mode)
    return path


def test_every_format_tells_the_same(home: Path) -> None:
    (home / ".config" / "mbuscli" / "config.toml").write_text("[profile\n")
    shown = {
        form: run("doctor", "-o", form, HOME=str(home)).out
        for form in ("json", "ndjson", "csv", "plain", "table")
    }
    names = [each["check"] for each in json.loads(shown["json"])["checks"]]
    assert len(names) >= 20
    events = [json.loads(line) for line in shown["ndjson"].splitlines()]
    assert [event["check"] for event in events] == names
    assert {event["event"] for event in events} == {"check"}
    assert [row["check"] for row in csv.DictReader(io.StringIO(shown["csv"]))] == names
    assert [line.split("\t")[0] for line in shown["plain"].splitlines()] == names
    states = ("ok ", "warning ", "failed ", "skipped ")
    assert [line.split()[1] for line in shown["table"].splitlines() if line.startswith(states)] == names
    assert "> mbuscli config edit" in shown["table"]


def test_fields(home: Path) -> None:
    result = run("doctor", "-o", "plain", "--fields", "check,state", HOME=str(home))
    assert "python\tok" in result.out.splitlines()
    assert run("doctor", "--fields", "?").out.startswith("check\tdefault\t")


def test_the_summary_is_talk(home: Path) -> None:
    result = run("doctor", HOME=str(home))
    assert " ok" in result.err.splitlines()[-1]
    assert run("doctor", "-q", HOME=str(home)).err == ""


def test_it_may_be_pasted(home: Path) -> None:
    """Neither keys nor the name of the home folder, whatever is wrong."""
    ring(home, 0o644)
    (home / ".local" / "state").mkdir(parents=True)
    (home / ".local" / "state" / "mbuscli").write_text("in the way")
    for form in ("table", "json", "plain"):
        result = run("doctor", "-o", form, HOME=str(home), MBUSCLI_KEY=KEY, MBUSCLI_PASSPHRASE="sesame")
        for secret in (KEY, KEY.lower(), "sesame", str(home)):
            assert secret not in result.out + result.err
        assert "~" in result.out


@posix_only
def test_the_remedy_for_a_ring_that_others_can_read_works(home: Path) -> None:
    path = ring(home, 0o644)
    found = [each for each in checks(home) if each["check"] == "keys"]
    assert [each["state"] for each in found] == ["ok", "failed"]
    (command,) = found[1]["hint"]
    subprocess.run(["sh", "-c", command], env=environment(HOME=str(home)), check=True, timeout=20)
    assert path.stat().st_mode & 0o777 == 0o600
    assert check(home, "keys")["state"] == "ok"


@posix_only
def test_the_remedy_for_a_damaged_inventory_works(home: Path) -> None:
    folder = home / "my state"  # a name that must be quoted
    folder.mkdir()
    (folder / "inventory.sqlite3").write_bytes(b"rubbish that is no database " * 100)
    found = check(home, "inventory", MBUSCLI_STATE_DIR=str(folder))
    assert found["state"] == "failed"
    command = next(hint for hint in found["hint"] if "mv " in hint).partition(": ")[2]
    subprocess.run(["sh", "-c", command], env=environment(HOME=str(home)), check=True, timeout=20)
    assert check(home, "inventory", MBUSCLI_STATE_DIR=str(folder))["state"] == "skipped"


def test_wrong_settings_do_not_keep_it_from_reporting(home: Path) -> None:
    (home / ".config" / "mbuscli" / "config.toml").write_text('[defaults]\nport = 7\noutput = "noise"\n')
    found = [each for each in checks(home) if each["check"] == "config"]
    assert [each["state"] for each in found] == ["failed", "failed"]


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_narrow_encoding_is_told_in_itself(home: Path, encoding: str) -> None:
    done = subprocess.run(
        [*COMMAND, "doctor", "-o", "table"],
        capture_output=True,
        env=environment(PYTHONIOENCODING=encoding, HOME=str(home)),
        timeout=50,
    )
    text = done.stdout.decode("ascii")
    assert f"stdout carries {encoding} only" in text


# -- rights ------------------------------------------------------------------------------------------------------

# Everything is loaded first: Python itself may lie where others cannot read it.
DROP = """
import contextlib, io, os, pkgutil, sys
import difflib, grp, pwd, random, shlex, sqlite3, tempfile, urllib.parse
from importlib import import_module
import mbuscli
from mbuscli.cli.main import main
for name in ("services", "settings", "ports", "render", "devices", "meters", "protocol"):
    package = import_module("mbuscli." + name)
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if module.name not in sys.modules:
            with contextlib.suppress(ImportError):
                import_module(module.name)
own = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("MBUSCLI_")}
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    main(["doctor", "-o", "json", "--port", "sim:"])
os.environ.update(own)
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def other_home() -> Iterator[Path]:
    """The home folder of somebody who is not root."""
    folder = Path(tempfile.mkdtemp(prefix="mbuscli-doctor-"))
    (folder / "config").mkdir()
    (folder / "state").mkdir()
    if os.geteuid() == 0:
        for path in (folder, *folder.iterdir()):
            os.chown(path, 65534, 65534)
    yield folder
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(folder)


def as_somebody(home: Path, *args: str) -> dict[str, list[dict[str, Any]]]:
    """The checks by name, made by a user without rights."""
    done = subprocess.run(
        [sys.executable, "-c", DROP, "doctor", "-o", "json", *args],
        capture_output=True,
        env=environment(
            HOME=str(home), MBUSCLI_CONFIG_DIR=str(home / "config"), MBUSCLI_STATE_DIR=str(home / "state")
        ),
        cwd="/",
        timeout=50,
    )
    assert done.returncode in (0, 1), done.stderr
    by_name: dict[str, list[dict[str, Any]]] = {}
    for each in json.loads(done.stdout)["checks"]:
        by_name.setdefault(each["check"], []).append(each)
    return by_name


@posix_only
def test_files_that_may_not_be_read(other_home: Path) -> None:
    files = {
        "config": other_home / "config" / "config.toml",
        "keys": other_home / "config" / "keys.toml",
        "journal": other_home / "state" / "journal.ndjson",
        "formats": other_home / "state" / "compact_formats.txt",
        "inventory": other_home / "state" / "inventory.sqlite3",
        "drivers": other_home / "config" / "meters",
    }
    for name, path in files.items():
        path.mkdir() if name == "drivers" else path.touch()
        path.chmod(0)
    found = as_somebody(other_home)
    for name in files:
        (line,) = found[name]
        assert line["state"] in ("failed", "warning"), line
        assert "ermission" in line["text"], line
        assert line["hint"], line


@posix_only
def test_folders_that_may_not_be_written_to(other_home: Path) -> None:
    (other_home / "state").chmod(0o500)
    (line,) = as_somebody(other_home)["state"]
    assert (line["state"], "nothing can be written" in line["text"]) == ("failed", True)
    assert "chown" in line["hint"][0]
    (other_home / "state").chmod(0o700)
    (other_home / "state").rmdir()
    other_home.chmod(0o500)
    (line,) = as_somebody(other_home)["state"]
    assert line["state"] == "failed"


@posix_only
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="gives a node to somebody else")
def test_a_port_of_somebody_else(other_home: Path) -> None:
    master, slave = os.openpty()
    try:
        name = os.ttyname(slave)
        os.chown(name, 0, 0)
        os.chmod(name, 0o600)
        (line,) = as_somebody(other_home, "--port", name)["port"]
        assert (line["state"], line["subject"]) == ("failed", name)
        assert "mode 0600" in line["text"]
        assert line["hint"][0].startswith("until it is plugged in again: sudo chmod")
    finally:
        os.close(master)
        os.close(slave)


HOLD = """
import fcntl, os, sys, termios
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
if sys.argv[2] == "flock":
    fcntl.flock(fd, fcntl.LOCK_EX)
else:
    fcntl.ioctl(fd, termios.TIOCEXCL)
print("held", flush=True)
sys.stdin.read()
"""


@posix_only
@pytest.mark.parametrize("how", ["flock", "TIOCEXCL"])
def test_a_port_that_another_program_holds(other_home: Path, how: str) -> None:
    master, slave = os.openpty()
    name = os.ttyname(slave)
    os.chmod(name, 0o666)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, name, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            (line,) = as_somebody(other_home, "--port", name)["port"]
            assert (line["state"], "in use by" in line["text"]) == ("failed", True), line
            assert line["hint"]
        finally:
            holder.communicate()
            os.close(master)
            os.close(slave)


# -- devices -----------------------------------------------------------------------------------------------------


class Gateway:
    """Accepts one connection, answers with `say(heard)`, and keeps what it heard."""

    def __init__(self, answer: bytes | None = b"") -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.name = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"
        self.heard = b""
        self._answer = answer
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        self._server.settimeout(40)
        connection, _ = self._server.accept()
        with connection:
            connection.settimeout(40)
            while data := connection.recv(400):
                self.heard += data
                connection.sendall(data if self._answer is None else self._answer)

    def close(self) -> None:
        self._thread.join(40)
        self._server.close()


@pytest.mark.parametrize(
    ("answer", "state", "shown"),
    [
        (b"", "ok", "it does not echo, and nobody answered"),
        (None, "ok", "it echoes what it is sent"),
        (b"\xe5", "ok", "a meter that was still selected has answered"),
        (b"\x12\x34\x56", "warning", "3 octets came that nobody should have sent"),
    ],
)
def test_one_frame_goes_to_a_named_converter(
    home: Path, answer: bytes | None, state: str, shown: str
) -> None:
    gateway = Gateway(answer)
    found = check(home, "port", "--port", gateway.name)
    gateway.close()
    assert (found["state"], shown in found["text"]) == (state, True), found
    assert gateway.heard == NKE
    assert "SND_NKE" in run("doctor", "--help").out


def test_nothing_goes_to_a_gateway_that_was_not_named(home: Path) -> None:
    gateway = Gateway()
    config = home / ".config" / "mbuscli" / "config.toml"
    config.write_text(f'[defaults]\nport = "site"\n[profile.site]\nport = "{gateway.name}"\n')
    found = check(home, "profiles")
    gateway.close()
    assert (found["state"], found["subject"]) == ("ok", "profile site")
    assert gateway.heard == b""


@posix_only
def test_nothing_goes_to_a_port_that_was_not_named(home: Path) -> None:
    import select
    import tty

    master, slave = os.openpty()
    tty.setraw(slave)
    name = os.ttyname(slave)
    config = home / ".config" / "mbuscli" / "config.toml"
    config.write_text(f'[defaults]\nport = "site"\n[profile.site]\nport = "{name}"\n')
    try:
        found = checks(home, MBUSCLI_PORT=name)
        assert select.select([master], [], [], 0)[0] == []
        assert {each["state"] for each in found if each["check"] == "profiles"} == {"ok"}
        assert [each["state"] for each in found if each["check"] == "port"] == ["skipped"]
        # A warning, as a pseudo-terminal has no parity.
        assert "nobody answered, as it should be" in check(home, "port", "--port", "site")["text"]
        assert os.read(master, 100) == NKE
    finally:
        os.close(master)
        os.close(slave)


@posix_only
def test_a_silent_port_as_a_stick(home: Path) -> None:
    import tty

    master, slave = os.openpty()
    tty.setraw(slave)
    try:
        found = check(home, "port", "--as", "stick", "--port", os.ttyname(slave))
        assert (found["state"], found["text"]) == ("failed", "no radio stick answers")
    finally:
        os.close(master)
        os.close(slave)


# -- the terminal ------------------------------------------------------------------------------------------------


@posix_only
def test_lines_at_a_terminal(home: Path) -> None:
    for width in ("40", "80", "200"):
        screen = run_at_terminal("doctor", COLUMNS=width, HOME=str(home), NO_COLOR="1")
        lines = [line.rstrip() for line in screen.text.split("\r\n")]
        words = [line for line in lines if "> " not in line and "\r" not in line and " " in line.strip()]
        assert max(map(len, words)) <= max(int(width), 60 if width != "40" else 40)
        assert "\x1b" not in screen.text
    coloured = run_at_terminal("doctor", HOME=str(home)).text
    assert "\x1b[32mok\x1b[0m " in coloured


@posix_only
def test_it_is_interrupted_at_once(home: Path) -> None:
    import signal

    state = home / "state"
    state.mkdir()
    os.mkfifo(state / "journal.ndjson")  # opening it waits for ever
    with subprocess.Popen(
        [*COMMAND, "doctor", "-o", "table"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(HOME=str(home), MBUSCLI_STATE_DIR=str(state)),
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        seen = ""
        while not seen.startswith("ok      state"):
            seen = process.stdout.readline()
            assert seen
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
