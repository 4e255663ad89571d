"""Radio layers between link and transport layer: extended link layer, authentication and fragmentation."""

from __future__ import annotations

from mbuscli.errors import Problem
from mbuscli.protocol.address import decode_manufacturer
from mbuscli.protocol.application.ci_table import CI_AFL, CI_NETWORK, ELL_CI_FIELDS
from mbuscli.protocol.application.device_types import describe_device_type
from mbuscli.protocol.octets import bcd_digits
from mbuscli.protocol.security.ell_ctr import CRC_SIZE, crc_holds
from mbuscli.protocol.transport.afl import (
    AUTHENTICATION,
    FCL_KI,
    FCL_MAC,
    FCL_MCL,
    FCL_MCR,
    FCL_ML,
    Afl,
    decode_afl,
)
from mbuscli.protocol.wireless.ell import Ell, decode_ell, describe_cc, describe_encryption
from mbuscli.telegram.explain_body import body
from mbuscli.telegram.explain_parts import AFL, ELL, Dump

_ELL = "EN 13757-4, extended link layer"
_AFL = "EN 13757-7, authentication and fragmentation layer"
_CI = "EN 13757-7:2018 table 2, CI field"
_FRAGMENTATION_FLAGS = (
    (FCL_MCL, "MCL"),
    (FCL_KI, "KI"),
    (FCL_MCR, "MCR"),
    (FCL_MAC, "MAC"),
    (FCL_ML, "ML"),
)


def radio_layers(dump: Dump) -> None:
    """All layers from the first CI field on; raises DecodeError where one is cut off."""
    while dump.left:
        ci_field = dump.peek(1)[0]
        if ci_field in ELL_CI_FIELDS:
            more = _ell(dump)
        elif ci_field == CI_AFL:
            more = _afl(dump)
        elif ci_field == CI_NETWORK:
            dump.take(1, "CI field", _CI, "81: a network layer follows")
            more = False
        else:
            body(dump, dump.end)
            return
        if not more:
            return


def _ell(dump: Dump) -> bool:
    """True if the next layer can be read."""
    dump.layer = ELL
    start = dump.at
    ell_or_none = dump.telegram.ell
    words = f"{dump.peek(1)[0]:02X}: extended link layer"
    dump.take(1, "CI field", _CI, words + (f" {ell_or_none.name}" if ell_or_none else ""))
    ell = decode_ell(dump.clear, start)
    dump.take(1, "CC field", _ELL, "communication control: " + ", ".join(describe_cc(ell.cc)))
    dump.take(1, "access number", _ELL, f"{ell.acc}: counts transmissions, so that repeated ones are noticed")
    if ell.second_address is not None:
        _receiver(dump)
    if ell.sn is None:
        return True
    dump.take(4, "session number", _ELL, _session_words(ell))
    return _payload_crc(dump)


def _payload_crc(dump: Dump) -> bool:
    if not crc_holds(dump.clear[dump.at :]) or _problem_at(dump, dump.at) is not None:
        if dump.telegram.security.state != "none":
            dump.take_encrypted(dump.left, _ELL)
        return False
    opened = dump.telegram.raw[dump.at :] != dump.clear[dump.at :]
    words = "CRC of what follows: right"
    if opened:
        words = "CRC of what follows, decrypted: right, which proves the key; all from here on is encrypted"
    dump.take(CRC_SIZE, "payload CRC", _ELL, words)
    return True


def _session_words(ell: Ell) -> str:
    minutes = ell.time_min or 0
    return (
        f"encryption {describe_encryption(ell.encryption)}; sent {minutes} minutes ({minutes // 1440} days) "
        f"after the meter's start, session {ell.session} of that minute: each telegram differs"
    )


def _receiver(dump: Dump) -> None:
    manufacturer = int.from_bytes(dump.peek(2), "little")
    dump.take(2, "manufacturer", _ELL, f"of the receiver: {decode_manufacturer(manufacturer)}")
    dump.take(4, "identification", _ELL, f"of the receiver: {bcd_digits(dump.peek(4))}")
    dump.take(1, "version", _ELL, f"of the receiver: {dump.peek(1)[0]:02X}")
    dump.take(1, "device type", _ELL, f"of the receiver: {describe_device_type(dump.peek(1)[0])}")


def _problem_at(dump: Dump, offset: int) -> Problem | None:
    layers = ("link", "transport", "security")
    found = [p for p in dump.telegram.problems if p.offset == offset and p.layer in layers]
    return found[0] if found else None


def _afl(dump: Dump) -> bool:
    """True if the message behind it can be read: it is whole."""
    dump.layer = AFL
    start = dump.at
    dump.take(1, "CI field", _CI, "90: authentication and fragmentation layer")
    afl = decode_afl(dump.clear, start)
    dump.take(1, "AFLL", _AFL, f"length of this layer: {afl.size - 2} bytes follow")
    dump.take(2, "FCL", _AFL, _fragmentation_words(afl))
    if afl.mcl is not None:
        dump.take(1, "MCL", _AFL, _message_control_words(afl.mcl))
    if afl.ki is not None:
        dump.take(2, "KI", _AFL, "key information: which of the meter's keys")
    if afl.mcr is not None:
        counter = int.from_bytes(afl.mcr, "little")
        words = f"message counter {counter}: it only grows, which tells replayed ones; keys derive from it"
        dump.take(4, "MCR", _AFL, words)
    if afl.mac is not None:
        dump.take(len(afl.mac), "MAC", _AFL, _mac_words(dump))
    if afl.ml is not None:
        dump.take(2, "ML", _AFL, f"the whole message has {afl.ml} bytes")
    return _problem_at(dump, start) is None


def _fragmentation_words(afl: Afl) -> str:
    if not afl.fid:
        words = "fragmentation control: the message is whole"
    else:
        more = "more follow" if afl.more_fragments else "the last one"
        words = f"fragmentation control: fragment {afl.fid}, {more}"
    fields = [name for bit, name in _FRAGMENTATION_FLAGS if afl.fcl & bit]
    return f"{words}; carries {', '.join(fields)}" if fields else words


def _message_control_words(mcl: int) -> str:
    authentication = AUTHENTICATION.get(mcl & 0x0F)
    if authentication is None:
        return f"message control: reserved authentication type {mcl & 0x0F}"
    if not authentication.mac_size:
        return "message control: no authentication"
    return f"message control: authenticated by a {authentication.name} of {authentication.mac_size} bytes"


def _mac_words(dump: Dump) -> str:
    security = dump.telegram.security
    what = "message authentication code over all that follows, as sent"
    if "CMAC" in security.checks:
        return f"{what}: right, nobody has changed it on the way"
    if security.state == "unauthentic":
        return f"{what}: wrong"
    return f"{what}: not checked, it takes the meter's key"
