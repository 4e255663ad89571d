"""Radio telegrams for tests of walks, made by the inverse of what is tested."""

from __future__ import annotations

from decimal import Decimal

from mbuscli.devices.sticks.base import Reception
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.encode import encode_record
from mbuscli.protocol.security.keys import Key
from mbuscli.protocol.security.sealed import Sealed, SealedEll
from mbuscli.protocol.security.sealing import fill_blocks, seal_ell, seal_payload

KAM = 0x2C2D
HOP = 0x0001


def meter(number: int = 12345678, device_type: int = 0x07) -> MeterAddress:
    return MeterAddress(f"{number:08d}", KAM, 0x1B, device_type)


def key(number: int = 1) -> Key:
    return Key((number * 0x9E3779B97F4A7C15 & (1 << 128) - 1).to_bytes(16, "big"))


def volume(litres: int) -> bytes:
    return encode_record(bytes.fromhex("0413"), Decimal(litres) / 1000)


def short(
    sender: MeterAddress, acc: int, records: bytes, *, key: Key | None = None, bits: int = 0, ell: bytes = b""
) -> bytes:
    """A telegram with a short header, in clear or in security mode 5; `bits` go into the configuration field."""
    octets = sender.octets()
    body = records if key is None else fill_blocks(records)
    configuration = bits if key is None else bits | 0x0500 | len(body) // 16 << 4
    if key is not None:
        body = seal_payload(Sealed(configuration, body, lla=octets, acc=acc), key)
    return framed(octets, ell + bytes((0x7A, acc, 0)) + configuration.to_bytes(2, "little") + body)


def with_session(sender: MeterAddress, acc: int, sn: int, records: bytes, key: Key, cc: int = 0x20) -> bytes:
    """A telegram encrypted by the extended link layer."""
    octets = sender.octets()
    number = (1 << 29 | sn).to_bytes(4, "little")
    sealed = seal_ell(SealedEll(octets, cc, number, b"\x78" + records), key)
    return framed(octets, bytes((0x8D, cc, acc)) + number + sealed)


def framed(octets: bytes, body: bytes) -> bytes:
    telegram = b"\x44" + octets[4:6] + octets[:4] + octets[6:8] + body
    return bytes((len(telegram),)) + telegram


def heard(telegram: bytes, time: float = 0.0, rssi_dbm: float | None = -70.0) -> Reception:
    return Reception(telegram, time, rssi_dbm, "T1", "none")
