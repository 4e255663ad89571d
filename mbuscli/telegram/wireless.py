"""A radio telegram: link layer, extended link layer, authentication and fragmentation, then the body.

Whether octets are one is told from length, C field, manufacturer and CI field together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.address import decode_manufacturer
from mbuscli.protocol.application.ci_table import (
    CI_AFL,
    CI_MANUFACTURER,
    CI_NETWORK,
    ELL_CI_FIELDS,
    FROM_MASTER_RECORDS,
    FROM_SLAVE,
)
from mbuscli.protocol.octets import counted
from mbuscli.protocol.wireless.c_fields import Direction, direction_of, find_service
from mbuscli.protocol.wireless.frame_format import (
    CI_OFFSET,
    OWN_ORDER,
    LinkFields,
    LinkFrame,
    decode_link,
    strip_crcs,
)
from mbuscli.telegram.body import is_certain, read_body
from mbuscli.telegram.model import WIRELESS, Context, Link, Lower, Telegram

if TYPE_CHECKING:
    from mbuscli.protocol.security.sealed import Mac
    from mbuscli.protocol.transport.afl import Message

_AUTHENTICATION_TYPE = 0x0F
_KNOWN_CI = ELL_CI_FIELDS | FROM_SLAVE.keys() | FROM_MASTER_RECORDS.keys() | {CI_AFL, CI_NETWORK}


def find_whole(data: bytes, frame_format: str | None) -> LinkFrame | None:
    """The telegram, if `data` is a whole one, with or without CRCs and start octets."""
    return _find(data, frame_format, salvage=False)


def find_damaged(data: bytes, frame_format: str | None) -> LinkFrame | None:
    """The telegram, if `data` may be one that is cut, damaged or came without its L field."""
    return _find(data, frame_format, salvage=True) or _without_l(data)


def is_wireless(data: bytes) -> bool:
    """True if `data` is a whole radio telegram."""
    return find_whole(data, None) is not None


def is_damaged_wireless(data: bytes) -> bool:
    """True if `data` may be a radio telegram that is cut, damaged or came without its L field."""
    return find_damaged(data, None) is not None


def _find(data: bytes, frame_format: str | None, *, salvage: bool) -> LinkFrame | None:
    try:
        frame = strip_crcs(data, frame_format=frame_format, salvage=salvage)
        fields = decode_link(frame.telegram)
    except DecodeError:
        return None
    believable = is_believable(fields) and not (salvage and fields.ci_field is None)
    return frame if believable else None


def _without_l(data: bytes) -> LinkFrame | None:
    if not 9 <= len(data) <= 255:
        return None
    telegram = bytes((len(data),)) + data
    return LinkFrame(telegram, None, "absent") if is_believable(decode_link(telegram)) else None


def is_believable(fields: LinkFields) -> bool:
    """A C field of the standard, a manufacturer in letters, and a CI field that may follow."""
    manufacturer = fields.address[0] | fields.address[1] << 8
    return (
        find_service(fields.c_field) is not None
        and decode_manufacturer(manufacturer).isalpha()
        and len(decode_manufacturer(manufacturer)) == 3
        and (fields.ci_field is None or fields.ci_field in _KNOWN_CI or fields.ci_field in CI_MANUFACTURER)
    )


def decode_wireless(data: bytes, context: Context, frame: LinkFrame | None = None) -> Telegram:
    """The telegram, with or without CRCs, start octets or L field; raises DecodeError without an address.

    `frame`: what `find_whole` or `find_damaged` made of `data`, if they were asked.
    """
    frame = frame or find_whole(data, context.frame_format) or find_damaged(data, context.frame_format)
    if frame is None:
        frame = strip_crcs(data, frame_format=context.frame_format, salvage=True)
    fields = decode_link(frame.telegram)
    link = Link(
        WIRELESS,
        c_field=fields.c_field,
        ci_field=fields.ci_field,
        frame_format=frame.frame_format,
        crc=frame.crc,
    )
    telegram = Telegram(frame.telegram, link, data)
    meter = fields.meter
    if meter.manufacturer in OWN_ORDER:
        from mbuscli.protocol.wireless import diehl

        meter = diehl.meter_of(frame.telegram, meter)
        telegram.is_real_data = diehl.is_real_data(frame.telegram)
    telegram.meter = telegram.sender = meter
    _note_damage(telegram, frame)
    lower = Lower(
        WIRELESS,
        from_meter=direction_of(fields.c_field) is not Direction.TO_METER,
        lla=meter.octets(),
        intact=frame.crc == "ok" and not frame.missing,
    )
    _read_layers(telegram, lower, context)
    return telegram


def _note_damage(telegram: Telegram, frame: LinkFrame) -> None:
    end = len(frame.telegram)
    if frame.crc == "bad":
        text = f"the CRC of a block is wrong: {counted(frame.missing, 'byte')} lost from here on"
        telegram.add_problem("link", end, Reason.CRC, text)
    elif frame.missing > 0:
        text = f"the telegram is cut: {counted(frame.missing, 'byte')} missing"
        telegram.add_problem("link", end, Reason.TOO_SHORT, text)
    elif frame.missing < 0:
        text = f"{counted(-frame.missing, 'byte')} left out behind the end that the L field announces"
        telegram.add_problem("link", end, Reason.LENGTH_MISMATCH, text)


def _read_layers(telegram: Telegram, lower: Lower, context: Context) -> None:
    offset: int | None = CI_OFFSET
    while offset is not None and offset < len(telegram.clear):
        ci_field = telegram.clear[offset]
        try:
            if ci_field in ELL_CI_FIELDS:
                offset = _read_ell(telegram, offset, lower, context)
            elif ci_field == CI_AFL:
                mac_and_offset = _read_afl(telegram, offset, context)
                if mac_and_offset is None:
                    return
                mac, offset = mac_and_offset
                lower = lower._replace(mac=mac)
            elif ci_field == CI_NETWORK:
                text = "network layer (CI 81): its layout is not public, what follows stays unread"
                telegram.add_problem("link", offset, Reason.UNSUPPORTED, text)
                return
            else:
                read_body(telegram, offset, len(telegram.clear), lower, context)
                return
        except DecodeError as error:
            telegram.add_problem(error.layer, error.offset or offset or 0, error.reason, error.text)
            return


def _read_ell(telegram: Telegram, offset: int, lower: Lower, context: Context) -> int | None:
    """Where the next layer starts; None if it stays closed."""
    from mbuscli.protocol.wireless.ell import decode_ell

    clear = telegram.clear
    ell = decode_ell(clear, offset)
    telegram.ell = ell
    after = offset + ell.size
    if ell.sn is None:
        return after
    # Only a session brings the cipher library in.
    from mbuscli.protocol.security.ell_ctr import open_ell
    from mbuscli.protocol.security.sealed import NONE, SealedEll
    from mbuscli.telegram.unseal import candidates_for, note_outcome, reads_from_ci

    begin = offset + ell.clear_size
    sealed = SealedEll(
        lower.lla or b"", ell.cc, ell.sn.to_bytes(4, "little"), clear[begin:], intact=lower.intact
    )
    opened = open_ell(
        sealed,
        candidates_for(context, lower.lla),
        reads_from_ci(context),
        certain=reads_from_ci(context, is_certain),
    )
    if ell.encryption:
        note_outcome(telegram, opened, begin, ell=ell.encryption)
    if opened.plaintext is not None:
        telegram.clear = clear[:begin] + opened.plaintext
        return after
    if opened.state == NONE:
        telegram.add_problem("link", begin, Reason.CRC, opened.diagnosis[0])
    return None


def _read_afl(telegram: Telegram, offset: int, context: Context) -> tuple[Mac | None, int] | None:
    """The authentication code, if there is one, and where the message starts; None for a lone fragment."""
    from mbuscli.protocol.transport.afl import decode_afl, join

    afl = decode_afl(telegram.clear, offset)
    after = offset + afl.size
    body = telegram.clear[after:]
    if not afl.fid:
        return _mac_of(join([(afl, body)])), after
    message: Message | None = None
    if context.fragments is not None:
        message = context.fragments.add(telegram.sender, afl, body, context.now_s)
    if message is None:
        last = "" if afl.more_fragments else ", the last one"
        text = f"fragment {afl.fid}{last} of a longer message: its other fragments are needed to read it"
        telegram.add_problem("transport", offset, Reason.FRAGMENT, text, warning=True)
        return None
    # The octets of the joined message stand in place of the last fragment's.
    telegram.raw = telegram.raw[:after] + message.body
    telegram.clear = telegram.clear[:after] + message.body
    return _mac_of(message), after


def _mac_of(message: Message) -> Mac | None:
    if message.mac is None or message.mcl is None:
        return None
    from mbuscli.protocol.security.sealed import Mac

    return Mac(message.mcl & _AUTHENTICATION_TYPE, message.mac, message.mac_input, message.mcr)
