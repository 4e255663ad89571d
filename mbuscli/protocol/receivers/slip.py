"""SLIP: C0 stands at both ends of a frame; inside, C0 is written DB DC and DB is written DB DD (RFC 1055)."""

from __future__ import annotations

from mbuscli.errors import DecodeError, Reason

END = 0xC0
_ESC, _ESC_END, _ESC_ESC = 0xDB, 0xDC, 0xDD
_WRITTEN = {END: bytes((_ESC, _ESC_END)), _ESC: bytes((_ESC, _ESC_ESC))}
_MEANT = {_ESC_END: END, _ESC_ESC: _ESC}


def encode_slip(data: bytes) -> bytes:
    """`data` between two ends."""
    end = bytes((END,))
    return end + b"".join(_WRITTEN.get(octet, bytes((octet,))) for octet in data) + end


def unescape_slip(inside: bytes) -> bytes:
    """The octets written between two ends; DecodeError `link.coding` for an escape that means nothing."""
    if _ESC not in inside:
        return inside
    pieces = inside.split(bytes((_ESC,)))
    data = bytearray(pieces[0])
    for piece in pieces[1:]:
        meant = _MEANT.get(piece[0]) if piece else None
        if meant is None:
            text = "an escape of the stick's frame means nothing: the serial line damaged it"
            raise DecodeError(text, reason=Reason.CODING)
        data.append(meant)
        data += piece[1:]
    return bytes(data)
