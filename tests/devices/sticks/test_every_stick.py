"""What every stick must do, simulated or real: identified, set, heard, asked for a sign of life, put back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest

from mbuscli.errors import DecodeError
from mbuscli.protocol.wireless.frame_format import strip_crcs
from mbuscli.telegram import decode
from tests.devices.sticks.sticks import EVERY, REAL, Bench, real, simulated

pytestmark = pytest.mark.timeout(180)
FAULTS = ("", "split", "late", "between", "noise", "half", "split,late,between,noise")
BENCHES = [f"{name}:{faults}" for name in EVERY for faults in FAULTS] + ["real"] * bool(REAL)


@pytest.fixture(params=BENCHES)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    if request.param == "real":
        made = real()
    else:
        name, _, faults = request.param.partition(":")
        made = simulated(name, faults)
    with made.port:
        yield made
        made.stick.restore()


def test_it_is_identified(bench: Bench) -> None:
    identity = bench.stick.identify()
    assert identity.family == bench.family
    assert identity.model
    assert "answered" in identity.step


def test_it_is_set_and_heard(bench: Bench) -> None:
    listening = bench.stick.listen(bench.wanted)
    assert listening in bench.stick.hears
    assert listening >= bench.wanted
    telegrams: list[bytes] = []
    end = bench.port.now() + bench.patience_s
    while not telegrams and bench.port.now() < end:
        for heard in bench.stick.receive(end):
            assert heard.time <= bench.port.now()
            if heard.error is None:
                with suppress(DecodeError):
                    telegrams.append(strip_crcs(heard.data, frame_format=heard.frame_format).telegram)
                assert heard.rssi_dbm is None or -140 < heard.rssi_dbm < 0
    assert telegrams, "no meter was heard"
    assert telegrams[0][0] == len(telegrams[0]) - 1
    assert decode(telegrams[0]).meter is not None


def test_it_is_alive(bench: Bench) -> None:
    bench.stick.identify()
    assert bench.stick.is_alive()


def test_it_is_put_back(bench: Bench) -> None:
    bench.stick.listen(bench.wanted)
    bench.stick.restore()
    assert bench.stick.is_alive()
    # A second time there is nothing to put back.
    bench.stick.restore()
    assert bench.stick.listen(bench.wanted) >= bench.wanted
