"""Everything that is received, straight into a capture, in the thread of its stick."""

from __future__ import annotations

import threading
from datetime import datetime

from mbuscli.capture.walk import WalkWriter
from mbuscli.errors import InputError
from mbuscli.services.listen import Gap, ListenEvent, Received


class WalkCapture:
    """A tap for `Listeners`. A capture that cannot be written ends, with `trouble`; the walk goes on."""

    def __init__(self, path: str, *, max_size: int | None = None) -> None:
        """Raises InputError as `WalkWriter`."""
        self.path = path
        self.trouble: InputError | None = None
        self.count = 0
        self._writer = WalkWriter(path, max_size=max_size)
        self._lock = threading.Lock()

    def __call__(self, event: ListenEvent, family: str) -> None:
        """Write down one event of the stick's thread."""
        with self._lock:
            if self.trouble is not None:
                return
            try:
                self._write(event, family)
            except InputError as error:
                self.trouble = error

    def _write(self, event: ListenEvent, stick: str) -> None:
        if isinstance(event, Received):
            reception = event.reception
            moment = moment_of(event.time)
            if reception.error is not None:
                self._writer.damage(moment, reception.error, reception.raw, stick=stick, port=event.port)
            else:
                self._writer.telegram(
                    moment,
                    reception.data,
                    rssi_dbm=reception.rssi_dbm,
                    mode=reception.mode,
                    frame_format=reception.frame_format,
                    stick=stick,
                    port=event.port,
                )
            self.count += 1
        elif isinstance(event, Gap) and event.until is not None:
            text = f"nothing heard since {moment_of(event.since).isoformat()}: {event.error.text}"
            self._writer.event(moment_of(event.until), "gap", text, stick=stick, port=event.port)
        elif isinstance(event, Gap):
            self._writer.event(moment_of(event.since), "lost", event.error.text, stick=stick, port=event.port)

    def close(self) -> None:
        """Put the capture onto the disk; `trouble` says if that failed."""
        with self._lock:
            try:
                self._writer.close()
            except InputError as error:
                self.trouble = self.trouble or error


def moment_of(time: float) -> datetime:
    """A moment in seconds since 1970 with the zone of this computer."""
    return datetime.fromtimestamp(time).astimezone()
