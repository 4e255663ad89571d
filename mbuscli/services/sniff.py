"""A walk with a radio stick: who is heard, how well, what the meters read. Receptions in, meters out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.compact import FormatSource
from mbuscli.protocol.security.keys import KeySource
from mbuscli.protocol.transport.afl import Fragments
from mbuscli.protocol.wireless.c_fields import Direction, direction_of
from mbuscli.services.freshness import Freshness
from mbuscli.services.heard_meter import HeardMeter
from mbuscli.services.roster import Roster
from mbuscli.services.strict import withhold
from mbuscli.telegram import Telegram, decode
from mbuscli.telegram.plans import Plans

if TYPE_CHECKING:
    from mbuscli.devices.sticks.base import Reception
    from mbuscli.settings.meter_list import ListedMeter

# A full T1 channel carries 134 telegrams a second; so many strangers take about 40 MB.
MAX_STRANGERS = 20_000

_NOISE = frozenset((Reason.GARBAGE, Reason.NOISE, Reason.START_BYTE))
_NEW = Freshness()


class Counters:
    """What was received altogether.

    telegrams   readable as such, copies included
    copies      of those: heard before (another stick, a repeater)
    suspicious  of those: they may be old ones sent again
    unknown     of those: closed for want of a key, or of a kind that is not understood
    masters     telegrams from a gateway to a meter
    damaged     CRC errors and cut telegrams
    noise       octets on the stick's line that are no telegram
    """

    __slots__ = ("copies", "damaged", "masters", "noise", "suspicious", "telegrams", "unknown")

    def __init__(self) -> None:
        self.telegrams = self.copies = self.suspicious = self.unknown = 0
        self.masters = self.damaged = self.noise = 0

    def as_dict(self) -> dict[str, int]:
        """By name, as the summary has it."""
        return {name: getattr(self, name) for name in self.__slots__}


class Heard(NamedTuple):
    """What became of one reception.

    time       wall clock, seconds since 1970
    meter      whose telegram it is; None for noise, damage, and telegrams of a gateway
    telegram   None where nothing can be made of the octets; `error` then says why
    freshness  copy, relayed, suspicion
    is_new     the meter is heard for the first time in this session
    """

    reception: Reception
    time: float
    port: str
    meter: HeardMeter | None = None
    telegram: Telegram | None = None
    freshness: Freshness = _NEW
    error: DecodeError | None = None
    is_new: bool = False


class Walk:
    """All meters of one session.

    `listed` finds a meter in the route list; `recall` fills in what earlier sessions know of a meter.
    `strict`: only values that something proves.
    """

    def __init__(
        self,
        keys: KeySource | None = None,
        formats: FormatSource | None = None,
        *,
        listed: Callable[[MeterAddress], ListedMeter | None] | None = None,
        recall: Callable[[HeardMeter], None] | None = None,
        max_strangers: int = MAX_STRANGERS,
        strict: bool = False,
    ) -> None:
        if formats is None:
            from mbuscli.protocol.application.compact import Formats

            formats = Formats()
        self._keys = keys
        self._formats = formats
        self._fragments = Fragments()
        self._plans = Plans()
        self._strict = strict
        self._listed = listed
        self._recall = recall
        self.roster = Roster(max_strangers)
        self.counters = Counters()
        self.last_heard: float | None = None
        self._today = date.min
        self._quarter = -1.0

    def take(self, reception: Reception, wall_time: float, port: str = "") -> Heard:
        """One reception, at `wall_time` seconds since 1970, from `port`."""
        if reception.error is not None or not reception.data:
            return self._refused(reception, wall_time, port, reception.error)
        try:
            telegram = self._decode(reception, wall_time)
        except DecodeError as error:
            return self._refused(reception, wall_time, port, error)
        self.last_heard = wall_time
        if telegram.link.crc == "bad" or _is_cut(telegram):
            # What stands before the damage may be right, but it makes no meter.
            self.counters.damaged += 1
            return Heard(reception, wall_time, port, telegram=telegram)
        self.counters.telegrams += 1
        if direction_of(telegram.link.c_field or 0) is Direction.TO_METER or telegram.meter is None:
            self.counters.masters += 1
            return Heard(reception, wall_time, port, telegram=telegram)
        return self._note(telegram, reception, wall_time, port)

    def _decode(self, reception: Reception, wall_time: float) -> Telegram:
        return decode(
            reception.data,
            layer="wireless",
            keys=self._keys,
            formats=self._formats,
            fragments=self._fragments,
            received_on=self._date(wall_time),
            frame_format=reception.frame_format,
            now_s=wall_time,
            plans=self._plans,
        )

    def _note(self, telegram: Telegram, reception: Reception, time: float, port: str) -> Heard:
        address = telegram.meter
        assert address is not None
        meter = self.roster.find(address)
        is_new = meter is None
        if meter is None:
            meter = HeardMeter(address, time, self._listed(address) if self._listed is not None else None)
            if self._recall is not None:
                self._recall(meter)
        freshness = meter.history.judge(telegram, time)
        if freshness.replayed:
            telegram.security = telegram.security._replace(replayed=True)
        if self._strict:
            withhold(telegram)
        if freshness.copy:
            meter.copies += 1
            self.counters.copies += 1
        else:
            meter.take(telegram, time, freshness.suspicion)
            if meter.security not in ("none", "decrypted"):
                self.counters.unknown += 1
        meter.relayed += freshness.relayed
        self.counters.suspicious += bool(freshness.suspicion)
        meter.note_signal(time, reception.rssi_dbm, reception.mode, port, relayed=freshness.relayed)
        self.roster.keep(meter)
        return Heard(reception, time, port, meter, telegram, freshness, is_new=is_new)

    def _refused(self, reception: Reception, time: float, port: str, error: DecodeError | None) -> Heard:
        if error is None or error.reason in _NOISE:
            self.counters.noise += 1
        else:
            self.counters.damaged += 1
        return Heard(reception, time, port, error=error)

    def _date(self, wall_time: float) -> date:
        """The local date, worked out once in a quarter of an hour: zones change on such boundaries only."""
        quarter = wall_time // 900
        if quarter != self._quarter:
            self._today, self._quarter = date.fromtimestamp(wall_time), quarter
        return self._today


def _is_cut(telegram: Telegram) -> bool:
    return any(
        problem.layer == "link" and problem.reason in (Reason.TOO_SHORT, Reason.CRC) and not problem.warning
        for problem in telegram.problems
    )
