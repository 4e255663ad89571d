"""Checks of the serial ports: who may open them, who holds them, and who takes them away. None is opened."""

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Iterator
from typing import NamedTuple

from mbuscli.ports.diagnose import MODEM_MANAGER, bare_name, busy, holders, is_running, permission
from mbuscli.ports.serial_port import PresentPort, present_ports
from mbuscli.services.doctor_case import Case, Finding, found_error
from mbuscli.services.ports import ADAPTER, BUILT_IN, SerialPort, guess, list_ports, usb_id

_USB = "/sys/bus/usb/devices"
# Of the makers of adapter chips.
_DRIVERS = {0x0403: "ftdi_sio", 0x10C4: "cp210x", 0x1A86: "ch341", 0x067B: "pl2303"}
_RULES = "/etc/udev/rules.d/99-mbuscli.rules"
_IGNORED = re.compile(r"^E:ID_MM_(DEVICE|PORT|TTY)_[A-Z_]*(IGNORE|BLACKLIST)=1$", re.MULTILINE)


class _Claimant(NamedTuple):
    """A program that takes ports for its own. `what`: in words; `hint`: how to be rid of it."""

    process: str
    what: str
    hint: tuple[str, ...]


_BRAILLE = _Claimant(
    "brltty",
    "takes CH340 and CP210x adapters for braille displays: their port vanishes again",
    ("sudo systemctl disable --now brltty brltty-udev", "without a braille display: sudo apt remove brltty"),
)


def look_at_ports(_case: Case) -> Iterator[Finding]:
    """Each serial port: what it is, whether this user may open it, and whether somebody has it."""
    found = list_ports()
    if not found:
        yield Finding(
            "skipped",
            "no serial port is present",
            ("plug the converter or stick in, with a cable that carries data too",),
        )
    for each in found:
        yield _port(each)
    yield from without_port()


def without_port(folder: str = _USB) -> Iterator[Finding]:
    """USB adapters that no driver has made a port of (Linux only)."""
    for place in sorted(glob.glob(os.path.join(folder, "*", "idVendor"))):
        device = os.path.dirname(place)
        name = os.path.basename(device)
        try:
            vendor, product = (int(_first_line(device, which), 16) for which in ("idVendor", "idProduct"))
        except (OSError, ValueError):
            continue  # it was pulled out just now
        port = PresentPort(name, "", None, vendor, product)
        has_port = glob.glob(os.path.join(glob.escape(device), f"{glob.escape(name)}:*", "tty*"))
        if guess(port).kind == ADAPTER and not has_port:
            hint = f"sudo modprobe {_DRIVERS[vendor]}; then plug it in again"
            text = "a USB serial adapter that no driver has made a port of"
            yield Finding("warning", f"{text}: {guess(port).why}", (hint,), f"USB {usb_id(port)}")


def _port(found: SerialPort) -> Finding:
    port = found.port
    ids = usb_id(port)
    texts = (f"USB {ids}", port.manufacturer, port.product, _driver(port.device)) if ids else ()
    text = ", ".join(filter(None, (found.guess.kind, *texts)))
    fault = access_fault(port.device)
    if fault is None:
        return Finding("ok", f"{text}; you may open it, and nobody has it", subject=port.device)
    # One that is built in is seldom meant.
    state = "warning" if found.guess.kind == BUILT_IN else fault.state
    return Finding(state, f"{text}; {fault.text}", fault.hint, port.device)


def access_fault(name: str) -> Finding | None:
    """What keeps this user from opening a node, None if nothing does; nothing is opened."""
    if os.name == "nt" or not os.path.exists(name):
        return None
    if not os.access(name, os.R_OK | os.W_OK):
        return found_error(permission(name, os.stat(name)), name)
    held_by = [holder for holder in holders(name) if holder.pid != os.getpid()]
    return found_error(busy(name, held_by), name, "warning") if held_by else None


def look_for_claimants(_case: Case) -> Iterator[Finding]:
    """Programs that open or take ports by themselves; adapters that have no port."""
    if sys.platform != "linux":
        yield Finding("skipped", f"{MODEM_MANAGER} and brltty: only Linux has them")
        return
    usb = [port for port in present_ports() if guess(port).kind != BUILT_IN]
    if not is_running(MODEM_MANAGER):
        yield Finding("ok", f"{MODEM_MANAGER} does not run")
    elif not usb:
        yield Finding("ok", f"{MODEM_MANAGER} runs, but there is no USB port that it could try")
    else:
        yield from map(_tried_out, usb)
    if is_running(_BRAILLE.process):
        yield Finding("warning", f"{_BRAILLE.process} runs; it {_BRAILLE.what}", _BRAILLE.hint)


def _tried_out(port: PresentPort) -> Finding:
    """Whether ModemManager has been told to leave this adapter alone."""
    if is_left_alone(_udev_entry(port.device)):
        return Finding("ok", f"{MODEM_MANAGER} runs, and leaves this port alone", subject=port.device)
    return Finding(
        "warning",
        f"{MODEM_MANAGER} runs, and may try this port out for 20 s once it is plugged in",
        (
            f"echo '{udev_rule(port)}' | sudo tee -a {_RULES}",
            "sudo udevadm control --reload; plug it in again",
        ),
        port.device,
    )


def udev_rule(port: PresentPort) -> str:
    """The rule that keeps ModemManager away from adapters with these USB numbers."""
    ids = f'ATTRS{{idVendor}}=="{port.vid:04x}", ATTRS{{idProduct}}=="{port.pid:04x}"'
    return f'{ids}, ENV{{ID_MM_DEVICE_IGNORE}}="1"'


def is_left_alone(entry: str) -> bool:
    """True if an entry of udev's database tells ModemManager to pass the device over."""
    return _IGNORED.search(entry) is not None


def _udev_entry(device: str) -> str:
    """What udev keeps of a node; "" if nothing."""
    try:
        number = os.stat(device).st_rdev
        path = f"/run/udev/data/c{os.major(number)}:{os.minor(number)}"
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read(1 << 16)
    except OSError:
        return ""


def _driver(device: str) -> str:
    """`driver ftdi_sio`, as Linux says; "" elsewhere."""
    try:
        link = os.readlink(f"/sys/class/tty/{bare_name(device)}/device/driver")
    except OSError:
        return ""
    return f"driver {os.path.basename(link)}"


def _first_line(folder: str, name: str) -> str:
    with open(os.path.join(folder, name), encoding="ascii", errors="replace") as stream:
        return stream.readline().strip()
