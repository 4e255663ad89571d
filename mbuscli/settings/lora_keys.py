"""Keys of LoRaWAN devices in the key ring: by DevEUI or DevAddr and the role that the key has.

In the ring's file such a key has `device` and `role` in the place of `meters`:

    [[key]]
    device = "0004A30B001A2B3C"
    role = "AppKey"
    key = "…"
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from mbuscli.errors import Reason, UsageError
from mbuscli.protocol.lorawan.fields import DEV_ADDR_SIZE, EUI_SIZE
from mbuscli.protocol.security.keys import AES_KEY_SIZE, Key

APP_KEY: Final = "AppKey"
NWK_KEY: Final = "NwkKey"
NWK_S_KEY: Final = "NwkSKey"
APP_S_KEY: Final = "AppSKey"
F_NWK_S_INT_KEY: Final = "FNwkSIntKey"
S_NWK_S_INT_KEY: Final = "SNwkSIntKey"
NWK_S_ENC_KEY: Final = "NwkSEncKey"
# Keys of a device, which join-requests need, and keys of a session.
ROOT_ROLES = (APP_KEY, NWK_KEY)
SESSION_ROLES = (NWK_S_KEY, APP_S_KEY, F_NWK_S_INT_KEY, S_NWK_S_INT_KEY, NWK_S_ENC_KEY)
ROLES = ROOT_ROLES + SESSION_ROLES

_SEPARATORS = re.compile(r"[\s:.\-]+")


class DeviceKey(NamedTuple):
    """A key of the device with this DevEUI (eight octets) or DevAddr (four), as people write them."""

    name: str
    device: bytes
    role: str
    key: Key
    note: str = ""

    @property
    def owner(self) -> str:
        """`0004A30B001A2B3C AppKey`."""
        return owner(self.device, self.role)


def owner(device: bytes, role: str) -> str:
    """How a key is named that has no name."""
    return f"{device.hex().upper()} {role}"


def parse_device(text: str) -> bytes:
    """The octets of a DevEUI or DevAddr; UsageError, which does not repeat the text: it may be a key."""
    digits = _SEPARATORS.sub("", text.strip())
    try:
        octets = bytes.fromhex(digits)
    except ValueError:
        octets = b""
    if len(octets) not in (EUI_SIZE, DEV_ADDR_SIZE):
        raise UsageError(
            "a LoRaWAN device is named by its DevEUI (16 hexadecimal digits) or DevAddr (8)",
            reason=Reason.INVALID,
            hint=("most significant octet first, as on the label: 0004A30B001A2B3C",),
        )
    return octets


def parse_role(text: str) -> str:
    """The role by its name, whatever case and dashes; UsageError lists those that are known."""
    wanted = text.replace("-", "").replace("_", "").lower()
    for role in ROLES:
        if role.lower() == wanted:
            return role
    import difflib

    near = difflib.get_close_matches(wanted, [role.lower() for role in ROLES], 1)
    first = next((f"did you mean {role}?" for role in ROLES if role.lower() in near), "")
    raise UsageError(
        "that is no role of a LoRaWAN key",
        reason=Reason.INVALID,
        hint=tuple(filter(None, (first, f"known: {', '.join(ROLES)}"))),
    )


def device_key(table: dict[str, Any], key: Key) -> DeviceKey:
    """The entry of a table whose values are text; `name` and `note` are clean. UsageError."""
    device, role = parse_device(table["device"]), parse_role(table["role"])
    if len(key) != AES_KEY_SIZE:
        raise UsageError("keys of LoRaWAN have 32 hexadecimal digits", reason=Reason.KEY_LENGTH)
    return DeviceKey(table.get("name") or owner(device, role), device, role, key, table.get("note", ""))


def keys_of(devices: Iterable[DeviceKey], device: bytes) -> dict[str, DeviceKey]:
    """The keys of one device by role; of several for one role, the first."""
    found: dict[str, DeviceKey] = {}
    for entry in devices:
        if entry.device == device:
            found.setdefault(entry.role, entry)
    return found
