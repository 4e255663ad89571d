"""LoRaWAN modems: the one way to open them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from mbuscli.devices.modems.identify import identify, identify_all, open_line
from mbuscli.devices.modems.registry import FAMILIES, driver_of, find_family
from mbuscli.errors import DeviceError, PortError, Reason
from mbuscli.ports.closing import Closing
from mbuscli.ports.kept import note_device
from mbuscli.services.ports import ADAPTER, BUILT_IN, guess

if TYPE_CHECKING:
    from mbuscli.devices.modems.base import Identity, Modem
    from mbuscli.ports.base import Port
    from mbuscli.ports.serial_port import PresentPort

AUTO = "auto"
_MANY = 8


class OpenModem(Closing):
    """A modem that has said who it is, together with its port. `name` is the port's."""

    def __init__(self, modem: Modem, port: Port, identity: Identity) -> None:
        self.modem = modem
        self.identity = identity
        self.name = port.name
        self._port = port

    def now(self) -> float:
        """The clock of the port, in seconds."""
        return self._port.now()

    def close(self) -> None:
        """Release the port; safe to call twice."""
        self._port.close()


def open_modem(text: str, *, family: str | None = None) -> OpenModem:
    """Open the modem on the port that `text` names; `auto`: the only one that answers on a USB port.

    `family`: what it is, so that nobody else is asked for. Raises UsageError, PortError; DeviceError
    `device.no-answer` if no modem answers.
    """
    wanted = None if family is None else find_family(family)
    return choose_modem(wanted) if text == AUTO else _open(text, wanted)


def _open(text: str, family: str | None) -> OpenModem:
    port = open_line(text, FAMILIES[family or next(iter(FAMILIES))].baud, keep=True)
    try:
        identity = identify(port) if family is None else driver_of(family, port).identify()
        if identity is None:
            raise _nobody(text)
        note_device(port, device=identity.model)
        return OpenModem(driver_of(identity.family, port), port, identity)
    except BaseException:
        port.close()
        raise


def choose_modem(family: str | None = None, present: Sequence[PresentPort] | None = None) -> OpenModem:
    """The only modem on a USB port that cannot be a level converter: a wired bus is never asked.

    PortError `port.missing` if none answers, `port.ambiguous` if several do.
    """
    from mbuscli.ports.serial_port import present_ports

    kinds = {port.device: guess(port).kind for port in (present_ports() if present is None else present)}
    names = [name for name, kind in kinds.items() if kind not in (BUILT_IN, ADAPTER)]
    found = _answering(names, family)
    if len(found) == 1:
        return found[0]
    for modem in found:
        modem.close()
    if not found:
        raise _none(names, [name for name, kind in kinds.items() if kind == ADAPTER])
    shown = "; ".join(f"--port {each.name} ({each.identity.model})" for each in found[:_MANY])
    raise PortError(
        f"--port auto: {len(found)} LoRaWAN modems are plugged in",
        reason=Reason.AMBIGUOUS,
        hint=(f"name one: {shown}",),
    )


def _answering(names: Sequence[str], family: str | None) -> list[OpenModem]:
    """The modems on these ports, all asked at the same time."""
    families = dict.fromkeys(names, family)
    if family is None:
        answers = {answer.port: answer.identity for answer in identify_all(names)}
        families = {name: found.family for name in names if (found := answers[name]) is not None}
    modems = []
    for name, known in families.items():
        with suppress(PortError):  # it is another device, or somebody has it
            modems.append(_open(name, known))
    return modems


def _nobody(text: str) -> DeviceError:
    return DeviceError(
        f"{text}: no LoRaWAN modem answers",
        reason=Reason.NO_ANSWER,
        hint=(
            "plug it in again: modems that were stopped in the middle of a command need that",
            f"say what it is: --modem {'|'.join(FAMILIES)}",
            "radio sticks for wireless M-Bus are listed by mbuscli sticks",
        ),
    )


def _none(asked: Sequence[str], adapters: Sequence[str]) -> PortError:
    hints = [f"asked: {', '.join(asked[:_MANY])}"] if asked else []
    if adapters:
        shown = ", ".join(adapters[:_MANY])
        hints.append(f"may be level converters, and are asked only if you name them: {shown}")
    elif not asked:
        hints.append("no USB serial port is plugged in")
    return PortError(
        "--port auto: no LoRaWAN modem was found",
        reason=Reason.MISSING,
        hint=(*hints, "name it: --port /dev/ttyUSB0 --modem rn2483", "without hardware: --port sim:modem"),
    )
