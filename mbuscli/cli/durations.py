"""Durations and moments on the command line."""

from __future__ import annotations

import re
from datetime import datetime

import click

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhdw])+")
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")


def seconds_of(text: str) -> float | None:
    """The seconds in `90`, `10m` or `1h30m`; None for anything else."""
    text = text.strip().lower()
    if text.isdecimal():
        return float(text)
    if _DURATION.fullmatch(text) is None:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


class Duration(click.ParamType[float]):
    """`90s`, `10m`, `1h30m`; seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = seconds_of(str(value))
        if not found:
            self.fail(f"{value!r} is no duration: write 90s, 10m or 1h30m", param, ctx)
        return found


class Moment(click.ParamType[datetime]):
    """`2d` ago, `2026-01-31`, `2026-01-31T08:00` or `today`; local time."""

    name = "moment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        text = str(value)
        if text == "today":
            return datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        ago = seconds_of(text) if not text.isdecimal() else None
        if ago is not None:
            return datetime.fromtimestamp(datetime.now().timestamp() - ago).astimezone()
        try:
            return datetime.fromisoformat(text).astimezone()
        except ValueError:
            self.fail(f"{text!r} is no moment: write today, 2d, 2026-01-31 or 2026-01-31T08:00", param, ctx)


_SIZE = re.compile(r"(\d+(?:\.\d+)?)([kmg]?)(?:i?b)?")
_FACTORS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


def octets_of(text: str) -> int | None:
    """The octets in `500k`, `10M` or `1G`; None for anything else."""
    match = _SIZE.fullmatch(text.strip().lower())
    return None if match is None else int(float(match[1]) * _FACTORS[match[2]])
