"""What the handover says in words: readings, times, states."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from mbuscli.protocol.octets import counted
from mbuscli.render.units import readable

if TYPE_CHECKING:
    from mbuscli.services.handover import Bus, ReportedMeter, Value, Walk
    from mbuscli.services.history import Series

_OUTCOMES = {
    "written": "done",
    "already": "was so already",
    "refused": "refused by the meter",
    "failed": "not written",
    "unknown": "not known",
    "begun": "broken off: not known",
    "dry-run": "not written (trial)",
}


def reading_words(value: Value) -> tuple[str, str]:
    """Number and unit as people write them, exact."""
    number, unit = readable(value.number, value.unit, value.exponent)
    return number, unit or ("HCA" if "hca" in value.quantity.lower() else "")


def quantity_words(value: Value) -> str:
    """What was measured, where its unit does not say it."""
    return value.quantity.replace("_", " ")


def day(time: datetime) -> str:
    """`2026-01-31`."""
    return time.strftime("%Y-%m-%d")


def clock(time: datetime) -> str:
    """`10:00`."""
    return time.strftime("%H:%M")


def minute(time: datetime) -> str:
    """`2026-01-31 10:00`."""
    return time.strftime("%Y-%m-%d %H:%M")


def zone(time: datetime) -> str:
    """`UTC+01:00`."""
    text = time.strftime("%z")
    return "UTC" if text in ("+0000", "") else f"UTC{text[:3]}:{text[3:5]}"


def outcome_words(outcome: str) -> str:
    """How a write ended."""
    return _OUTCOMES.get(outcome, outcome)


def bus_words(bus: Bus) -> str:
    """`/dev/ttyUSB0, 2400 baud, 251 addresses asked in 1:12 min`."""
    parts = [bus.port, f"{bus.baud} baud" if bus.baud else ""]
    if bus.asked is not None:
        took = "" if bus.took_s is None else f" in {seconds_words(bus.took_s)}"
        parts.append(f"{bus.asked} addresses asked{took}")
    return ", ".join(part for part in parts if part)


def walk_words(walk: Walk) -> str:
    """`/dev/ttyUSB1, 2026-01-31 08:02 to 11:40, 4320 telegrams`."""
    parts = [walk.port]
    if walk.began is not None and walk.ended is not None:
        end = clock(walk.ended) if day(walk.began) == day(walk.ended) else minute(walk.ended)
        parts.append(f"{minute(walk.began)} to {end}")
    if walk.telegrams is not None:
        parts.append(counted(walk.telegrams, "telegram"))
    return ", ".join(part for part in parts if part)


def seconds_words(seconds: Decimal) -> str:
    """`53 s`, `5:35 min` or `1:02:03 h`."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d} h"
    return f"{whole // 60}:{whole % 60:02d} min" if whole >= 60 else f"{whole} s"


def signal_words(level: float) -> str:
    """`−67 dBm`."""
    return f"{level:.0f} dBm".replace("-", "−")


def gain_words(series: Series, meter: ReportedMeter) -> str:
    """`+1.9 m³`: by how much the reading has changed."""
    gain = series.values[-1] - series.values[0]
    exponent = meter.value.exponent if meter.value is not None else 0
    number, unit = readable(abs(gain), series.unit, exponent)
    return (
        f"{'−' if gain < 0 else '+'}{number} {unit or ('HCA' if series.quantity == 'hca' else '')}".rstrip()
    )


def span_words(series: Series) -> str:
    """`in 56 d`, `in 3 h`: how long it took; `since storage 3` where the meter does not tell when."""
    first, last = series.moments[0], series.moments[-1]
    for form, size, unit in (("%Y-%m-%d", 86400, "d"), ("%H:%M", 3600, "h")):
        try:
            took = datetime.strptime(last, form) - datetime.strptime(first, form)
        except ValueError:
            continue
        if took.total_seconds() >= size:
            return f"in {round(took.total_seconds() / size)} {unit}"
    return f"since {first}"


def history_words(series: Series, meter: ReportedMeter) -> str:
    """The line in words."""
    span = f"{series.moments[0]} to {series.moments[-1]}"
    return f"{len(series.values)} values from {span}: {gain_words(series, meter)}"
