"""An encrypted or authenticated message, cut into the fields that opening it needs, and what came of that.

Addresses are eight octets in the order of the long header: identification (4), manufacturer (2), version,
device type, each as sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.security.modes_table import AES_CBC_DERIVED, AES_CCM, TLS

if TYPE_CHECKING:
    from datetime import date

    from mbuscli.protocol.security.keys import Candidate

COUNTER_SIZE = 4
# Configuration field, modes 7 and 10: a message counter follows.
COUNTER_FOLLOWS = 0x2000

_VERSION_FOLLOWS = 0x40
_TAG_SIZES = (4, 8, 12, 16)

NONE = "none"
DECRYPTED = "decrypted"
KEY_MISSING = "key_missing"
KEY_WRONG = "key_wrong"
UNSUPPORTED = "unsupported"
UNAUTHENTIC = "unauthentic"

FAILED_LENGTH = "length"
CHECK_RECORDS = "records"
CHECK_CMAC = "CMAC"

ALREADY_DECRYPTED = "the receiver seems to have decrypted it: the data is clear"


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
KDF_A = 1


class Mac(NamedTuple):
    """Message authentication code of the authentication and fragmentation layer (EN 13757-7).

    type      authentication type, the low half of the message control octet
    octets    the code as sent
    covered   what it is computed over: MCL, KI, MCR, ML as present, then all from the TPL's CI field on,
              encrypted as sent, fragments joined
    counter   message counter MCR, four octets as sent, None where the layer has none
    """

    type: int
    octets: bytes
    covered: bytes
    counter: bytes | None = None


class Sealed(NamedTuple):
    """Transport layer payload with what its header says.

    configuration   the 16-bit configuration field
    payload         all octets behind the configuration field and its extension
    lla             address of the sender in the radio frame's link layer; None on a wired bus
    ala             address in the long header, None where the header is short
    header          from the CI field to the extension and key version: what mode 10 authenticates in clear
    from_meter      False for what a reading device sends to a meter
    received_on     date of reception, local to the meter, which mode 3 needs
    intact          True where a CRC or checksum of the link layer was there and right
    """

    configuration: int
    payload: bytes
    lla: bytes | None = None
    ala: bytes | None = None
    acc: int = 0
    extension: Extension = NO_EXTENSION
    header: bytes = b""
    mac: Mac | None = None
    from_meter: bool = True
    received_on: date | None = None
    intact: bool = False

    @property
    def mode(self) -> int:
        """Security mode: bits 12-8 of the configuration field."""
        return self.configuration >> 8 & 0x1F

    @property
    def message_counter(self) -> bytes | None:
        """The counter that keys derive from: the transport layer's, else the authentication layer's."""
        if self.extension.counter is not None:
            return self.extension.counter
        return self.mac.counter if self.mac is not None else None


class SealedEll(NamedTuple):
    """Extended link layer with session number (CI 8D, 8F; EN 13757-4).

    lla       address of the sender in the link layer
    cc        communication control octet as sent
    session   session number, four octets as sent
    payload   payload CRC and what follows it, as sent
    """

    lla: bytes
    cc: int
    session: bytes
    payload: bytes
    intact: bool = False


class Attempt(NamedTuple):
    """A key that did not open the message, and the check that failed, or `length`."""

    candidate: Candidate
    failed_check: str

    @property
    def name(self) -> str:
        """The key's name."""
        return self.candidate.name


class Opened(NamedTuple):
    """The outcome of opening a message.

    state         none, decrypted, key_missing, key_wrong, unsupported or unauthentic
    plaintext     the payload with its encrypted octets decrypted in place (mode 10: without the tag, which is
                  the end); None where nothing of it can be trusted
    key           the key that opened it, or whose authentication failed
    checks        what proves the key: 2F2F, PLCRC, CMAC, CCM tag, and records where the content had to help
    address_used  ALA or LLA, where an address went into key or IV
    encrypted     octets of the payload, from its first on, that were encrypted
    """

    state: str
    plaintext: bytes | None = None
    key: Candidate | None = None
    checks: tuple[str, ...] = ()
    address_used: str | None = None
    encrypted: int = 0
    attempts: tuple[Attempt, ...] = ()
    diagnosis: tuple[str, ...] = ()


def read_extension(mode: int, configuration: int, data: bytes, offset: int = 0) -> Extension:
    """The extension at the start of `data`, the octets behind the configuration field.

    Raises DecodeError `transport.header-truncated`, its offset counted from `offset`.
    """
    if mode == AES_CBC_DERIVED:
        extension = _read_derived(configuration, data)
    elif mode == AES_CCM:
        extension = _read_ccm(configuration, data)
    elif mode == TLS:
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
