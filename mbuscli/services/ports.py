"""The serial ports of this computer: what they are, who may use them, and which one `auto` means.

Nothing here opens a port: on a wired bus even a question is a transmission.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from mbuscli.errors import PortError, Reason
from mbuscli.ports.diagnose import Access, Holder, access, holders
from mbuscli.ports.serial_port import PresentPort, lasting_names, present_ports

ADAPTER = "USB serial adapter, perhaps a level converter"
STICK = "radio stick"
OTHER_USB = "USB device"
BUILT_IN = "no USB device"

# USB vendor, its chip's product numbers (empty: all are serial adapters), name of the chip.
_CHIPS: tuple[tuple[int, frozenset[int], str], ...] = (
    (0x0403, frozenset(), "FTDI"),
    (0x10C4, frozenset({0xEA60, 0xEA61, 0xEA63, 0xEA70, 0xEA71, 0xEA80}), "Silicon Labs CP210x"),
    (0x1A86, frozenset({0x7522, 0x7523, 0x5523, 0x55D2, 0x55D3, 0x55D4}), "WCH CH340 or CH9102"),
    (0x067B, frozenset({0x2303, 0x2304, 0x23A3, 0x23B3, 0x23C3, 0x23D3}), "Prolific PL2303"),
)
# These sticks carry the ids of the chips above, so that only their texts tell them from a converter.
_STICKS = (
    "iM871A",
    "iU891A",
    "iU880B",
    "iM880B",
    "AMB8465",
    "AMB8665",
    "AMB3665",
    "RC1180",
    "nanoCUL",
    "CUL868",
)


class Guess(NamedTuple):
    """What a port probably is, and why."""

    kind: str
    why: str


class SerialPort(NamedTuple):
    """A port as it stands; `lasting` are names that it keeps when it is plugged in again."""

    port: PresentPort
    lasting: tuple[str, ...]
    held_by: tuple[Holder, ...]
    access: Access
    guess: Guess


class Choice(NamedTuple):
    """The port that `auto` stands for, and why."""

    name: str
    why: str


def list_ports() -> list[SerialPort]:
    """The serial ports of this computer, in the order of their names."""
    present = present_ports()
    links = lasting_names()
    serials = Counter((port.usb_serial or "").casefold() for port in present)
    return [
        SerialPort(
            port,
            (*_id_form(port, serials), *links.get(port.device, ())),
            tuple(holders(port.device)),
            access(port.device),
            guess(port),
        )
        for port in present
    ]


def guess(port: PresentPort) -> Guess:
    """What the USB ids and texts of a port say; they name the chip, not what stands behind it."""
    if port.vid is None or port.pid is None:
        return Guess(BUILT_IN, "it has no USB id: built in, virtual or Bluetooth")
    ids = usb_id(port)
    text = f"{port.manufacturer or ''} {port.product or ''}".casefold()
    for stick in _STICKS:
        if stick.casefold() in text:
            return Guess(STICK, f"its USB text names {stick}")
    for vendor, products, chip in _CHIPS:
        if port.vid == vendor and (not products or port.pid in products):
            return Guess(ADAPTER, f"USB id {ids} belongs to {chip}, a chip in adapters of many makers")
    return Guess(OTHER_USB, f"USB id {ids} is none of the usual adapter chips")


def usb_id(port: PresentPort) -> str | None:
    """`0403:6001`, None of a port that is no USB device."""
    return None if port.vid is None or port.pid is None else f"{port.vid:04x}:{port.pid:04x}"


def choose_port(present: Sequence[PresentPort] | None = None) -> Choice:
    """The port that `auto` stands for: the only adapter, else the only USB device that is no radio stick.

    Ports without a USB id are never chosen: something else than a meter bus is likely to be behind them.
    Raises PortError `port.missing` if there is no candidate, `port.ambiguous` if there are several.
    """
    ports = [(port, guess(port)) for port in (present_ports() if present is None else present)]
    for kind, what in ((ADAPTER, "USB serial adapter"), (OTHER_USB, "USB serial port")):
        candidates = [(port, guess) for port, guess in ports if guess.kind == kind]
        if len(candidates) == 1:
            port, found = candidates[0]
            return Choice(port.device, f"the only {what} ({found.why})")
        if candidates:
            raise _several([port for port, _ in candidates], what)
    raise _none(ports)


def _several(ports: Sequence[PresentPort], what: str) -> PortError:
    shown = [f"--port {port.device} ({port.product or usb_id(port)})" for port in ports[:8]]
    return PortError(
        f"--port auto: there are {len(ports)} {what}s, and asking on a bus whose it is would disturb it",
        reason=Reason.AMBIGUOUS,
        hint=[f"name one: {'; '.join(shown)}", "mbuscli ports shows more of them"],
    )


def _none(ports: Sequence[tuple[PresentPort, Guess]]) -> PortError:
    others = [f"{port.device} ({guess.kind})" for port, guess in ports[:8]]
    hint = [f"present, but never chosen unless named: {', '.join(others)}"] if others else []
    return PortError(
        "--port auto: no USB serial adapter is plugged in",
        reason=Reason.MISSING,
        hint=[
            *hint,
            "plug the converter in, with a cable that carries data too",
            "a gateway: tcp://host:port",
        ],
    )


def _id_form(port: PresentPort, serials: Counter[str]) -> list[str]:
    """`id:<usb serial>` where it names this port only: quad adapters give four ports one number."""
    if not port.usb_serial or serials[port.usb_serial.casefold()] > 1:
        return []
    return [f"id:{port.usb_serial}"]
