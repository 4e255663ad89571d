"""Transport layer header in front of the application data (EN 13757-7, 7.2): none, short or long."""

from __future__ import annotations

from typing import NamedTuple

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.ci_table import LONG


class Tpl(NamedTuple):
    """Fields of the header; those that its form does not carry are None, `configuration` is then 0."""

    meter: MeterAddress | None
    acc: int | None
    status: int | None
    configuration: int

    @property
    def mode(self) -> int:
        """Security mode: bits 12-8 of the configuration field."""
        return self.configuration >> 8 & 0x1F


NO_HEADER = Tpl(None, None, None, 0)


def decode_tpl(data: bytes, offset: int, size: int, *, mode2: bool = False) -> Tpl:
    """The header in the first `size` octets of `data`, which stands at `offset` in the telegram.

    Raises DecodeError `transport.header-truncated`. `mode2`: most significant octet first (CI 76).
    """
    if len(data) < size:
        raise DecodeError(
            f"the application header needs {size} bytes, {len(data)} are here",
            layer="transport",
            reason=Reason.HEADER_TRUNCATED,
            offset=offset + len(data),
        )
    if not size:
        return NO_HEADER
    acc, status, low, high = data[size - 4 : size]
    meter = None
    if size == LONG:
        octets = data[:4][::-1] + data[4:6][::-1] + data[6:8] if mode2 else data[:8]
        meter = MeterAddress.from_octets(octets)
    if mode2:
        low, high = high, low
    return Tpl(meter, acc, status, low | high << 8)
