"""From the text of `--port` to an open port."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from mbuscli.errors import MbuscliError, PortError, Reason, UsageError
from mbuscli.ports.base import Parity, Port

if TYPE_CHECKING:
    from mbuscli.ports.kept import Keeper
    from mbuscli.ports.serial_port import PresentPort

FORMS = (
    "a path or COM3",
    "id:<usb serial>",
    "tcp://host:port",
    "rfc2217://host:port",
    "replay:FILE",
    "sim:",
    "sim:SCENARIO.toml",
)
# Two letters at least: C:\ is a drive.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+-]+):")
_COM = re.compile(r"(\\\\\.\\)?COM[0-9]{1,3}", re.IGNORECASE)
_REPLAY = "replay:"

# Who keeps ports open between commands, where one program runs several.
keeper: Keeper | None = None


def open_port(text: str, *, baud: int = 2400, parity: Parity = "even", keep: bool = False) -> Port:
    """Open what `text` names, in one of the FORMS; `parity` concerns those with a serial line of their own.

    `keep`: where there is a keeper, it stays open for the next command. Raises UsageError, PortError,
    InputError.
    """
    # A recording begins anew for each command.
    if keeper is None or text.startswith(_REPLAY):
        return _open(text, baud, parity)
    return keeper.open(text, baud=baud, parity=parity, opener=lambda: _open(text, baud, parity), keep=keep)


def _open(text: str, baud: int, parity: Parity) -> Port:
    if not 0 < baud < 10_000_000:
        raise UsageError(f"{baud} is not a baud rate", reason=Reason.INVALID, hint=["usual: 300, 2400, 9600"])
    if _is_path(text):
        return _open_serial(text, baud, parity)
    if text == "auto":
        raise UsageError(
            "a port is not chosen by itself: name it",
            reason=Reason.UNSUPPORTED,
            hint=[f"forms: {', '.join(FORMS)}"],
        )
    match = _SCHEME.match(text)
    if match is None:
        raise _no_such_port(text)
    opener = _SCHEMES.get(match[1])
    if opener is None:
        raise _unknown_scheme(text, match[1])
    return opener(text, baud, parity)


def _is_path(text: str) -> bool:
    """Names with a separator are paths, present or not; other words only if there is such a node."""
    if _COM.fullmatch(text):
        return True
    if _SCHEME.match(text) and not os.path.exists(text):
        return False
    return "/" in text or "\\" in text or (bool(text) and os.path.exists(text))


def _open_serial(name: str, baud: int, parity: Parity) -> Port:
    from mbuscli.ports.serial_port import open_serial_port

    return open_serial_port(name, baud=baud, parity=parity)


def _open_by_id(text: str, baud: int, parity: Parity) -> Port:
    """The adapter with this USB serial number, whatever name it came up with this time."""
    from mbuscli.ports.serial_port import present_ports

    wanted = text.partition(":")[2].casefold()
    by_id = [port for port in present_ports() if port.usb_serial]
    found = [port for port in by_id if (port.usb_serial or "").casefold() == wanted]
    if len(found) == 1:
        return _open_serial(found[0].device, baud, parity)
    if found:
        raise UsageError(
            f"{text} fits more than one port",
            reason=Reason.INVALID,
            hint=[f"name one of them: {', '.join(port.device for port in found)}"],
        )
    raise _no_such_id(text, by_id)


def _no_such_id(text: str, by_id: list[PresentPort]) -> PortError:
    shown = ", ".join(f"id:{port.usb_serial} ({port.device})" for port in by_id[:8])
    return PortError(
        f"no adapter with the serial number {text.partition(':')[2]!r} is plugged in",
        reason=Reason.MISSING,
        hint=[f"present: {shown}" if shown else "no adapter with a serial number is present"],
    )


def _open_tcp(text: str, baud: int, _parity: Parity) -> Port:
    from mbuscli.ports.tcp import TcpPort, split_host_port

    host, port = split_host_port(text)
    return TcpPort(host, port, baud=baud)


def _open_rfc2217(text: str, baud: int, parity: Parity) -> Port:
    from mbuscli.ports.rfc2217 import Rfc2217Port

    return Rfc2217Port(text, baud=baud, parity=parity)


def _open_replay(text: str, baud: int, _parity: Parity) -> Port:
    from mbuscli.ports.replay import ReplayPort

    return ReplayPort(text.partition(":")[2], baud=baud)


def _open_sim(text: str, baud: int, _parity: Parity) -> Port:
    from mbuscli.simulator.port import open_sim_port

    return open_sim_port(text, baud)


_SCHEMES: dict[str, Callable[[str, int, Parity], Port]] = {
    "id": _open_by_id,
    "tcp": _open_tcp,
    "rfc2217": _open_rfc2217,
    "replay": _open_replay,
    "sim": _open_sim,
}


def _no_such_port(text: str) -> MbuscliError:
    from mbuscli.ports.diagnose import missing
    from mbuscli.ports.serial_port import present_names

    if not text:
        return UsageError("the port has no name", reason=Reason.EMPTY, hint=[f"forms: {', '.join(FORMS)}"])
    return missing(text, present_names)


def _unknown_scheme(text: str, scheme: str) -> UsageError:
    near = difflib.get_close_matches(scheme.lower(), _SCHEMES, n=1, cutoff=0.5)
    hint = [f"did you mean {near[0]}{text[len(scheme) :]}?"] if near else []
    return UsageError(
        f"{text!r} is not a form of port that is known here",
        reason=Reason.UNRECOGNISED,
        hint=[*hint, f"forms: {', '.join(FORMS)}"],
    )
