"""The radio sticks that are plugged in: which ports may be asked, and who answers."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from mbuscli.devices.sticks.base import Identity
from mbuscli.devices.sticks.identify import identify_all
from mbuscli.devices.sticks.registry import FAMILIES, PROGRAM, driver_of, family_of_text, family_of_usb
from mbuscli.errors import MbuscliError, PortError, Reason
from mbuscli.ports.child import ChildPort
from mbuscli.ports.serial_port import PresentPort, lasting_names, present_ports
from mbuscli.services.ports import OTHER_USB, STICK, guess, usb_id

_MANY = 8


class FoundStick(NamedTuple):
    """What was found on a port.

    identity   None: nobody answered, or it was not asked
    hears      sets of link modes, each heard at once; the widest first
    error      why the port could not be asked
    unasked    why the port was not asked; "" if it was
    """

    port: str
    usb: str | None = None
    product: str | None = None
    identity: Identity | None = None
    hears: tuple[frozenset[str], ...] = ()
    error: MbuscliError | None = None
    unasked: str = ""


def list_sticks(names: Sequence[str] = (), present: Sequence[PresentPort] | None = None) -> list[FoundStick]:
    """Who is on these ports, all asked at the same time; without names, on those where no wired bus can be.

    A port that may be a level converter is listed and not asked: on a wired bus every question is heard.
    """
    ports = {port.device: port for port in (present_ports() if present is None else present)}
    unasked = {} if names else {port.device: why for port in ports.values() if (why := _why_not(port))}
    asked = list(names) or [device for device in ports if device not in unasked]
    hints = {name: family for name in asked if (family := _hint(ports.get(_real(name))))}
    answers = {answer.port: answer for answer in identify_all(asked, hints)}
    found = []
    for name in (*asked, *unasked):
        port = ports.get(_real(name))
        usb, product = (usb_id(port), port.product) if port is not None else (None, None)
        entry = FoundStick(name, usb, product, unasked=unasked.get(name, ""))
        if (answer := answers.get(name)) is not None:
            entry = entry._replace(identity=answer.identity, hears=answer.hears, error=answer.error)
        found.append(entry)
    return found if names else [*found, *_programs()]


def _programs() -> list[FoundStick]:
    """Receivers in software whose programs are installed."""
    found = []
    for name, family in FAMILIES.items():
        if family.kind != PROGRAM:
            continue
        with ChildPort(name) as port, suppress(PortError):
            stick = driver_of(name, port)
            found.append(FoundStick(name, identity=stick.identify(), hears=stick.hears))
    return found


def choose_stick(present: Sequence[PresentPort] | None = None) -> str:
    """The port that `auto` stands for: the only one where a stick answers.

    Raises PortError `port.missing` if there is none, `port.ambiguous` if there are several.
    """
    found = list_sticks(present=present)
    sticks = [entry for entry in found if entry.identity is not None and entry.port not in FAMILIES]
    if len(sticks) == 1:
        return sticks[0].port
    if sticks:
        shown = "; ".join(f"--port {entry.port} ({_model(entry)})" for entry in sticks[:_MANY])
        raise PortError(
            f"--port auto: {len(sticks)} radio sticks are plugged in",
            reason=Reason.AMBIGUOUS,
            hint=(f"name one or several: {shown}",),
        )
    raise _none(found)


def usb_family(name: str) -> str | None:
    """The family that the USB texts or numbers of a port tell, None if they tell none."""
    real = _real(name)
    return next((_hint(port) for port in present_ports() if port.device == real), None)


def lasting_name(name: str) -> str | None:
    """A name of this port that it keeps when it is plugged in again, None if it has none."""
    real = _real(name)
    ports = present_ports()
    serials = Counter((port.usb_serial or "").casefold() for port in ports)
    for port in ports:
        if port.device == real and port.usb_serial and serials[port.usb_serial.casefold()] == 1:
            return f"id:{port.usb_serial}"
    return next(iter(lasting_names().get(real, ())), None)


def _why_not(port: PresentPort) -> str:
    """Why a port is not asked unless it is named; "" if it is."""
    found = guess(port)
    if found.kind == OTHER_USB:
        return ""
    if found.kind == STICK:
        return "" if family_of_text(_texts(port)) else f"{found.why}, which is none for wireless M-Bus"
    return f"{found.kind} ({found.why})"


def _hint(port: PresentPort | None) -> str | None:
    """The family that is asked for first."""
    if port is None:
        return None
    return family_of_text(_texts(port)) or family_of_usb(port.vid, port.pid)


def _texts(port: PresentPort) -> str:
    return f"{port.manufacturer or ''} {port.product or ''}"


def _real(name: str) -> str:
    return os.path.realpath(name) if os.path.exists(name) else name


def _model(entry: FoundStick) -> str:
    return entry.identity.model if entry.identity is not None else ""


def _none(found: Sequence[FoundStick]) -> PortError:
    hint = [
        f"{entry.port}: {entry.error.text}" if entry.error else f"{entry.port} does not answer as a stick"
        for entry in found
        if not entry.unasked and entry.identity is None
    ][:3]
    unasked = [entry.port for entry in found if entry.unasked]
    if unasked:
        shown = ", ".join(unasked[:_MANY])
        hint.append(f"not asked, as a wired bus may be behind it: {shown}; name it: --port {unasked[0]}")
    hint.append("without hardware: --port sim:stick; an SDR dongle: --port rtl_wmbus or rtl_433")
    return PortError("--port auto: no radio stick was found", reason=Reason.MISSING, hint=hint)
