"""Why a port cannot be opened or was lost: told by errno and the node, never by the text of a message."""

from __future__ import annotations

import difflib
import errno
import os
import re
import shlex
import stat
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from mbuscli.errors import PortError, Reason

# Asked only when it is needed: a look through all devices takes a while on some systems.
Present: TypeAlias = Callable[[], Sequence[str]]

_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG})
_BUSY = frozenset({errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK})
_PERMISSION = frozenset({errno.EACCES, errno.EPERM})
_UNPLUGGED = frozenset({errno.ENXIO, errno.EIO, errno.ENODEV})
_NOT_SERIAL = frozenset({errno.ENOTTY, errno.EISDIR})
# ERROR_GEN_FAILURE, ERROR_BAD_COMMAND, ERROR_NO_SUCH_DEVICE, ERROR_DEVICE_NOT_CONNECTED
_WINDOWS_UNPLUGGED = frozenset({31, 22, 433, 1167})

MODEM_MANAGER = "ModemManager"


class Holder(NamedTuple):
    """A process that has a port open."""

    pid: int
    name: str


class Access(NamedTuple):
    """Whether this user may open a port, and the group that may (None where nodes have no groups)."""

    allowed: bool
    group: str | None


def port_faults() -> tuple[type[Exception], ...]:
    """Every exception by which pyserial or the system tells of a fault. A serial exception is an OSError; a
    port closed by another thread gives a TypeError."""
    faults: tuple[type[Exception], ...] = (OSError, ValueError, TypeError, AttributeError)
    try:
        import termios
    except ImportError:
        return faults
    return (*faults, termios.error)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The exception and those which led to it, nearest first."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def errno_of(error: BaseException | None) -> int | None:
    """The system's error number behind an exception; pyserial hides it in the context of its own."""
    for cause in causes(error):
        if isinstance(cause, OSError):
            if cause.errno is not None:
                return cause.errno
        # termios.error carries its number in the arguments only.
        elif cause.args and isinstance(cause.args[0], int):
            return cause.args[0]
    return None


def open_failure(name: str, error: BaseException, present: Present) -> PortError:
    """The PortError for a serial port that could not be opened."""
    if os.name == "nt":
        return windows_failure(name, error, present)
    code = errno_of(error)
    node = _stat(name)
    if node is not None and not stat.S_ISCHR(node.st_mode):
        return not_serial(name, node)
    if code in _MISSING:
        return missing(name, present)
    if code in _BUSY:
        return busy(name, holders(name), manager_runs=is_running(MODEM_MANAGER))
    if code in _PERMISSION:
        return permission(name, node)
    if code in _UNPLUGGED:
        return unplugged(name)
    if code in _NOT_SERIAL:
        return not_serial(name, node)
    return _failed(name, error, code)


def windows_failure(name: str, error: BaseException, present: Present) -> PortError:
    """The same for COM ports: Windows says "access denied" for a port that is in use, and pyserial keeps the
    number of the error only in its text, so that the list of devices has to tell."""
    numbers = {getattr(cause, "winerror", None) for cause in causes(error)}
    if numbers & _WINDOWS_UNPLUGGED:
        return unplugged(name)
    if bare_name(name).casefold() not in {bare_name(port).casefold() for port in present()}:
        return missing(name, present)
    return PortError(
        f"{name} is in use by another program",
        reason=Reason.BUSY,
        hint=["close terminal programs and meter software that may have it open", "then try again"],
    )


def lost(name: str, error: BaseException | None) -> PortError:
    """The PortError for a port that failed while it was open."""
    code = errno_of(error)
    if code is None or code in _UNPLUGGED:
        return unplugged(name, while_open=True)
    return _failed(name, error, code)


def missing(name: str, present: Present) -> PortError:
    """No such port: names those which are there, and the closest of them."""
    ports = list(present())
    by_name = {bare_name(port).casefold(): port for port in ports}
    near = difflib.get_close_matches(bare_name(name).casefold(), by_name, n=1, cutoff=0.6)
    hint = [f"did you mean {by_name[near[0]]}?"] if near else []
    if ports:
        shown = ", ".join(ports[:8]) + (" …" if len(ports) > 8 else "")
        hint.append(f"serial ports present: {shown}")
    else:
        hint.append("no serial port is present: plug the converter in, with a cable that carries data too")
    return PortError(f"there is no port {name}", reason=Reason.MISSING, hint=hint)


def busy(name: str, held_by: Sequence[Holder], *, manager_runs: bool = False) -> PortError:
    """Another program holds the port."""
    if any(holder.name == MODEM_MANAGER for holder in held_by) or (not held_by and manager_runs):
        hint = [
            f"{MODEM_MANAGER} tries out new ports: wait 20 seconds and try again",
            f"or stop it: sudo systemctl stop {MODEM_MANAGER}",
            'for good: a udev rule for this device with ENV{ID_MM_DEVICE_IGNORE}="1"',
        ]
    elif held_by:
        pids = " ".join(str(holder.pid) for holder in held_by[:4])
        hint = ["close that program", f"or end it: kill {pids}"]
    else:
        hint = [f"see who: sudo fuser -v {shlex.quote(name)}", "close that program and try again"]
    who = ", ".join(f"{holder.name} (pid {holder.pid})" for holder in held_by[:4]) or "another program"
    return PortError(f"{name} is in use by {who}", reason=Reason.BUSY, hint=hint)


