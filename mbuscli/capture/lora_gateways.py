"""LoRaWAN frames as gateways and network servers write them: JSON, one object a line, and bare base64."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import Any, Final

from mbuscli.capture.heard import Heard
from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.receivers.lines import dbm, iso_time

BASE64: Final = "base64"
LORAWAN: Final = "lorawan"
# What stands in every object that is read here.
GATEWAY_MARK = re.compile(r'"(?:rxpk|txpk|phyPayload|phy_payload|raw_payload)"')
_BASE64 = re.compile(r"[A-Za-z0-9+/]{14,}={0,2}")
_HEX = re.compile(r"[0-9A-Fa-f]*")
_RESERVED_OR_MAJOR: Final = 0x1F
_LEAST: Final = 12
_CRC_BAD: Final = -1
# Where TTN keeps the frame of an uplink in its events, from the outside in.
_TTN_FOLDERS = ("data", "message", "uplink_message")


def octets_of_base64(text: str) -> bytes | None:
    """The octets of text that is base64 throughout, if they begin as a LoRaWAN frame; else None."""
    if len(text) % 4 or not _BASE64.fullmatch(text) or _HEX.fullmatch(text):
        return None
    data = _decoded(text)
    return data if data and len(data) >= _LEAST and not data[0] & _RESERVED_OR_MAJOR else None


def heard_from_gateway(line: str) -> list[Heard] | None:
    """The frames in one line of the Semtech packet forwarder, ChirpStack or TTN; None if it is of neither."""
    if not GATEWAY_MARK.search(line):
        return None
    import json

    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return list(_frames(row)) if isinstance(row, dict) and _is_known(row) else None


def _is_known(row: dict[str, Any]) -> bool:
    return "rxpk" in row or "txpk" in row or _phy_text(row) is not None


def _frames(row: dict[str, Any]) -> Iterator[Heard]:
    if "rxpk" in row or "txpk" in row:
        packets = row.get("rxpk", row.get("txpk"))
        for packet in packets if isinstance(packets, list) else [packets]:
            if isinstance(packet, dict):
                yield _semtech(packet)
        return
    text = _phy_text(row) or ""
    reception = _first(row.get("rxInfo")) or _first(_inner(row).get("rx_metadata")) or {}
    heard = _heard(text, "gateway")
    time = iso_time(row.get("time")) or iso_time(reception.get("time"))
    yield heard._replace(time=time, rssi_dbm=dbm(reception.get("rssi")))


def _semtech(packet: dict[str, Any]) -> Heard:
    """An entry of rxpk or txpk: `data` is base64, `stat` -1 a wrong CRC, `datr` a text or, for FSK, bit/s."""
    rate = packet.get("datr")
    time, rssi_dbm = iso_time(packet.get("time")), dbm(packet.get("rssi"))
    if packet.get("stat") == _CRC_BAD:
        error = DecodeError("the gateway says that the CRC of the radio is wrong", reason=Reason.CRC)
        return Heard(b"", "packet forwarder", time, rssi_dbm, error=error)
    heard = _heard(packet.get("data"), "packet forwarder")
    mode = rate if isinstance(rate, str) and re.fullmatch(r"SF\d{1,2}BW\d{2,4}", rate) else None
    return heard._replace(time=time, rssi_dbm=rssi_dbm, mode=mode)


def _heard(text: object, dialect: str) -> Heard:
    data = _decoded(text) if isinstance(text, str) else None
    if not data:
        error = DecodeError(
            f"the frame in this line of {dialect} is no base64", reason=Reason.INVALID, layer="input"
        )
        return Heard(b"", dialect, error=error)
    return Heard(data, dialect, layer=LORAWAN)


def _phy_text(row: dict[str, Any]) -> str | None:
    """The base64 of a whole frame; TTN's raw_payload stands some levels down."""
    inner = _inner(row)
    for name in ("phyPayload", "phy_payload", "raw_payload"):
        text = row.get(name, inner.get(name))
        if isinstance(text, str):
            return text
    return None


def _inner(row: dict[str, Any]) -> dict[str, Any]:
    for name in _TTN_FOLDERS:
        deeper = row.get(name)
        if isinstance(deeper, dict):
            row = deeper
    return row


def _first(value: object) -> dict[str, Any] | None:
    """The first reception of a list, or the only one."""
    if isinstance(value, list) and value:
        value = value[0]
    return value if isinstance(value, dict) else None


def _decoded(text: str) -> bytes | None:
    """Base64, whose padding the packet forwarder may leave out."""
    try:
        return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)
    except ValueError:
        return None
