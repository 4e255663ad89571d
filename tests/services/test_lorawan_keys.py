"""Keys of LoRaWAN devices as they are given for one command."""

from __future__ import annotations

from pathlib import Path

import pytest

from mbuscli.errors import InputError, UsageError
from mbuscli.protocol.lorawan.session import Transmission
from mbuscli.services.lorawan_keys import filed_devices, given_devices
from mbuscli.settings.lora_keys import DeviceKey
from tests.services.lorawan_frames import APP, DEV_ADDR, NWK

SECRET = "00112233445566778899AABBCCDDEEFF"


def test_pairs_on_the_command_line() -> None:
    (device,) = given_devices(
        f"nwk-s-key={SECRET}, AppSKey={SECRET},dev_addr=26011ABC,DevNonce=0x1234,FCnt=70000,txdr=5,TxCh=2,ConfFCnt=3"
    )
    assert set(device.keys) == {"NwkSKey", "AppSKey"}
    assert device.dev_addr == DEV_ADDR
    assert (device.dev_nonce, device.f_cnt) == (0x1234, 70000)
    assert device.sent == Transmission(5, 2, 3)
    session = device.session()
    assert session is not None
    assert not session.is_1_1


def test_devices_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "devices.keys"
    path.write_text(
        f'# two of them\n[flat 3]\nDevEUI = 0004A30B001A2B3C  # label\nAppKey = "{SECRET}"\n\n'
        f"[flat 4]\nFNwkSIntKey={SECRET}\n"
    )
    path.chmod(0o600)
    first, second = given_devices(str(path))
    assert (first.name, second.name) == ("flat 3", "flat 4")
    assert first.dev_eui == bytes.fromhex("0004A30B001A2B3C")
    assert first.session() is None
    assert [role for role, _ in first.roots] == ["AppKey"]
    assert second.is_1_1


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "devices.keys"
    path.write_text(f"AppKey={SECRET}\n")
    path.chmod(0o644)
    with pytest.raises(InputError):
        given_devices(str(path))
    with pytest.raises(InputError):
        given_devices(str(tmp_path / "absent"))


@pytest.mark.parametrize(
    "text",
    [
        f"Nonsense={SECRET}",
        f"AppKey={SECRET[:-1]}",
        f"AppKey={SECRET[:16]}",
        "AppKey=",
        f"AppKey={SECRET},AppKey={SECRET}",
        "DevNonce=12",
        f"AppKey={SECRET},DevNonce=twelve",
        f"AppKey={SECRET},FCnt=-1",
        f"AppKey={SECRET},DevAddr=12",
        f"AppKey={SECRET},stray",
    ],
)
def test_what_is_wrong_is_said_without_the_key(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        given_devices(text)
    assert SECRET[:15] not in str(caught.value.text)


def test_filed_keys_of_a_device_belong_together() -> None:
    filed = [DeviceKey("a", DEV_ADDR, "NwkSKey", NWK), DeviceKey("b", DEV_ADDR, "AppSKey", APP)]
    (device,) = filed_devices([*filed])
    assert device.name == "a"
    assert device.dev_addr == DEV_ADDR
    assert device.session() is not None
    (device,) = filed_devices([DeviceKey("c", bytes(8), "AppKey", APP)])
    assert (device.dev_addr, device.dev_eui) == (None, bytes(8))
