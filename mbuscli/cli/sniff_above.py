"""What is seen of a walk in the background: a line for each meter that is new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mbuscli.cli.sniff_faces import StreamFace
from mbuscli.render.text import ascii_unit, inert
from mbuscli.render.walk_view import row_of
from mbuscli.services.walk_capture import moment_of

if TYPE_CHECKING:
    from mbuscli.cli.sniff_run import Session
    from mbuscli.services.recorder import Position
    from mbuscli.services.sniff import Heard


class NewMetersFace(StreamFace):
    """A line a new meter; the table of all of them at the end. What else is heard is counted."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._route = session.route

    def heard(self, heard: Heard, position: Position | None) -> None:
        meter = heard.meter
        if meter is None or not heard.is_new:
            return
        row = row_of(meter, self._route)
        time = moment_of(heard.time).strftime("%H:%M:%S")
        signal = "" if meter.best_rssi_dbm is None else f"{meter.best_rssi_dbm:.0f} dBm"
        closed = meter.key_state if meter.security not in ("none", "decrypted") else ""
        words = (time, meter.text, meter.name, row.type, row.reading, signal, closed)
        line = inert("  ".join(filter(None, words)))
        streams = self._output.streams
        streams.words(ascii_unit(line) if streams.ascii_out else line)
