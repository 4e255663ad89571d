"""Units at the end of readings' names, what they are called, and how they follow from a record's unit."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

_D = Decimal


class Unit(NamedTuple):
    """`text` for people; `sources`: unit of a record -> (factor, divisor, addend) that lead here."""

    text: str
    sources: dict[str, tuple[Decimal, Decimal, Decimal]]


def _unit(text: str, **sources: tuple[str, str]) -> Unit:
    return Unit(text, {_UNITS[name]: (_D(f), _D(d), _D(0)) for name, (f, d) in sources.items()})


# Names of record units that can be written as keywords.
_UNITS = {
    "none": "",
    "m3": "m³",
    "Wh": "Wh",
    "J": "J",
    "cal": "cal",
    "W": "W",
    "J_h": "J/h",
    "m3_h": "m³/h",
    "m3_min": "m³/min",
    "m3_s": "m³/s",
    "s": "s",
    "min": "min",
    "h": "h",
    "d": "d",
    "month": "month",
    "year": "year",
    "varh": "varh",
    "VAh": "VAh",
    "var": "var",
    "VA": "VA",
    "K": "K",
    "C": "°C",
}

_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}


def _time(text: str, seconds: int, **more: tuple[str, str]) -> Unit:
    from_times = {name: (str(each), str(seconds)) for name, each in _SECONDS.items()}
    return _unit(text, **from_times, **more)


SUFFIXES: dict[str, Unit] = {
    "m3": _unit("m³", m3=("1", "1")),
    "l": _unit("l", m3=("1000", "1")),
    "wh": _unit("Wh", Wh=("1", "1"), J=("1", "3600")),
    "kwh": _unit("kWh", Wh=("0.001", "1"), J=("1", "3600000"), cal=("4.1868", "3600000")),
    "mwh": _unit("MWh", Wh=("0.000001", "1"), J=("1", "3600000000")),
    "mj": _unit("MJ", J=("0.000001", "1"), Wh=("0.0036", "1")),
    "gj": _unit("GJ", J=("0.000000001", "1"), Wh=("0.0000036", "1")),
    "w": _unit("W", W=("1", "1"), J_h=("1", "3600")),
    "kw": _unit("kW", W=("0.001", "1"), J_h=("1", "3600000")),
    "m3h": _unit("m³/h", m3_h=("1", "1"), m3_min=("60", "1"), m3_s=("3600", "1")),
    "lh": _unit("l/h", m3_h=("1000", "1"), m3_min=("60000", "1"), m3_s=("3600000", "1")),
    "kvarh": _unit("kvarh", varh=("0.001", "1")),
    "kvah": _unit("kVAh", VAh=("0.001", "1")),
    "kvar": _unit("kvar", var=("0.001", "1")),
    "kva": _unit("kVA", VA=("0.001", "1")),
    "s": _time("s", 1),
    "min": _time("min", 60),
    "h": _time("h", 3600),
    "d": _time("d", 86400),
    "y": _time("y", 31556952, year=("1", "1"), month=("1", "12")),
    "month": _unit("month", month=("1", "1"), year=("12", "1")),
    # A difference of temperatures has the same size in both.
    "c": _unit("°C", C=("1", "1"), K=("1", "1")),
    "k": _unit("K", K=("1", "1"), C=("1", "1")),
    "kg": Unit("kg", {"kg": (_D(1), _D(1), _D(0))}),
    "kgh": Unit("kg/h", {"kg/h": (_D(1), _D(1), _D(0))}),
    "bar": Unit("bar", {"bar": (_D(1), _D(1), _D(0))}),
    "v": Unit("V", {"V": (_D(1), _D(1), _D(0))}),
    "a": Unit("A", {"A": (_D(1), _D(1), _D(0))}),
    "hz": Unit("Hz", {"Hz": (_D(1), _D(1), _D(0))}),
    "rh": Unit("%RH", {"%RH": (_D(1), _D(1), _D(0))}),
    "dbm": Unit("dBm", {"dBm": (_D(1), _D(1), _D(0))}),
    "deg": Unit("°", {"°": (_D(1), _D(1), _D(0))}),
    "m3c": Unit("m³·°C", {"m³·°C": (_D(1), _D(1), _D(0))}),
    "hca": Unit("HCA", {"": (_D(1), _D(1), _D(0))}),
    "counter": Unit("", {"": (_D(1), _D(1), _D(0))}),
    "factor": Unit("", {"": (_D(1), _D(1), _D(0))}),
    "nr": Unit("", {"": (_D(1), _D(1), _D(0))}),
    "pct": Unit("%", {"%": (_D(1), _D(1), _D(0))}),
    "ppm": Unit("ppm", {"ppm": (_D(1), _D(1), _D(0))}),
}

# The suffix that a reading gets when nobody has chosen one.
DEFAULT_SUFFIX = {
    "m³": "m3",
    "Wh": "kwh",
    "J": "kwh",
    "cal": "kwh",
    "W": "kw",
    "J/h": "kw",
    "m³/h": "m3h",
    "m³/min": "m3h",
    "m³/s": "m3h",
    "varh": "kvarh",
    "VAh": "kvah",
    "var": "kvar",
    "VA": "kva",
    "s": "s",
    "min": "min",
    "h": "h",
    "d": "d",
    "month": "month",
    "year": "y",
    "°C": "c",
    "K": "k",
    "kg": "kg",
    "kg/h": "kgh",
    "bar": "bar",
    "V": "v",
    "A": "a",
    "Hz": "hz",
    "%RH": "rh",
    "dBm": "dbm",
    "°": "deg",
}
