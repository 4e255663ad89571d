"""What the user knows of LoRaWAN devices: keys by role, and what keys alone do not tell.

Text of `name = value` pairs, in a file one a line, on the command line with commas between them. `[NAME]`
begins another device, # a comment. The names are those of the standard, in any case, with or without dashes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mbuscli.errors import Reason, UsageError
from mbuscli.protocol.lorawan.fields import DEV_ADDR_SIZE, parse_dev_addr, parse_eui
from mbuscli.protocol.lorawan.session import SessionKeys, Transmission
from mbuscli.protocol.security.keys import AES_KEY_SIZE, Key, parse_key
from mbuscli.settings.files import read_private
from mbuscli.settings.lora_keys import (
    APP_KEY,
    APP_S_KEY,
    F_NWK_S_INT_KEY,
    NWK_KEY,
    NWK_S_ENC_KEY,
    NWK_S_KEY,
    ROLES,
    S_NWK_S_INT_KEY,
    DeviceKey,
)

_MAX_FILE = 1 << 20
_ROLES = {role.lower(): role for role in ROLES}
_NUMBERS = ("devnonce", "fcnt", "conffcnt", "datarate", "channel")
_SAME = {"appeui": "joineui", "txdr": "datarate", "txch": "channel"}
_KNOWN = ("DevAddr", "DevEUI", "JoinEUI", "DevNonce", "FCnt", "ConfFCnt", "DataRate", "Channel")
_LARGEST = 0xFFFFFFFF
_1_1_ROLES = (F_NWK_S_INT_KEY, S_NWK_S_INT_KEY, NWK_S_ENC_KEY)


class Device(NamedTuple):
    """One device; None and missing roles where nothing is known. EUIs and address most significant first.

    f_cnt       a counter near that of the frames: its upper half is tried first
    sent        data rate, channel and confirmed counter, which go into a MIC of 1.1
    """

    name: str = ""
    keys: dict[str, Key] = {}  # noqa: RUF012 - never changed
    dev_addr: bytes | None = None
    dev_eui: bytes | None = None
    join_eui: bytes | None = None
    dev_nonce: int | None = None
    f_cnt: int | None = None
    sent: Transmission = Transmission()

    @property
    def is_1_1(self) -> bool:
        """True if network keys of 1.1 are given."""
        return any(role in self.keys for role in _1_1_ROLES)

    def session(self) -> SessionKeys | None:
        """The session keys, None if there are none."""
        app_s = self.keys.get(APP_S_KEY)
        if self.is_1_1:
            f_int, s_int, enc = (self.keys.get(role) for role in _1_1_ROLES)
            return SessionKeys("1.1", f_int, s_int, enc, app_s)
        nwk_s = self.keys.get(NWK_S_KEY)
        return SessionKeys.v1_0(nwk_s, app_s) if nwk_s or app_s else None

    @property
    def roots(self) -> list[tuple[str, Key]]:
        """The keys that may be behind a join, with their roles."""
        return [(role, self.keys[role]) for role in (NWK_KEY, APP_KEY) if role in self.keys]


def given_devices(text: str) -> list[Device]:
    """The devices in a file, or in pairs as they stand on a command line.

    UsageError names the pair that is wrong, never its value; InputError as `read_private`.
    """
    if "=" in text and not os.path.exists(text):
        lines = text.replace(",", "\n").splitlines()
        return _devices(lines, "--lorawan-keys, pair")
    content = read_private(Path(text), _MAX_FILE).decode("utf-8-sig", "replace")
    return _devices(content.splitlines(), f"{text}, line")


def filed_devices(entries: list[DeviceKey]) -> list[Device]:
    """The devices that the key ring knows: keys under the same DevEUI or DevAddr belong together."""
    keys: dict[bytes, dict[str, Key]] = {}
    names: dict[bytes, str] = {}
    for entry in entries:
        keys.setdefault(entry.device, {}).setdefault(entry.role, entry.key)
        names.setdefault(entry.device, entry.name)
    return [
        Device(
            names[device],
            found,
            dev_addr=device if len(device) == DEV_ADDR_SIZE else None,
            dev_eui=None if len(device) == DEV_ADDR_SIZE else device,
        )
        for device, found in keys.items()
    ]


def _devices(lines: list[str], where: str) -> list[Device]:
    devices = [_device(name, pairs) for name, pairs in _blocks(lines, where) if pairs]
    if not any(device.keys for device in devices):
        names = ", ".join((*ROLES, *_KNOWN))
        raise UsageError(
            "--lorawan-keys names no key", reason=Reason.EMPTY, hint=(f"name=value pairs; known: {names}",)
        )
    return devices


def _blocks(lines: list[str], where: str) -> Iterator[tuple[str, dict[str, tuple[str, str]]]]:
    """Name of a device, and its pairs: what is given by its plain name, with the place that it stands at."""
    name, pairs = "", dict[str, tuple[str, str]]()
    for number, line in enumerate(lines, 1):
        text = line.split("#", 1)[0].strip()
        heading = re.fullmatch(r"\[(.*)\]", text)
        if heading:
            yield name, pairs
            name, pairs = heading[1].strip(), {}
        elif text:
            left, equals, value = text.partition("=")
            plain = re.sub(r"[-_ .]", "", left).lower()
            plain = _SAME.get(plain, plain)
            place = f"{where} {number}"
            known = plain in _ROLES or plain in _NUMBERS or plain in ("devaddr", "deveui", "joineui")
            if not equals or not known:
                raise _unknown(place)
            if plain in pairs:
                raise UsageError(f"{place}: {left.strip()} is given twice", reason=Reason.INVALID)
            pairs[plain] = (value.strip().strip("\"'"), place)
    yield name, pairs


def _device(name: str, pairs: dict[str, tuple[str, str]]) -> Device:
    keys = {_ROLES[plain]: _key(*pairs[plain]) for plain in pairs if plain in _ROLES}
    numbers = {plain: _number(*pairs[plain]) for plain in _NUMBERS if plain in pairs}
    sent = Transmission(numbers.get("datarate"), numbers.get("channel"), numbers.get("conffcnt"))
    return Device(
        name or "--lorawan-keys",
        keys,
        dev_addr=parse_dev_addr(pairs["devaddr"][0]) if "devaddr" in pairs else None,
        dev_eui=parse_eui(pairs["deveui"][0], "DevEUI") if "deveui" in pairs else None,
        join_eui=parse_eui(pairs["joineui"][0], "JoinEUI") if "joineui" in pairs else None,
        dev_nonce=numbers.get("devnonce"),
        f_cnt=numbers.get("fcnt"),
        sent=sent,
    )


def _key(text: str, place: str) -> Key:
    try:
        key = parse_key(text)
    except UsageError as error:
        raise UsageError(f"{place}: {error.text}", reason=error.reason, hint=error.hint) from None
    if len(key) != AES_KEY_SIZE:
        raise UsageError(
            f"{place}: a LoRaWAN key has {2 * AES_KEY_SIZE} hexadecimal digits", reason=Reason.KEY_LENGTH
        )
    return key


def _number(text: str, place: str) -> int:
    try:
        number = int(text, 0)
    except ValueError:
        number = -1
    if not 0 <= number <= _LARGEST:
        raise UsageError(
            f"{place} needs a number", reason=Reason.INVALID, hint=("decimal, or hexadecimal with 0x",)
        )
    return number


def _unknown(place: str) -> UsageError:
    return UsageError(
        f"{place}: that is no name=value pair of a LoRaWAN device",
        reason=Reason.INVALID,
        hint=(f"keys: {', '.join(ROLES)}", f"else: {', '.join(_KNOWN)}"),
    )
