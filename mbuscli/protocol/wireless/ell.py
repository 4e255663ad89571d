"""Extended link layer (EN 13757-4): access control, session and the receiver's address.

CI 8C (I)    CC ACC
CI 8D (II)   CC ACC SN(4) PLCRC(2)
CI 8E (III)  CC ACC M2(2) A2(6)
CI 8F (IV)   CC ACC M2(2) A2(6) SN(4) PLCRC(2)
CI 86 (V)    of variable form, not supported
"""

from __future__ import annotations

from typing import NamedTuple

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.ci_table import (
    CI_ELL_I,
    CI_ELL_II,
    CI_ELL_III,
    CI_ELL_IV,
    CI_ELL_V,
    ELL_CI_FIELDS,
)
from mbuscli.protocol.wireless.frame_format import meter_of

_WITH_ADDRESS = frozenset((CI_ELL_III, CI_ELL_IV))
_WITH_SESSION = frozenset((CI_ELL_II, CI_ELL_IV))
_NAMES = {CI_ELL_I: "I", CI_ELL_II: "II", CI_ELL_III: "III", CI_ELL_IV: "IV", CI_ELL_V: "V"}

# Communication control field.
CC_BIDIRECTIONAL = 0x80
CC_RESPONSE_DELAY = 0x40
CC_SYNCHRONOUS = 0x20
CC_HOP = 0x10
CC_PRIORITY = 0x08
CC_ACCESSIBILITY = 0x04
CC_REPEATED_ACCESS = 0x02
CC_EXTENDED_DELAY = 0x01

ENC_NONE = 0
ENC_AES_CTR = 1

_ACCESS = {
    0: "no access",
    CC_ACCESSIBILITY: "no access window after this telegram",
    CC_BIDIRECTIONAL: "short access window after this telegram",
    CC_BIDIRECTIONAL | CC_ACCESSIBILITY: "unlimited access",
}
_DELAYS = {
    0: "slow response delay",
    CC_RESPONSE_DELAY: "fast response delay",
    CC_EXTENDED_DELAY: "extended response delay",
    CC_RESPONSE_DELAY | CC_EXTENDED_DELAY: "reserved response delay",
}
_FLAGS = {
    CC_SYNCHRONOUS: "synchronous",
    CC_HOP: "relayed by a repeater",
    CC_PRIORITY: "priority",
    CC_REPEATED_ACCESS: "repeated access",
}
_PLCRC_SIZE = 2


class Ell(NamedTuple):
    """Fields behind the CI field; those that its form does not carry are None.

    second_address  M2 and A2, eight octets as sent: the receiver's
    sn              session number: encryption, time and session
    plcrc           as received: with encryption it is ciphertext, the first that the key stream covers
    size            octets from the CI field up to the next layer
    """

    ci_field: int
    cc: int
    acc: int
    second_address: bytes | None
    sn: int | None
    plcrc: int | None
    size: int

    @property
    def name(self) -> str:
        """The Roman number of this form."""
        return _NAMES[self.ci_field]

    @property
    def receiver(self) -> MeterAddress | None:
        """The address of the party that is spoken to."""
        return None if self.second_address is None else meter_of(self.second_address)

    @property
    def encryption(self) -> int:
        """Bits 31-29 of SN: 0 none, 1 AES-128-CTR, others reserved; 0 without SN."""
        return 0 if self.sn is None else self.sn >> 29

    @property
    def time_min(self) -> int | None:
        """Bits 28-4 of SN: minutes since the meter was started."""
        return None if self.sn is None else self.sn >> 4 & 0x1FFFFFF

    @property
    def session(self) -> int | None:
        """Bits 3-0 of SN: number of the session within that minute."""
        return None if self.sn is None else self.sn & 0x0F

    @property
    def clear_size(self) -> int:
        """Octets of the layer that encryption leaves clear: all in front of PLCRC."""
        return self.size if self.plcrc is None else self.size - _PLCRC_SIZE

    @property
    def hop(self) -> bool:
        """True if a repeater relayed the telegram."""
        return bool(self.cc & CC_HOP)


def decode_ell(data: bytes, offset: int) -> Ell:
    """The layer whose CI field stands at `offset`.

    Raises DecodeError `link.header-truncated`, `link.unsupported` for CI 86 and CI fields of other layers.
    """
    if offset >= len(data):
        raise _truncated(offset, 1, len(data))
    ci_field = data[offset]
    if ci_field == CI_ELL_V:
        text = "extended link layer V (CI 86) is not supported: what follows stays unread"
        raise DecodeError(text, reason=Reason.UNSUPPORTED, offset=offset)
    if ci_field not in ELL_CI_FIELDS:
        text = f"CI field {ci_field:02X} is no extended link layer"
        raise DecodeError(text, reason=Reason.UNSUPPORTED, offset=offset)
    size = 3 + 8 * (ci_field in _WITH_ADDRESS) + 6 * (ci_field in _WITH_SESSION)
    end = offset + size
    if len(data) < end:
        raise _truncated(offset, size, len(data))
    second_address = bytes(data[offset + 3 : offset + 11]) if ci_field in _WITH_ADDRESS else None
    sn = plcrc = None
    if ci_field in _WITH_SESSION:
        sn = int.from_bytes(data[end - 6 : end - 2], "little")
        plcrc = int.from_bytes(data[end - 2 : end], "little")
    return Ell(ci_field, data[offset + 1], data[offset + 2], second_address, sn, plcrc, size)


def encode_ell(
    ci_field: int,
    cc: int,
    acc: int,
    *,
    second_address: bytes = b"",
    sn: int = 0,
    plcrc: int = 0,
) -> bytes:
    """The layer with its CI field; fields that `ci_field` has no place for are left out."""
    data = bytes((ci_field, cc, acc))
    if ci_field in _WITH_ADDRESS:
        data += second_address
    if ci_field in _WITH_SESSION:
        data += sn.to_bytes(4, "little") + plcrc.to_bytes(2, "little")
    return data


def describe_cc(cc: int) -> list[str]:
    """What the communication control field says, in words: access, delay, then the flags that are set."""
    access = _ACCESS[cc & (CC_BIDIRECTIONAL | CC_ACCESSIBILITY)]
    delay = _DELAYS[cc & (CC_RESPONSE_DELAY | CC_EXTENDED_DELAY)]
    return [access, delay, *(text for bit, text in _FLAGS.items() if cc & bit)]


def describe_encryption(encryption: int) -> str:
    """The ENC bits of the session number in words."""
    return {ENC_NONE: "none", ENC_AES_CTR: "AES-128-CTR"}.get(encryption, f"reserved ({encryption})")


def _truncated(offset: int, size: int, end: int) -> DecodeError:
    missing = offset + size - end
    return DecodeError(
        f"the extended link layer needs {size} bytes, {missing} of them are missing",
        reason=Reason.HEADER_TRUNCATED,
        offset=end,
    )
