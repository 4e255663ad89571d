"""Security modes of the configuration field (EN 13757-7), and how far this program opens them."""

from __future__ import annotations

from typing import NamedTuple

DES_IV_ZERO = 2
DES_IV_DATE = 3
AES_CBC_IV_ZERO = 4
AES_CBC_IV = 5
AES_CBC_DERIVED = 7
AES_CCM = 10
TLS = 13


class Mode(NamedTuple):
    """`key_size` in octets, 0 where this program cannot open the mode."""

    name: str
    key_size: int = 0


MODES: dict[int, Mode] = {
    0: Mode("no encryption"),
    1: Mode("manufacturer specific"),
    2: Mode("DES-CBC, IV zero, deprecated", 8),
    3: Mode("DES-CBC, IV from address and date, deprecated", 8),
    4: Mode("AES-128-CBC, IV zero, deprecated", 16),
    5: Mode("AES-128-CBC, IV from address and access number", 16),
    6: Mode("reserved"),
    7: Mode("AES-128-CBC, key derived from the message counter", 16),
    8: Mode("AES-128-CTR with CMAC"),
    9: Mode("AES-128-GCM"),
    10: Mode("AES-128-CCM, key derived from the message counter", 16),
    11: Mode("reserved"),
    12: Mode("reserved"),
    13: Mode("TLS 1.2 channel"),
    14: Mode("reserved"),
    15: Mode("reserved"),
}
_MANUFACTURER = Mode("manufacturer specific")

# Modes whose low configuration octet counts what is encrypted: in its high half blocks of 16, or octets.
MODES_BY_BLOCKS = frozenset((AES_CBC_IV_ZERO, AES_CBC_IV, AES_CBC_DERIVED))
MODES_BY_OCTETS = frozenset((DES_IV_ZERO, DES_IV_DATE))

# Authentication types of the AFL message control octet: how many octets of a CMAC are sent.
CMAC_SIZES = {3: 2, 4: 4, 5: 8, 6: 12, 7: 16}


def mode_entry(mode: int) -> Mode:
    """The row of a mode, 0 to 31."""
    return MODES.get(mode, _MANUFACTURER)


def describe_mode(mode: int) -> str:
    """`security mode 5 (AES-128-CBC, IV from address and access number)`."""
    return f"security mode {mode} ({mode_entry(mode).name})"
