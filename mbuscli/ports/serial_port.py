"""Serial ports through pyserial: a tty on POSIX, a COM port on Windows."""

from __future__ import annotations

import errno
import os
import select
from contextlib import suppress
from typing import NamedTuple, Protocol

import serial

from mbuscli.errors import PortError, Reason
from mbuscli.ports.base import NOTHING, Parity, Received
from mbuscli.ports.diagnose import errno_of, lost, open_failure, port_faults
from mbuscli.ports.parity_marks import ParityMarks, mark_parity_errors
from mbuscli.ports.realtime import RealTimePort

# pyserial sets the line up anew whenever its timeout changes, so it is set once and short.
POLL_S = 0.02
# Longer than the longest frame at 300 baud: 261 octets take 9.6 s.
_POLLED_WRITE_TIMEOUT_S = 12.0
_READ_SIZE = 4096
BY_ID = "/dev/serial/by-id"
NO_PARITY = "this port cannot do even parity: it runs 8N1, and only checksums show damaged octets"


class PresentPort(NamedTuple):
    """A serial port of this computer; what follows `description` is known of USB adapters only.

    `vid` and `pid` are the numbers of the USB vendor and product; the texts are the adapter's own.
    """

    device: str
    description: str
    usb_serial: str | None
    vid: int | None = None
    pid: int | None = None
    manufacturer: str | None = None
    product: str | None = None


def present_ports() -> list[PresentPort]:
    """The serial ports of this computer, in the order of their names."""
    from serial.tools.list_ports import comports

    return [
        PresentPort(
            port.device,
            port.description,
            port.serial_number,
            port.vid,
            port.pid,
            port.manufacturer,
            port.product,
        )
        for port in sorted(comports())
    ]


def present_names() -> list[str]:
    """The names of the serial ports of this computer."""
    return [port.device for port in present_ports()]


def lasting_names(folder: str = BY_ID) -> dict[str, list[str]]:
    """Links to each port by what its adapter says of itself: they outlive replugging (Linux only)."""
    links: dict[str, list[str]] = {}
    with suppress(OSError):
        for entry in sorted(os.listdir(folder)):
            link = os.path.join(folder, entry)
            links.setdefault(os.path.realpath(link), []).append(link)
    return links


def open_serial_port(name: str, *, baud: int = 2400, parity: Parity = "even") -> RealTimePort:
    """A serial port with 8 data bits, even parity (a wired bus) or none (a stick) and one stop bit, for us
    alone.

    Where the port refuses even parity it is opened without, and `parity_note` says so. Raises PortError.
    """
    device, parity_note = _open_device(name, baud, parity)
    port = TtyPort(name, device) if os.name == "posix" else PolledPort(name, device)
    port.parity_note = port.parity_note or parity_note
    return port


def _open_device(name: str, baud: int, parity: Parity) -> tuple[serial.Serial, str | None]:
    device = serial.Serial(
        baudrate=baud, timeout=POLL_S, write_timeout=_POLLED_WRITE_TIMEOUT_S, exclusive=True
    )
    device.parity = serial.PARITY_EVEN if parity == "even" else serial.PARITY_NONE
    try:
        device.port = name
        try:
            device.open()
            return device, None
        except port_faults() as error:
            # So the C library tells that the driver dropped the parity bit; other faults come back below.
            if errno_of(error) != errno.EINVAL or parity == "none":
                raise
        device.parity = serial.PARITY_NONE
        device.open()
        return device, NO_PARITY
    except port_faults() as error:
        raise open_failure(name, error, present_names) from error


class Device(Protocol):
    """What is needed of a pyserial object."""

    baudrate: int

    @property
    def in_waiting(self) -> int: ...
    def read(self, size: int = ..., /) -> bytes: ...
    def write(self, data: bytes, /) -> int | None: ...
    def close(self) -> None: ...


