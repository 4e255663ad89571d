"""Keys of LoRaWAN devices in the ring, beside those of meters, in clear and encrypted."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.errors import InputError, Reason, UsageError
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.security.keys import Key
from mbuscli.settings.keystore import Entry, KeyRing
from mbuscli.settings.lora_keys import (
    APP_KEY,
    NWK_KEY,
    ROLES,
    DeviceKey,
    device_key,
    keys_of,
    parse_device,
    parse_role,
)
from mbuscli.settings.ring_file import editing, load_ring, read_contents, reseal, write_contents

EUI = bytes.fromhex("0004A30B001A2B3C")
ONE, TWO = Key(bytes(range(16))), Key(bytes(range(1, 17)))
METER = Entry("flat 3", MeterAddress.parse("12345678.KAM"), ONE)


def nobody(_prompt: str) -> str | None:
    raise AssertionError("nobody is to be asked")


def of(role: str = APP_KEY, key: Key = ONE, device: bytes = EUI) -> DeviceKey:
    return device_key({"device": device.hex(), "role": role}, key)


@given(
    st.lists(
        st.tuples(
            st.sampled_from((4, 8)).flatmap(lambda size: st.binary(min_size=size, max_size=size)),
            st.sampled_from(ROLES),
            st.binary(min_size=16, max_size=16),
        ),
        unique_by=lambda item: item[:2],
        max_size=5,
    )
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, items: list[tuple[bytes, str, bytes]]
) -> None:
    path = tmp_path_factory.mktemp("ring") / "keys.toml"
    devices = [of(role, Key(octets), device) for device, role, octets in items]
    write_contents(path, [METER, *devices], None)
    contents = read_contents(path, nobody)
    assert contents.entries == [METER]
    assert contents.faults == []
    assert contents.devices == tuple(devices)


def test_editing_and_encryption_keep_both_kinds(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    with editing(path, nobody) as ring:
        ring.put(METER)
        assert ring.put_device(of()) == "added"
    reseal(path, nobody, lambda _encrypted: "open sesame")
    assert EUI.hex().upper() not in path.read_text()
    with editing(path, lambda _prompt: "open sesame") as ring:
        assert ring.put_device(of()) == "unchanged"
        assert ring.put_device(of(NWK_KEY, TWO)) == "added"
    ring = load_ring(path, lambda _prompt: "open sesame")
    assert list(ring) == [METER]
    assert {entry.role for entry in ring.devices} == {APP_KEY, NWK_KEY}


def test_another_key_needs_replace() -> None:
    ring = KeyRing()
    ring.put_device(of())
    with pytest.raises(InputError) as caught:
        ring.put_device(of(key=TWO))
    assert caught.value.reason is Reason.EXISTS
    assert ring.put_device(of(key=TWO), replace=True) == "replaced"
    assert keys_of(ring.devices, EUI)[APP_KEY].key == TWO


def test_found_and_removed_by_eui() -> None:
    ring = KeyRing([METER], [of(), of(NWK_KEY, TWO), of(key=TWO, device=EUI[::-1])])
    assert [entry.key for entry in ring.find(EUI.hex())] == [ONE, TWO]
    assert [entry.key for entry in ring.find(f"{EUI.hex()} nwkkey")] == [TWO]
    ring.remove(ring.find(EUI.hex()))
    assert [entry.owner for entry in ring.all()] == ["12345678.KAM", f"{EUI[::-1].hex().upper()} AppKey"]


@pytest.mark.parametrize(
    "table",
    [
        "device = '0004A30B001A2B3C'\n",
        "role = 'AppKey'\n",
        "device = '0004A30B001A2B'\nrole = 'AppKey'\n",
        "device = '0004A30B001A2B3C'\nrole = 'Key'\n",
        "device = '0004A30B001A2B3C'\nrole = 'AppKey'\nmeters = '12345678'\n",
        f"device = '{'ab' * 16}'\nrole = 'AppKey'\n",
    ],
)
def test_faults_are_told_without_the_key(tmp_path: Path, table: str) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(f"[[key]]\n{table}key = '{'ab' * 16}'\n")
    path.chmod(0o600)
    contents = read_contents(path, nobody)
    assert not contents.entries
    assert not contents.devices
    assert len(contents.faults) == 1
    assert "abab" not in contents.faults[0].text


def test_texts() -> None:
    assert parse_device("00:04:a3:0b:00:1a:2b:3c") == EUI
    assert parse_device("26 01 1B DA") == bytes.fromhex("26011BDA")
    assert parse_role("app-key") == APP_KEY
    assert parse_role("fnwksintkey") == "FNwkSIntKey"
    for wrong in ("", "xy", "12345", "00" * 16):
        with pytest.raises(UsageError):
            parse_device(wrong)
    with pytest.raises(UsageError) as caught:
        parse_role("apkey")
    assert caught.value.hint[0] == "did you mean AppKey?"
