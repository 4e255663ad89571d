"""Decryption of the transport layer's payload with one key and one address: a function per mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from mbuscli.protocol.security.ciphers import (
    AES_BLOCK,
    DES_BLOCK,
    aes_cbc_decrypt,
    aes_ccm_decrypt,
    aes_cmac,
    des_cbc_decrypt,
)
from mbuscli.protocol.security.modes_table import (
    AES_CBC_DERIVED,
    AES_CBC_IV,
    AES_CBC_IV_ZERO,
    AES_CCM,
    DES_IV_DATE,
    DES_IV_ZERO,
    MODES_BY_BLOCKS,
    MODES_BY_OCTETS,
)
from mbuscli.protocol.security.sealed import Sealed

if TYPE_CHECKING:
    from datetime import date

CHECK_OCTETS = b"\x2f\x2f"
CHECK_2F2F = "2F2F"
CHECK_TAG = "CCM tag"

_ALL = 0xFF


class Attempted(NamedTuple):
    """What one key made of a payload: the check that held or failed, and the plaintext.

    `plaintext` is there even where check octets failed: the caller judges. A wrong tag gives none.
    """

    check: str
    held: bool
    plaintext: bytes


def encrypted_size(sealed: Sealed) -> int:
    """How many octets from the payload's first on are encrypted, by the configuration field: may exceed it.

    DES rounds up to its block. Without the tag in mode 10, where FF stands for all octets.
    """
    low = sealed.configuration & 0xFF
    if sealed.mode in MODES_BY_BLOCKS:
        return (low >> 4) * AES_BLOCK
    if sealed.mode in MODES_BY_OCTETS:
        return -(-low // DES_BLOCK) * DES_BLOCK
    if sealed.mode == AES_CCM:
        return max(0, len(sealed.payload) - sealed.extension.tag_size) if low == _ALL else low
    return len(sealed.payload) if sealed.mode else 0


def decrypt(sealed: Sealed, key: bytes, address: bytes) -> Attempted:
    """Decrypt with one key; the mode must be one that `SCHEMES` has, the key of its size."""
    return SCHEMES[sealed.mode](sealed, key, address)


def mac_holds(sealed: Sealed, key: bytes, address: bytes) -> bool:
    """True if the message authentication code fits; the message must carry one, with a counter."""
    mac, counter = sealed.mac, sealed.message_counter
    assert mac is not None
    assert counter is not None
    from mbuscli.protocol.security import kdf

    constant = kdf.MAC_FROM_METER if sealed.from_meter else kdf.MAC_TO_METER
    mac_key = kdf.derive_key(key, constant, counter, address[:4])
    computed = aes_cmac(mac_key, mac.covered, once=True)[: len(mac.octets)]
    # All octets are compared, whether or not the first ones differ.
    return not sum(ours ^ theirs for ours, theirs in zip(computed, mac.octets, strict=True))


def mode5_iv(address: bytes, acc: int) -> bytes:
    """Manufacturer, identification, version, device type, then eight times the access number."""
    return _manufacturer_first(address) + bytes((acc,)) * 8


def ccm_nonce(address: bytes, counter: bytes) -> bytes:
    """Manufacturer, identification, version, device type, zero, then the counter, highest octet first."""
    return _manufacturer_first(address) + b"\0" + counter[::-1]


def mode3_ivs(address: bytes, day: date) -> tuple[bytes, bytes]:
    """Identification, manufacturer and the date as type G; manufacturer first in some texts."""
    year = day.year % 100
    packed = bytes((day.day | (year & 0x07) << 5, day.month | (year & 0x78) << 1))
    return address[:6] + packed, address[4:6] + address[:4] + packed


def encryption_key(sealed: Sealed, key: bytes, address: bytes) -> bytes:
    """The derived key of modes 7 and 10; the message must carry a counter."""
    counter = sealed.message_counter
    assert counter is not None
    from mbuscli.protocol.security import kdf

    constant = kdf.ENCRYPT_FROM_METER if sealed.from_meter else kdf.ENCRYPT_TO_METER
    return kdf.derive_key(key, constant, counter, address[:4])


def _manufacturer_first(address: bytes) -> bytes:
    return address[4:6] + address[:4] + address[6:8]


def _by_check_octets(plaintext: bytes) -> Attempted:
    return Attempted(CHECK_2F2F, plaintext[:2] == CHECK_OCTETS, plaintext)


def _aes_cbc(sealed: Sealed, key: bytes, iv: bytes, *, once: bool = False) -> Attempted:
    """What follows the encrypted blocks is clear; of a telegram that is cut, the whole blocks count."""
    size = encrypted_size(sealed)
    hidden, clear = sealed.payload[:size], sealed.payload[size:]
    hidden = hidden[: len(hidden) // AES_BLOCK * AES_BLOCK]
    return _by_check_octets(aes_cbc_decrypt(key, iv, hidden, once=once) + clear)


def _mode_5(sealed: Sealed, key: bytes, address: bytes) -> Attempted:
    return _aes_cbc(sealed, key, mode5_iv(address, sealed.acc))


def _mode_4(sealed: Sealed, key: bytes, address: bytes) -> Attempted:
    return _aes_cbc(sealed, key, bytes(AES_BLOCK))


def _mode_7(sealed: Sealed, key: bytes, address: bytes) -> Attempted:
    # The key changes with every message, so a constant IV does no harm.
    return _aes_cbc(sealed, encryption_key(sealed, key, address), bytes(AES_BLOCK), once=True)


def _des_cbc(sealed: Sealed, key: bytes, iv: bytes) -> Attempted:
    size = encrypted_size(sealed)
    hidden, clear = sealed.payload[:size], sealed.payload[size:]
    hidden = hidden[: len(hidden) // DES_BLOCK * DES_BLOCK]
    return _by_check_octets(des_cbc_decrypt(key, iv, hidden) + clear)


def _mode_2(sealed: Sealed, key: bytes, address: bytes) -> Attempted:
    return _des_cbc(sealed, key, bytes(DES_BLOCK))


def _mode_3(sealed: Sealed, key: bytes, address: bytes) -> Attempted:
    assert sealed.received_on is not None
    first, second = mode3_ivs(address, sealed.received_on)
    attempted = _des_cbc(sealed, key, first)
    return attempted if attempted.held else _des_cbc(sealed, key, second)


def _mode_10(sealed: Sealed, key: bytes, address: bytes) -> Attempted:
    counter, tag_size = sealed.extension.counter, sealed.extension.tag_size
    assert counter is not None
    if len(sealed.payload) < tag_size:
        return Attempted(CHECK_TAG, False, b"")
    plaintext = aes_ccm_decrypt(
        encryption_key(sealed, key, address),
        ccm_nonce(address, counter),
        sealed.payload[:-tag_size],
        sealed.payload[-tag_size:],
        sealed.header,
    )
    return Attempted(CHECK_TAG, plaintext is not None, plaintext or b"")


SCHEMES: dict[int, Callable[[Sealed, bytes, bytes], Attempted]] = {
    DES_IV_ZERO: _mode_2,
    DES_IV_DATE: _mode_3,
    AES_CBC_IV_ZERO: _mode_4,
    AES_CBC_IV: _mode_5,
    AES_CBC_DERIVED: _mode_7,
    AES_CCM: _mode_10,
}
