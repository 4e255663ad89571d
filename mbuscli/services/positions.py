"""Where we are, as a satellite receiver says it: an NMEA port or gpsd, read by a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from mbuscli.devices.gps import GPSD_PORT, GPSD_WATCH, Fix, Lines, parse_gpsd, parse_nmea
from mbuscli.errors import PortError
from mbuscli.ports.base import Port
from mbuscli.ports.opener import open_port
from mbuscli.services.recorder import Position

_GPSD = "gpsd"
# The usual rate of receivers with a serial line; those on USB take any.
_BAUD = 9600
_SLICE_S = 0.25
_PAUSE_S = 2.0
# Who walks is somewhere else after this time.
_STALE_S = 30.0


class Positions:
    """Follows a receiver: `gpsd`, `gpsd://host:port`, or the port of an NMEA receiver. It may come and go."""

    def __init__(self, text: str) -> None:
        """Raises PortError and UsageError where it cannot be opened the first time."""
        self._text = text
        self._fix: Fix | None = None
        self._fixed_at = 0.0
        self._stop = threading.Event()
        self._port: Port = self._open()
        self._thread = threading.Thread(target=self._run, name="gps", daemon=True)

    def __enter__(self) -> Positions:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def current(self) -> Position | None:
        """Where we are, as far as that is known at the moment."""
        fix = self._fix
        if fix is None or time.monotonic() - self._fixed_at > _STALE_S:
            return None
        return Position(*fix)

    def _open(self) -> Port:
        if self._text != _GPSD and not self._text.startswith(f"{_GPSD}://"):
            return open_port(self._text, baud=_BAUD, parity="none")
        place = self._text.partition("://")[2] or "localhost"
        host = place if ":" in place else f"{place}:{GPSD_PORT}"
        port = open_port(f"tcp://{host}", baud=_BAUD)
        try:
            port.write(GPSD_WATCH)
        except PortError:
            port.close()
            raise
        return port

    def _run(self) -> None:
        parse: Callable[[str], Fix | None] = parse_gpsd if self._text.startswith(_GPSD) else parse_nmea
        while True:
            try:
                with self._port as port:
                    self._follow(port, parse)
            except PortError:
                pass  # unplugged: positions are an extra, and the receiver may come back
            while not self._stop.wait(_PAUSE_S):
                try:
                    self._port = self._open()
                    break
                except PortError:
                    continue
            if self._stop.is_set():
                return

    def _follow(self, port: Port, parse: Callable[[str], Fix | None]) -> None:
        lines = Lines()
        while not self._stop.is_set():
            for line in lines.feed(port.read(port.now() + _SLICE_S).data):
                fix = parse(line)
                if fix is not None:
                    self._fixed_at, self._fix = time.monotonic(), fix
