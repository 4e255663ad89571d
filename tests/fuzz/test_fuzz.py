"""Damaged inputs: a twentieth of what CI runs of each kind by command, `python -m tests.fuzz`.

MBUSCLI_FULL_SIZE=1 takes as many here, MBUSCLI_FUZZ_CASES any other number for each group.
"""

from __future__ import annotations

import os

import pytest

from tests.fuzz import found
from tests.fuzz.__main__ import campaign
from tests.fuzz.campaign import run_case
from tests.fuzz.targets import GROUPS, TARGETS
from tests.reliability.size import sized

CASES = int(os.environ.get("MBUSCLI_FUZZ_CASES", sized(100_000, 5_000)))
_MANY = 1000
# Files are written and read: fewer of them cost as much.
_FEWER = {"keys": 5, "settings": 5, "text": 5}


@pytest.mark.timeout(max(300, CASES // 100))
@pytest.mark.parametrize("group", GROUPS)
def test_no_input_does_harm(group: str) -> None:
    reports = campaign(group, CASES // _FEWER.get(group, 1))
    assert not [str(failure) for report in reports for failure in report.failures]
    assert sum(report.cases for report in reports) >= CASES // _FEWER.get(group, 1)
    # Inputs that are all refused would show nothing.
    assert all(report.taken for report in reports if report.cases >= _MANY), reports


@pytest.mark.parametrize(("target", "case"), found.CASES)
def test_what_once_did(target: str, case: bytes) -> None:
    assert not run_case(target, TARGETS[target], case).failures


def test_what_is_looked_for_is_found() -> None:
    from tests.fuzz.campaign import Target, run
    from tests.fuzz.shown import HarmError, check

    def act(case: bytes) -> tuple[()]:
        if case[:1] == b"\xff":
            raise IndexError("no")
        return ()

    report = run("broken", Target(lambda: [b"\xff" * 8], bytes, act), 1000)
    assert ["IndexError" in str(failure) for failure in report.failures] == [True]
    assert report.failures[0].case[0] == 0xFF
    split = Target(lambda: [b"abc"], bytes, lambda case: (), lambda case: (case, case[1:]))
    assert "octet by octet" in run("split", split, 1000).failures[0].what
    for text, form in (
        ("\x1b[2J", "table"),
        ("\x9b", "json"),
        ("\u202e", "csv"),
        ("a\tb", "csv"),
        ("a\nb\tc\n", "tsv"),
    ):
        with pytest.raises(HarmError):
            check(text, form)
