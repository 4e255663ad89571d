"""A remote serial port whose line settings are set from here: `rfc2217://host:port` (RFC 2217)."""

from __future__ import annotations

import socket
import warnings
from contextlib import suppress
from queue import Empty, Queue

import serial
import serial.rfc2217

from mbuscli.errors import PortError, Reason
from mbuscli.ports.base import Parity
from mbuscli.ports.diagnose import causes, port_faults
from mbuscli.ports.serial_port import NO_PARITY, POLL_S, PolledPort
from mbuscli.ports.tcp import connect_failure, hung_up, split_host_port


class _Client(serial.rfc2217.Serial):
    """pyserial's client. Its reader thread must not print a traceback when the gateway goes away, nor take
    along what it has received."""

    _read_buffer: Queue[bytes | None]
    _socket: socket.socket | None

    def close(self) -> None:
        # pyserial forgets the socket unclosed where the gateway has ended the connection first.
        connection = self._socket
        super().close()
        if connection is not None:
            connection.close()

    def _telnet_read_loop(self) -> None:
        # The end of this thread is the sign that the connection is lost; a None only wakes the reader.
        with suppress(*port_faults()):
            super()._telnet_read_loop()  # type: ignore[misc]
        self._read_buffer.put(None)

    def left_over(self) -> bytes:
        data = b""
        with suppress(Empty):
            while True:
                data += self._read_buffer.get_nowait() or b""
        return data


class Rfc2217Port(PolledPort):
    """A port of a terminal server, set to 8E1, or 8N1 for a stick and where it refuses 8E1 (`parity_note`).

    The options that pyserial knows may follow: `?ign_set_control`, `?timeout=10`. Raises PortError.
    """

    is_remote = True

    def __init__(self, url: str, *, baud: int = 2400, parity: Parity = "even") -> None:
        split_host_port(url)
        try:
            self._client, parity_note = _connect(url, baud, parity)
        except port_faults() as error:
            raise _open_failure(url, error) from error
        super().__init__(url, self._client)
        self.parity_note = parity_note

    def set_baud(self, baud: int) -> None:
        try:
            super().set_baud(baud)
        except PortError as error:
            if error.reason is Reason.CLOSED or baud == self.baud:
                raise
            raise PortError(
                f"{self.name} does not accept {baud} baud",
                reason=Reason.UNSUPPORTED,
                hint=["see which baud rates the gateway's settings allow"],
            ) from error

    def _left_over(self) -> bytes:
        return self._client.left_over()

    def _lost(self, error: BaseException | None) -> PortError:
        self._check_open()
        if any(isinstance(cause, TimeoutError) for cause in causes(error)):
            return self._blocked()
        return hung_up(self.name)


def _connect(url: str, baud: int, parity: Parity) -> tuple[_Client, str | None]:
    wanted = serial.PARITY_EVEN if parity == "even" else serial.PARITY_NONE
    client = _Client(baudrate=baud, parity=wanted, timeout=POLL_S)
    client.port = url
    with warnings.catch_warnings():
        # pyserial 3.5 still calls Thread.setDaemon().
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            client.open()
            return client, None
        except ValueError:
            # So pyserial tells that the gateway answered with another setting than the one asked for.
            if parity == "none":
                raise
            client.parity = serial.PARITY_NONE
            client.open()
            return client, NO_PARITY


def _open_failure(url: str, error: BaseException) -> PortError:
    host, port = split_host_port(url)
    for cause in causes(error):
        # pyserial wraps what the connection failed with in an exception without a number.
        if isinstance(cause, OSError) and not isinstance(cause, serial.SerialException):
            return connect_failure(host, port, cause)
    return PortError(
        f"{host} port {port} answers, but does not let the serial port be set by RFC 2217",
        reason=Reason.UNSUPPORTED,
        hint=[
            f"if it passes octets on as they are: --port tcp://{host}:{port}",
            "or try ?ign_set_control after it",
        ],
    )
