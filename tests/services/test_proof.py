"""How far values are proved: the grade of each kind of protection, old telegrams, and only what is proved."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from mbuscli.protocol.security.keys import Candidate, FixedKeys, parse_key
from mbuscli.services.decrypt import Decoded, Decoder, Lorawan
from mbuscli.services.input import pieces_of_stream
from mbuscli.services.readings import readings_of
from mbuscli.services.replay import Counters, Range
from mbuscli.telegram import Telegram, model
from mbuscli.telegram.model import Security
from tests.cli.program import run
from tests.telegram.samples import KEY, METER, SAMPLES, ccm

GRADES = {
    "mode_7": "mac",
    "CCM": "mac",
    "adapter": "mac",
    "ell_ctr": "payload-crc",
    "mode_5": "check-bytes",
    "wired": "none",
    "fixed": "none",
}


@pytest.mark.parametrize(("name", "grade"), GRADES.items())
def test_grades(name: str, grade: str) -> None:
    assert SAMPLES[name].decode().security.proof == grade
    assert SAMPLES[name].decode(with_key=False).security.proof == "none"


def test_every_check_has_a_grade() -> None:
    """The names of checks stand where they are made: what is not known there would pass for plausible."""
    named = {"CMAC", "CCM tag", "MIC", "half of the MIC", "PLCRC", "2F2F", "2F", "4B", "sum", "records"}
    assert named == set(model._GRADE_OF_CHECK)
    assert Security(checks=("half of the MIC",)).proof == "check-bytes"
    assert Security(checks=("something new",)).proof == "plausible"


def decoded(*rows: str, strict: bool = False) -> list[Telegram]:
    keys = FixedKeys([Candidate("sample", parse_key(key)) for key in {KEY, SAMPLES["mode_5"].key or ""}])
    decoder = Decoder(keys, None, None, Lorawan(), strict=strict)
    pieces = pieces_of_stream(io.BytesIO("\n".join(rows).encode()), "log")
    events = [event for piece in pieces for event in decoder.events(piece)]
    return [event.telegram for event in events if isinstance(event, Decoded)]


def test_a_counter_that_goes_back() -> None:
    found = decoded(ccm(7), ccm(9), ccm(9), ccm(8), ccm(10), ccm(3))
    assert [telegram.security.replayed for telegram in found] == [False, False, False, True, False, True]
    assert [problem.reason.value for problem in found[3].problems] == ["replayed"]
    assert not found[3].is_damaged  # its values stand, marked
    assert found[3].records


def test_who_has_no_key_cannot_raise_a_counter() -> None:
    forged = ccm(1000)[:-2] + "00"
    found = decoded(ccm(7), forged, ccm(8))
    assert [telegram.security.state for telegram in found] == ["decrypted", "key_wrong", "decrypted"]
    assert not found[2].security.replayed


def test_strict_gives_only_what_is_proved() -> None:
    rows = [SAMPLES[name].telegram for name in GRADES]
    for (name, grade), telegram in zip(GRADES.items(), decoded(*rows, strict=True), strict=True):
        values = readings_of(telegram).values
        assert bool(telegram.records) == bool(values) == (grade != "none"), name
        reasons = [problem.reason.value for problem in telegram.problems if not problem.warning]
        assert reasons == ([] if grade != "none" else ["unproved"]), name


def test_strict_leaves_out_what_was_sent_again() -> None:
    found = decoded(ccm(9), ccm(8), strict=True)
    assert [bool(telegram.records) for telegram in found] == [True, False]
    assert "sent again" in found[1].problems[-1].text


def test_strict_at_the_command_line(tmp_path: Path) -> None:
    def strict(*words: str) -> tuple[dict[str, object], int]:
        result = run("decrypt", *words, "--strict", "-o", "json", HOME=str(tmp_path))
        return json.loads(result.out), result.code

    row, code = strict(SAMPLES["mode_7"].telegram, "--key", KEY)
    assert (code, row["security"]["proof"]) == (0, "mac")  # type: ignore[index]
    assert row["readings"]
    row, code = strict(SAMPLES["wired"].telegram)
    assert code == 6
    assert (row["records"], row["readings"], row["security"]["proof"]) == ([], {}, "none")  # type: ignore[index]


def test_the_column(tmp_path: Path) -> None:
    log = tmp_path / "walk.log"
    log.write_text("\n".join([ccm(9), ccm(8), SAMPLES["wired"].telegram]))
    words = ("--key", KEY, "--fields", "id,value,proof", "--quiet")
    result = run("decrypt", str(log), *words, HOME=str(tmp_path))
    proofs = [row.split("\t")[2] for row in result.out.splitlines()]
    assert proofs[:2] == ["mac", "replayed"]
    assert set(proofs[2:]) == {"none"}


def test_ranges_of_parts() -> None:
    counters = Counters()
    counters.add(METER, Range(5, 9))
    assert counters.contradict({METER: Range(8, 20)})
    assert not counters.contradict({METER: Range(9, 20)})
    counters.add(METER, Range(3, 4))
    assert counters.ranges[METER] == Range(3, 9)
