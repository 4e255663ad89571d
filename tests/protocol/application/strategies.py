"""Random but well-formed application data, for property tests."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.encode import encode_record
from mbuscli.protocol.wired.frames import encode_long

NUMERIC_VIFS = (0x03, 0x06, 0x0E, 0x13, 0x16, 0x1B, 0x2B, 0x2E, 0x3B, 0x43, 0x5A, 0x5E, 0x62, 0x66, 0x6A)
_FIELDS = {1: 7, 2: 15, 3: 23, 4: 31, 6: 47, 7: 63}


@st.composite
def numeric_records(draw: st.DrawFn) -> tuple[bytes, Decimal]:
    """An integer record and its value in base units."""
    field = draw(st.sampled_from(sorted(_FIELDS)))
    storage = draw(st.integers(0, 40))
    dib = bytes((field | (storage & 1) << 6,))
    if storage > 1:
        dib = bytes((dib[0] | 0x80,)) + encode_dife(storage >> 1)
    vif = draw(st.sampled_from(NUMERIC_VIFS))
    limit = (1 << _FIELDS[field]) - 1
    raw = draw(st.integers(-limit, limit))
    exponents = {0x03: 0, 0x06: 3, 0x0E: 6, 0x13: -3, 0x16: 0, 0x1B: 0, 0x2B: 0, 0x2E: 3, 0x3B: -3, 0x43: -4}
    exponents |= {0x5A: -1, 0x5E: -1, 0x62: -1, 0x66: -1, 0x6A: -1}
    value = Decimal(raw).scaleb(exponents[vif])
    return encode_record(dib + bytes((vif,)), value), value


def encode_dife(storage: int) -> bytes:
    """DIFEs for the storage bits behind the DIF's own."""
    octets = []
    while True:
        octets.append(storage & 0x0F)
        storage >>= 4
        if not storage:
            break
    return bytes(octet | 0x80 for octet in octets[:-1]) + bytes(octets[-1:])


METER = MeterAddress("12345678", 0x2C2D, 0x1B, 0x16)


def response(body: bytes, *, address: int = 1, configuration: int = 0) -> bytes:
    """A wired RSP_UD with CI 72 and the given records."""
    header = METER.octets() + bytes((42, 0)) + configuration.to_bytes(2, "little")
    return encode_long(0x08, address, 0x72, header + body)


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    """A whole RSP_UD telegram of a few records."""
    records = draw(st.lists(numeric_records(), min_size=1, max_size=8))
    return response(b"".join(octets for octets, _ in records))
