"""Authentication and fragmentation layer, CI 90 (EN 13757-7).

90 AFLL FCL(2) [MCL(1)] [KI(2)] [MCR(4)] [MAC(n)] [ML(2)]; AFLL counts the octets behind it. A message may
come in several fragments; MCL stands in the first one, the fields that it announces in any of them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple, Protocol, TypeVar

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.application.ci_table import CI_AFL

# Fragmentation control field.
FCL_MORE_FRAGMENTS = 0x4000
FCL_MCL = 0x2000
FCL_ML = 0x1000
FCL_MCR = 0x0800
FCL_MAC = 0x0400
FCL_KI = 0x0200
_FCL_FID = 0x00FF
# Message control field: what the message carries somewhere.
MCL_ML = 0x40
MCL_MCR = 0x20
MCL_KI = 0x10
_MCL_AT = 0x0F

_MIN_AFLL = 2

_T = TypeVar("_T")


class Authentication(NamedTuple):
    """Type of authentication and the octets of its MAC."""

    name: str
    mac_size: int


AUTHENTICATION = {
    0: Authentication("none", 0),
    3: Authentication("CMAC", 2),
    4: Authentication("CMAC", 4),
    5: Authentication("CMAC", 8),
    6: Authentication("CMAC", 12),
    7: Authentication("CMAC", 16),
    8: Authentication("GMAC", 12),
    9: Authentication("GMAC", 16),
}


class Afl(NamedTuple):
    """Fields of the layer; those that it does not carry are None, KI, MCR and MAC are octets as sent.

    KI stays raw: its order on the wire is not certain. `size`: octets from the CI field to the next layer.
    """

    fcl: int
    mcl: int | None
    ki: bytes | None
    mcr: bytes | None
    mac: bytes | None
    ml: int | None
    size: int

    @property
    def fid(self) -> int:
        """Number of the fragment from 1 on, 0 for a message that is whole."""
        return self.fcl & _FCL_FID

    @property
    def more_fragments(self) -> bool:
        """True if the message goes on in the next fragment."""
        return bool(self.fcl & FCL_MORE_FRAGMENTS)

    @property
    def authentication(self) -> Authentication | None:
        """By MCL; None without MCL and for reserved types."""
        return None if self.mcl is None else AUTHENTICATION.get(self.mcl & _MCL_AT)


class Message(NamedTuple):
    """A whole message: `body` is the transport and application layer of all fragments, CI field first."""

    mcl: int | None
    ki: bytes | None
    mcr: bytes | None
    mac: bytes | None
    ml: int | None
    body: bytes
    fragments: int = 1

    @property
    def authentication(self) -> Authentication | None:
        """By MCL; None without MCL and for reserved types."""
        return None if self.mcl is None else AUTHENTICATION.get(self.mcl & _MCL_AT)

    @property
    def mac_input(self) -> bytes:
        """What the MAC covers: MCL, KI, MCR and ML as far as sent, then the body as sent, still encrypted."""
        mcl = b"" if self.mcl is None else bytes((self.mcl,))
        ml = b"" if self.ml is None else self.ml.to_bytes(2, "little")
        return mcl + (self.ki or b"") + (self.mcr or b"") + ml + self.body


def decode_afl(data: bytes, offset: int) -> Afl:
    """The layer whose CI field 90 stands at `offset`.

    Raises DecodeError `transport.header-truncated`, and `transport.length-mismatch` where AFLL does not fit
    the fields or the MAC does not fit its type.
    """
    size = 2 + (data[offset + 1] if offset + 1 < len(data) else _MIN_AFLL)
    end = offset + size
    if len(data) < end:
        text = f"the authentication and fragmentation layer needs {size} bytes, {end - len(data)} are missing"
        raise _refuse(text, Reason.HEADER_TRUNCATED, len(data))
    if size < 2 + _MIN_AFLL:
        raise _length_mismatch(offset)
    fcl = int.from_bytes(data[offset + 2 : offset + 4], "little")
    at = offset + 4
    fields: list[bytes | None] = []
    for bit, octets in ((FCL_MCL, 1), (FCL_KI, 2), (FCL_MCR, 4)):
        fields.append(bytes(data[at : at + octets]) if fcl & bit else None)
        at += octets if fcl & bit else 0
    mac_end = end - 2 if fcl & FCL_ML else end
    if at > mac_end or (at < mac_end and not fcl & FCL_MAC):
        raise _length_mismatch(offset)
    mcl, ki, mcr = fields
    mac = bytes(data[at:mac_end]) if fcl & FCL_MAC else None
    ml = int.from_bytes(data[mac_end:end], "little") if fcl & FCL_ML else None
    afl = Afl(fcl, mcl[0] if mcl else None, ki, mcr, mac, ml, size)
    _check_mac_size(afl.authentication, mac, at)
    if afl.more_fragments and not afl.fid:
        raise _refuse(
            "more fragments are announced by a fragment without number", Reason.FRAGMENT, offset + 2
        )
    return afl


def encode_afl(
    *,
    fid: int = 0,
    more_fragments: bool = False,
    mcl: int | None = None,
    ki: bytes | None = None,
    mcr: bytes | None = None,
    mac: bytes | None = None,
    ml: int | None = None,
) -> bytes:
    """The layer from its CI field on, with the fields that are given."""
    fcl = fid | (FCL_MORE_FRAGMENTS if more_fragments else 0)
    data = b""
    for bit, field in (
        (FCL_MCL, None if mcl is None else bytes((mcl,))),
        (FCL_KI, ki),
        (FCL_MCR, mcr),
        (FCL_MAC, mac),
        (FCL_ML, None if ml is None else ml.to_bytes(2, "little")),
    ):
        if field is not None:
            fcl |= bit
            data += field
    return bytes((CI_AFL, _MIN_AFLL + len(data))) + fcl.to_bytes(2, "little") + data


class _Partial:
    """The fragments of one sender so far, in order."""

    __slots__ = ("parts", "seen_s", "size")

    def __init__(self) -> None:
        self.parts: list[tuple[Afl, bytes]] = []
        self.size = 0
        self.seen_s = 0.0

    @property
    def is_whole(self) -> bool:
        return not self.parts[-1][0].more_fragments

    def is_repeated(self, afl: Afl, body: bytes) -> bool:
        """True for a fragment heard before; the first one of a message that was whole begins the next."""
        if afl.fid > len(self.parts) or (self.is_whole and afl.fid == 1):
            return False
        return self.parts[afl.fid - 1] == (afl, body)


class FragmentJoiner(Protocol):
    """What puts messages together: `Fragments`, or one that is made when a fragment comes."""

    @property
    def is_waiting(self) -> bool:
        """True if a message is not whole yet."""
        ...

    def add(self, sender: Hashable, afl: Afl, body: bytes, now_s: float) -> Message | None:
        """Take a fragment; returns the message that it completes."""
        ...


class Fragments:
    """Puts the fragments of each sender together; memory is bounded however many senders are heard.

    `max_senders` at a time (the one heard longest ago is given up), `max_octets` of one message, and
    `timeout_s` between two fragments.
    """

    def __init__(self, *, max_senders: int = 64, max_octets: int = 16_384, timeout_s: float = 60.0) -> None:
        self._max_senders = max_senders
        self._max_octets = max_octets
        self._timeout_s = timeout_s
        self._partial: OrderedDict[Hashable, _Partial] = OrderedDict()

    def __len__(self) -> int:
        return len(self._partial)

    @property
    def is_waiting(self) -> bool:
        """True if a message is not whole yet."""
        return any(not partial.is_whole for partial in self._partial.values())

    def add(self, sender: Hashable, afl: Afl, body: bytes, now_s: float) -> Message | None:
        """Take one fragment, `body` being what follows the layer; the whole message with its last one.

        A fragment heard again (repeaters) changes nothing. Raises DecodeError `transport.fragment` where
        fragments are lost, and as `join` does; the sender then begins anew.
        """
        if not afl.fid:
            return join([(afl, body)])
        partial = self._partial.pop(sender, None)
        if partial is not None and now_s - partial.seen_s > self._timeout_s:
            partial = None
        if partial is not None and partial.is_repeated(afl, body):
            self._keep(sender, partial)
            return None
        if afl.fid == 1:
            partial = _Partial()
        due = 1 if partial is None or (partial.parts and partial.is_whole) else len(partial.parts) + 1
        if partial is None or afl.fid != due:
            raise _refuse(f"fragment {afl.fid} came where fragment {due} was due", Reason.FRAGMENT)
        partial.size += len(body)
        if partial.size > self._max_octets:
            raise _refuse(f"the message is longer than {self._max_octets} bytes", Reason.TOO_LONG)
        partial.parts.append((afl, body))
        partial.seen_s = now_s
        self._keep(sender, partial)
        return join(partial.parts) if partial.is_whole else None

    def _keep(self, sender: Hashable, partial: _Partial) -> None:
        self._partial[sender] = partial
        while len(self._partial) > self._max_senders:
            self._partial.popitem(last=False)


def join(parts: list[tuple[Afl, bytes]]) -> Message:
    """The message of all its fragments in order.

    Raises DecodeError `transport.fragment` where a field that MCL announces is in none of them or two
    disagree, and `transport.length-mismatch` where ML or the MAC does not fit.
    """
    body = b"".join(part for _, part in parts)
    first = parts[0][0]
    message = Message(
        first.mcl,
        _only([afl.ki for afl, _ in parts], "key information"),
        _only([afl.mcr for afl, _ in parts], "message counter"),
        _only([afl.mac for afl, _ in parts], "MAC"),
        _only([afl.ml for afl, _ in parts], "length"),
        body,
        len(parts),
    )
    _check_announced(message)
    _check_mac_size(message.authentication, message.mac, None)
    if message.ml is not None and message.ml != len(body):
        text = f"the message should have {message.ml} bytes, its fragments have {len(body)}"
        raise _refuse(text, Reason.LENGTH_MISMATCH)
    return message


def _only(values: list[_T | None], name: str) -> _T | None:
    """The value of a field that a message may carry in one fragment or, the same, in several."""
    present = [value for value in values if value is not None]
    if any(value != present[0] for value in present):
        raise _refuse(f"the fragments disagree about the {name}", Reason.FRAGMENT)
    return present[0] if present else None


def _check_announced(message: Message) -> None:
    if message.mcl is None:
        return
    announced = (
        (message.mcl & MCL_ML, message.ml, "length"),
        (message.mcl & MCL_MCR, message.mcr, "message counter"),
        (message.mcl & MCL_KI, message.ki, "key information"),
        (message.mcl & _MCL_AT, message.mac, "MAC"),
    )
    for bits, field, name in announced:
        if bits and field is None:
            raise _refuse(f"the message announces its {name}, but carries none", Reason.FRAGMENT)


def _check_mac_size(authentication: Authentication | None, mac: bytes | None, offset: int | None) -> None:
    if authentication is None or mac is None or len(mac) == authentication.mac_size:
        return
    text = f"the MAC has {len(mac)} bytes, its type asks for {authentication.mac_size}"
    raise _refuse(text, Reason.LENGTH_MISMATCH, offset)


def _length_mismatch(offset: int) -> DecodeError:
    text = "the length of the authentication and fragmentation layer does not fit its fields"
    return _refuse(text, Reason.LENGTH_MISMATCH, offset + 1)


def _refuse(text: str, reason: Reason, offset: int | None = None) -> DecodeError:
    return DecodeError(text, layer="transport", reason=reason, offset=offset)
