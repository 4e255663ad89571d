"""Data types F, G, I, J: date and time (EN 13757-3 annex A). Local to the meter, never with a zone.

Wildcards ("every") print as asterisks: `****-07-01` is the first of July of every year.
"""

from __future__ import annotations

from datetime import datetime

_EVERY_YEAR = 127
_EVERY_MONTH = 15
_EVERY_HOUR = 31
_EVERY_MINUTE = 63

_TWO_DIGITS = tuple(f"{number:02d}" for number in range(64))

IMPOSSIBLE = "impossible date"
NO_DATE = "no date"
INVALID_TIME = "marked invalid by the meter"


class NoValueError(ValueError):
    """The octets say that there is no value, or one that cannot be; the text says which."""


def decode_type_g(octets: bytes) -> str:
    """Type G, two octets: `2026-01-31`."""
    if octets in (b"\xff\xff", b"\0\0"):
        raise NoValueError(NO_DATE)
    return _date(octets[0], octets[1], century=0)


def decode_type_f(octets: bytes) -> str:
    """Type F, four octets: `2026-01-31T10:00`."""
    if octets in (b"\xff" * 4, bytes(4)):
        raise NoValueError(NO_DATE)
    if octets[0] & 0x80:
        raise NoValueError(INVALID_TIME)
    minute = _part(octets[0] & 0x3F, _EVERY_MINUTE, 59, "minute")
    hour = _part(octets[1] & 0x1F, _EVERY_HOUR, 23, "hour")
    date = _date(octets[2], octets[3], century=octets[1] >> 5 & 0x03)
    return f"{date}T{hour}:{minute}"


def decode_type_i(octets: bytes) -> str:
    """Type I, six octets: `2026-01-31T10:00:00`."""
    if octets in (b"\xff" * 6, bytes(6)):
        raise NoValueError(NO_DATE)
    if octets[1] & 0x80:
        raise NoValueError(INVALID_TIME)
    second = _part(octets[0] & 0x3F, _EVERY_MINUTE, 59, "second")
    minute = _part(octets[1] & 0x3F, _EVERY_MINUTE, 59, "minute")
    hour = _part(octets[2] & 0x1F, _EVERY_HOUR, 23, "hour")
    month_octet = octets[4]
    if month_octet & 0x0F == 0:  # type I writes "month not specified" as 0 too
        month_octet |= _EVERY_MONTH
    return f"{_date(octets[3], month_octet, century=0)}T{hour}:{minute}:{second}"


def decode_type_j(octets: bytes) -> str:
    """Type J, three octets: `10:00:00`."""
    if octets == b"\xff\xff\xff":
        raise NoValueError("no time")
    second = _part(octets[0], _EVERY_MINUTE, 59, "second")
    minute = _part(octets[1], _EVERY_MINUTE, 59, "minute")
    hour = _part(octets[2], _EVERY_HOUR, 23, "hour")
    return f"{hour}:{minute}:{second}"


def is_summer_time(octets: bytes) -> bool:
    """True if a type F (four octets) or type I (six octets) says that daylight saving is in force."""
    if len(octets) == 4:
        return bool(octets[1] & 0x80)
    return len(octets) == 6 and bool(octets[0] & 0x40)


def encode_type_g(date: str) -> bytes:
    """Two octets of `2026-01-31`; asterisks in a part mean "every". ValueError for another form."""
    year_text, month_text, day_text = date.split("-")
    year = _EVERY_YEAR if "*" in year_text else int(year_text) % 100
    month = _EVERY_MONTH if "*" in month_text else int(month_text)
    day = 0 if "*" in day_text else int(day_text)
    return bytes((day | (year & 0x07) << 5, month | (year >> 3) << 4))


def encode_type_f(moment: str, *, summer_time: bool = False) -> bytes:
    """Four octets of `2026-01-31T10:00`, with the hundred-year bits set (h = 1 is 2000)."""
    date, time = moment.split("T")
    hour_text, minute_text = time.split(":")[:2]
    hour = _EVERY_HOUR if "*" in hour_text else int(hour_text)
    minute = _EVERY_MINUTE if "*" in minute_text else int(minute_text)
    year_text = date[:4]
    century = 0 if "*" in year_text else (int(year_text) - 1900) // 100
    return bytes((minute, hour | century << 5 | summer_time << 7)) + encode_type_g(date)


def encode_type_i(moment: str, *, summer_time: bool = False) -> bytes:
    """Six octets of `2026-01-31T10:00:00`, with weekday, week number and leap year bit."""
    when = datetime.fromisoformat(moment)
    _, week, weekday = when.isocalendar()
    leap = days_in_month(when.year, 2) == 29
    return (
        bytes((when.second | summer_time << 6 | leap << 7, when.minute, when.hour | weekday << 5))
        + encode_type_g(moment[:10])
        + bytes((week,))
    )


def encode_type_j(time: str) -> bytes:
    """Three octets of `10:00:00`."""
    hour, minute, second = (int(part) for part in time.split(":"))
    return bytes((second, minute, hour))


def days_in_month(year: int, month: int) -> int:
    """28 to 31."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _part(number: int, every: int, last: int, name: str) -> str:
    if number == every:
        return "**"
    if number > last:
        raise NoValueError(f"impossible time: {name} {number}")
    return _TWO_DIGITS[number]


def _date(low: int, high: int, century: int) -> str:
    """Day and month octets with the seven-bit year between them; `century` from type F only."""
    day = low & 0x1F
    month = high & 0x0F
    year = _full_year((low >> 5) | (high & 0xF0) >> 1, century)
    if month != _EVERY_MONTH and not 1 <= month <= 12:
        raise NoValueError(f"{IMPOSSIBLE}: month {month}")
    # A leap year stands in for "every year", so that 29 February is allowed.
    longest = 31 if month == _EVERY_MONTH else days_in_month(year or 2000, month)
    if day > longest:
        raise NoValueError(f"{IMPOSSIBLE}: day {day} of month {month}")
    return "-".join(
        (
            "****" if year is None else str(year),
            "**" if month == _EVERY_MONTH else _TWO_DIGITS[month],
            "**" if day == 0 else _TWO_DIGITS[day],
        )
    )


def _full_year(year: int, century: int) -> int | None:
    """The year in full, None for "every year"; without hundred-year bits 00-80 are 20xx, 81-99 are 19xx."""
    if year == _EVERY_YEAR:
        return None
    if year > 99:
        raise NoValueError(f"{IMPOSSIBLE}: two-digit year {year}")
    if century:
        return 1900 + 100 * century + year
    return (2000 if year <= 80 else 1900) + year
