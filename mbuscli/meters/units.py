"""Converting a record's value into the unit that a reading's name ends with."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal

from mbuscli.errors import Reason, UsageError
from mbuscli.meters.reading import Reading
from mbuscli.meters.unit_table import DEFAULT_SUFFIX, SUFFIXES, Unit

# Conversions that do not come out even keep so many digits: more than any meter has.
_DIGITS = Context(prec=12)
_EXACT = Context(prec=40)
_NOT_WORD = str.maketrans(dict.fromkeys(" /·*-", "_"))


def suffix_of(name: str) -> str | None:
    """The unit at the end of a reading's name, None if it has none: text, dates, flags."""
    last = name.rpartition("_")[2]
    return last if last in SUFFIXES else None


def unit_of(name: str) -> Unit | None:
    """The unit that a reading's name ends with."""
    suffix = suffix_of(name)
    return None if suffix is None else SUFFIXES[suffix]


def default_suffix(record_unit: str) -> str:
    """The suffix for a record's unit; one made of its letters where the table has none."""
    if not record_unit:
        return ""
    known = DEFAULT_SUFFIX.get(record_unit)
    if known is not None:
        return known
    plain = record_unit.lower().replace("³", "3").replace("°", "deg").replace("%", "pct")
    return "".join(c for c in plain.translate(_NOT_WORD) if c.isascii() and (c.isalnum() or c == "_")).strip(
        "_"
    )


def convert(value: int | Decimal, record_unit: str, unit: Unit, resolution: int = 0) -> Decimal | int | None:
    """The value in `unit`, None if it does not follow from `record_unit`; exact where it comes out even.

    `resolution`: the power of ten in which the meter counts; zeros below it are not the meter's digits.
    """
    source = unit.sources.get(record_unit)
    if source is None:
        return None
    factor, divisor, addend = source
    if factor == divisor == 1 and not addend:
        return value
    scaled = _EXACT.multiply(Decimal(value), factor)
    if divisor != 1:
        scaled = _even(scaled, divisor)
    elif resolution > 0 and scaled.adjusted() < _DIGITS.prec:  # beyond that a real number, or nonsense
        counted = scaled.quantize(Decimal(1).scaleb(min(0, resolution + factor.adjusted())))
        scaled = counted if counted == scaled else scaled  # a real number may have more digits
    return _EXACT.add(scaled, addend) if addend else scaled


def quick_factor(factor: Decimal, resolution: int) -> Callable[[int | Decimal, bytes], Decimal]:
    """`convert` by a factor alone, for one header; whole numbers where `resolution` is above 0."""
    multiply = _EXACT.multiply
    if resolution <= 0:
        return lambda value, raw: multiply(value, factor)
    step = Decimal(1).scaleb(min(0, resolution + factor.adjusted()))

    def scale(value: int | Decimal, raw: bytes) -> Decimal:
        scaled = multiply(value, factor)
        counted = scaled.quantize(step) if scaled.adjusted() < _DIGITS.prec else scaled
        return counted if counted == scaled else scaled

    return scale


def _even(dividend: Decimal, divisor: Decimal) -> Decimal:
    quotient = _EXACT.divide(dividend, divisor)
    short = _DIGITS.plus(quotient)
    return short.normalize(_DIGITS) if short == quotient else short


def parse_unit(text: str) -> str:
    """The suffix of a unit that the user names: kWh, m3/h, m³. UsageError lists those that are known."""
    wanted = text.casefold().replace("³", "3").replace("°", "").replace("/", "")
    if wanted in SUFFIXES and SUFFIXES[wanted].text:
        return wanted
    known = ", ".join(unit.text for unit in SUFFIXES.values() if len(unit.sources) > 1)
    raise UsageError(f"unit {text!r} is not known", reason=Reason.INVALID, hint=(f"known: {known}",))


def in_units(reading: Reading, suffixes: tuple[str, ...]) -> Reading:
    """The reading in the first of these units that fits, under the name that goes with it."""
    own = suffix_of(reading.name)
    if own is None or isinstance(reading.value, str) or reading.value is None or own in suffixes:
        return reading
    for suffix in suffixes:
        value = _between(reading.value, SUFFIXES[own], SUFFIXES[suffix])
        if value is not None:
            stem = reading.name.removesuffix(own)
            return reading._replace(name=stem + suffix, value=value, unit=SUFFIXES[suffix].text)
    return reading


def _between(value: int | Decimal, source: Unit, target: Unit) -> Decimal | int | None:
    """By way of a record unit that leads to both; units of their own have none in common."""
    common = [name for name in target.sources if name and name in source.sources]
    if not common:
        return None
    factor, divisor, addend = source.sources[common[0]]
    back = _EXACT.multiply(_EXACT.subtract(Decimal(value), addend), divisor)
    return convert(_even(back, factor), common[0], target)
