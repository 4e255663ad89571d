"""The text of the QR code on LoRaWAN devices (LoRa Alliance TR005): `LW:D0:<JoinEUI>:<DevEUI>:<profile>…`."""

from __future__ import annotations

from typing import NamedTuple, NoReturn

from mbuscli.errors import InputError, Reason
from mbuscli.protocol.lorawan.fields import EUI_SIZE

_SCHEMA = ("LW", "D0")
_PROFILE_SIZE = 4
_OPTIONAL = {"O": "owner_token", "S": "serial", "P": "proprietary", "C": "checksum"}
_EXAMPLE = "LW:D0:70B3D57ED0000001:0004A30B001A2B3C:AABB1122"


class DeviceLabel(NamedTuple):
    """What the label says; EUIs most significant octet first, texts "" where they are not there.

    The label never holds a key. How the check sum is made is not public: it is shown, not checked.
    """

    join_eui: bytes
    dev_eui: bytes
    profile: str
    owner_token: str = ""
    serial: str = ""
    proprietary: str = ""
    checksum: str = ""


def parse_qr(text: str) -> DeviceLabel:
    """Take the text apart; the optional parts stand in any order. InputError `input.unrecognised`.

    No message repeats the text: a key may have been pasted instead.
    """
    parts = text.strip().upper().split(":")
    if tuple(parts[:2]) != _SCHEMA:
        _refuse("it does not begin with LW:D0:")
    if len(parts) < 5:
        _refuse(f"it has {len(parts)} parts between colons, at least 5 are needed")
    octets = [_octets(part, 2 * EUI_SIZE, name) for part, name in zip(parts[2:4], _EUIS, strict=True)]
    _octets(parts[4], 2 * _PROFILE_SIZE, "profile")
    found: dict[str, str] = {}
    for part in parts[5:]:
        name = _OPTIONAL.get(part[:1])
        if name is None or name in found:
            _refuse("what follows the profile begins with O, S, P or C, each once")
        found[name] = part[1:]
    return DeviceLabel(octets[0], octets[1], parts[4], **found)


_EUIS = ("JoinEUI", "DevEUI")


def _octets(text: str, digits: int, name: str) -> bytes:
    if len(text) != digits or set(text) - set("0123456789ABCDEF"):
        _refuse(f"its {name} has not {digits} hexadecimal digits")
    return bytes.fromhex(text)


def _refuse(why: str) -> NoReturn:
    raise InputError(
        f"this is no QR text of a LoRaWAN device: {why}",
        reason=Reason.UNRECOGNISED,
        hint=(f"it looks like {_EXAMPLE}", "or give --dev-eui and --join-eui as printed on the label"),
    )
