"""Frames of the IMST sticks iU891A-XL, iU893A-XL, iM891A-XL and iM881A-XL.

SLIP around service access point, message, body, and CRC-16/X-25 over all of these. A response carries a
status octet in front of its body, the indication of a received telegram does not.
"""

from __future__ import annotations

from typing import NamedTuple

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.checksum import crc_x25, ends_with_crc_x25
from mbuscli.protocol.octets import counted_are
from mbuscli.protocol.receivers.framer import MORE, Cut, Damage, Framer, Verdict
from mbuscli.protocol.receivers.slip import END, encode_slip, unescape_slip

BAUD = 115200
WAKE_UP = bytes((END,)) * 30
DEVICE, RADIO_LINK = 0x01, 0x09

PING = 0x01
DEVICE_INFO = 0x03
# Of the radio link.
GET_CONFIGURATION = 0x01
SET_CONFIGURATION = 0x03
RECEIVED = 0x20
ADDRESS = 0x81

MODELS = {0x6D: "iM891A-XL", 0x6E: "iU891A-XL", 0xA3: "iM881A-XL", 0x71: "iU893A-XL"}
IU891A = 0x6E

OFF = 0
LINK_MODES: dict[int, frozenset[str]] = {
    3: frozenset(("C1", "T1")),
    2: frozenset(("T1",)),
    5: frozenset(("C1",)),
    1: frozenset(("S1",)),
}
LINK_MODE_CT = 3
# Bits of the options.
FILTER, INDICATE_RECEIVED, INDICATE_SENT = 0x01, 0x02, 0x04

STATUS_OK, STATUS_WRONG_PARAMETER = 0, 3
STATUS = {
    1: "error",
    2: "not supported",
    3: "wrong parameter",
    4: "not in this operation mode",
    6: "busy",
    7: "wrong length",
    8: "its memory cannot be written",
    9: "its memory cannot be read",
    10: "rejected",
}

_CRC_SIZE = 2
# Time stamp (4), status and format (3), RSSI (1).
_INDICATION_HEADER = 8
_MOST_OCTETS = 1024


class Message(NamedTuple):
    """What a frame carries; `body` with the status octet where it is a response."""

    sap: int
    number: int
    body: bytes
    raw: bytes = b""

    @property
    def telegram(self) -> bytes | None:
        """The received telegram, L first; None if this message carries none."""
        if (self.sap, self.number) != (RADIO_LINK, RECEIVED) or len(self.body) <= _INDICATION_HEADER:
            return None
        return self.body[_INDICATION_HEADER:]

    @property
    def rssi_dbm(self) -> float | None:
        """The signal strength of a received telegram."""
        if self.telegram is None:
            return None
        return float(int.from_bytes(self.body[_INDICATION_HEADER - 1 : _INDICATION_HEADER], signed=True))


class Configuration(NamedTuple):
    """What the radio does; `rest` is pins, LED and recalibration, eight octets as sent."""

    link_mode: int
    options: int
    rest: bytes = bytes(8)

    def encode(self) -> bytes:
        """The eleven octets."""
        return bytes((self.link_mode,)) + self.options.to_bytes(2, "little") + self.rest


class DeviceInfo(NamedTuple):
    """Answer to DEVICE_INFO without its status; `rest` are further fields of the product."""

    model: int
    unique_id: int
    rest: bytes = bytes(5)

    def encode(self) -> bytes:
        """The octets behind the status."""
        return bytes((self.model,)) + self.unique_id.to_bytes(4, "little") + self.rest


def decode_configuration(data: bytes) -> Configuration | None:
    """The configuration in eleven octets, None if they are not that many."""
    if len(data) != 11:
        return None
    return Configuration(data[0], int.from_bytes(data[1:3], "little"), data[3:])


def decode_device_info(data: bytes) -> DeviceInfo | None:
    """The octets behind the status, None if there are too few."""
    if len(data) < 5:
        return None
    return DeviceInfo(data[0], int.from_bytes(data[1:5], "little"), data[5:])


def encode_frame(sap: int, number: int, body: bytes = b"") -> bytes:
    """A frame between its two ends."""
    content = bytes((sap, number)) + body
    return encode_slip(content + crc_x25(content).to_bytes(_CRC_SIZE, "little"))


def encode_received(telegram: bytes, rssi_dbm: float, time_stamp: int) -> bytes:
    """The body that indicates a received telegram; `time_stamp` in seconds since 1970."""
    rssi = min(max(round(rssi_dbm), -128), 127) & 0xFF
    return time_stamp.to_bytes(4, "little") + b"\x00\x00\x02" + bytes((rssi,)) + telegram


def framer(saps: tuple[int, ...] = (DEVICE, RADIO_LINK)) -> Framer[Message]:
    """Cuts what the stick sends, or what is sent to it, at these service access points."""
    return Framer(lambda data, at: _cut(data, at, saps))


def _cut(data: bytes, at: int, saps: tuple[int, ...]) -> Cut[Message] | DecodeError | Verdict:
    if data[at] == END:
        return Cut(1, None)
    end = data.find(END, at, at + _MOST_OCTETS)
    if end < 0:
        if len(data) - at < _MOST_OCTETS:
            return MORE
        return Cut(_MOST_OCTETS, Damage(data[at : at + _MOST_OCTETS], _endless()))
    raw = data[at:end]
    try:
        return Cut(end + 1 - at, _decode(raw, saps))
    except DecodeError as error:
        return Cut(end + 1 - at, Damage(raw, error))


def _decode(inside: bytes, saps: tuple[int, ...]) -> Message:
    content = unescape_slip(inside)
    if len(content) < 2 + _CRC_SIZE or content[0] not in saps:
        text = f"{counted_are(len(inside), 'byte')} no message of the receiver"
        raise DecodeError(text, reason=Reason.GARBAGE)
    if not ends_with_crc_x25(content):
        text = "the CRC of the stick's frame is wrong: the serial line damaged it"
        raise DecodeError(text, reason=Reason.CRC)
    return Message(content[0], content[1], content[2:-_CRC_SIZE], inside)


def _endless() -> DecodeError:
    return DecodeError(f"{_MOST_OCTETS} bytes without the end of a frame", reason=Reason.GARBAGE)
