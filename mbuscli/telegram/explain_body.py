"""From the CI field on: transport layer, what secures the data, and which kind of data it is."""

from __future__ import annotations

from contextlib import suppress

from mbuscli.errors import DecodeError
from mbuscli.protocol.address import decode_manufacturer
from mbuscli.protocol.application.ci_table import (
    CI_ALARM,
    CI_FIXED,
    CI_MANUFACTURER,
    FIXED,
    FROM_MASTER_RECORDS,
    FROM_SLAVE,
    LONG,
    NONE,
    Ci,
    Content,
)
from mbuscli.protocol.application.control import describe_alarm, describe_application_error
from mbuscli.protocol.application.device_types import describe_device_type
from mbuscli.protocol.application.status import describe_status
from mbuscli.protocol.octets import bcd_digits
from mbuscli.telegram.explain_parts import APPLICATION, TRANSPORT, Dump
from mbuscli.telegram.explain_records import compact_frame, fixed_data, format_frame, records
from mbuscli.telegram.explain_security import behind_data, configuration_words, secured
from mbuscli.telegram.model import WIRELESS

_CI = "EN 13757-7:2018 table 2, CI field"
_TPL = "EN 13757-7, transport layer"
_CF = "EN 13757-7, configuration field"
_APPLICATION = "EN 13757-3, application errors"
_ALARM = "EN 13757-3, alarms"
_COMMAND = "EN 13757-7:2018 table 2"
_CI_SELECT = 0x52
_FIXED_SIZE = 16
_ANY = 0xFF
_ANY_MANUFACTURER = 0xFFFF
_HEADERS = {NONE: "without a header", LONG: "behind a long header, with the meter's address"}


def body(dump: Dump, end: int) -> None:
    """The octets from the CI field at the current place up to `end`."""
    dump.end = end
    # `Telegram.problems` tells the damage, and what is left becomes one part.
    with suppress(DecodeError):
        _body(dump)
    dump.close(dump.end)
    behind_data(dump, end)


def _body(dump: Dump) -> None:
    if not dump.left:
        return
    dump.layer = TRANSPORT
    ci_field = dump.peek(1)[0]
    from_master = _from_master(dump)
    ci = _find_ci(dump, ci_field, from_master)
    if ci is None:
        own = "the maker's own format" if ci_field in CI_MANUFACTURER else "no known meaning here"
        words = dump.telegram.command or own
        dump.take(1, "CI field", _CI, f"{ci_field:02X}: {words}")
        if dump.telegram.command is not None:
            _command(dump, ci_field)
        _own_format(dump)
        return
    header = _HEADERS.get(ci.header, "behind a short header")
    dump.take(1, "CI field", _CI, f"{ci_field:02X}: {ci.name}, {header}")
    if ci.header:
        _header(dump, ci)
    if _own_format(dump) or not secured(dump, ci):
        return
    dump.layer = APPLICATION
    _content(dump, ci, from_master)


def _own_format(dump: Dump) -> bool:
    """Take what a decoder of a maker's own format has read."""
    start = dump.telegram.own_from
    if start is None or start > dump.at:
        return False
    dump.layer = APPLICATION
    if dump.left:
        dump.take(dump.left, "maker's data", "", "in the maker's own format: the readings tell what it says")
    return True


def _from_master(dump: Dump) -> bool:
    link = dump.telegram.link
    if link.layer != WIRELESS or link.c_field is None:
        return link.from_master
    from mbuscli.protocol.wireless.c_fields import Direction, direction_of

    return direction_of(link.c_field) is Direction.TO_METER


def _find_ci(dump: Dump, ci_field: int, from_master: bool) -> Ci | None:
    if from_master:
        return FROM_MASTER_RECORDS.get(ci_field)
    if ci_field == CI_FIXED and dump.left - 1 <= _FIXED_SIZE and dump.telegram.link.layer != WIRELESS:
        return FIXED
    if dump.telegram.is_real_data and ci_field == CI_ALARM:
        from mbuscli.telegram.makers import REAL_DATA

        return REAL_DATA
    return FROM_SLAVE.get(ci_field)


def _command(dump: Dump, ci_field: int) -> None:
    """What a master sends along with a command that carries no records."""
    dump.layer = APPLICATION
    if ci_field == _CI_SELECT and dump.left >= 8:
        _address(dump, mode2=False, hint="; a digit F stands for any")
    if dump.left:
        dump.take(dump.left, "data", _COMMAND, "belongs to the command")


def _header(dump: Dump, ci: Ci) -> None:
    if ci.header == LONG:
        _address(dump, mode2=ci.mode2)
    acc, status = dump.peek(2)
    dump.take(1, "access number", _TPL, f"{acc}: grows with each new telegram, repeated ones keep it")
    words = ", ".join(describe_status(status)) or "no error, battery good, no alarm"
    dump.take(1, "status", _TPL, words)
    radio = dump.telegram.link.layer == WIRELESS
    configuration = int.from_bytes(dump.peek(2), "big" if ci.mode2 else "little")
    dump.take(2, "configuration", _CF, configuration_words(configuration, radio=radio))


def _address(dump: Dump, *, mode2: bool, hint: str = "") -> None:
    identification = dump.peek(4)
    digits = bcd_digits(identification[::-1] if mode2 else identification)
    order = "highest digits first" if mode2 else "lowest digits first"
    dump.take(4, "identification", _TPL, f"the meter's number {digits}, {order}{hint}")
    manufacturer = int.from_bytes(dump.peek(2), "big" if mode2 else "little")
    words = f"{decode_manufacturer(manufacturer)}, three letters in 15 bits"
    dump.take(2, "manufacturer", _TPL, "any" if manufacturer == _ANY_MANUFACTURER else words)
    version, device_type = dump.peek(2)
    dump.take(1, "version", _TPL, "any" if version == _ANY else f"{version:02X}, of the maker's choice")
    words = f"{device_type:02X}: {describe_device_type(device_type)}"
    dump.take(1, "device type", _TPL, "any" if device_type == _ANY else words)


def _content(dump: Dump, ci: Ci, from_master: bool) -> None:
    if ci.content is Content.RECORDS:
        records(dump, from_master=from_master, mode2=ci.mode2)
    elif ci.content is Content.COMPACT:
        compact_frame(dump)
    elif ci.content is Content.FORMAT:
        format_frame(dump)
    elif ci.content is Content.FIXED and dump.left == _FIXED_SIZE:
        fixed_data(dump, mode2=ci.mode2)
    elif ci.content is Content.ERROR and dump.left:
        dump.take(1, "error code", _APPLICATION, describe_application_error(dump.peek(1)[0]))
    elif ci.content is Content.ALARM and dump.left:
        alarm = int.from_bytes(dump.peek(dump.left), "little")
        dump.take(
            dump.left, "alarm", _ALARM, f"{describe_alarm(alarm)}; what a bit means is the maker's choice"
        )
