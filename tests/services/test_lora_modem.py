"""Which modem `auto` takes: the only one on a USB port that says it is one."""

from __future__ import annotations

import pytest

from mbuscli.errors import DeviceError, PortError, UsageError
from mbuscli.ports.serial_port import PresentPort
from mbuscli.services.lora_modem import choose_modem, open_modem

ADAPTER, OTHER = (0x0403, 0x6001), (0x04D8, 0x000A)
RN2483, RAK3172 = "sim:modem?family=rn2483", "sim:modem?family=rak3172"
MUTE = "sim:modem?fault=mute"


def port(name: str, ids: tuple[int, int] | None) -> PresentPort:
    vid, pid = ids or (None, None)
    return PresentPort(name, "", None, vid, pid)


def test_a_modem_that_is_named_is_asked_who_it_is() -> None:
    with open_modem(RAK3172) as modem:
        assert (modem.identity.family, modem.modem.family, modem.name) == ("rak3172", "rak3172", RAK3172)


def test_a_modem_whose_family_is_said_is_asked_nothing_else() -> None:
    with open_modem(RAK3172, family="RUI3") as modem:
        assert modem.identity.family == "rak3172"
    with pytest.raises(DeviceError):
        open_modem(RAK3172, family="lora_e5")
    with pytest.raises(UsageError):
        open_modem(RAK3172, family="toaster")


def test_the_only_one_that_answers() -> None:
    present = [port(MUTE, OTHER), port(RN2483, OTHER), port("/dev/does-not-exist", OTHER)]
    with choose_modem(present=present) as modem:
        assert modem.name == RN2483


def test_what_may_be_a_level_converter_is_never_asked() -> None:
    with choose_modem(present=[port(RAK3172, ADAPTER), port(RN2483, OTHER)]) as modem:
        assert modem.name == RN2483
    with pytest.raises(PortError) as caught:
        choose_modem(present=[port(RAK3172, ADAPTER)])
    assert caught.value.name == "port.missing"
    assert RAK3172 in caught.value.hint[0]


def test_ports_that_are_no_usb_devices_are_never_asked() -> None:
    with pytest.raises(PortError) as caught:
        choose_modem(present=[port(RN2483, None)])
    assert caught.value.name == "port.missing"


def test_two_of_them() -> None:
    with pytest.raises(PortError) as caught:
        choose_modem(present=[port(RN2483, OTHER), port(RAK3172, OTHER)])
    assert caught.value.name == "port.ambiguous"
    assert RAK3172 in caught.value.hint[0]
