"""Between transport header and content: decrypt, or say why not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.ci_table import FROM_SLAVE, LONG, Ci, Content
from mbuscli.protocol.application.records import Parsed, parse_records
from mbuscli.protocol.security.keys import Candidate
from mbuscli.protocol.security.modes_table import MODES_BY_BLOCKS, MODES_BY_OCTETS, mode_entry
from mbuscli.protocol.security.sealed import (
    DECRYPTED,
    KEY_MISSING,
    KEY_WRONG,
    NONE,
    UNAUTHENTIC,
    UNSUPPORTED,
    Opened,
    Sealed,
    read_extension,
)
from mbuscli.protocol.transport.tpl import Tpl, decode_tpl
from mbuscli.telegram.body import is_certain, is_credible, parse_content
from mbuscli.telegram.model import WIRELESS, Context, Lower, Security, Telegram

_REASONS = {
    KEY_MISSING: Reason.KEY_MISSING,
    KEY_WRONG: Reason.KEY_WRONG,
    UNAUTHENTIC: Reason.UNAUTHENTIC,
    UNSUPPORTED: Reason.MODE_UNSUPPORTED,
}


def unseal(
    telegram: Telegram,
    ci: Ci,
    tpl: Tpl,
    ci_offset: int,
    start: int,
    end: int,
    lower: Lower,
    context: Context,
) -> tuple[int, int] | None:
    """Where readable content starts and ends in `telegram.clear`, None if there is none.

    `start`: behind the configuration field.
    """
    # An extended link layer needs this module, but none of these.
    from mbuscli.protocol.security.opening import open_sealed
    from mbuscli.protocol.security.tpl_modes import encrypted_size

    if _was_never_encrypted(telegram, ci, tpl, start, end, lower, context):
        return start, end
    clear = telegram.clear
    try:
        extension = read_extension(tpl.mode, tpl.configuration, clear[start:end], start)
    except DecodeError as error:
        telegram.add_problem(error.layer, error.offset or start, error.reason, error.text)
        return None
    begin = start + extension.size
    sealed = Sealed(
        tpl.configuration,
        clear[begin:end],
        lla=lower.lla,
        ala=telegram.meter.octets() if ci.header == LONG and telegram.meter else None,
        acc=tpl.acc or 0,
        extension=extension,
        header=clear[ci_offset : start + len(extension.cfe) + (extension.key_version is not None)],
        mac=lower.mac,
        from_meter=lower.from_meter,
        received_on=context.received_on,
        intact=lower.intact,
    )
    hidden = encrypted_size(sealed)
    candidates = candidates_for(context, sealed.ala, lower.lla)
    opened = open_sealed(
        sealed,
        candidates,
        _reads_as(ci, context, hidden, is_credible),
        certain=_reads_as(ci, context, hidden, is_certain),
    )
    note_outcome(telegram, opened, begin, mode=tpl.mode)
    if opened.plaintext is not None:
        telegram.clear = clear[:begin] + opened.plaintext + clear[begin + len(opened.plaintext) :]
        return begin, begin + len(opened.plaintext)
    # Octets behind the encrypted ones are in clear, and readable without a key.
    counted = tpl.mode in MODES_BY_BLOCKS or tpl.mode in MODES_BY_OCTETS
    partial = counted and opened.state in (KEY_MISSING, KEY_WRONG) and 0 < hidden < len(sealed.payload)
    return (begin + hidden, end) if partial and ci.content is Content.RECORDS else None


def candidates_for(context: Context, *addresses: bytes | None) -> Iterable[Candidate]:
    """Keys for the meter with one of these addresses, eight octets each in the order of the long header."""
    if context.keys is None:
        return ()
    found = [MeterAddress.from_octets(octets) for octets in addresses if octets is not None]
    return context.keys.candidates(found)


def note_outcome(telegram: Telegram, opened: Opened, offset: int, *, mode: int = 0, ell: int = 0) -> None:
    """Keep the outcome, and a problem where content stays closed. Nothing replaces an earlier decryption."""
    if opened.state == NONE and telegram.security.state == DECRYPTED:
        return
    telegram.security = Security(
        mode,
        ell or telegram.security.ell,
        opened.state,
        opened.key.name if opened.key is not None and opened.state in (DECRYPTED, NONE) else None,
        opened.checks,
        opened.address_used,
        opened.diagnosis,
    )
    if opened.state in _REASONS:
        text = opened.diagnosis[0] if opened.diagnosis else opened.state.replace("_", " ")
        telegram.add_problem("security", offset, _REASONS[opened.state], text)


def _was_never_encrypted(
    telegram: Telegram, ci: Ci, tpl: Tpl, start: int, end: int, lower: Lower, context: Context
) -> bool:
    """Old wired meters fill the configuration field with anything: modes that nobody can open, or more
    encrypted octets than there are. Data that reads as records without exception is clear then."""
    if lower.layer == WIRELESS or lower.mac is not None:
        return False
    if not is_impossible(tpl.configuration, end - start):
        return False
    if not is_credible(parse_content(telegram.clear[:end], ci, start, context)):
        return False
    ignore_configuration(telegram, start)
    return True


@lru_cache(maxsize=1024)
def is_impossible(configuration: int, size: int) -> bool:
    """True if nobody can open the mode, or less octets are here than are said to be encrypted."""
    from mbuscli.protocol.security.tpl_modes import encrypted_size

    sealed = Sealed(configuration, bytes(size))
    return mode_entry(sealed.mode).key_size == 0 or encrypted_size(sealed) > size


def ignore_configuration(telegram: Telegram, start: int) -> None:
    """Note that the content at `start` is clear, although the header says otherwise."""
    configuration = telegram.configuration or 0
    text = f"the configuration field {configuration:04X} says encrypted, but the data is clear"
    telegram.security = Security(configuration >> 8 & 0x1F)
    telegram.add_problem("transport", start - 2, Reason.CONFIGURATION_IGNORED, text, warning=True)


def _reads_as(
    ci: Ci, context: Context, hidden: int, judge: Callable[[Parsed], bool]
) -> Callable[[bytes], bool]:
    """Tells whether a plaintext reads, as `judge` sees it, as the content of this CI field: all of it, or all
    that was encrypted, as some makers put octets of their own behind that."""

    def reads(plaintext: bytes) -> bool:
        if ci.content in (Content.ERROR, Content.ALARM):
            return judge is not is_certain  # any octet reads as one
        if ci.content not in (Content.RECORDS, Content.COMPACT, Content.FORMAT):
            return False
        parts = (plaintext, plaintext[:hidden])
        return any(judge(parse_content(part, ci, 0, context)) for part in parts)

    return reads


def reads_from_ci(context: Context, judge: Callable[[Parsed], bool] = is_credible) -> Callable[[bytes], bool]:
    """Tells whether octets from a CI field on are a message: clear content, or a well-formed header."""

    def reads(octets: bytes) -> bool:
        ci = FROM_SLAVE.get(octets[0]) if octets else None
        if ci is None:
            return False
        try:
            tpl = decode_tpl(octets[1:], 1, ci.header, mode2=ci.mode2)
        except DecodeError:
            return False
        if tpl.mode:
            return True
        if ci.content is Content.COMPACT:
            # A signature that is not known yet proves nothing for or against the key.
            return len(octets) > ci.header + 4
        if ci.content is Content.RECORDS:
            return judge(parse_records(octets, 1 + ci.header))
        return judge is not is_certain

    return reads
