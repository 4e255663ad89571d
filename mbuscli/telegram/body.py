"""From the CI field on: transport header, security, and what the application layer carries."""

from __future__ import annotations

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.ci_table import (
    CI_ALARM,
    CI_FIXED,
    CI_MANUFACTURER,
    FIXED,
    FROM_MASTER_RECORDS,
    FROM_SLAVE,
    Ci,
    Content,
)
from mbuscli.protocol.application.dif_table import NO_DATA, SELECTION, SPECIAL
from mbuscli.protocol.application.records import Parsed, parse_records
from mbuscli.protocol.octets import counted
from mbuscli.protocol.transport.tpl import NO_HEADER, Tpl, decode_tpl
from mbuscli.telegram.model import WIRED, WIRELESS, Context, Lower, Telegram

_FIXED_SIZE = 16
# Looking a member up costs more than a comparison: every telegram passes here.
_RECORDS = Content.RECORDS
_WITH_RECORDS = (Content.RECORDS, Content.COMPACT, Content.FORMAT)
_SEVERAL = 4
_CHECK_OCTETS = b"\x2f\x2f"


def read_body(telegram: Telegram, offset: int, end: int, lower: Lower, context: Context) -> None:
    """What stands from the CI field at `offset` up to `end`; damage becomes problems."""
    if offset >= end:
        return
    ci = _find_ci(telegram, offset, end, lower, context)
    if ci is None:
        return
    start = offset + 1
    try:
        tpl = decode_tpl(telegram.clear[start:end], start, ci.header, mode2=ci.mode2)
    except DecodeError as error:
        telegram.add_problem(error.layer, error.offset or start, error.reason, error.text)
        return
    _take_header(telegram, tpl)
    start += ci.header
    if telegram.is_real_data:
        from mbuscli.telegram.makers import open_real_data

        if not open_real_data(telegram, lower, context):
            return
    elif tpl.mode or lower.mac is not None:
        from mbuscli.telegram.unseal import unseal

        part = unseal(telegram, ci, tpl, offset, start, end, lower, context)
        if part is None:
            return
        start, end = part
    _read_content(telegram, ci, start, end, lower, context)


def _find_ci(telegram: Telegram, offset: int, end: int, lower: Lower, context: Context) -> Ci | None:
    """The meaning of the CI field; None, with a word about it, where there is no more to read."""
    ci_field = telegram.clear[offset]
    size = end - offset - 1
    if not lower.from_meter:
        from mbuscli.protocol.application.control import describe_command

        telegram.command = describe_command(ci_field, telegram.clear[offset + 1 : end])
        ci = FROM_MASTER_RECORDS.get(ci_field)
        if ci is not None or telegram.command is not None:
            return ci
    else:
        if telegram.is_real_data and ci_field == CI_ALARM:
            from mbuscli.telegram.makers import REAL_DATA

            return REAL_DATA
        ci = FROM_SLAVE.get(ci_field)
        if ci_field == CI_FIXED and size <= _FIXED_SIZE and lower.layer != WIRELESS:
            return FIXED  # a compact frame is longer: header 12, checks 4
        if ci is not None:
            return ci
    if ci_field in CI_MANUFACTURER:
        if lower.layer == WIRELESS:
            from mbuscli.telegram.makers import open_payload

            open_payload(telegram, offset, lower, context)
        text = f"CI field {ci_field:02X}: the maker's own format, {counted(size, 'byte')} left unread"
        telegram.add_problem("application", offset, Reason.UNKNOWN_CI, text, warning=lower.layer == WIRELESS)
    else:
        text = f"CI field {ci_field:02X} has no known meaning here: {counted(size, 'byte')} left unread"
        telegram.add_problem("application", offset, Reason.UNKNOWN_CI, text)
    return None


def _take_header(telegram: Telegram, tpl: Tpl) -> None:
    if tpl is NO_HEADER:
        return
    if tpl.meter is not None:
        telegram.meter = tpl.meter
    telegram.acc = tpl.acc
    telegram.status = tpl.status
    telegram.configuration = tpl.configuration


