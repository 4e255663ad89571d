"""Frames of the IMST sticks iM871A and iM170A.

A5, endpoint and flags, message, length, payload, then what the flags announce: time stamp (4), RSSI (1),
CRC-16/X-25 over all but A5 (2). A received telegram is message 03 of endpoint 2, without its L field.
"""

from __future__ import annotations

from typing import NamedTuple

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.checksum import crc_x25, ends_with_crc_x25
from mbuscli.protocol.receivers.framer import MORE, NO_MESSAGE, Cut, Framer, Verdict
from mbuscli.protocol.wireless.c_fields import find_service

BAUD = 57600
START = 0xA5
DEVICE, RADIO_LINK = 1, 2

PING = 0x01
SET_CONFIGURATION = 0x03
GET_CONFIGURATION = 0x05
RESET = 0x07
DEVICE_INFO = 0x0F
# Of the radio link.
RECEIVED = 0x03

IM871A, IM170A = 0x33, 0x36
MODELS = {IM871A: "iM871A", IM170A: "iM170A"}
# From this firmware on the iM871A hears C1 and T1 at once; such numbers are read in hexadecimal.
FIRST_FIRMWARE_WITH_CT = 0x14

# What is heard in a link mode, by its number: iM871A and iM170A.
LINK_MODES_868: dict[int, frozenset[str]] = {
    0x0A: frozenset(("C1", "T1")),
    0x03: frozenset(("T1",)),
    0x07: frozenset(("C1",)),
    0x00: frozenset(("S1",)),
    0x01: frozenset(("S1-m",)),
    0x04: frozenset(("T2",)),
    0x09: frozenset(("C2",)),
}
LINK_MODES_169: dict[int, frozenset[str]] = {
    0x0A: frozenset(("N1a",)),
    0x0C: frozenset(("N1b",)),
    0x0E: frozenset(("N1c",)),
    0x10: frozenset(("N1d",)),
    0x12: frozenset(("N1e",)),
    0x14: frozenset(("N1f",)),
}
LINK_MODE_CT = 0x0A

_RESERVED, _TIME_STAMP, _RSSI, _CRC = 0x10, 0x20, 0x40, 0x80
_HEADER = 4
_LAST_MESSAGE = {1: 0x27, 2: 0x05, 3: 0x07, 4: 0x02}
# Raw values from here on stand for no measurement.
_NO_RSSI = 230


class Message(NamedTuple):
    """What a frame carries; `rssi` as sent, None where the frame has none; `time_stamp` likewise."""

    endpoint: int
    number: int
    payload: bytes
    rssi: int | None = None
    time_stamp: int | None = None
    raw: bytes = b""

    @property
    def telegram(self) -> bytes | None:
        """The received telegram, L first; None if this message carries none."""
        if (self.endpoint, self.number) != (RADIO_LINK, RECEIVED):
            return None
        return bytes((len(self.payload),)) + self.payload

    @property
    def rssi_dbm(self) -> float | None:
        """The signal strength, None where it was not measured."""
        if self.rssi is None or self.rssi >= _NO_RSSI:
            return None
        return -100 + 0.5 * (self.rssi - 45)


class DeviceInfo(NamedTuple):
    """Answer to DEVICE_INFO; the numbers as sent."""

    model: int
    mode: int
    firmware: int
    hci_version: int
    unique_id: int

    def encode(self) -> bytes:
        """The payload."""
        return bytes(self[:4]) + self.unique_id.to_bytes(4, "little")


def decode_device_info(payload: bytes) -> DeviceInfo | None:
    """The answer to DEVICE_INFO, None if it is too short."""
    if len(payload) < 8:
        return None
    model, mode, firmware, hci_version = payload[:4]
    return DeviceInfo(model, mode, firmware, hci_version, int.from_bytes(payload[4:8], "little"))


def encode_rssi(rssi_dbm: float) -> int:
    """The octet that stands for a signal strength."""
    return min(max(round((rssi_dbm + 100) * 2 + 45), 0), _NO_RSSI - 1)


def encode_frame(
    endpoint: int,
    number: int,
    payload: bytes = b"",
    *,
    rssi: int | None = None,
    time_stamp: int | None = None,
    crc: bool = False,
) -> bytes:
    """A frame; the stick takes those of the host without any of the additions."""
    flags = _TIME_STAMP * (time_stamp is not None) | _RSSI * (rssi is not None) | _CRC * crc
    frame = bytes((flags | endpoint, number, len(payload))) + payload
    if time_stamp is not None:
        frame += time_stamp.to_bytes(4, "little")
    if rssi is not None:
        frame += bytes((rssi,))
    if crc:
        frame += crc_x25(frame).to_bytes(2, "little")
    return bytes((START,)) + frame


def frame_size(data: bytes, at: int) -> int | Verdict:
    """Octets of the frame whose header stands at `at`; MORE or NO_MESSAGE where there is none."""
    if data[at] != START:
        return NO_MESSAGE
    head = data[at + 1 : at + _HEADER]
    if head and (head[0] & _RESERVED or head[0] & 0x0F not in _LAST_MESSAGE):
        return NO_MESSAGE
    if len(head) > 1 and not 1 <= head[1] <= _LAST_MESSAGE[head[0] & 0x0F]:
        return NO_MESSAGE
    if len(head) < _HEADER - 1:
        return MORE
    flags = head[0]
    tail = 4 * bool(flags & _TIME_STAMP) + bool(flags & _RSSI) + 2 * bool(flags & _CRC)
    return _HEADER + head[2] + tail


def decode_frame(frame: bytes) -> Message:
    """The message in a whole frame; DecodeError `link.crc` if its CRC is wrong."""
    flags, number, size = frame[1], frame[2], frame[3]
    if flags & _CRC and not ends_with_crc_x25(frame[1:]):
        text = "the CRC of the stick's frame is wrong: the serial line damaged it"
        raise DecodeError(text, reason=Reason.CRC)
    end = _HEADER + size
    time_stamp = rssi = None
    payload = frame[_HEADER:end]
    if flags & _TIME_STAMP:
        time_stamp = int.from_bytes(frame[end : end + 4], "little")
        end += 4
    if flags & _RSSI:
        rssi = frame[end]
    return Message(flags & 0x0F, number, payload, rssi, time_stamp, frame)


def framer() -> Framer[Message]:
    """Cuts what the stick sends, or what is sent to it."""
    return Framer(_cut)


def _cut(data: bytes, at: int) -> Cut[Message] | DecodeError | Verdict:
    size = frame_size(data, at)
    if isinstance(size, Verdict):
        return size
    if not _is_plausible(data[at : at + _HEADER + 1]):
        return NO_MESSAGE
    if at + size > len(data):
        return MORE
    try:
        return Cut(size, decode_frame(data[at : at + size]))
    except DecodeError as error:
        return error


def _is_plausible(head: bytes) -> bool:
    """A telegram that no CRC proves has a C field with a meaning: or stray octets would swallow telegrams."""
    is_unproved = head[1] == RADIO_LINK | head[1] & (_TIME_STAMP | _RSSI) and head[2] == RECEIVED
    return not is_unproved or len(head) <= _HEADER or find_service(head[_HEADER]) is not None
