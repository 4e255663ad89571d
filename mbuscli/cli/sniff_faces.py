"""What the user sees of a walk: a live table, or telegrams as they come."""

from __future__ import annotations

import os
import time
from collections import deque
from contextlib import ExitStack
from typing import TYPE_CHECKING

from mbuscli.cli.talk import complain
from mbuscli.render.text import inert
from mbuscli.render.walk_rows import WalkReport, gap_row, meters_table, summary_row
from mbuscli.services.listen import Alive, Ended, Gap, ListenEvent, Listening

if TYPE_CHECKING:
    from mbuscli.cli.sniff_run import Session
    from mbuscli.errors import MbuscliError
    from mbuscli.render.walk_view import Row, Status
    from mbuscli.services.recorder import Position
    from mbuscli.services.sniff import Heard

# The screen is written so often at most: after a key at once, for telegrams and ages less often.
_REDRAW_S = 0.5
# Very many meters take their time to be sorted: drawing gets this share of a core at most.
_DRAWING_SHARE = 0.05
_RATE_S = 10.0
# Sets of link modes that are named, of a stick that has many.
_CHOICES = 4
_LONGEST_PORT = 24
# What a live table adds to the name of a simulated stick.
_REAL_PACE = "?pace=real"
# Families that are no sticks: a file, and a pipe.
_RECORDED = ("replay", "pipe")


def choose_face(session: Session) -> StreamFace | LiveFace:
    """The live table at a terminal, unless another format is wanted; above a prompt, new meters."""
    output = session.output
    if output.is_table and output.streams.above_prompt:
        from mbuscli.cli.sniff_above import NewMetersFace

        return NewMetersFace(session)
    smart = output.streams.out_is_terminal and os.environ.get("TERM") != "dumb"
    return LiveFace(session) if output.is_table and smart else StreamFace(session)


def sentence(event: ListenEvent) -> str:
    """A stick's event in words."""
    if isinstance(event, Listening):
        identity, modes = event.tuned.identity, " and ".join(sorted(event.tuned.modes)) or "whatever comes"
        firmware = f" (firmware {identity.firmware})" if identity.firmware else ""
        if identity.family in _RECORDED:
            return f"{event.port}: what comes is heard, whatever the link mode"
        deaf = event.tuned.deaf
        cannot = f"; it cannot hear {' or '.join(sorted(deaf))} at the same time" if deaf else ""
        if event.again:
            return f"{identity.model} at {event.port} listens again to {modes}"
        choices = " or ".join("+".join(sorted(other)) for other in event.tuned.others[:_CHOICES])
        instead = f"; instead it could hear {choices}" if choices else ""
        return f"{identity.model}{firmware} at {event.port} listens to {modes}{cannot}{instead}"
    if isinstance(event, Gap):
        if event.until is None:
            return f"{event.port} is lost: {event.error.text}; waiting for it to come back"
        return f"{event.port} is back; nothing was heard for {event.until - event.since:.0f} s"
    if isinstance(event, Ended):
        return f"{event.port}: {event.error.text if event.error else 'the end'}"
    return ""


class StreamFace:
    """Telegrams for programs and files, talk on stderr. As a table, only the meters at the end."""

    is_live = False

    def __init__(self, session: Session) -> None:
        self._session = session
        self._output = session.output
        self._alive_at: float | None = None
        self._report = None if session.output.is_table else WalkReport(session.output)

    def heard(self, heard: Heard, position: Position | None) -> None:
        if heard.telegram is not None and self._report is not None:
            self._report.add(heard, position)

    def told(self, event: ListenEvent) -> None:
        streams = self._output.streams
        if isinstance(event, Alive):
            self._alive_at = event.time
        if isinstance(event, Alive) or (isinstance(event, Ended) and event.error is None):
            return
        if isinstance(event, Gap) and self._report is not None:
            self._report.note(gap_row(event))
        if isinstance(event, Ended) and event.error is not None:
            if self._session.was_tuned:
                complain(self._output, event.error, event.port)
        elif isinstance(event, Gap) and not self._output.is_json:
            streams.complain(f"warning: {inert(sentence(event))}")
        else:
            streams.talk(inert(sentence(event)))

    def trouble(self, error: MbuscliError) -> None:
        complain(self._output, error, "")

    def tick(self, now: float, *, over: bool) -> bool:
        walk = self._session.walk
        route = self._session.route
        total = f", {route.total}" if route is not None else ""
        text = f"{walk.counters.telegrams} telegrams of {len(walk.roster)} meters{total}"
        alive = "" if self._alive_at is None else f", the stick answered {now - self._alive_at:.0f} s ago"
        self._output.streams.progress(f"listening: {text}, {self._session.elapsed_s:.0f} s{alive}")
        return not over

    def close(self) -> None:
        self._output.streams.end_progress()

    def finish(self, elapsed_s: float) -> None:
        if self._report is None:
            write_meters(self._session)
            return
        self._report.note(summary_row(self._session.walk, self._session.route, elapsed_s))
        self._report.finish()


