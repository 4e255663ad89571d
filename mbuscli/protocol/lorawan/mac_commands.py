"""MAC commands in FOpts and on port 0 (LoRaWAN 1.1, clause 5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from mbuscli.protocol.lorawan.fields import frequency_hz
from mbuscli.protocol.lorawan.mac_table import ACCEPTED_BITS, DOWNLINK, EIRP_DBM, UPLINK

Fields: TypeAlias = dict[str, int | bool | str | None]

_BATTERY_EXTERNAL, _BATTERY_UNKNOWN = 0, 255
# LinkADRReq: leave as it is.
_UNCHANGED = 15


class MacCommand(NamedTuple):
    """One command: identifier, name, its octets without the identifier, and their meaning.

    `name` is empty where the identifier is unknown or its octets are cut; `raw` is then all that is left.
    """

    cid: int
    name: str
    raw: bytes
    fields: Fields


def parse_mac_commands(data: bytes, *, uplink: bool) -> list[MacCommand]:
    """The commands in `data`; an unknown or cut one ends the list and holds the rest (clause 5: no sizes)."""
    table = UPLINK if uplink else DOWNLINK
    commands: list[MacCommand] = []
    at = 0
    while at < len(data):
        cid = data[at]
        entry = table.get(cid)
        if entry is None or entry.size is None or at + 1 + entry.size > len(data):
            commands.append(MacCommand(cid, "", data[at + 1 :], {}))
            break
        raw = data[at + 1 : at + 1 + entry.size]
        commands.append(MacCommand(cid, entry.name, raw, _fields(cid, raw, uplink)))
        at += 1 + entry.size
    return commands


def _fields(cid: int, raw: bytes, uplink: bool) -> Fields:
    if uplink and cid in ACCEPTED_BITS:
        return {name: bool(raw[0] >> bit & 1) for bit, name in enumerate(ACCEPTED_BITS[cid])}
    reader = (_UPLINK if uplink else _DOWNLINK).get(cid)
    return reader(raw) if reader else {}


def _minor(raw: bytes) -> Fields:
    return {"minor": raw[0] & 0x0F}


def _link_adr(raw: bytes) -> Fields:
    rate, power = raw[0] >> 4, raw[0] & 0x0F
    return {
        "data_rate": None if rate == _UNCHANGED else rate,
        "tx_power": None if power == _UNCHANGED else power,
        "channel_mask": f"{int.from_bytes(raw[1:3], 'little'):04X}",
        "mask_control": raw[3] >> 4 & 7,
        "transmissions": raw[3] & 0x0F or None,
    }


def _dev_status(raw: bytes) -> Fields:
    margin = raw[1] & 0x3F
    return {
        "external_power": raw[0] == _BATTERY_EXTERNAL,
        "battery_percent": round((raw[0] - 1) * 100 / 253)
        if _BATTERY_EXTERNAL < raw[0] < _BATTERY_UNKNOWN
        else None,
        "margin_db": margin - 64 if margin >= 32 else margin,
    }


def _new_channel(raw: bytes) -> Fields:
    return {
        "channel": raw[0],
        "frequency_hz": frequency_hz(raw[1:4]),
        "data_rate_min": raw[4] & 0x0F,
        "data_rate_max": raw[4] >> 4,
    }


def _tx_param(raw: bytes) -> Fields:
    return {
        "downlink_dwell": bool(raw[0] & 0x20),
        "uplink_dwell": bool(raw[0] & 0x10),
        "eirp_dbm": EIRP_DBM[raw[0] & 0x0F],
    }


def _rx_param(raw: bytes) -> Fields:
    return {
        "rx1_offset": raw[0] >> 4 & 7,
        "rx2_data_rate": raw[0] & 0x0F,
        "frequency_hz": frequency_hz(raw[1:4]),
    }


def _device_time(raw: bytes) -> Fields:
    return {
        "gps_seconds": int.from_bytes(raw[:4], "little"),
        "milliseconds": raw[4] * 1000 // 256,
    }


def _force_rejoin(raw: bytes) -> Fields:
    value = int.from_bytes(raw, "little")
    return {
        "period": value >> 11 & 7,
        "retries": value >> 8 & 7,
        "rejoin_type": value >> 4 & 7,
        "data_rate": value & 0x0F,
    }


_Reader: TypeAlias = Callable[[bytes], Fields]

_UPLINK: dict[int, _Reader] = {
    0x01: _minor,
    0x06: _dev_status,
    0x0B: _minor,
    0x10: lambda raw: {"periodicity": raw[0] & 7},
    0x20: lambda raw: {"device_class": {0: "A", 2: "C"}.get(raw[0])},
}

_DOWNLINK: dict[int, _Reader] = {
    0x01: _minor,
    0x02: lambda raw: {"margin_db": raw[0], "gateways": raw[1]},
    0x03: _link_adr,
    0x04: lambda raw: {"duty_cycle_divisor": 1 << (raw[0] & 0x0F)},
    0x05: _rx_param,
    0x07: _new_channel,
    0x08: lambda raw: {"delay_s": raw[0] & 0x0F or 1},
    0x09: _tx_param,
    0x0A: lambda raw: {"channel": raw[0], "frequency_hz": frequency_hz(raw[1:4])},
    0x0B: _minor,
    0x0C: lambda raw: {"limit_exponent": raw[0] >> 4, "delay_exponent": raw[0] & 0x0F},
    0x0D: _device_time,
    0x0E: _force_rejoin,
    0x0F: lambda raw: {"time_exponent": raw[0] >> 4, "count_exponent": raw[0] & 0x0F},
    0x11: lambda raw: {"frequency_hz": frequency_hz(raw[:3]), "data_rate": raw[3] & 0x0F},
    0x12: lambda raw: {"delay": int.from_bytes(raw[:2], "little"), "channel": raw[2]},
    0x13: lambda raw: {"frequency_hz": frequency_hz(raw)},
    0x20: lambda raw: {"device_class": {0: "A", 2: "C"}.get(raw[0])},
}
