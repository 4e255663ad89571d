"""Readings of a collection of real radio telegrams: as a reference program names them, or listed with the reason."""

from __future__ import annotations

import math
import tomllib
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mbuscli.meters.evaluate import evaluate
from mbuscli.meters.reading import ReadingValue
from mbuscli.meters.registry import Registry
from mbuscli.protocol.application.compact import Formats
from mbuscli.protocol.security.keys import Candidate, FixedKeys, parse_key
from mbuscli.telegram import decode
from tests.corpus import lines, needs_corpus

pytestmark = needs_corpus

REGISTRY = Registry()
VECTORS = lines("wireless.jsonl")
FAMILIES = sorted({vector["family"] for vector in VECTORS})
# Of the address, not of the readings.
ASIDE = {"media", "meter", "name", "id"}


class Difference(NamedTuple):
    """Where ours differs from the reference. `name` may have stars; `expected`: only where it says this."""

    family: str
    name: str
    why: str
    expected: Any = None

    def explains(self, family: str, name: str, expected: object) -> bool:
        named = self.family == family and fnmatchcase(name, self.name)
        return named and self.expected in (None, expected)


DIFFERENCES = [
    Difference(**entry)
    for entry in tomllib.loads(Path(__file__).with_name("differences.toml").read_text("utf-8"))["difference"]
]


def readings(vector: dict[str, Any]) -> dict[str, ReadingValue]:
    """The readings of a telegram, heard after those that stand before it."""
    keys = None
    if vector["key"] and vector["key"] != "NOKEY":
        keys = FixedKeys([Candidate("collection", parse_key(vector["key"]), exact=True)])
    formats = Formats()
    for earlier in vector["preceding"]:
        decode(bytes.fromhex(earlier), keys=keys, formats=formats)
    telegram = decode(bytes.fromhex(vector["telegram"]), keys=keys, formats=formats)
    read = evaluate(telegram, REGISTRY.driver_for(telegram.meter))
    return {reading.name: reading.value for reading in read.values}


def same(value: ReadingValue, expected: object) -> bool:
    """Numbers within the digits that the reference prints; times to the minute."""
    if isinstance(value, int | Decimal) and isinstance(expected, int | float):
        return math.isclose(float(value), expected, rel_tol=1e-6, abs_tol=5e-7)
    if isinstance(value, str) and isinstance(expected, str):
        moment = expected.replace(" ", "T")
        return value == expected or (len(moment) >= 16 and moment[4:5] == "-" and value.startswith(moment))
    return value is None and expected in (None, "")


def misses(vector: dict[str, Any]) -> list[tuple[str, object, object]]:
    """What the reference says and ours does not: name, its value, ours."""
    read = readings(vector)
    return [
        (name, expected, read.get(name, "-"))
        for name, expected in vector["expected"].items()
        if name not in ASIDE and not (name in read and same(read[name], expected))
    ]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_value_is_there_or_the_difference_has_a_reason(family: str) -> None:
    unexplained = [
        (vector["telegram"][:24], miss)
        for vector in VECTORS
        if vector["family"] == family
        for miss in misses(vector)
        if not any(known.explains(family, *miss[:2]) for known in DIFFERENCES)
    ]
    assert not unexplained


@pytest.mark.parametrize("family", sorted({difference.family for difference in DIFFERENCES}))
def test_every_difference_is_one(family: str) -> None:
    """A reason for what has come to agree must go."""
    missed = [miss for vector in VECTORS if vector["family"] == family for miss in misses(vector)]
    stale = [
        known.name
        for known in DIFFERENCES
        if known.family == family and not any(known.explains(family, *miss[:2]) for miss in missed)
    ]
    assert not stale
