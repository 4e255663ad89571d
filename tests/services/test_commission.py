"""Writes into simulated meters: the registers of the meters decide, not what we say of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mbuscli.errors import (
    BusError,
    InputError,
    MbuscliError,
    NoAnswerError,
    NotConfirmedError,
    PortError,
    Reason,
    RefusedError,
    UsageError,
)
from mbuscli.ports.tap import Tap, Transfer
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.wired.commands import send_command
from mbuscli.services.commission import (
    ApplicationReset,
    Change,
    Outcome,
    SendCommand,
    SetAddress,
    SetBaud,
    SetIdentification,
    attempt,
    carry_out,
    prepare,
)
from mbuscli.services.link import Link
from mbuscli.services.read import Address
from mbuscli.settings.journal import Journal
from mbuscli.simulator.bus import Bus
from mbuscli.simulator.faults import Faults
from mbuscli.simulator.port import SimPort
from mbuscli.simulator.slave import DEAF_AFTER_BAUD, IGNORES_WRITES, KEEPS_BAUD, LOSES_ACKS
from tests.services.written_meters import address_of, bus_of, link_to, meter

ONE = address_of("11111111")
Write = Callable[[Link, Address, Change], Outcome]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.ndjson")


@pytest.fixture
def write(journal: Journal) -> Write:
    def write(link: Link, target: Address, change: Change) -> Outcome:
        return attempt(link, prepare(link, target, change), journal=journal)

    return write


def addresses(bus: Bus) -> list[int]:
    return [slave.address for slave in bus.slaves]


def numbers(bus: Bus) -> list[MeterAddress]:
    return [MeterAddress.from_octets(slave.meter) for slave in bus.slaves]


TARGETS: list[Address] = [
    1,
    ONE,
    MeterAddress("11111111"),
    MeterAddress("1111FFFF"),
    MeterAddress("1FFFFFFF", 0x2C2D),
]


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_only_the_one_meter_gets_the_new_address(write: Write, target: Address) -> None:
    bus = bus_of(meter(), meter("22222222", 2))
    outcome = write(link_to(bus), target, SetAddress(7))
    assert (outcome.state, outcome.acknowledged, outcome.verified) == ("written", True, True)
    assert addresses(bus) == [7, 2]


@pytest.mark.parametrize("target", [254, 255])
def test_the_only_meter_may_be_named_by_the_address_of_all(write: Write, target: int) -> None:
    bus = bus_of(meter())
    assert write(link_to(bus), target, SetAddress(7)).state == "written"
    assert addresses(bus) == [7]


@pytest.mark.parametrize("target", [251, 252, 253])
def test_who_obeys_is_not_known(write: Write, target: int) -> None:
    bus = bus_of(meter())
    with pytest.raises(NotConfirmedError) as caught:
        write(link_to(bus), target, SetAddress(7))
    assert caught.value.reason is Reason.UNSAFE
    assert bus.requests == 0


@pytest.mark.parametrize(
    ("target", "error"),
    [
        (1, BusError),
        (254, NotConfirmedError),
        (255, NotConfirmedError),
        (MeterAddress("FFFFFFFF"), BusError),
        (MeterAddress("33333333"), NoAnswerError),
        (9, NoAnswerError),
    ],
    ids=str,
)
def test_no_write_unless_the_target_is_one_meter(
    write: Write, target: Address, error: type[MbuscliError]
) -> None:
    bus = bus_of(meter(), meter("22222222", 1))
    with pytest.raises(error):
        write(link_to(bus), target, SetAddress(7))
    assert addresses(bus) == [1, 1]


def test_meters_that_answer_in_step_are_told_apart_from_one(write: Write) -> None:
    bus = bus_of(meter(reply_delay_s=0.02), meter("22222222", 1, reply_delay_s=0.02))
    link = link_to(bus)
    for target in (1, MeterAddress("FFFFFFFF")):
        with pytest.raises(BusError):
            write(link, target, SetAddress(7))
    assert write(link, ONE, SetAddress(7)).state == "written"
    assert addresses(bus) == [7, 1]


def test_an_address_that_is_taken_is_refused(write: Write) -> None:
    bus = bus_of(meter(), meter("22222222", 2), meter("33333333", 3), meter("44444444", 3))
    link = link_to(bus)
    for new in (2, 3):
        with pytest.raises(NotConfirmedError) as caught:
            write(link, 1, SetAddress(new))
        assert caught.value.name == "bus.taken"
    assert "22222222" in str(_error(write, link, SetAddress(2)))
    assert addresses(bus) == [1, 2, 3, 3]


def test_address_0_may_be_shared_by_meters_that_can_be_selected(write: Write) -> None:
    bus = bus_of(meter(), meter("22222222", 0), meter("33333333", 0))
    link = link_to(bus)
    outcome = write(link, 1, SetAddress(0))
    assert outcome.state == "written"
    assert outcome.verified
    assert addresses(bus) == [0, 0, 0]
    assert any("address 0" in warning for warning in outcome.prepared.warnings)
    # ... and back from there, as the undo command does
    assert write(link, ONE, SetAddress(1)).state == "written"
    assert addresses(bus) == [1, 0, 0]


def test_what_is_so_already_is_not_written(write: Write, journal: Journal) -> None:
    bus = bus_of(meter())
    link = link_to(bus)
    changes: list[Change] = [SetAddress(1), SetIdentification("11111111"), SetBaud(2400)]
    for change in changes:
        for target in (1, ONE):
            prepared = prepare(link, target, change)
            assert prepared.already
            assert not prepared.frames
            assert attempt(link, prepared, journal=journal).state == "already"
    assert journal.read() == []


def test_an_address_that_the_meter_has_already_but_shares(write: Write) -> None:
    bus = bus_of(meter(), meter("22222222", 1))
    with pytest.raises(BusError):
        write(link_to(bus), ONE, SetAddress(1))


@pytest.mark.parametrize("target", [1, ONE], ids=str)
def test_a_meter_that_acknowledges_and_does_nothing(write: Write, target: Address) -> None:
    bus = bus_of(meter(quirks=(IGNORES_WRITES,)))
    link = link_to(bus)
    changes: list[Change] = [SetAddress(7), SetIdentification("77777777"), SetBaud(9600)]
    for change in changes:
        outcome = write(link, target, change)
        assert (outcome.state, outcome.acknowledged) == ("refused", True)
        assert isinstance(outcome.error, RefusedError)
        assert outcome.error.reason is Reason.UNCHANGED
    assert (addresses(bus), numbers(bus)) == ([1], [ONE])


@pytest.mark.parametrize("target", [1, ONE], ids=str)
def test_a_refusal_is_told_in_words(write: Write, target: Address) -> None:
    bus = bus_of(meter(write_protected=True))
    outcome = write(link_to(bus), target, SetAddress(7))
    assert isinstance(outcome.error, RefusedError)
    assert "unspecified error" in outcome.error.text
    assert outcome.error.hint
    assert addresses(bus) == [1]


def test_a_refusal_of_an_earlier_command_is_not_taken_for_ours(write: Write) -> None:
    bus = bus_of(meter())
    bus.slaves[0].application_error = 1
    assert write(link_to(bus), 1, SetAddress(7)).state == "written"
    assert addresses(bus) == [7]


def test_a_password_opens_a_meter(write: Write) -> None:
    password = bytes.fromhex("04FD16D2040000")
    bus = bus_of(meter(unlock=password))
    link = link_to(bus)
    denied = write(link, 1, SetAddress(7))
    assert isinstance(denied.error, RefusedError)
    assert "access denied" in denied.error.text
    assert addresses(bus) == [1]
    assert write(link, 1, SendCommand(send_command(0x51, password))).state == "written"
    assert write(link, 1, SetAddress(7)).state == "written"
    assert addresses(bus) == [7]


@pytest.mark.parametrize("target", [1, ONE], ids=str)
def test_a_lost_acknowledgement_is_made_good_by_reading_back(write: Write, target: Address) -> None:
    for change, index in ((SetAddress(7), 0), (SetIdentification("77777777"), 1), (SetBaud(9600), 2)):
        bus = bus_of(meter(quirks=(LOSES_ACKS,)))
        outcome = write(link_to(bus), target, change)
        assert (outcome.state, outcome.verified) == ("written", True)
        slave = bus.slaves[0]
        assert (slave.address, MeterAddress.from_octets(slave.meter).id, slave.baud) == (
            7 if index == 0 else 1,
            "77777777" if index == 1 else "11111111",
            9600 if index == 2 else 2400,
        )


def test_the_port_is_lost_right_after_the_write(write: Write, journal: Journal) -> None:
    bus = bus_of(meter())
    link = link_to(bus)
    prepared = prepare(link, 1, SetAddress(7))
    bus.faults = Faults(unplug_after_requests=bus.requests + 2)  # link reset and write, no reading back
    outcome = attempt(link, prepared, journal=journal)
    assert outcome.state == "unknown"
    assert isinstance(outcome.error, PortError)
    assert addresses(bus) == [7]
    (line,) = journal.read()
    assert (line.outcome, line.entry.old, line.entry.new) == ("unknown", "1", "7")


def test_the_meter_dies_before_the_write(journal: Journal) -> None:
    bus = bus_of(meter())
    link = link_to(bus)
    prepared = prepare(link, 1, SetAddress(7))
    bus.faults = Faults(dead=("11111111",))
    outcome = attempt(link, prepared, journal=journal)
    assert outcome.state == "failed"
    assert isinstance(outcome.error, NoAnswerError)
    assert [line.outcome for line in journal.read()] == ["failed"]
    with pytest.raises(NoAnswerError):
        carry_out(link, prepared, journal=journal)


def test_a_journal_that_cannot_be_written_stops_the_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    bus = bus_of(meter())
    link = link_to(bus)
    prepared = prepare(link, 1, SetAddress(7))
    asked = bus.requests
    with pytest.raises(InputError):
        attempt(link, prepared, journal=Journal(tmp_path / "file" / "journal"))
    assert (bus.requests, addresses(bus)) == (asked, [1])


def test_what_was_planned_is_what_goes_out(journal: Journal) -> None:
    for target in (1, ONE):
        sent: list[bytes] = []

        def note(transfer: Transfer, sent: list[bytes] = sent) -> None:
            if transfer.direction == "tx":
                sent.append(transfer.data)

        link = Link(Tap(SimPort(bus_of(meter())), note))
        prepared = prepare(link, target, SetAddress(7))
        sent.clear()
        assert attempt(link, prepared, journal=journal).state == "written"
        assert sent[:2] == [frame.raw for frame in prepared.frames]


# Identification


def test_the_number_alone(write: Write) -> None:
    bus = bus_of(meter(), meter("22222222", 2))
    assert write(link_to(bus), ONE, SetIdentification("77777777")).verified
    assert numbers(bus) == [address_of("77777777"), address_of("22222222")]


def test_the_complete_address(write: Write) -> None:
    bus = bus_of(meter())
    link = link_to(bus)
    assert write(link, 1, SetIdentification("77777777", 0x1234, 3, 4)).verified
    assert numbers(bus) == [MeterAddress("77777777", 0x1234, 3, 4)]
    assert write(link, 1, SetIdentification("88888888", version=9)).verified
    assert numbers(bus) == [MeterAddress("88888888", 0x1234, 9, 4)]


def test_two_meters_never_get_one_number(write: Write) -> None:
    bus = bus_of(meter(), meter("22222222", 2))
    link = link_to(bus)
    with pytest.raises(NotConfirmedError) as caught:
        write(link, 1, SetIdentification("22222222"))
    assert caught.value.reason is Reason.TAKEN
    assert numbers(bus) == [ONE, address_of("22222222")]
    with pytest.raises(UsageError):
        write(link, 1, SetIdentification("2222222F"))


# Baud rate


@pytest.mark.parametrize("target", [1, ONE], ids=str)
def test_the_meter_is_followed_to_its_new_rate(write: Write, target: Address) -> None:
    bus = bus_of(meter(), meter("22222222", 2))
    link = link_to(bus)
    outcome = write(link, target, SetBaud(9600))
    assert (outcome.state, outcome.verified, link.baud) == ("written", True, 9600)
    assert [slave.stored_baud for slave in bus.slaves] == [9600, 2400]
    # the frame that reads back makes the rate last: no falling back
    assert bus.slaves[0].listening_baud(link.clock() + 1000) == 9600


def test_a_meter_that_keeps_its_rate(write: Write) -> None:
    bus = bus_of(meter(quirks=(KEEPS_BAUD,)))
    link = link_to(bus)
    outcome = write(link, 1, SetBaud(9600))
    assert isinstance(outcome.error, RefusedError)
    assert "2400 baud" in outcome.error.text
    assert (link.baud, bus.slaves[0].baud) == (2400, 2400)


def test_a_meter_that_goes_silent(write: Write, journal: Journal) -> None:
    bus = bus_of(meter(quirks=(DEAF_AFTER_BAUD,)))
    link = link_to(bus)
    outcome = write(link, 1, SetBaud(9600))
    assert outcome.state == "unknown"
    assert isinstance(outcome.error, NoAnswerError)
    assert "9600" in outcome.error.text
    assert "2400" in outcome.error.text
    assert any("goes back by itself" in hint for hint in outcome.error.hint)
    assert [line.outcome for line in journal.read()] == ["unknown"]
    assert link.baud == 2400
    assert bus.slaves[0].listening_baud(link.clock() + 1000) == 2400


def test_the_place_at_the_new_rate_is_taken(write: Write) -> None:
    bus = bus_of(meter(), meter("22222222", 1, baud=9600))
    with pytest.raises(NotConfirmedError) as caught:
        write(link_to(bus), 1, SetBaud(9600))
    assert caught.value.reason is Reason.TAKEN
    assert [slave.baud for slave in bus.slaves] == [2400, 9600]


# Application reset, any command


@pytest.mark.parametrize("target", [1, ONE], ids=str)
def test_application_reset(write: Write, target: Address) -> None:
    bus = bus_of(meter())
    link = link_to(bus)
    outcome = write(link, target, ApplicationReset(0x51))
    assert (outcome.state, outcome.verified) == ("written", False)
    assert bus.slaves[0].application_select == 0x51
    assert write(link, target, ApplicationReset(None)).state == "written"
    assert bus.slaves[0].application_select is None


@pytest.mark.parametrize("target", [1, ONE], ids=str)
def test_any_command_and_its_answer(write: Write, target: Address) -> None:
    bus = bus_of(meter())
    link = link_to(bus)
    outcome = write(link, target, SendCommand(send_command(0x51, bytes.fromhex("0C7977777777"))))
    assert outcome.telegram is not None
    assert outcome.telegram.meter == address_of("77777777")
    unknown = write(link, 1, SendCommand(send_command(0xB1, b"\x01")))
    assert isinstance(unknown.error, RefusedError)
    assert "CI field not implemented" in unknown.error.text


# Meters that say little


def test_a_meter_with_fixed_data_tells_its_number_only(write: Write) -> None:
    bus = bus_of(meter(fixed=bytes.fromhex("E5E50000000000000000")))
    outcome = write(link_to(bus), 1, SetAddress(7))
    assert (outcome.state, outcome.verified) == ("written", True)
    assert any("11111111" in warning for warning in outcome.prepared.warnings)
    assert addresses(bus) == [7]


def _error(write: Write, link: Link, change: Change) -> MbuscliError:
    with pytest.raises(MbuscliError) as caught:
        write(link, 1, change)
    return caught.value


@pytest.mark.parametrize(
    "faults",
    [
        Faults(noise=0.05),
        Faults(drop=0.01),
        Faults(late=0.2),
        Faults(echo=True),
        Faults(0.02, 0.01, 0.05, echo=True),
    ],
    ids=["noise", "drop", "late", "echo", "all"],
)
@pytest.mark.parametrize("change", [SetAddress(7), SetIdentification("77777777"), SetBaud(9600)])
def test_an_outcome_is_never_a_lie(write: Write, faults: Faults, change: Change) -> None:
    """Faults of the line make a write fail, and then it says so; the neighbour is never touched."""
    states = []
    for seed in range(12):
        bus = bus_of(meter(), meter("22222222", 2), faults=faults._replace(seed=seed))
        try:
            outcome = write(link_to(bus), ONE if seed % 2 else 1, change)
        except MbuscliError:
            states.append("not begun")
        else:
            states.append(outcome.state)
        slave, neighbour = bus.slaves
        assert (neighbour.address, neighbour.baud, neighbour.meter[:4].hex()) == (2, 2400, "22222222")
        changed = (slave.address, slave.baud, slave.meter[:4].hex()) != (1, 2400, "11111111")
        assert states[-1] == "unknown" or changed is (states[-1] == "written")
    assert states.count("written") >= 9
