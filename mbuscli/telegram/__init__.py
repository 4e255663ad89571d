"""A telegram through all layers: link, transport, security, application."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.application.ci_table import FROM_SLAVE
from mbuscli.protocol.application.records import parse_records
from mbuscli.telegram.body import is_credible, read_body, take_records
from mbuscli.telegram.model import (
    ACK,
    APPLICATION,
    START_LONG,
    START_SHORT,
    WIRED,
    WIRELESS,
    Context,
    Link,
    Lower,
    Security,
    Telegram,
)

if TYPE_CHECKING:
    from mbuscli.protocol.application.compact import FormatSource
    from mbuscli.protocol.security.keys import KeySource
    from mbuscli.protocol.transport.afl import FragmentJoiner
    from mbuscli.telegram.plans import Plans

__all__ = ["Link", "Security", "Telegram", "decode"]

# Where the CI field of a long frame stands.
_WIRED_CI_OFFSET = 6


def decode(
    data: bytes,
    *,
    layer: str = "auto",
    keys: KeySource | None = None,
    formats: FormatSource | None = None,
    fragments: FragmentJoiner | None = None,
    received_on: date | None = None,
    frame_format: str | None = None,
    now_s: float = 0.0,
    plans: Plans | None = None,
) -> Telegram:
    """Decode one telegram: a wired frame, a wireless one, or bare application data.

    `layer`: auto, wired, wireless or application. The other arguments are described at `Context`; `plans`
    makes the next telegrams of a stream quicker, and changes nothing else.
    Raises DecodeError where the frame is damaged or nothing is known about the octets; damage further in
    becomes `Telegram.problems`, and what stands before it remains.
    """
    if not data:
        raise DecodeError("no bytes", reason=Reason.TOO_SHORT, offset=0)
    if plans is not None:
        known = plans.quick.decode(data, layer, keys, formats, frame_format)
        if known is not None:
            return known
    context = Context(keys, formats, fragments, received_on, frame_format, now_s, plans)
    if layer == WIRED or (layer == "auto" and _looks_wired(data)):
        telegram = _decode_wired(data, context)
    elif layer == WIRELESS:
        from mbuscli.telegram.wireless import decode_wireless

        telegram = decode_wireless(data, context)
    elif layer == APPLICATION:
        telegram = _decode_application(data, context)
    else:
        telegram = _decode_unknown(data, context)
    if telegram.laid is not None:
        return telegram  # no layout has profiles
    for record in telegram.records:
        if record.header.profile is not None:
            from mbuscli.protocol.application.profiles import expand_profiles

            telegram.records = expand_profiles(telegram.records)
            break
    return telegram


def _looks_wired(data: bytes) -> bool:
    if data[0] == START_LONG:
        return data[3:4] == data[:1]
    return (data[0] == START_SHORT and len(data) == 5) or (data[0] == ACK and len(data) == 1)


def _decode_unknown(data: bytes, context: Context) -> Telegram:
    """No wired frame: a radio telegram, else application data, else a damaged one of these."""
    from mbuscli.telegram.wireless import decode_wireless, find_damaged, find_whole

    frame = find_whole(data, context.frame_format)
    if frame is not None:
        return decode_wireless(data, context, frame)
    if data[0] == START_LONG:
        return _decode_wired(data, context)
    by_ci = _decode_by_ci(data, context)
    if by_ci is not None and not by_ci.is_damaged:
        return by_ci
    frame = find_damaged(data, context.frame_format)
    if frame is not None:
        return decode_wireless(data, context, frame)
    return _decode_bare(data, by_ci)


def _decode_wired(data: bytes, context: Context) -> Telegram:
    from mbuscli.protocol.wired.frames import decode_frame

    frame = decode_frame(data)
    telegram = Telegram(data, Link(WIRED, frame.kind, frame.c_field, frame.a_field, frame.ci_field))
    if frame.ci_field is not None:
        lower = Lower(WIRED, from_meter=not telegram.link.from_master, intact=True)
        read_body(telegram, _WIRED_CI_OFFSET, len(data) - 2, lower, context)
    return telegram


def _decode_application(data: bytes, context: Context) -> Telegram:
    by_ci = _decode_by_ci(data, context)
    return by_ci if by_ci is not None and not by_ci.is_damaged else _decode_bare(data, by_ci)


def _decode_by_ci(data: bytes, context: Context) -> Telegram | None:
    """Application data from the CI field on; None if the first octet is none."""
    if data[0] not in FROM_SLAVE:
        return None
    telegram = Telegram(data, Link(APPLICATION, ci_field=data[0]))
    read_body(telegram, 0, len(data), Lower(APPLICATION), context)
    return telegram


def _decode_bare(data: bytes, by_ci: Telegram | None) -> Telegram:
    """Records without a CI field, if all of it reads as such; else what the CI field gave; else an error."""
    parsed = parse_records(data)
    if is_credible(parsed):
        telegram = Telegram(data, Link(APPLICATION))
        take_records(telegram, parsed)
        return telegram
    if by_ci is not None:
        return by_ci
    raise DecodeError(
        "neither a wired frame, nor a wireless telegram, nor application data",
        layer="application",
        reason=Reason.UNRECOGNISED,
        offset=parsed.problems[0].offset if parsed.problems else 0,
        hint=(
            "a wired frame starts with 68 L L 68, a wireless telegram with L and C (44, 46, 08), application"
            " data with its CI field (72, 78, 7A, ...)",
        ),
    )
