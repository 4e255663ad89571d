"""Application errors, alarms and commands in words (EN 13757-3/-7)."""

from __future__ import annotations

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.control_table import (
    APPLICATION_ERRORS,
    APPLICATION_RESETS,
    BAUD_RATES,
)
from mbuscli.protocol.octets import hex_text


def describe_application_error(code: int) -> str:
    """The error of CI 70, 6E or 6F in words."""
    text = APPLICATION_ERRORS.get(code)
    if text is not None:
        return text
    return "manufacturer specific error" if code > 0xF0 else "reserved error code"


def describe_alarm(alarm: int) -> str:
    """The alarm of CI 71, 74 or 75: a bit field whose bits are the maker's own."""
    bits = [str(bit) for bit in range(alarm.bit_length()) if alarm >> bit & 1]
    return f"alarm bits {', '.join(bits)}" if bits else "no alarm bit set"


def describe_command(ci_field: int, data: bytes) -> str | None:
    """What a master asks for with this CI field, None where the standard has no name for it."""
    if ci_field == 0x50:
        return _application_reset(data)
    if ci_field in (0x51, 0x55):
        return "data send" if ci_field == 0x51 else "data send (most significant octet first)"
    if ci_field == 0x52 and len(data) >= 8:
        return f"select meter {MeterAddress.from_octets(data)}"
    if ci_field == 0x56:
        return "select meter (most significant octet first)"
    if ci_field == 0x54:
        return "synchronise action, or request of the selected application"
    if ci_field == 0x5C:
        return "synchronise action"
    if ci_field in BAUD_RATES:
        return f"set baud rate {BAUD_RATES[ci_field]}"
    return None


def _application_reset(data: bytes) -> str:
    if not data:
        return "application reset: all"
    code = data[0]
    return f"application select {hex_text(data)}: {APPLICATION_RESETS[code >> 4]}, block {code & 0x0F}"
