"""The charts of a handover: which there are, and what they show."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from mbuscli.render.handover.charts import Bar, Share, column_chart, share_chart
from mbuscli.render.handover.markup import Html, tag
from mbuscli.render.handover.words import clock, minute

if TYPE_CHECKING:
    from mbuscli.services.handover import Handover

_STEP_DB = 10
_WEAK_DBM = -95
_GOOD_DBM = -80
_MOST_PLACES = 12
_MOST_MEDIA = 8
_MOST_HOURS = 48


def charts_of(handover: Handover) -> Html | None:
    drawn = [
        chart
        for number, make in enumerate((_places_chart, _media_chart, _signal_chart, _hours_chart), 1)
        if (chart := make(number, handover)) is not None
    ]
    return tag("section", *drawn, class_="charts", aria_label="Charts") if drawn else None


def _signal_chart(number: int, handover: Handover) -> Html | None:
    levels = [meter.signal_dbm for meter in handover.meters if meter.signal_dbm is not None]
    if len(levels) < 3:
        return None
    steps = Counter(int(level // _STEP_DB) * _STEP_DB for level in levels)
    low, high = min(steps), max(steps)
    bars = [
        Bar(str(step).replace("-", "−"), steps[step], _tone(step))
        for step in range(min(low, high - 3 * _STEP_DB), high + 1, _STEP_DB)
    ]
    told = ", ".join(f"{steps[step]} from {step} to {step + _STEP_DB} dBm" for step in sorted(steps))
    axis = "weak  ←  best signal of each meter in dBm  →  strong"
    end = str(high + _STEP_DB).replace("-", "−")
    return column_chart(number, "How well the meters are heard", told, axis, bars, end=end)


def _tone(step: int) -> str:
    if step < _WEAK_DBM:
        return "weak"
    return "good" if step >= _GOOD_DBM else ""


def _media_chart(number: int, handover: Handover) -> Html | None:
    media = Counter(meter.device_type_name or "not known" for meter in handover.meters)
    if len(media) < 2:
        return None
    most = media.most_common()
    shown, rest = most[:_MOST_MEDIA], sum(count for _, count in most[_MOST_MEDIA:])
    shares = [Share(name, count, count) for name, count in [*shown, *([("others", rest)] if rest else [])]]
    told = ", ".join(f"{name} {count}" for name, count in most)
    return share_chart(number, "Meters by medium", told, shares, parts_of=False)


def _places_chart(number: int, handover: Handover) -> Html | None:
    places = handover.places
    if len(places) < 2 or not handover.was_read:
        return None
    shares = [Share(place or "without a place", *counts) for place, counts in places.items()]
    title = "Meters read, by place"
    if len(shares) > _MOST_PLACES:
        shares = [share for share in shares if share.done < share.total][:_MOST_PLACES]
        title = "Places with meters still to be read"
    if not shares:
        return None
    told = ", ".join(f"{share.label}: {share.done} of {share.total}" for share in shares)
    return share_chart(number, title, told, shares, parts_of=True)


def _hours_chart(number: int, handover: Handover) -> Html | None:
    hours = dict(handover.hours)
    if len(hours) < 3:
        return None
    first, last = min(hours), max(hours)
    count = int((last - first) / timedelta(hours=1)) + 1
    if count > _MOST_HOURS:
        return None
    bars = [
        Bar(clock(first + timedelta(hours=n))[:2], hours.get(first + timedelta(hours=n), 0))
        for n in range(count)
    ]
    told = f"{sum(hours.values())} telegrams from {minute(first)} to {minute(last)}"
    told += f", at most {max(hours.values())} an hour"
    return column_chart(number, "Telegrams heard, by hour", told, "hour of the day", bars)