def permission(name: str, node: os.stat_result | None) -> PortError:
    """The user may not open the node: whose it is, and the command that helps."""
    if node is None:
        hint = [f"ls -ld {shlex.quote(os.path.dirname(name) or '.')}"]
        return PortError(f"no permission to look at {name}", reason=Reason.PERMISSION, hint=hint)
    user, owner, group = _user_name(os.geteuid()), _user_name(node.st_uid), _group_name(node.st_gid)
    mode = stat.S_IMODE(node.st_mode)
    who = f"it belongs to {owner}:{group}, mode {mode:04o}"
    if node.st_gid == 0 or mode & 0o060 != 0o060:
        hint = [
            f"until it is plugged in again: sudo chmod a+rw {shlex.quote(name)}",
            f'for good: a udev rule, SUBSYSTEM=="tty", KERNEL=="{bare_name(name)}", MODE="0666"',
        ]
    elif node.st_gid in {os.getegid(), *os.getgroups()}:
        who += f"; {user} is in group {group}, so something else forbids it"
        hint = [f"in a container, start it with --device {shlex.quote(name)}", "in a snap, connect raw-usb"]
    elif node.st_gid in _groups_in_database(user):
        who += f"; {user} was added to group {group} after this login"
        hint = ["log out and in again", f"or for this terminal: newgrp {group}"]
    else:
        who += f"; {user} is not in group {group}"
        hint = [f"sudo usermod -aG {shlex.quote(group)} {shlex.quote(user)}", "then log out and in again"]
    return PortError(f"no permission to open {name}: {who}", reason=Reason.PERMISSION, hint=hint)


def unplugged(name: str, *, while_open: bool = False) -> PortError:
    """The node is or was there, the device behind it is not."""
    text = f"{name} was unplugged" if while_open else f"{name} has no device behind it"
    return PortError(
        text,
        reason=Reason.UNPLUGGED,
        hint=["plug it in again, straight into the computer rather than a hub", "then repeat the command"],
    )


def not_serial(name: str, node: os.stat_result | None) -> PortError:
    """The name leads to something else than a serial port."""
    if node is not None and stat.S_ISREG(node.st_mode):
        kind = "a file"
        form = "sim" if name.endswith(".toml") else "replay"
        hint = [
            f"to use it as a {'bus' if form == 'sim' else 'capture'}: --port {shlex.quote(f'{form}:{name}')}"
        ]
    else:
        is_folder = node is not None and stat.S_ISDIR(node.st_mode)
        kind = "a directory" if is_folder else "another kind of device"
        hint = ["a serial port is named like /dev/ttyUSB0, /dev/ttyACM0, /dev/cu.usbserial-1 or COM3"]
    return PortError(f"{name} is {kind}, not a serial port", reason=Reason.NOT_SERIAL, hint=hint)


def holders(name: str) -> list[Holder]:
    """The processes that have this node open, as far as we may see (Linux; elsewhere none)."""
    target = os.path.realpath(name)
    found = []
    for pid in _pids():
        folder = f"/proc/{pid}/fd"
        try:
            is_open = any(_link(f"{folder}/{fd}") == target for fd in os.listdir(folder))
        except OSError:
            continue  # another user's process, or one that has just ended
        if is_open:
            found.append(Holder(pid, _process_name(pid)))
    return found


def is_running(name: str) -> bool:
    """True if a process calls itself so (Linux; elsewhere never)."""
    return any(_process_name(pid) == name for pid in _pids())


def access(name: str) -> Access:
    """What the node permits this user; nothing is opened."""
    node = _stat(name)
    if os.name == "nt" or node is None:
        return Access(True, None)
    return Access(os.access(name, os.R_OK | os.W_OK), _group_name(node.st_gid))


def bare_name(name: str) -> str:
    r"""The last part of a path: `ttyUSB0`, and `COM3` of `\\.\COM3`."""
    return re.split(r"[/\\]", name)[-1]


def _failed(name: str, error: BaseException | None, code: int | None) -> PortError:
    cause = os.strerror(code) if code is not None else str(error)
    reason = Reason.UNSUPPORTED if code == errno.EINVAL else Reason.FAILED
    return PortError(f"{name} failed: {cause}", reason=reason, hint=["try another port or baud rate"])


def _stat(name: str) -> os.stat_result | None:
    try:
        return os.stat(name)
    except (OSError, ValueError):
        return None


def _pids() -> list[int]:
    try:
        return sorted(int(entry) for entry in os.listdir("/proc") if entry.isdigit())
    except OSError:
        return []


def _link(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None


def _process_name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            name = file.read().strip()
    except OSError:
        return "a program"
    # A process names itself: nothing of that may steer a terminal.
    return "".join(character if character.isprintable() else "?" for character in name)


def _user_name(uid: int) -> str:
    try:
        import pwd

        return pwd.getpwuid(uid).pw_name
    except (ImportError, KeyError):
        return str(uid)


def _group_name(gid: int) -> str:
    try:
        import grp

        return grp.getgrgid(gid).gr_name
    except (ImportError, KeyError):
        return str(gid)


def _groups_in_database(user: str) -> list[int]:
    """The groups that a new login would have."""
    try:
        import pwd

        return os.getgrouplist(user, pwd.getpwnam(user).pw_gid)
    except (ImportError, KeyError, OSError):
        return []
