"""Payloads of the makers' own formats that lie under a cipher: opened here, read by the meter drivers.

Diehl's shift register (PRIOS, REAL DATA), and the one encrypted block of the Apator NA-1.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from mbuscli.protocol.address import encode_manufacturer
from mbuscli.protocol.application.ci_table import SHORT, Ci, Content
from mbuscli.protocol.application.date_types import NoValueError, decode_type_g
from mbuscli.protocol.security.keys import (
    AES_KEY_SIZE,
    FACTORY_KEYS,
    Candidate,
    distinct,
    factory_note,
)
from mbuscli.protocol.security.sealed import (
    CHECK_RECORDS,
    DECRYPTED,
    FAILED_LENGTH,
    Attempt,
    Opened,
)
from mbuscli.protocol.security.shift_register import CHECK_PRIOS, CHECK_SUM, START, open_masked
from mbuscli.protocol.wireless import diehl
from mbuscli.protocol.wireless.frame_format import OWN_ORDER
from mbuscli.telegram.body import is_credible, parse_content
from mbuscli.telegram.model import Context, Lower, Telegram
from mbuscli.telegram.unseal import candidates_for, note_outcome

# Diehl REAL DATA behind the CI field of an alarm: records with a short header.
REAL_DATA = Ci("Diehl real data", SHORT, Content.RECORDS)

_CI_AT = 10
_PRIOS_SIZES = (5, 11)  # total; and the value and date of the last month's end
_NA1 = encode_manufacturer("APA"), 0x14, 0x07
_NA1_CI = (0xA0, 0xA1)
_NA1_BLOCK = slice(13, 29)
_NA1_CHECK = "2F"


def open_payload(telegram: Telegram, offset: int, lower: Lower, context: Context) -> bool:
    """Open the payload behind a maker's own CI field at `offset`; False if it lies under no known cipher."""
    meter = telegram.meter
    if meter is None or offset != _CI_AT:
        return False
    ci_field = telegram.clear[offset]
    if meter.manufacturer in OWN_ORDER and ci_field in diehl.CI_PRIOS:
        if len(telegram.clear) <= START:
            return False
        candidates = candidates_for(context, lower.lla)
        opened = open_masked(telegram.clear, candidates, CHECK_PRIOS, _is_prios)
        _take(telegram, opened, START)
        return True
    if meter[1:] == _NA1 and ci_field in _NA1_CI and len(telegram.clear) >= _NA1_BLOCK.stop:
        _take(telegram, _open_na1(telegram.clear, candidates_for(context, lower.lla)), _NA1_BLOCK.start)
        return True
    return False


def open_real_data(telegram: Telegram, lower: Lower, context: Context) -> bool:
    """Put the records of a REAL DATA telegram in clear; False, with a problem noted, if no key does."""

    def reads(plain: bytes) -> bool:
        return is_credible(parse_content(plain, REAL_DATA, 0, context))

    opened = open_masked(telegram.clear, candidates_for(context, lower.lla), CHECK_SUM, reads)
    _take(telegram, opened, START)
    return opened.plaintext is not None


def _take(telegram: Telegram, opened: Opened, start: int) -> None:
    mode = (telegram.configuration or 0) >> 8 & 0x1F
    note_outcome(telegram, opened, start, mode=mode)
    if opened.plaintext is not None:
        end = start + len(opened.plaintext)
        telegram.clear = telegram.clear[:start] + opened.plaintext + telegram.clear[end:]


def _is_prios(plain: bytes) -> bool:
    """The total, and behind it the value and date of the last month's end, or nothing that claims to be."""
    total_size, whole = _PRIOS_SIZES
    if len(plain) < whole:
        return len(plain) >= total_size
    try:
        decode_type_g(plain[whole - 2 : whole])
    except NoValueError as reason:
        return str(reason) == "no date"
    return True


def _open_na1(telegram: bytes, candidates: Iterable[Candidate]) -> Opened:
    """AES-128-CBC; the IV is manufacturer, address and eight times the access number."""
    from mbuscli.protocol.security.ciphers import aes_cbc_decrypt

    iv = telegram[2:10] + telegram[11:12] * 8
    attempts: list[Attempt] = []
    for candidate in distinct(chain(candidates, FACTORY_KEYS)):
        if len(candidate.key) != AES_KEY_SIZE:
            attempts.append(Attempt(candidate, FAILED_LENGTH))
            continue
        plain = aes_cbc_decrypt(candidate.key.octets, iv, telegram[_NA1_BLOCK])
        if plain[:1] != b"\x2f":
            attempts.append(Attempt(candidate, _NA1_CHECK))
        elif not candidate.exact and not _is_na1(plain):
            attempts.append(Attempt(candidate, CHECK_RECORDS))
        else:
            checks = (_NA1_CHECK,) if candidate.exact else (_NA1_CHECK, CHECK_RECORDS)
            notes, size = factory_note(candidate), len(plain)
            return Opened(DECRYPTED, plain, candidate, checks, "LLA", size, tuple(attempts), notes)
    from mbuscli.protocol.security.verdict import failed

    return failed("AES-128-CBC over one block", None, attempts, intact=False)


def _is_na1(plain: bytes) -> bool:
    """The earlier total is no greater than the present one: the meter sends what was added since."""
    raw = int.from_bytes(plain[1:5], "little")
    total = (raw >> 8) * 16 + (raw & 0x0F)
    exponent = raw >> 4 & 0x03
    added = int.from_bytes(plain[11:14], "little") << 2 | plain[10] & 0x03
    return added <= total * (1, 10, 100, 1000)[exponent]
