"""Every way an open can fail, with real nodes, real holders and real users."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import serial

from mbuscli.errors import PortError
from mbuscli.ports import diagnose
from mbuscli.ports.serial_port import open_serial_port

ROOT = str(Path(__file__).parents[2])
PRESENT = ["/dev/ttyUSB0", "/dev/ttyACM1", "/dev/ttyS4"]


def failure(name: str) -> PortError:
    with pytest.raises(PortError) as caught:
        open_serial_port(name)
    assert 1 <= len(caught.value.hint) <= 3
    return caught.value


def os_failure(code: int, name: str = "/dev/ttyUSB0") -> PortError:
    return diagnose.open_failure(name, OSError(code, "any text"), lambda: PRESENT)


def test_missing_names_the_ports_and_the_closest() -> None:
    error = diagnose.missing("/dev/ttyUSB1", lambda: PRESENT)
    assert error.name == "port.missing"
    assert error.hint == (
        "did you mean /dev/ttyUSB0?",
        "serial ports present: /dev/ttyUSB0, /dev/ttyACM1, /dev/ttyS4",
    )
    assert diagnose.missing("ttyacm1x", lambda: PRESENT).hint[0] == "did you mean /dev/ttyACM1?"
    assert "no serial port is present" in diagnose.missing("COM3", list).hint[0]


@pytest.mark.parametrize("name", ["/dev/ttyNOSUCH7", "/dev/null/x", "/dev/" + "x" * 300])
def test_missing_nodes(name: str) -> None:
    assert failure(name).name == "port.missing"


def test_other_kinds_of_nodes(tmp_path) -> None:
    pytest.importorskip("termios")
    capture = tmp_path / "today.ndjson"
    capture.touch()
    scenario = tmp_path / "house.toml"
    scenario.touch()
    os.mkfifo(tmp_path / "fifo")
    os.symlink(capture, tmp_path / "link")
    assert {
        name: failure(str(tmp_path / name)).name for name in ("today.ndjson", "house.toml", "fifo", "link")
    } == dict.fromkeys(["today.ndjson", "house.toml", "fifo", "link"], "port.not-serial")
    assert f"replay:{capture}" in failure(str(capture)).hint[0]
    assert f"sim:{scenario}" in failure(str(scenario)).hint[0]
    assert "a directory" in failure(str(tmp_path)).text
    assert failure(os.devnull).name == "port.not-serial"


def test_a_nul_in_the_name() -> None:
    assert failure("/dev/tty\0").name == "port.failed"


HOLD = """
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
fcntl.flock(fd, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_busy_names_the_holder(terminal) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, terminal.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout.readline() == "held\n"
        error = failure(terminal.path)
        assert error.name == "port.busy"
        if os.path.isdir("/proc/self/fd"):
            assert f"(pid {child.pid})" in error.text
            # the test holds the other end of the pty open, as a simulator would
            assert any(hint.startswith("or end it: kill") and str(child.pid) in hint for hint in error.hint)
        child.stdin.close()
        child.wait(10)
    open_serial_port(terminal.path).close()


def test_busy_by_the_modem_manager_or_somebody_unseen() -> None:
    held = diagnose.busy("/dev/ttyACM0", [diagnose.Holder(312, "ModemManager")])
    assert "ModemManager (pid 312)" in held.text
    assert any("sudo systemctl stop ModemManager" in hint for hint in held.hint)
    assert diagnose.busy("/dev/ttyACM0", [], manager_runs=True).hint == held.hint
    assert "sudo fuser -v /dev/ttyACM0" in diagnose.busy("/dev/ttyACM0", []).hint[0]
    other = diagnose.busy("/dev/ttyACM0", [diagnose.Holder(9, "minicom")], manager_runs=True)
    assert other.hint == ("close that program", "or end it: kill 9")


OPEN = """
import grp, json, os, pwd, sys
from mbuscli.errors import MbuscliError
from mbuscli.ports import serial_port
path, uid, gid, *groups = sys.argv[1:]
os.setgroups([int(group) for group in groups])
os.setgid(int(gid))
os.setuid(int(uid))
try:
    serial_port.open_serial_port(path).close()
    print(json.dumps(["opened", "", []]))
except MbuscliError as error:
    print(json.dumps([error.name, error.text, error.hint]))
"""


def opened_as(path: str, uid: int, gid: int, groups: list[int]) -> tuple[str, str, list[str]]:
    """What another user meets who opens the port."""
    identity = [str(number) for number in (uid, gid, *groups)]
    child = subprocess.run(
        [sys.executable, "-c", OPEN, path, *identity], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    assert child.returncode == 0, child.stderr
    name, text, hint = json.loads(child.stdout)
    return name, text, hint


@pytest.fixture
def somebody():
    pwd = pytest.importorskip("pwd")
    grp = pytest.importorskip("grp")
    if os.geteuid() != 0:
        pytest.skip("needs root to give nodes away")
    user = pwd.getpwnam("nobody")
    strange = next(
        group for group in grp.getgrall() if group.gr_gid not in (0, user.pw_gid) and not group.gr_mem
    )
    return user, strange


def test_permission_needs_a_group(terminal, somebody) -> None:
    user, group = somebody
    os.chown(terminal.path, 0, group.gr_gid)
    os.chmod(terminal.path, 0o660)
    name, text, hint = opened_as(terminal.path, user.pw_uid, user.pw_gid, [])
    assert name == "port.permission"
    assert f"root:{group.gr_name}, mode 0660; nobody is not in group {group.gr_name}" in text
    assert hint == [f"sudo usermod -aG {group.gr_name} nobody", "then log out and in again"]
    inside = opened_as(terminal.path, user.pw_uid, user.pw_gid, [group.gr_gid])
    assert inside[0] == "opened"


def test_permission_needs_a_new_login(terminal, somebody) -> None:
    user, group = somebody
    os.chown(terminal.path, 0, user.pw_gid)
    os.chmod(terminal.path, 0o660)
    name, text, hint = opened_as(terminal.path, user.pw_uid, group.gr_gid, [])
    assert name == "port.permission"
    assert "after this login" in text
    assert hint[0] == "log out and in again"


@pytest.mark.parametrize(("gid", "mode"), [(0, 0o660), (None, 0o600)], ids=["root's group", "group shut out"])
def test_permission_that_no_group_gives(terminal, somebody, gid: int | None, mode: int) -> None:
    user, group = somebody
    os.chown(terminal.path, 0, group.gr_gid if gid is None else gid)
    os.chmod(terminal.path, mode)
    name, _, hint = opened_as(terminal.path, user.pw_uid, user.pw_gid, [group.gr_gid])
    assert name == "port.permission"
    assert hint[0] == f"until it is plugged in again: sudo chmod a+rw {terminal.path}"


@pytest.mark.skipif(os.name == "nt", reason="POSIX")
def test_permission_forbidden_by_something_else(monkeypatch) -> None:
    """As in a container that was not given the device: the node's rights would do."""
    monkeypatch.setattr(os, "getgroups", lambda: [20])
    node = os.stat_result((0o020660, 0, 0, 1, 0, 20, 0, 0, 0, 0))
    error = diagnose.permission("/dev/ttyUSB0", node)
    assert "something else forbids it" in error.text
    assert "--device /dev/ttyUSB0" in error.hint[0]


def test_permission_of_a_closed_folder(somebody, tmp_path) -> None:
    user, _ = somebody
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    name, _, hint = opened_as(str(folder / "port"), user.pw_uid, user.pw_gid, [])
    assert (name, hint) == ("port.permission", [f"ls -ld {folder}"])


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (errno.ENOENT, "port.missing"),
        (errno.ENODEV, "port.unplugged"),
        (errno.ENXIO, "port.unplugged"),
        (errno.EIO, "port.unplugged"),
        (errno.EBUSY, "port.busy"),
        (errno.EAGAIN, "port.busy"),
        (errno.EACCES, "port.permission"),
        (errno.EPERM, "port.permission"),
        (errno.ENOTTY, "port.not-serial"),
        (errno.EINVAL, "port.unsupported"),
        (errno.EMFILE, "port.failed"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="Windows has its own way")
def test_the_number_tells_and_not_the_text(code: int, name: str) -> None:
    error = os_failure(code)
    assert error.name == name
    assert 1 <= len(error.hint) <= 3
    assert "any text" not in error.text


def test_the_number_is_found_behind_pyserials_exceptions() -> None:
    termios = pytest.importorskip("termios")
    outer = serial.SerialException("Could not configure port")
    outer.__context__ = termios.error(errno.EIO, "Input/output error")
    assert diagnose.errno_of(outer) == errno.EIO
    assert diagnose.errno_of(TypeError("'NoneType'")) is None


def test_lost_while_open() -> None:
    assert diagnose.lost("COM3", OSError(errno.EIO, "")).text == "COM3 was unplugged"
    assert diagnose.lost("COM3", serial.SerialException("ClearCommError failed")).name == "port.unplugged"
    assert diagnose.lost("COM3", OSError(errno.EMFILE, "")).name == "port.failed"


def test_windows_tells_missing_from_busy_by_the_list_of_ports() -> None:
    refused = serial.SerialException(
        "could not open port 'COM3': PermissionError(13, 'Access is denied.', None, 5)"
    )
    assert diagnose.windows_failure("com3", refused, lambda: ["COM1", "COM3"]).name == "port.busy"
    assert diagnose.windows_failure(r"\\.\COM13", refused, lambda: ["COM13"]).name == "port.busy"
    missing = diagnose.windows_failure("COM4", refused, lambda: ["COM1", "COM3"])
    assert missing.name == "port.missing"
    assert "COM1, COM3" in missing.hint[-1]
    gone = OSError("the device is not connected")
    gone.winerror = 1167
    assert diagnose.windows_failure("COM3", gone, lambda: ["COM3"]).name == "port.unplugged"
