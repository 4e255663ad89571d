"""What stands between the configuration field and the data: extension, key version, message counter."""

from __future__ import annotations

from typing import NamedTuple

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.security.modes_table import AES_CBC_DERIVED, AES_CCM

KDF_A = 1
COUNTER_SIZE = 4
# Configuration field, modes 7 and 10: a message counter follows.
COUNTER_FOLLOWS = 0x2000

_VERSION_FOLLOWS = 0x40
_TAG_SIZES = (4, 8, 12, 16)
_MODE_TLS = 13


class Extension(NamedTuple):
    """Configuration field extension and what follows it (EN 13757-7).

    size         octets from the configuration field to the data
    cfe          the extension as sent; empty where the mode has none
    kdf          how the key comes about: 0 persistent, 1 derivation function A
    counter      message counter, four octets as sent
    tag_size     octets of the authentication tag at the end of the data (mode 10)
    """

    size: int = 0
    cfe: bytes = b""
    kdf: int = 0
    key_id: int = 0
    key_version: int | None = None
    counter: bytes | None = None
    tag_size: int = 0


NO_EXTENSION = Extension()


def read_extension(mode: int, configuration: int, data: bytes, offset: int = 0) -> Extension:
    """The extension at the start of `data`, the octets behind the configuration field.

    Raises DecodeError `transport.header-truncated`, its offset counted from `offset`.
    """
    if mode == AES_CBC_DERIVED:
        extension = _read_derived(configuration, data)
    elif mode == AES_CCM:
        extension = _read_ccm(configuration, data)
    elif mode == _MODE_TLS:
        extension = Extension(1, data[:1])
    else:
        return NO_EXTENSION
    if extension.size > len(data):
        raise DecodeError(
            f"the extension of the configuration field needs {extension.size} bytes, {len(data)} are here",
            layer="transport",
            reason=Reason.HEADER_TRUNCATED,
            offset=offset + len(data),
        )
    return extension


def _read_derived(configuration: int, data: bytes) -> Extension:
    """Mode 7: one octet, then the counter, then the key version, each if announced."""
    flags = data[0] if data else 0
    position = 1
    counter = None
    if configuration & COUNTER_FOLLOWS:
        counter = data[position : position + COUNTER_SIZE]
        position += COUNTER_SIZE
    key_version = None
    if flags & _VERSION_FOLLOWS:
        key_version = data[position] if position < len(data) else 0
        position += 1
    return Extension(position, data[:1], flags >> 4 & 3, flags & 0x0F, key_version, counter)


def _read_ccm(configuration: int, data: bytes) -> Extension:
    """Mode 10: two octets, then the key version if announced, then the counter."""
    flags = int.from_bytes(data[:2], "little")
    position = 2
    key_version = None
    if flags & _VERSION_FOLLOWS:
        key_version = data[position] if position < len(data) else 0
        position += 1
    counter = None
    if configuration & COUNTER_FOLLOWS:
        counter = data[position : position + COUNTER_SIZE]
        position += COUNTER_SIZE
    tag_size = _TAG_SIZES[flags >> 8 & 3]
    return Extension(position, data[:2], flags >> 4 & 3, flags & 0x0F, key_version, counter, tag_size)
