"""Messages of the IMST LoRaWAN modems iU880B and iM880B (WiMOD HCI 1.22), in the SLIP frames of the iU891A.

EUIs and keys go most significant octet first, device addresses least significant octet first.
"""

from __future__ import annotations

from typing import NamedTuple

from mbuscli.protocol.receivers import iu891a
from mbuscli.protocol.receivers.framer import Framer
from mbuscli.protocol.receivers.iu891a import Message

DEVICE, LORAWAN = 0x01, 0x10

# Requests of device management; every answer has the next number and begins with a status.
PING, DEVICE_INFO, FIRMWARE, SET_MODE = 0x01, 0x03, 0x05, 0x09
APPLICATION_MODE, CUSTOMER_MODE = 0, 3

# Requests of LoRaWAN.
ACTIVATE_ABP, SET_JOIN_PARAMETER, JOIN = 0x01, 0x05, 0x09
SEND_UNRELIABLE, SEND_CONFIRMED = 0x0D, 0x11
GET_STACK, SET_STACK = 0x1B, 0x19
SET_EUI, GET_EUI, NETWORK_STATUS, SEND_MAC_COMMAND = 0x25, 0x27, 0x29, 0x2B
# What it tells by itself.
JOIN_SENT, JOINED = 0x0B, 0x0C
SENT_UNRELIABLE, SENT_CONFIRMED = 0x0F, 0x13
RECEIVED, RECEIVED_CONFIRMED, RECEIVED_ACK, RECEIVED_NOTHING = 0x10, 0x14, 0x15, 0x16
RECEIVED_MAC_COMMAND = 0x2D

DEVICE_STATUS = {
    1: "error",
    2: "command not supported",
    3: "wrong parameter",
    4: "not in this operation mode",
}
OK, NOT_ACTIVE, BUSY, QUEUE_FULL, LENGTH, BLOCKED, NO_CHANNEL = 0, 5, 6, 7, 8, 0x0A, 0x0B
STATUS = DEVICE_STATUS | {
    NOT_ACTIVE: "device not activated",
    BUSY: "device busy",
    QUEUE_FULL: "message queue full",
    LENGTH: "wrong length",
    9: "no factory settings",
    BLOCKED: "channel blocked by the duty cycle",
    NO_CHANNEL: "no channel available",
}
# What follows the status of the answer to SET_STACK.
STACK_ERRORS = {0x01: "data rate", 0x02: "power", 0x20: "band"}

# Flags of received frames.
EXTENDED, ACK, PENDING = 0x01, 0x02, 0x04
_EXTENSION_SIZE = 5  # channel, data rate, RSSI, SNR, receive window

ADR, DUTY_CYCLE, CLASS_C, EXTENDED_OUTPUT, MAC_FORWARD = 0x01, 0x02, 0x04, 0x40, 0x80
BANDS = {"EU868": 1, "US915": 2}

MODELS = {0x90: "iM880A", 0x92: "iM880A-L", 0x93: "iU880A", 0x98: "iM880B-L"}


class Extension(NamedTuple):
    """Where and how well a frame was heard."""

    channel: int
    data_rate: int
    rssi_dbm: int
    snr_db: int
    window: int

    def encode(self) -> bytes:
        """The five octets."""
        signal = bytes((self.rssi_dbm & 0xFF, self.snr_db & 0xFF))
        return bytes((self.channel, self.data_rate)) + signal + bytes((self.window,))


class Heard(NamedTuple):
    """A received frame: its flags, what it carries, and how it was heard where the modem tells."""

    flags: int
    content: bytes
    extension: Extension | None


class Stack(NamedTuple):
    """How the radio stack sends; `rest` is what other regions and firmware add."""

    data_rate: int = 0
    power_dbm: int = 14
    options: int = ADR | DUTY_CYCLE | EXTENDED_OUTPUT
    power_saving: int = 0
    retransmissions: int = 7
    band: int = BANDS["EU868"]
    rest: bytes = b""

    def encode(self) -> bytes:
        """The octets behind a status, or of the request."""
        return bytes(self[:6]) + self.rest


def decode_stack(data: bytes) -> Stack | None:
    """The configuration in at least six octets, None if there are fewer."""
    return Stack(data[0], data[1], data[2], data[3], data[4], data[5], data[6:]) if len(data) >= 6 else None


def decode_heard(body: bytes) -> Heard | None:
    """What an indication of a received frame says, None if it is too short for what its flags promise."""
    if not body:
        return None
    flags, content = body[0], body[1:]
    if not flags & EXTENDED:
        return Heard(flags, content, None)
    if len(content) < _EXTENSION_SIZE:
        return None
    return Heard(flags, content[:-_EXTENSION_SIZE], decode_extension(content[-_EXTENSION_SIZE:]))


def decode_extension(data: bytes) -> Extension | None:
    """Five octets, None if there are fewer."""
    if len(data) < _EXTENSION_SIZE:
        return None
    rssi, snr = (int.from_bytes(data[at : at + 1], signed=True) for at in (2, 3))
    return Extension(data[0], data[1], rssi, snr, data[4])


def encode_request(sap: int, number: int, body: bytes = b"") -> bytes:
    """A request, or whatever the modem sends, in its frame."""
    return iu891a.encode_frame(sap, number, body)


def framer() -> Framer[Message]:
    """Cuts what the modem sends, or what is sent to it."""
    return iu891a.framer((DEVICE, LORAWAN))
