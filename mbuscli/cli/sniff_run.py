"""One walk from its first stick to its summary."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mbuscli.cli.met import note_met
from mbuscli.cli.talk import complain
from mbuscli.errors import InputError, MbuscliError, UsageError
from mbuscli.protocol.address import MeterAddress
from mbuscli.render.text import inert
from mbuscli.services.listen import Ended, Listeners, ListenEvent, Listening, Received, Source
from mbuscli.services.sniff import Heard, Walk

if TYPE_CHECKING:
    from mbuscli.cli.exit_codes import ExitCode
    from mbuscli.protocol.security.keys import KeySource
    from mbuscli.render.report import Output
    from mbuscli.services.coverage import Route
    from mbuscli.services.decrypt import LearntFormats
    from mbuscli.services.heard_meter import HeardMeter
    from mbuscli.services.listen import Receiver
    from mbuscli.services.recorder import Position, Recorder
    from mbuscli.services.walk_capture import WalkCapture
    from mbuscli.settings.meter_list import ListedMeter

_WAIT_S = 0.1
_NAMED = 10


class Wanted(NamedTuple):
    """Which meters are shown: any of the patterns or texts; all if there is none of both."""

    patterns: tuple[MeterAddress, ...] = ()
    texts: tuple[str, ...] = ()

    @classmethod
    def parse(cls, filters: tuple[str, ...]) -> Wanted:
        """Meter addresses are patterns, everything else is text."""
        patterns, texts = [], []
        for text in filters:
            try:
                patterns.append(MeterAddress.parse(text))
            except UsageError:
                texts.append(text.casefold())
        return cls(tuple(patterns), tuple(texts))

    def fits(self, heard: Heard) -> bool:
        """True if the telegram is to be shown; those without a meter are, unless something is wanted."""
        if heard.meter is None:
            return not self.patterns and not self.texts
        return self.takes_meter(heard.meter)

    def takes_meter(self, meter: HeardMeter) -> bool:
        """True if the meter is to be shown."""
        return self.takes(meter.address, meter.name, meter.place, meter.device_type_name)

    def takes(self, address: MeterAddress, *words: str) -> bool:
        """The same for a meter that may not have been heard; `words` is what is known of it."""
        if not self.patterns and not self.texts:
            return True
        if any(pattern.matches(address) for pattern in self.patterns):
            return True
        text = f"{address} {' '.join(words)}".casefold()
        return any(wanted in text for wanted in self.texts)


class Plan(NamedTuple):
    """What the user wants of a walk."""

    ports: tuple[str, ...]
    family: str | None
    baud: int | None
    program: str | None
    modes: frozenset[str] | None
    for_s: float | None
    limit: int | None
    wanted: Wanted
    route: str | None
    until_complete: bool
    anew: bool
    capture: str | None
    capture_size: int | None
    gps: str | None
    inventory: str | None
    no_inventory: bool
    strict: bool

    @property
    def has_limit(self) -> bool:
        """True if the walk ends by itself."""
        return self.for_s is not None or self.limit is not None or self.until_complete


class Face(Protocol):
    """What the user sees of a walk. `is_live`: people watch it, so simulated time runs at its real pace."""

    is_live: bool

    def heard(self, heard: Heard, position: Position | None) -> None:
        """A telegram that is wanted, or damage, or noise."""
        ...

    def told(self, event: ListenEvent) -> None:
        """Something about a stick."""
        ...

    def trouble(self, error: MbuscliError) -> None:
        """Something that does not end the walk."""
        ...

    def tick(self, now: float, *, over: bool) -> bool:
        """Redraw if need be; False when the user has seen enough. `over`: nothing more comes."""
        ...

    def close(self) -> None:
        """Give the terminal back; safe to call twice."""
        ...

    def finish(self, elapsed_s: float) -> None:
        """Write what waited for the end."""
        ...


class Session:
    """What belongs to one walk."""

    def __init__(self, plan: Plan, output: Output, walk: Walk, route: Route | None) -> None:
        self.plan = plan
        self.output = output
        self.walk = walk
        self.route = route
        self.route_name = "" if plan.route is None else str(Path(plan.route).resolve())
        self.recorder: Recorder | None = None
        self.capture: WalkCapture | None = None
        self.position: Callable[[], Position | None] = lambda: None
        self.errors: list[MbuscliError] = []
        self.was_tuned = False
        self.shown = 0
        self.began = time.monotonic()
        self._told: dict[str, str] = {}
        self._first_time: float | None = None
        self._last_time = 0.0
        self._last_at = self.began

    @property
    def elapsed_s(self) -> float:
        """Since the walk began; of what was recorded or is simulated, its own time."""
        played_s = 0.0 if self._first_time is None else self._last_time - self._first_time
        return max(time.monotonic() - self.began, played_s)

    def now(self, *, over: bool) -> float:
        """The time of the walk, seconds since 1970: that of the recording, if one is played."""
        if self._first_time is None:
            return time.time()
        return self._last_time + (0.0 if over else time.monotonic() - self._last_at)

    @property
    def is_done(self) -> bool:
        """True when what the user asked for is reached."""
        enough = self.plan.limit is not None and self.shown >= self.plan.limit
        complete = self.plan.until_complete and self.route is not None and self.route.is_complete
        return enough or complete

    def run(self, listeners: Listeners, face: Face) -> BaseException | None:
        """Listen until the end; the interrupt that ended it, if one did."""
        interrupt: BaseException | None = None
        listeners.start()
        try:
            while not self.is_done:
                for event in listeners.events(_WAIT_S):
                    self._take(event, face)
                self._keep(face)
                over = not listeners.running
                if not face.tick(self.now(over=over), over=over):
                    break
        except KeyboardInterrupt as end:
            interrupt = end
        finally:
            for event in listeners.stop():
                self._take(event, face)
        return interrupt

    def mark(self, listed: ListedMeter, *, done: bool) -> None:
        """The user says that a meter is done, or is not."""
        from mbuscli.services.coverage import Progress

        assert self.route is not None
        if done:
            self.route.restore(listed, Progress(marked=time.time()))
        else:
            self.route.unmark(listed)
        self._keep_progress(listed)

    def _keep_progress(self, listed: ListedMeter) -> None:
        if self.recorder is not None and self.route is not None:
            self.recorder.keep_progress(self.route_name, listed, self.route.progress[listed.address])

    def _take(self, event: ListenEvent, face: Face) -> None:
        if isinstance(event, Received):
            heard = self.walk.take(event.reception, event.time, event.port)
            if self._first_time is None:
                self._first_time = event.time
            if event.time > self._last_time:
                self._last_time, self._last_at = event.time, time.monotonic()
            position = self.position()
            if self.recorder is not None:
                self.recorder.add(heard, position)
            meter = heard.meter
            if meter is not None:
                note_met(meter.address)
            if self.route is not None and meter is not None and self.route.note(meter):
                assert meter.listed is not None
                self._keep_progress(meter.listed)
            if not self.is_done_showing and self.plan.wanted.fits(heard):
                self.shown += heard.telegram is not None and not heard.freshness.copy
                face.heard(heard, position)
            return
        if isinstance(event, Ended) and event.error is not None:
            self.errors.append(event.error)
        self.was_tuned = self.was_tuned or isinstance(event, Listening)
        face.told(event)

    @property
    def is_done_showing(self) -> bool:
        """True when --count telegrams were shown: what is still in the queue is kept, not shown."""
        return self.plan.limit is not None and self.shown >= self.plan.limit

    def _keep(self, face: Face) -> None:
        """Commit to the inventory; say once what is wrong with it or with the capture."""
        if self.recorder is not None:
            self.recorder.flush(time.monotonic())
        for name, keeper in (("inventory", self.recorder), ("capture", self.capture)):
            trouble = None if keeper is None else keeper.trouble
            text = "" if trouble is None else trouble.text
            if text != self._told.get(name, "") and trouble is not None:
                face.trouble(trouble)
            self._told[name] = text

    def troubles(self) -> list[InputError]:
        """What could not be kept to the end."""
        keepers = (self.recorder, self.capture)
        return [keeper.trouble for keeper in keepers if keeper is not None and keeper.trouble is not None]


def sniff(plan: Plan, keys: KeySource, output: Output) -> ExitCode:
    """Run the walk and tell what came of it."""
    from mbuscli.cli.sniff_end import exit_code, sum_up
    from mbuscli.cli.sniff_faces import choose_face
    from mbuscli.services.decrypt import LearntFormats

    formats = LearntFormats()
    with ExitStack() as stack:
        session = _session(plan, keys, formats, output, stack)
        face = choose_face(session)
        stack.callback(face.close)
        live = face.is_live
        listeners = Listeners(
            [_source(port, plan, live=live) for port in plan.ports], for_s=plan.for_s, tap=session.capture
        )
        interrupt = session.run(listeners, face)
        elapsed_s = session.elapsed_s
        stack.close()  # everything is in its file, and the terminal is back, before the last word
    if session.errors and not session.was_tuned:
        for error in session.errors[1:]:
            complain(output, error, "")
        raise session.errors[0]
    face.finish(elapsed_s)
    sum_up(session, elapsed_s)
    unkept = formats.keep()
    if unkept is not None:
        output.streams.talk(f"note: what was learnt of compact frames is not kept: {inert(unkept)}")
    for trouble in session.troubles():
        complain(output, trouble, "")
    return exit_code(session, interrupt)


def _session(
    plan: Plan, keys: KeySource, formats: LearntFormats, output: Output, stack: ExitStack
) -> Session:
    from mbuscli.services.coverage import BothKeys

    route = None if plan.route is None else _route(plan.route, output)
    recorder = _recorder(plan, stack)
    source = keys if route is None else BothKeys(route.keys(), keys)
    walk = Walk(
        source,
        formats,
        listed=None if route is None else route.find,
        recall=None if recorder is None else recorder.recall,
        strict=plan.strict,
    )
    session = Session(plan, output, walk, route)
    session.recorder = recorder
    if route is not None and recorder is not None:
        _resume(session, route, recorder)
    if plan.capture is not None:
        from mbuscli.services.walk_capture import WalkCapture

        session.capture = WalkCapture(plan.capture, max_size=plan.capture_size)
        stack.callback(session.capture.close)
    if plan.gps is not None:
        from mbuscli.services.positions import Positions

        positions = stack.enter_context(Positions(plan.gps))
        session.position = positions.current
    return session


def _recorder(plan: Plan, stack: ExitStack) -> Recorder | None:
    if plan.no_inventory:
        return None
    from mbuscli.services.recorder import Recorder
    from mbuscli.settings.inventory_file import default_inventory

    recorder = Recorder(Path(plan.inventory) if plan.inventory else default_inventory())
    stack.callback(recorder.close)
    return recorder


def _route(name: str, output: Output) -> Route:
    from mbuscli.services.coverage import Route
    from mbuscli.settings.meter_list import read_meter_list

    found = read_meter_list(Path(name))
    for line in found.refused[:_NAMED]:
        output.streams.talk(
            inert(f"{'note' if line.warning else 'warning'}: {name}, line {line.line}: {line.text}")
        )
    if len(found.refused) > _NAMED:
        output.streams.talk(f"note: {len(found.refused) - _NAMED} more lines of {inert(name)} were refused")
    return Route(found.meters)


def _resume(session: Session, route: Route, recorder: Recorder) -> None:
    now = time.time()
    started = recorder.begin_route(session.route_name, now, anew=session.plan.anew)
    if started < now:
        from mbuscli.services.walk_capture import moment_of

        recorder.restore(route, session.route_name)
        begun = moment_of(started).strftime("%Y-%m-%d %H:%M")
        session.output.streams.talk(
            inert(f"{session.plan.route}: goes on from {begun}, {route.total} (--anew begins again)")
        )


def _source(port: str, plan: Plan, *, live: bool) -> Source:
    """How a stick is opened, and found again when it was plugged in anew."""
    if port.startswith("sim:stick") and "pace=" not in port and (live or not plan.has_limit):
        port += ("&" if "?" in port else "?") + "pace=real"
    known: list[tuple[str, str | None]] = []

    def open_it() -> Receiver:
        from mbuscli.devices.sticks.registry import FAMILIES
        from mbuscli.services.sticks import open_stick

        text, family = known[0] if known else (port, plan.family)
        stick = open_stick(text, family=family, baud=plan.baud, command=plan.program)
        if not known:
            known.append((stick.lasting, stick.family if stick.family in FAMILIES else plan.family))
        return stick

    return Source(port, open_it, plan.modes)
