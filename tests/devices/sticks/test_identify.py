"""Asking an unknown port who is there: every stick is found, whoever was asked for before."""

from __future__ import annotations

import threading

import pytest

from mbuscli.devices.sticks.identify import identify, identify_all, open_line, order_of_questions
from mbuscli.devices.sticks.registry import (
    FAMILIES,
    PROBED,
    PROGRAM,
    driver_of,
    family_of_text,
    family_of_usb,
    find_family,
)
from mbuscli.errors import PortError, Reason, UsageError
from mbuscli.ports.base import Port
from mbuscli.simulator.port import SimPort
from mbuscli.simulator.sticks.opener import open_twin

STICKS = {
    "im871a": ("im871a", "iM871A"),
    "im170a": ("im871a", "iM170A"),
    "iu891a": ("iu891a", "iU891A-XL"),
    "amb8465": ("amber", "AMB8465"),
    "amb8465-frames": ("amber", "AMB8465"),
    "amb3665": ("amber", "AMB3665"),
    "rc1180": ("rc1180", "RC1180-MBUS"),
    "cul": ("cul", "nanoCUL868"),
}


def port_of(name: str, faults: str = "", baud: int = 9600) -> SimPort:
    return SimPort(open_twin(name, faults=faults), name, baud)


@pytest.mark.parametrize("name", STICKS)
@pytest.mark.parametrize("first", [None, *PROBED])
def test_every_stick_is_found_whoever_is_asked_for_first(name: str, first: str | None) -> None:
    port = port_of(name)
    identity = identify(port, first)
    assert identity is not None
    assert (identity.family, identity.model) == STICKS[name]
    assert "answered" in identity.step
    assert port.baud == FAMILIES[identity.family].baud
    # And it works at once.
    stick = driver_of(identity.family, port)
    assert stick.identify() == identity
    assert stick.is_alive()


@pytest.mark.parametrize("name", STICKS)
@pytest.mark.parametrize("faults", ["split", "between", "noise"])
def test_it_is_found_on_a_bad_line(name: str, faults: str) -> None:
    identity = identify(port_of(name, faults))
    assert identity is not None
    assert identity.family == STICKS[name][0]


@pytest.mark.parametrize("name", ["rawtty", "hextty", "cul"])
def test_a_port_where_nobody_answers_is_left_as_it_was(name: str) -> None:
    port = port_of(name, "mute" if name == "cul" else "", baud=2400)
    assert identify(port) is None
    assert port.baud == 2400


def test_the_order_of_questions() -> None:
    assert order_of_questions() == ("amber", "im871a", "rc1180", "cul", "iu891a")
    assert order_of_questions("cul") == ("cul", "amber", "im871a", "rc1180", "iu891a")
    assert order_of_questions("rawtty") == order_of_questions()


def test_ports_are_asked_at_the_same_time() -> None:
    """Each opener waits for all the others: one after the other would never come to an end."""
    everyone = threading.Barrier(len(STICKS), timeout=20)

    def opener(name: str, baud: int) -> Port:
        everyone.wait()
        return port_of(name, baud=baud)

    answers = {answer.port: answer for answer in identify_all([*STICKS], opener=opener)}
    assert {name: answer.identity.model for name, answer in answers.items() if answer.identity} == {
        name: model for name, (_, model) in STICKS.items()
    }
    assert frozenset(("C1", "T1")) in answers["cul"].hears
    assert frozenset(("N1a",)) in answers["im170a"].hears


def test_an_error_on_one_port_is_its_answer() -> None:
    def opener(name: str, baud: int) -> Port:
        if name == "bad":
            raise PortError("bad", reason=Reason.BUSY)
        return port_of("rawtty", "unplug=1" if name == "gone" else "", baud=baud)

    answers = {answer.port: answer for answer in identify_all(["bad", "gone", "silent"], opener=opener)}
    errors = {name: answer.error.name if answer.error else None for name, answer in answers.items()}
    assert errors == {"bad": "port.busy", "gone": "port.unplugged", "silent": None}
    assert all(answer.identity is None for answer in answers.values())


def test_a_line_is_opened_for_sticks() -> None:
    with open_line("sim:stick?family=cul", 38400) as port:
        assert port.baud == 38400


def test_every_family_can_be_loaded_and_named() -> None:
    for name, family in FAMILIES.items():
        assert find_family(name.upper()) == name
        assert all(find_family(stick) == name for stick in family.sticks)
        with port_of("rawtty") as port:
            assert driver_of(name, port).family == name
        assert (family.baud > 0) == (family.kind != PROGRAM)
    with pytest.raises(UsageError) as caught:
        find_family("iM871")
    assert "did you mean iM871A?" in caught.value.hint


def test_what_usb_tells() -> None:
    assert family_of_text("IMST GmbH iM871A-USB") == "im871a"
    assert family_of_text("busware.de CUL868") == "cul"
    assert family_of_text("FTDI FT232R USB UART") is None
    assert family_of_usb(0x10C4, 0xEA60) == "im871a"
    assert family_of_usb(0x0403, 0x6001) == "amber"
    assert family_of_usb(None, None) is None