def write_meters(session: Session) -> None:
    """The table of all meters that are to be shown."""
    wanted = session.plan.wanted
    meters = [meter for meter in session.walk.roster.meters.values() if wanted.takes_meter(meter)]
    if meters:
        streams = session.output.streams
        streams.data(meters_table(meters, session.route, streams))


def _short(port: str) -> str:
    return port if len(port) <= _LONGEST_PORT else f"...{port[3 - _LONGEST_PORT :]}"


class LiveFace:
    """The live table."""

    is_live = True

    def __init__(self, session: Session) -> None:
        from mbuscli.cli.keystrokes import keystrokes
        from mbuscli.render.live import Screen
        from mbuscli.render.walk_view import View

        self._session = session
        self._view = View()
        self._stack = ExitStack()
        self._keys = self._stack.enter_context(keystrokes())
        self._screen = Screen(session.output.streams)
        self._stack.callback(self._screen.close)
        self._sources: dict[str, str] = {}
        self._lost: dict[str, str] = {}
        self._alive_at: float | None = None
        self._counts: deque[tuple[float, int]] = deque()
        self._rows: list[Row] = []
        self._drawn = self._now = 0.0
        self._rest_s = _REDRAW_S
        self._over = False

    def heard(self, heard: Heard, position: Position | None) -> None:
        """The roster has it."""

    def told(self, event: ListenEvent) -> None:
        if isinstance(event, Alive):
            self._alive_at = event.time
        elif isinstance(event, Listening):
            identity = event.tuned.identity
            modes = "+".join(sorted(event.tuned.modes)) or "all"
            tuned = "" if identity.family in _RECORDED else f"{modes} {identity.model} at "
            shown = event._replace(port=event.port.removesuffix(_REAL_PACE))
            self._sources[event.port] = tuned + _short(shown.port)
            self._view.message = sentence(shown)
        elif isinstance(event, Gap):
            if event.until is None:
                self._lost[event.port] = sentence(event)
            else:
                self._lost.pop(event.port, None)
                self._view.message = sentence(event)
        elif isinstance(event, Ended) and event.error is not None:
            self._lost[event.port] = f"lost for good: {sentence(event)}"
        self._drawn = 0.0

    def trouble(self, error: MbuscliError) -> None:
        self._view.message = error.text

    def tick(self, now: float, *, over: bool) -> bool:
        """Without a limit the table of a recording that has ended stays until the user quits."""
        if over and (self._session.plan.has_limit or not self._session.was_tuned):
            return False
        if over and not self._over:
            self._over, self._view.message = True, ""
        self._now = now
        pressed = self._keys()
        for key in pressed:
            if not self._press(key):
                return False
        if pressed or time.monotonic() - self._drawn >= self._rest_s:
            began = time.process_time()
            self._draw(now)
            self._rest_s = max(_REDRAW_S, (time.process_time() - began) / _DRAWING_SHARE)
        return True

    def close(self) -> None:
        self._stack.close()

    def finish(self, elapsed_s: float) -> None:
        write_meters(self._session)

    def _collect(self) -> None:
        """Find the rows that are to be seen; while the table stands still only after a key."""
        from mbuscli.render.walk_view import all_rows

        session = self._session
        wanted = session.plan.wanted
        rows = all_rows(session.walk.roster.meters.values(), session.route, self._view)
        self._rows = [row for row in rows if wanted.takes(row.address, row.title, row.place, row.type)]

    def _draw(self, now: float) -> None:
        from mbuscli.render.live import frame, row_lines
        from mbuscli.render.walk_view import page

        width, height = self._screen.size()
        session, view = self._session, self._view
        if view.paused_at is None:
            self._collect()
        shown = page(self._rows, view, row_lines(height, session.route))
        lines = frame(
            self._status(now),
            shown,
            view,
            session.route,
            now if view.paused_at is None else view.paused_at,
            width,
            height,
            ascii_only=session.output.streams.ascii_out,
        )
        self._screen.draw(lines, (width, height))
        self._drawn = time.monotonic()

    def _status(self, now: float) -> Status:
        from mbuscli.render.walk_view import Status

        walk = self._session.walk
        return Status(
            "  ".join(self._sources.values()) or "opening the stick",
            self._session.elapsed_s,
            self._rate(walk.counters.telegrams),
            None if walk.last_heard is None else now - walk.last_heard,
            self._heartbeat(now),
            walk.counters,
            len(walk.roster),
            walk.roster.forgotten,
        )

    def _rate(self, telegrams: int) -> float:
        """Telegrams a second, lately."""
        now = time.monotonic()
        self._counts.append((now, telegrams))
        while now - self._counts[0][0] > _RATE_S:
            self._counts.popleft()
        since, before = self._counts[0]
        return (telegrams - before) / max(now - since, 1.0)

    def _heartbeat(self, now: float) -> str:
        """What proves that the radio works when nothing is heard."""
        from mbuscli.render.walk_view import age

        if self._lost:
            return "; ".join(self._lost.values())
        if self._over:
            return "the end of the recording: q quits"
        last = self._session.walk.last_heard
        quiet = "nothing heard yet" if last is None else f"last telegram {age(now - last)} ago"
        alive = "" if self._alive_at is None else f", the stick answered {age(now - self._alive_at)} ago"
        return f"{'listening' if self._sources else 'opening'}: {quiet}{alive}"

    def _press(self, key: str) -> bool:
        """Do what a key asks for; False to quit."""
        view = self._view
        if view.typing:
            self._type(key)
            self._collect()
            return True
        view.message = ""
        if key in ("q", "Q", "escape"):
            return False
        if key == "s":
            view.next_sort()
        elif key == "f":
            view.next_show(with_route=self._session.route is not None)
            self._collect()
        elif key == "/":
            view.typing, view.search = True, ""
        elif key == "c":
            view.search = ""
            self._collect()
        elif key == " ":
            view.paused_at = self._now if view.paused_at is None else None
        elif key in ("m", "enter"):
            self._mark()
        else:
            self._move(key)
        return True

    def _type(self, key: str) -> None:
        view = self._view
        if key in ("enter", "escape"):
            view.typing = False
            view.search = "" if key == "escape" else view.search
        elif key == "backspace":
            view.search = view.search[:-1]
        elif len(key) == 1 and key.isprintable():
            view.search += key

    def _move(self, key: str) -> None:
        from mbuscli.render.live import row_lines
        from mbuscli.render.walk_view import move

        height = row_lines(self._screen.size()[1], self._session.route)
        far = len(self._rows)
        steps = {"up": -1, "down": 1, "page up": -height, "page down": height, "home": -far, "end": far}
        if key in steps:
            move(self._rows, self._view, height, steps[key])

    def _mark(self) -> None:
        row = next((row for row in self._rows if row.address == self._view.selected), None)
        if row is None:
            self._view.message = "choose a meter with the arrow keys first"
            return
        done = not row.marked
        if row.listed is not None:
            self._session.mark(row.listed, done=done)
        elif row.meter is not None:
            row.meter.marked = done
        self._view.message = f"{row.title} is {'marked as read' if done else 'not marked any more'}"
