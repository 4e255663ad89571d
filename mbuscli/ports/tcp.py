"""A transparent TCP gateway: `tcp://host:port`."""

from __future__ import annotations

import errno
import select
import socket
from urllib.parse import urlsplit

from mbuscli.errors import PortError, Reason, UsageError
from mbuscli.ports.base import NOTHING, Received
from mbuscli.ports.realtime import RealTimePort

CONNECT_TIMEOUT_S = 5.0
# A gateway that lost power is noticed after about a minute of silence, not after the system's two hours.
_KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPALIVE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}


class TcpPort(RealTimePort):
    """A TCP connection to a gateway that passes octets on as they are.

    `baud` is the rate that the gateway is set to: it cannot be changed from here. Raises PortError where no
    connection comes about within `timeout_s` for each address of the host.
    """

    is_remote = True

    def __init__(
        self, host: str, port: int, *, baud: int = 2400, timeout_s: float = CONNECT_TIMEOUT_S
    ) -> None:
        super().__init__(f"tcp://{_bracketed(host)}:{port}", baud)
        try:
            self._socket = socket.create_connection((host, port), timeout=timeout_s)
        except (OSError, UnicodeError) as error:
            raise connect_failure(host, port, error) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE.items():
            if hasattr(socket, option):
                self._socket.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)

    def set_baud(self, baud: int) -> None:
        self._check_open()
        if baud != self.baud:
            raise PortError(
                f"{self.name} is set to {self.baud} baud, which only the gateway itself can change",
                reason=Reason.UNSUPPORTED,
                hint=[
                    f"set the gateway to {baud} baud",
                    "or reach it by rfc2217://host:port if it can do that",
                ],
            )

    def _send(self, data: bytes, deadline: float) -> None:
        try:
            self._socket.settimeout(max(0.001, deadline - self.now()))
            self._socket.sendall(data)
        except TimeoutError as error:
            raise self._blocked() from error
        except OSError as error:
            raise self._lost() from error

    def _receive(self, timeout_s: float) -> Received:
        try:
            if not select.select([self._socket], [], [], timeout_s)[0]:
                return NOTHING
            data = self._socket.recv(4096)
        except (OSError, ValueError) as error:
            raise self._lost() from error
        if not data:
            raise self._lost()
        return Received(data)

    def _release(self) -> None:
        self._socket.close()

    def _lost(self) -> PortError:
        self._check_open()
        return hung_up(self.name)


def split_host_port(text: str) -> tuple[str, int]:
    """The host and the port of `scheme://host:port`. Raises UsageError."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or not port:
        scheme = text.partition(":")[0]
        raise UsageError(
            f"{text!r} lacks a host or a port between 1 and 65535",
            reason=Reason.INVALID,
            hint=[f"write {scheme}://192.168.1.50:10001, or {scheme}://[::1]:10001"],
        )
    return host, port


def connect_failure(host: str, port: int, error: BaseException | None) -> PortError:
    """Why no connection came about."""
    if isinstance(error, (socket.gaierror, UnicodeError)):
        text = f"the name {host} is not known"
        hint = ["check the spelling, or use the gateway's IP address"]
    elif isinstance(error, ConnectionRefusedError):
        text = f"{host} refuses connections to port {port}"
        hint = ["the host is up, but nothing listens there: check the port number in the gateway's settings"]
    elif isinstance(error, TimeoutError):
        text = f"{host} port {port} did not answer within the time allowed"
        hint = [f"ping {host}", "a firewall may swallow the connection, or the gateway has no power"]
    elif isinstance(error, OSError) and error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        text = f"there is no way through the network to {host}"
        hint = [f"ping {host}", "check the cable, the Wi-Fi or the VPN"]
    else:
        text = f"no connection to {host} port {port}: {getattr(error, 'strerror', None) or error}"
        hint = [f"ping {host}"]
    return PortError(text, reason=Reason.UNREACHABLE, hint=hint)


def hung_up(name: str) -> PortError:
    """The gateway ended the connection."""
    return PortError(
        f"{name}: the gateway closed the connection",
        reason=Reason.CLOSED,
        hint=["many gateways serve one client at a time: close the other one", "then try again"],
    )


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
