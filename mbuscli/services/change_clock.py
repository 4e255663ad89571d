"""Set a meter's clock, from the computer's time or from one that is given. A meter knows no time zone."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from mbuscli.errors import BusError, DecodeError, NoAnswerError
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.date_types import decode_type_f, decode_type_i, is_summer_time
from mbuscli.protocol.application.records import Record
from mbuscli.protocol.application.vif_table import Kind
from mbuscli.protocol.wired.commands import ClockType, Command, set_clock
from mbuscli.services.changes import Plan, Sent, State, Verdict, ask_again, target_words
from mbuscli.services.identify import Located
from mbuscli.services.link import Link
from mbuscli.services.read import Address
from mbuscli.telegram import decode

COMMAND = "set-clock"
_EXACT_S = 2
_TOLERANCE_S = 5
_TYPES: dict[int, ClockType] = {4: "F", 6: "I"}
_STEP_S = {"F": 60, "I": 1}
_NO_CLOCK = "the meter's readout holds no clock: the result cannot be checked"


def local_now() -> datetime:
    """The computer's time with its zone."""
    return datetime.now().astimezone()


class Clock(NamedTuple):
    """What a meter's clock shows: `shown` is None, and `why` says why, where it shows no time."""

    data_type: ClockType
    shown: datetime | None
    summer_time: bool
    why: str = ""

    def __str__(self) -> str:
        if self.shown is None:
            return self.why
        seconds = self.data_type == "I"
        text = self.shown.isoformat(" ", "seconds" if seconds else "minutes")
        return f"{text} (daylight saving)" if self.summer_time else text


class SetClock(NamedTuple):
    """A new time.

    `moment`: what the meter shall show, None for the computer's time at the moment of writing, moved by
    `shift_s`; `data_type` None: the type that the meter's readout has, F if it has none; `standard_time`:
    local standard time all the year, without daylight saving; `now` gives the computer's time.
    """

    moment: datetime | None = None
    data_type: ClockType | None = None
    standard_time: bool = False
    shift_s: int = 0
    now: Callable[[], datetime] = local_now

    @property
    def name(self) -> str:
        """The command that makes it."""
        return COMMAND

    def check(self) -> None:
        """Nothing can be wrong: a moment that the type cannot hold is refused where it is typed."""

    def plan(self, link: Link, located: Located) -> Plan:
        """Reads the meter's clock, and says by how much it is wrong."""
        # The meter answers with the time at which it was asked, not at which all of its telegrams are here.
        wanted, summer_time = self._wanted()
        asked = self.now()
        clock = _read_again(link, located.place)
        data_type = self.data_type or (clock.data_type if clock else "F")
        command = _command(wanted, data_type, summer_time)
        new = str(read_command(command))
        warnings = (
            ()
            if data_type == "I" or not wanted.second
            else ("type F has no seconds: up to 30 s are rounded away",)
        )
        if clock is None:
            return Plan(command, "unknown", new, warnings=(*warnings, _NO_CLOCK))
        if clock.shown is None:
            return Plan(command, str(clock), new, warnings=warnings)
        off_s = round((clock.shown - _rounded(wanted, clock.data_type)).total_seconds())
        old = f"{clock}, {describe_difference(off_s)}"
        if clock.data_type == data_type and clock.summer_time == summer_time and abs(off_s) <= _EXACT_S:
            return Plan(command, old, new, already=True, warnings=warnings)
        return Plan(command, old, new, undo=self._undo(located, clock, asked), warnings=warnings)

    def command(self, plan: Plan) -> Command:
        """With the time of this moment, in the type that was planned."""
        planned = read_command(plan.command)
        wanted, summer_time = self._wanted()
        return _command(wanted, planned.data_type, summer_time)

    def verify(self, link: Link, located: Located, plan: Plan, sent: Sent) -> Verdict:
        """Read the clock again: it must show what was sent, and the time that has passed since."""
        answer = ask_again(link, located.place)
        clock = _read_again(link, located.place)
        if clock is None:
            return Verdict(State.UNVERIFIED, answer.application_error, warnings=(_NO_CLOCK,))
        shown, wanted = clock.shown, read_command(sent.command)
        assert wanted.shown is not None
        passed = link.clock() - sent.at
        if shown is None or not -_tolerance_s(clock) <= (shown - wanted.shown).total_seconds() <= (
            passed + _tolerance_s(clock)
        ):
            return Verdict(State.UNCHANGED, answer.application_error, str(clock))
        if clock.summer_time != wanted.summer_time:
            warning = f"the meter did not take the bit for daylight saving: it shows {clock}"
            return Verdict(State.CHANGED, answer.application_error, warnings=(warning,))
        return Verdict(State.CHANGED, answer.application_error)

    def _wanted(self) -> tuple[datetime, bool]:
        """What the meter is to show now, without zone, and whether daylight saving is in force then."""
        if self.moment is not None:
            # What was typed is what the meter shall show, whatever the season.
            return self.moment, bool(_saving(self.moment.astimezone())) and not self.standard_time
        shown, saving = self._present(self.now(), self.standard_time)
        return shown + timedelta(seconds=self.shift_s), saving

    @staticmethod
    def _present(local: datetime, standard_time: bool) -> tuple[datetime, bool]:
        """The computer's time without zone; daylight saving taken out of it for local standard time."""
        saving = _saving(local)
        shown = local.replace(tzinfo=None)
        return (shown - saving, False) if standard_time else (shown, bool(saving))

    def _undo(self, located: Located, clock: Clock, asked: datetime) -> tuple[str, ...]:
        """A clock that was wrong was so by an amount: the time itself has gone on."""
        if clock.shown is None:
            return ()
        standard_time = self.standard_time or not clock.summer_time
        # It shows the second or minute that has begun: in the mean half of it has passed.
        off = clock.shown - self._present(asked, standard_time)[0]
        shift_s = round(off.total_seconds() + _STEP_S[clock.data_type] / 2)
        whose = target_words(located, located.primary)
        words = (COMMAND, whose, f"--shift={shift_s}", "--type", clock.data_type)
        return (*words, "--standard-time") if standard_time else words