class PolledPort(RealTimePort):
    """Any open pyserial object, read by short polls: COM ports and remote ports."""

    def __init__(self, name: str, device: Device) -> None:
        super().__init__(name, device.baudrate)
        self._device = device
        self._fault: PortError | None = None

    def set_baud(self, baud: int) -> None:
        self._check_open()
        try:
            self._device.baudrate = baud
        except ValueError as error:
            raise self._cannot_do(baud) from error
        except port_faults() as error:
            # Newer C libraries refuse so what is no standard rate.
            if errno_of(error) == errno.EINVAL:
                raise self._cannot_do(baud) from error
            raise self._lost(error) from error
        self.baud = baud

    def _send(self, data: bytes, deadline: float) -> None:
        try:
            self._device.write(data)
        except serial.SerialTimeoutException as error:
            raise self._blocked() from error
        except port_faults() as error:
            raise self._lost(error) from error

    def _receive(self, timeout_s: float) -> Received:
        if self._fault is not None:
            raise self._fault
        data = b""
        try:
            waiting = self._device.in_waiting
            if not waiting and timeout_s <= 0:
                return NOTHING
            data = self._device.read(waiting or 1)
            if waiting := self._device.in_waiting:
                data += self._device.read(waiting)
        except port_faults() as error:
            fault = self._lost(error)
            data += self._left_over()
            if not data:
                raise fault from error
            # What arrived before the fault is handed out first.
            self._fault = fault
        return Received(data)

    def _left_over(self) -> bytes:
        """What a failed port had received before."""
        return b""

    def _release(self) -> None:
        with suppress(*port_faults()):
            self._device.close()

    def _lost(self, error: BaseException | None) -> PortError:
        self._check_open()
        return lost(self.name, error)

    def _cannot_do(self, baud: int) -> PortError:
        return PortError(f"{self.name} cannot do {baud} baud", reason=Reason.UNSUPPORTED)


class TtyPort(PolledPort):
    """A POSIX tty. pyserial sets it up; octets go through the file descriptor, so that none is lost when the
    device goes away."""

    def __init__(self, name: str, device: serial.Serial) -> None:
        super().__init__(name, device)
        self._tty = device
        self._fd = device.fileno()
        self._marks: ParityMarks | None = None
        try:
            self._claim()
            self._set_marks()
        except port_faults() as error:
            device.close()
            raise lost(name, error) from error

    def set_baud(self, baud: int) -> None:
        super().set_baud(baud)
        try:
            self._set_marks()
        except port_faults() as error:
            raise self._lost(error) from error

    def _claim(self) -> None:
        """Keep out the programs that do not ask for a lock. A pty (it has no modem lines) would stay claimed
        after our end."""
        import fcntl
        import termios

        with suppress(OSError):
            fcntl.ioctl(self._fd, termios.TIOCMGET, bytes(4))
            fcntl.ioctl(self._fd, termios.TIOCEXCL)

    def _set_marks(self) -> None:
        """Make parity errors visible, which pyserial hides; give in where the port dropped the parity bit."""
        import termios

        if termios.tcgetattr(self._fd)[2] & termios.PARENB:
            self._marks = ParityMarks() if mark_parity_errors(self._fd) else None
        elif self._tty.parity != serial.PARITY_NONE:
            self._tty.parity = serial.PARITY_NONE
            self.parity_note = NO_PARITY

    def _send(self, data: bytes, deadline: float) -> None:
        rest = memoryview(data)
        try:
            while rest:
                left_s = max(0.0, deadline - self.now())
                if not select.select([], [self._fd], [], left_s)[1]:
                    self._forget_output()
                    raise self._blocked()
                with suppress(BlockingIOError):
                    rest = rest[os.write(self._fd, rest) :]
        except port_faults() as error:
            raise self._lost(error) from error

    def _forget_output(self) -> None:
        """Closing a tty waits for its output: 30 s on Linux."""
        import termios

        with suppress(termios.error):
            termios.tcflush(self._fd, termios.TCOFLUSH)

    def _receive(self, timeout_s: float) -> Received:
        import termios

        try:
            if not select.select([self._fd], [], [], timeout_s)[0]:
                return NOTHING
            data = os.read(self._fd, _READ_SIZE)
            if not data:
                # Either somebody else took the octets, or the line hung up: then this says so.
                termios.tcgetattr(self._fd)
        except BlockingIOError:
            return NOTHING
        except port_faults() as error:
            raise self._lost(error) from error
        return self._marks.feed(data) if self._marks is not None else Received(data)
