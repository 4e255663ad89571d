"""What a master writes into a meter: SND_UD commands, pure (EN 13757-3 clause 4, CI fields, and 6.4)."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

from mbuscli.errors import NotConfirmedError, Reason, UsageError
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.control import describe_command
from mbuscli.protocol.application.control_table import APPLICATION_RESETS, BAUD_RATES
from mbuscli.protocol.application.date_types import encode_type_f, encode_type_i
from mbuscli.protocol.application.records import Record, parse_records
from mbuscli.protocol.octets import encode_bcd, spaced_hex
from mbuscli.protocol.wired.fields import (
    ADDRESS_BROADCAST,
    ADDRESS_LAST,
    ADDRESS_SELECTED,
    FCB,
    SND_NKE,
    SND_UD,
    describe_a_field,
)
from mbuscli.protocol.wired.frames import encode_long, encode_short

CI_APPLICATION_RESET: Final = 0x50
CI_DATA_SEND: Final = 0x51
CI_SELECT: Final = 0x52

ADDRESS_RECORD: Final = b"\x01\x7a"
ID_RECORD: Final = b"\x0c\x79"
FULL_ADDRESS_RECORD: Final = b"\x07\x79"
CLOCK_RECORDS: Final = {"F": b"\x04\x6d", "I": b"\x06\x6d"}

ClockType: TypeAlias = Literal["F", "I"]

# Quantities whose value is not for logs and journals.
_SECRET: Final = ("password", "access_code", "security_key")
_BAUD_CI: Final = {baud: ci_field for ci_field, baud in BAUD_RATES.items()}


class Command(NamedTuple):
    """A command to a meter: CI field and what follows it; `meaning` in words."""

    ci_field: int
    data: bytes
    meaning: str


class Planned(NamedTuple):
    """A frame that is to be sent, and what it means."""

    raw: bytes
    meaning: str


def set_primary_address(address: int) -> Command:
    """Data send 01 7A n. UsageError for what is no octet, NotConfirmedError `usage.unsafe` for 251-255."""
    if not 0 <= address <= ADDRESS_BROADCAST:
        raise UsageError(
            f"{address} is no primary address",
            reason=Reason.INVALID,
            hint=(f"meters have addresses from 0 to {ADDRESS_LAST}",),
        )
    if address > ADDRESS_LAST:
        raise NotConfirmedError(
            f"no meter may get address {describe_a_field(address)}: it would be lost to every master",
            reason=Reason.UNSAFE,
            hint=(f"meters have addresses from 0 to {ADDRESS_LAST}",),
        )
    return Command(CI_DATA_SEND, ADDRESS_RECORD + bytes((address,)), f"set primary address {address}")


def set_identification(meter: MeterAddress, *, complete: bool) -> Command:
    """Data send of the number alone (0C 79) or, `complete`, of all eight octets of the address (07 79).

    UsageError for wildcards in what would be sent.
    """
    if "F" in meter.id or (complete and not meter.is_complete):
        raise UsageError(
            f"{meter} has wildcards: a meter cannot be given it as its address",
            reason=Reason.INVALID,
            hint=("write all eight digits, none of them F",),
        )
    if complete:
        return Command(CI_DATA_SEND, FULL_ADDRESS_RECORD + meter.octets(), f"set meter address {meter}")
    record = ID_RECORD + encode_bcd(meter.id)
    return Command(CI_DATA_SEND, record, f"set identification number {meter.id}")


def set_baud(baud: int) -> Command:
    """CI B8 to BF without data; UsageError for a rate that has none."""
    if baud not in _BAUD_CI:
        raise UsageError(
            f"meters know no rate of {baud} baud",
            reason=Reason.INVALID,
            hint=("one of " + ", ".join(map(str, _BAUD_CI)),),
        )
    return Command(_BAUD_CI[baud], b"", f"set baud rate {baud}")


def set_clock(moment: str, data_type: ClockType, *, summer_time: bool = False) -> Command:
    """Data send of a clock: `moment` is `2026-01-31T10:00:00`, type F drops the seconds.

    `summer_time` is the bit that says that daylight saving is in force at that moment.
    """
    encode = encode_type_f if data_type == "F" else encode_type_i
    octets = encode(moment, summer_time=summer_time)
    shown = moment[:16] if data_type == "F" else moment
    saving = "daylight saving in force" if summer_time else "no daylight saving"
    meaning = f"set clock {shown.replace('T', ' ')} (type {data_type}, {saving})"
    return Command(CI_DATA_SEND, CLOCK_RECORDS[data_type] + octets, meaning)


def application_reset(sub_code: int | None) -> Command:
    """CI 50: back to the default and the first telegram, or with a sub-code the telegram to be read."""
    data = b"" if sub_code is None else bytes((sub_code,))
    return Command(CI_APPLICATION_RESET, data, describe_command(CI_APPLICATION_RESET, data) or "")


def send_command(ci_field: int, data: bytes) -> Command:
    """Any command; its meaning as far as the standard has words for it."""
    return Command(ci_field, data, _describe(ci_field, data))


def refuse_unsafe(command: Command) -> None:
    """NotConfirmedError `usage.unsafe` if the command gives a meter a primary address from 251 to 255."""
    for record in _records(command):
        if record.header.quantity == "address" and record.raw:
            # FF, as a number "no value", is an address all the same.
            value = record.value
            set_primary_address(value & 0xFF if isinstance(value, int) else record.raw[0])


def guarded_by(command: Command) -> str:
    """The name of the command that makes the same change with checks; empty if there is none."""
    if command.ci_field in BAUD_RATES:
        return "set-baud"
    if command.ci_field == CI_APPLICATION_RESET:
        return "reset"
    quantities = {record.header.quantity for record in _records(command)}
    if quantities & {"address", "enhanced_identification"}:
        return "set-address"
    return "set-clock" if "datetime" in quantities else ""


def _records(command: Command) -> list[Record]:
    if command.ci_field != CI_DATA_SEND:
        return []
    return parse_records(command.data, from_master=True).records


def parse_sub_code(text: str) -> int:
    """A sub-code of CI 50: two hexadecimal digits, or a word with a block, `user-data`, `load-management:3`.

    UsageError lists the words.
    """
    word, colon, block = text.strip().lower().partition(":")
    words = sub_code_words()
    if word in words:
        if not colon:
            return words[word] << 4
        if block.isascii() and block.isdigit() and int(block) <= 15:
            return words[word] << 4 | int(block)
    elif not colon and len(word) == 2 and set(word) <= set("0123456789abcdef"):
        return int(word, 16)
    raise UsageError(
        f"{text!r} is no sub-code of an application reset",
        reason=Reason.INVALID,
        hint=(
            "two hexadecimal digits: telegram type and block, such as 51",
            "or a word, with a block from 0 to 15 behind a colon: " + ", ".join(words),
        ),
    )


def sub_code_words() -> dict[str, int]:
    """Telegram types of an application reset by their word, as the standard numbers them."""
    names = [text.partition(" (")[0] for text in APPLICATION_RESETS]
    return {name.replace(" ", "-"): code for code, name in enumerate(names) if name != "reserved"}


def planned_frames(place: int | MeterAddress, command: Command) -> tuple[Planned, ...]:
    """The frames that carry a command to a primary address, or to the one meter that is selected.

    The link reset, or the selection, before it makes its frame count bit 1 and new to the meter.
    """
    if isinstance(place, MeterAddress):
        first = Planned(
            encode_long(SND_UD, ADDRESS_SELECTED, CI_SELECT, place.octets()), f"select meter {place}"
        )
        address = ADDRESS_SELECTED
    else:
        address = place
        first = Planned(encode_short(SND_NKE, place), f"link reset of address {place}")
    raw = encode_long(SND_UD | FCB, address, command.ci_field, command.data)
    return (first, Planned(raw, command.meaning))


def _describe(ci_field: int, data: bytes) -> str:
    command = describe_command(ci_field, data)
    if ci_field != CI_DATA_SEND:
        return command or f"CI {ci_field:02X} (the maker's own) with {spaced_hex(data) or 'no data'}"
    parts = [
        f"{record.header.quantity.replace('_', ' ')} {_shown(record)}".strip()
        for record in parse_records(data, from_master=True).records
    ]
    return f"{command}: {', '.join(parts)}" if parts else command or ""


def _shown(record: Record) -> str:
    """The value in words; not those that open a meter."""
    header = record.header
    if header.quantity.startswith(_SECRET):
        return "(hidden)"
    return (record.error or "") if record.value is None else f"{record.value} {header.unit}"