def read_clock(link: Link, place: Address) -> Clock | None:
    """The present clock in a meter's readout, None if there is none. NoAnswerError, BusError."""
    session, run = link.session, link.converter.run
    replies = run(session.read_selected(place) if isinstance(place, MeterAddress) else session.read(place))
    for reply in replies:
        try:
            records = decode(reply.raw).records
        except DecodeError:
            continue
        for record in records:
            if _is_clock(record):
                return _clock(record.raw, record.error)
    return None


def _read_again(link: Link, place: Address) -> Clock | None:
    """As `read_clock`, and with more patience where the readout was not clean."""
    try:
        return read_clock(link, place)
    except (NoAnswerError, BusError):
        link.session.await_stragglers()
        with link.patiently():
            return read_clock(link, place)


def read_command(command: Command) -> Clock:
    """The clock that a command sets."""
    return _clock(command.data[2:], None)


def describe_difference(seconds: int) -> str:
    """`3 min 12 s fast`, `2 d 4 h slow`: the two largest units."""
    if not seconds:
        return "right to the second"
    rest, parts = abs(seconds), []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return f"{' '.join(parts[:2])} {'fast' if seconds > 0 else 'slow'}"


def _rounded(wanted: datetime, data_type: ClockType) -> datetime:
    """What a clock of this type shows at a moment: type F has no seconds."""
    return wanted.replace(second=0, microsecond=0) if data_type == "F" else wanted


def _command(wanted: datetime, data_type: ClockType, summer_time: bool) -> Command:
    wanted += timedelta(seconds=_STEP_S[data_type] / 2)
    return set_clock(wanted.isoformat(timespec="seconds")[:19], data_type, summer_time=summer_time)


def _clock(octets: bytes, error: str | None) -> Clock:
    data_type = _TYPES[len(octets)]
    shown: datetime | None = None
    if error is None:
        text = decode_type_f(octets) if data_type == "F" else decode_type_i(octets)
        try:
            shown = datetime.fromisoformat(text)
        except ValueError:  # asterisks: no moment, but a rule
            error = f"{text} is no moment"
    return Clock(data_type, shown, is_summer_time(octets), error or "")


def _is_clock(record: Record) -> bool:
    header = record.header
    return (
        header.kind is Kind.DATETIME
        and header.quantity == "datetime"
        and len(record.raw) in _TYPES
        and (header.storage, header.tariff, header.subunit, header.function) == (0, 0, 0, "instantaneous")
        and not header.qualifiers
    )


def _saving(local: datetime) -> timedelta:
    """By how much daylight saving moves the clock at this moment; nothing if it is not in force."""
    saving = local.dst()
    if saving is None:  # a fixed offset, as the computer's own time has it
        there = time.localtime(local.timestamp())
        if there.tm_isdst > 0:
            saving = timedelta(seconds=there.tm_gmtoff + time.timezone)
    return saving or timedelta()


def _tolerance_s(clock: Clock) -> int:
    return 60 + _TOLERANCE_S if clock.data_type == "F" else _TOLERANCE_S