def _read_content(telegram: Telegram, ci: Ci, start: int, end: int, lower: Lower, context: Context) -> None:
    content = ci.content
    if content in _WITH_RECORDS:
        from_master = not lower.from_meter
        plans = context.plans if lower.from_meter and not ci.mode2 else None
        if plans is not None and plans.lay_out(telegram, ci, start, end, lower, context):
            return
        parsed = parse_content(telegram.clear[:end], ci, start, context, from_master=from_master)
        take_records(telegram, parsed)
        if plans is not None:
            plans.learn_layout(parsed, telegram.clear[start:end], start, ci)
        # A wired meter has no reason to send compact frames; from a radio one they may come next.
        if teaches(ci, lower) and context.formats is not None and parsed.records and not parsed.problems:
            context.formats.learn_records(parsed.records)
        return
    if content in (Content.ERROR, Content.ALARM) and telegram.clear[start : start + 2] == _CHECK_OCTETS:
        start += 2  # left from decryption, as are the fillers behind the code
        end = min(end, start + 1)
    if content is Content.FIXED:
        _read_fixed(telegram, start, end, ci.mode2)
    elif content is Content.ERROR:
        telegram.application_error = telegram.clear[start] if start < end else 0
    elif content is Content.ALARM:
        telegram.alarm = int.from_bytes(telegram.clear[start:end], "little")
    elif start < end:
        text = f"{ci.name}: {counted(end - start, 'byte')} left unread"
        telegram.add_problem("application", start, Reason.UNKNOWN_CI, text)


def teaches(ci: Ci, lower: Lower) -> bool:
    """True of a full frame whose headers may come without their like in compact frames behind it."""
    return lower.layer != WIRED and ci.content is _RECORDS and lower.from_meter


def _read_fixed(telegram: Telegram, start: int, end: int, mode2: bool) -> None:
    from mbuscli.protocol.application.fixed import decode_fixed

    if end - start != _FIXED_SIZE:
        text = f"fixed data has {_FIXED_SIZE} bytes, {end - start} are here"
        telegram.add_problem("application", start, Reason.LENGTH_MISMATCH, text)
        return
    fixed = decode_fixed(telegram.clear[start:end], start, mode2=mode2)
    telegram.meter = MeterAddress(fixed.id)
    telegram.acc = fixed.acc
    telegram.status = fixed.status
    telegram.medium = fixed.medium
    telegram.records = fixed.records


def parse_content(data: bytes, ci: Ci, start: int, context: Context, *, from_master: bool = False) -> Parsed:
    """Records, compact or format frame in `data` from `start` to its end; offsets count in `data`."""
    if ci.content is _RECORDS:
        return parse_records(data, start, from_master=from_master, mode2=ci.mode2)
    from mbuscli.protocol.application import compact

    if data[start : start + 2] == _CHECK_OCTETS:  # left from decryption
        start += 2
    if ci.content is Content.COMPACT:
        return compact.decode_compact(data[start:], start, context.formats or compact.built_in_formats())
    return compact.decode_format(data[start:], start, context.formats or compact.Formats())


def is_credible(parsed: Parsed) -> bool:
    """Octets of unknown origin count as records only if all of them read as such, without exception.

    Random octets often look like records without data; meters hardly send any.
    """
    headers = [record.header for record in parsed.records]
    empty = sum(header.data_field == NO_DATA for header in headers)
    return (
        bool(headers)
        and not parsed.problems
        and 4 * empty <= len(headers)
        and not any(header.reserved or header.data_field == SELECTION for header in headers)
    )


def is_certain(parsed: Parsed) -> bool:
    """What counts as records where many keys were tried: nearly all have a value, and octets of the maker's
    own, which may be anything, come after several records if at all."""
    own = sum(record.header.data_field == SPECIAL for record in parsed.records)
    unread = sum(record.error is not None for record in parsed.records)
    count = len(parsed.records) - own
    return is_credible(parsed) and 4 * unread <= count and (not own or count >= _SEVERAL)


def take_records(telegram: Telegram, parsed: Parsed) -> None:
    """Add what was parsed to the telegram."""
    telegram.records = parsed.records
    telegram.problems.extend(parsed.problems)
    telegram.more_follows = parsed.more_follows
