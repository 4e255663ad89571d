"""A telegram through all layers: link, transport, application."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mbuscli.errors import DecodeError, Problem, Reason
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.ci_table import (
    CI_FIXED,
    FIXED,
    FROM_MASTER_RECORDS,
    FROM_SLAVE,
    Ci,
    Content,
)
from mbuscli.protocol.application.records import Parsed, Record, parse_records
from mbuscli.protocol.transport.configuration import (
    MODE_AES_CBC_IV,
    OPENABLE_MODES,
    encrypted_octets,
)
from mbuscli.protocol.transport.tpl import NO_HEADER, Tpl, decode_tpl
from mbuscli.protocol.wired.fields import ACK, PRM, START_LONG, START_SHORT
from mbuscli.protocol.wired.frames import Frame, FrameKind, decode_frame

# What few telegrams need is imported where it is used: one telegram on the command line loads little.
if TYPE_CHECKING:
    from mbuscli.protocol.application.compact import Formats

_FIXED_SIZE = 16
# Start of a long frame up to its CI field.
_DATA_OFFSET = 7
_CI_OFFSET = 6
# C fields of radio frames from meters: such a telegram must not be read as bare records.
_WIRELESS_C_FIELDS = frozenset((0x44, 0x46, 0x47, 0x48, 0x08, 0x18, 0x28, 0x38))


class Link(NamedTuple):
    """Link layer: `wired`, or `application` where the telegram came without one."""

    layer: str
    kind: FrameKind | None = None
    c_field: int | None = None
    a_field: int | None = None
    ci_field: int | None = None

    @property
    def checksum(self) -> str | None:
        """`ok` for frames that carry one: a wrong one is never decoded."""
        return "ok" if self.c_field is not None else None

    @property
    def from_master(self) -> bool:
        """True if the C field says that a master sent it."""
        return self.c_field is not None and bool(self.c_field & PRM)


class Telegram:
    """One decoded message; offsets count octets from the start of `raw`.

    security_state   none, key_missing or unsupported; encrypted octets are never guessed at
    application_error, alarm   codes of CI 70/6E/6F and 71/74/75, else None
    command          what a master's frame asks for, in words
    medium           of the fixed data structure, whose four bits are no device type
    more_follows     the readout goes on in the next telegram (DIF 1F)
    """

    meter: MeterAddress | None = None
    acc: int | None = None
    status: int | None = None
    configuration: int | None = None
    security_mode: int = 0
    security_state: str = "none"
    application_error: int | None = None
    alarm: int | None = None
    command: str | None = None
    medium: int | None = None
    more_follows: bool = False

    def __init__(self, raw: bytes, link: Link) -> None:
        self.raw = raw
        self.link = link
        self.records: list[Record] = []
        self.problems: list[Problem] = []

    @property
    def is_damaged(self) -> bool:
        """True if some of it could not be read; warnings do not count."""
        return any(not problem.warning for problem in self.problems)

    def __repr__(self) -> str:
        return f"<Telegram {self.meter} {len(self.records)} records {len(self.problems)} problems>"


def decode(data: bytes, *, layer: str = "auto", formats: Formats | None = None) -> Telegram:
    """Decode one telegram: a wired frame, or bare application data (from the CI field on, or records only).

    `layer`: auto, wired or application. `formats`: formats of compact frames, learnt from what is decoded.
    Raises DecodeError where the frame is damaged or nothing is known about the octets; damage further in
    becomes `Telegram.problems`, and what stands before it remains.
    """
    if not data:
        raise DecodeError("no bytes", reason=Reason.TOO_SHORT, offset=0)
    wired = layer == "wired" or (layer == "auto" and _looks_wired(data))
    telegram = _decode_wired(data, formats) if wired else _decode_application(data, formats)
    if any(record.header.profile for record in telegram.records):
        from mbuscli.protocol.application.profiles import expand_profiles

        telegram.records = expand_profiles(telegram.records)
    return telegram


def _looks_wired(data: bytes) -> bool:
    if data[0] == START_LONG:
        return True
    return (data[0] == START_SHORT and len(data) == 5) or (data[0] == ACK and len(data) == 1)


def _decode_wired(data: bytes, formats: Formats | None) -> Telegram:
    frame = decode_frame(data)
    telegram = Telegram(data, Link("wired", frame.kind, frame.c_field, frame.a_field, frame.ci_field))
    if frame.ci_field is None:
        return telegram
    if telegram.link.from_master:
        _read_command(telegram, frame)
    else:
        _read_application(telegram, frame.ci_field, frame.data, _DATA_OFFSET, formats)
    return telegram


def _decode_application(data: bytes, formats: Formats | None) -> Telegram:
    if len(data) > 10 and data[0] == len(data) - 1 and data[1] in _WIRELESS_C_FIELDS:
        raise DecodeError(
            "this looks like a wireless telegram, which this version does not decode",
            reason=Reason.UNSUPPORTED,
            offset=0,
        )
    by_ci: Telegram | None = None
    if data[0] in FROM_SLAVE:
        by_ci = Telegram(data, Link("application", ci_field=data[0]))
        _read_application(by_ci, data[0], data[1:], 1, formats)
        if not by_ci.is_damaged:
            return by_ci
    parsed = parse_records(data)
    if _is_credible(parsed):
        telegram = Telegram(data, Link("application"))
        _take(telegram, parsed)
        return telegram
    if by_ci is not None:
        return by_ci
    raise DecodeError(
        "neither a wired frame nor application data",
        layer="application",
        reason=Reason.UNRECOGNISED,
        offset=parsed.problems[0].offset if parsed.problems else 0,
        hint=("a wired frame starts with 68 L L 68, application data with its CI field (72, 78, 7A, ...)",),
    )


def _is_credible(parsed: Parsed) -> bool:
    """Octets of unknown origin count as records only if all of them read as such, without exception."""
    return (
        bool(parsed.records)
        and not parsed.problems
        and all(record.header.error is None for record in parsed.records)
    )


def _read_command(telegram: Telegram, frame: Frame) -> None:
    """A frame sent by a master."""
    from mbuscli.protocol.application.control import describe_command

    ci_field = frame.ci_field
    assert ci_field is not None
    telegram.command = describe_command(ci_field, frame.data)
    ci = FROM_MASTER_RECORDS.get(ci_field)
    if ci is not None:
        _read_content(telegram, ci, frame.data, _DATA_OFFSET, None, from_master=True)
    elif telegram.command is None:
        _unknown_ci(telegram, ci_field, _CI_OFFSET)


def _read_application(
    telegram: Telegram, ci_field: int, data: bytes, offset: int, formats: Formats | None
) -> None:
    """What a meter sent behind its CI field; `offset` of the first octet of `data`."""
    ci = FROM_SLAVE.get(ci_field)
    if ci is None:
        _unknown_ci(telegram, ci_field, offset - 1)
        return
    if ci_field == CI_FIXED and len(data) <= _FIXED_SIZE:  # a compact frame is longer: header 12, checks 4
        ci = FIXED
    _read_content(telegram, ci, data, offset, formats)


def _unknown_ci(telegram: Telegram, ci_field: int, offset: int) -> None:
    text = f"CI field {ci_field:02X} is not known on a wired bus: its data stays unread"
    telegram.problems.append(Problem("application", offset, Reason.UNKNOWN_CI, text))


def _read_content(
    telegram: Telegram,
    ci: Ci,
    data: bytes,
    offset: int,
    formats: Formats | None,
    *,
    from_master: bool = False,
) -> None:
    try:
        tpl = decode_tpl(data, offset, ci.header, mode2=ci.mode2)
    except DecodeError as error:
        telegram.problems.append(Problem(error.layer, error.offset or offset, error.reason, error.text))
        return
    _take_header(telegram, tpl)
    body = data[ci.header :]
    offset += ci.header
    content = ci.content
    if content is Content.FIXED:
        _read_fixed(telegram, body, offset, ci.mode2)
    elif content is Content.ERROR:
        telegram.application_error = body[0] if body else 0
    elif content is Content.ALARM:
        telegram.alarm = int.from_bytes(body, "little")
    elif content is not Content.OTHER:
        _read_body(telegram, ci, tpl, body, offset, formats, from_master)
    elif body:
        text = f"{ci.name}: {len(body)} bytes stay unread"
        telegram.problems.append(Problem("application", offset, Reason.UNKNOWN_CI, text))


def _take_header(telegram: Telegram, tpl: Tpl) -> None:
    if tpl is NO_HEADER:
        return
    telegram.meter = tpl.meter
    telegram.acc = tpl.acc
    telegram.status = tpl.status
    telegram.configuration = tpl.configuration
    telegram.security_mode = tpl.mode


def _read_fixed(telegram: Telegram, body: bytes, offset: int, mode2: bool) -> None:
    from mbuscli.protocol.application.fixed import decode_fixed

    if len(body) != _FIXED_SIZE:
        text = f"fixed data has {_FIXED_SIZE} bytes, {len(body)} are here"
        telegram.problems.append(Problem("application", offset, Reason.LENGTH_MISMATCH, text))
        return
    fixed = decode_fixed(body, offset, mode2=mode2)
    telegram.meter = MeterAddress(fixed.id)
    telegram.acc = fixed.acc
    telegram.status = fixed.status
    telegram.medium = fixed.medium
    telegram.records = fixed.records


def _read_body(
    telegram: Telegram,
    ci: Ci,
    tpl: Tpl,
    body: bytes,
    offset: int,
    formats: Formats | None,
    from_master: bool,
) -> None:
    """Records, compact or format frame, or what of them is not encrypted."""
    hidden = encrypted_octets(tpl.mode, tpl.configuration, body)
    if hidden:
        if tpl.mode == MODE_AES_CBC_IV and hidden <= len(body):
            _keep_out(telegram, tpl.mode, offset)
            _take(telegram, parse_records(telegram.raw[: offset + len(body)], offset + hidden))
            return
        # Old wired meters fill the two octets with anything: data that reads as records was never encrypted.
        clear = _parse(telegram, ci, body, offset, formats, from_master)
        if not _is_credible(clear):
            _keep_out(telegram, tpl.mode, offset)
            return
        text = f"the configuration field {tpl.configuration:04X} says encrypted, but the data is clear"
        telegram.problems.append(
            Problem("transport", offset - 2, Reason.CONFIGURATION_IGNORED, text, warning=True)
        )
        _take(telegram, clear)
        return
    _take(telegram, _parse(telegram, ci, body, offset, formats, from_master))


def _keep_out(telegram: Telegram, mode: int, offset: int) -> None:
    openable = mode in OPENABLE_MODES
    telegram.security_state = "key_missing" if openable else "unsupported"
    reason = Reason.KEY_MISSING if openable else Reason.MODE_UNSUPPORTED
    text = f"encrypted (security mode {mode})" + ("" if openable else ", a mode that is not supported")
    telegram.problems.append(Problem("security", offset, reason, text))


def _parse(
    telegram: Telegram, ci: Ci, body: bytes, offset: int, formats: Formats | None, from_master: bool
) -> Parsed:
    if ci.content is not Content.RECORDS:
        from mbuscli.protocol.application import compact

        if ci.content is Content.COMPACT:
            return compact.decode_compact(body, offset, formats or compact.built_in_formats())
        return compact.decode_format(body, offset, formats or compact.Formats())
    # The telegram is cut behind the application data, so that offsets need no correction.
    parsed = parse_records(
        telegram.raw[: offset + len(body)], offset, from_master=from_master, mode2=ci.mode2
    )
    if formats is not None and not parsed.problems and not from_master:
        formats.learn_records(parsed.records)
    return parsed


def _take(telegram: Telegram, parsed: Parsed) -> None:
    telegram.records = parsed.records
    telegram.problems.extend(parsed.problems)
    telegram.more_follows = parsed.more_follows
