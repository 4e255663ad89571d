"""Beginning and end of an annotated dump: whose telegram it is, how it was opened, and what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mbuscli.protocol.octets import counted
from mbuscli.protocol.security.modes_table import describe_mode
from mbuscli.render.rows import device_type_name
from mbuscli.telegram.model import LORAWAN

if TYPE_CHECKING:
    from mbuscli.telegram import Telegram

_PROOFS = {
    "2F2F": "the check bytes 2F 2F at the start of the data",
    "PLCRC": "the CRC of the payload",
    "CMAC": "the message authentication code",
    "CCM tag": "the authentication tag",
    "records": "data that reads as records without exception",
}
_ADDRESSES = {
    "ALA": "the meter's address in the transport layer",
    "LLA": "the sender's address in the link layer",
}
_CLOSED = {
    "key_missing": "encrypted, and no key is known: only what is not encrypted can be read",
    "key_wrong": "encrypted, and none of the keys fits: only what is not encrypted can be read",
    "unauthentic": "not authentic: its data is not shown, for somebody may have changed it",
    "unsupported": "secured in a way that this program does not open",
}


def heading_lines(telegram: Telegram) -> list[tuple[str, str]]:
    """Label and sentence: the meter, the telegram, its security."""
    lines = []
    if telegram.link.layer == LORAWAN:
        from mbuscli.render.lorawan import facts

        lines += facts(telegram)
    if telegram.meter is not None:
        lines.append(("meter", f"{telegram.meter}, {device_type_name(telegram)}"))
    if telegram.sender not in (None, telegram.meter):
        lines.append(("sender", f"{telegram.sender}, which passes the meter's data on"))
    if telegram.link.layer == LORAWAN:
        lines.append(("security", _lorawan_security(telegram)))
        return lines
    kind = {"wired": "wired frame", "wireless": "radio telegram"}.get(telegram.link.layer, "application data")
    size = counted(len(telegram.raw), "byte")
    lines.append(("telegram", f"{kind} of {size}; bytes below are hexadecimal and counted from 0"))
    if telegram.link.ci_field is not None:
        lines.append(("security", _security(telegram)))
    return lines


def _lorawan_security(telegram: Telegram) -> str:
    security = telegram.security
    if security.mode:
        return _security(telegram)
    if security.state in _CLOSED:
        return _CLOSED[security.state]
    proof = "" if security.checks else ", and nothing proves the key"
    if security.state == "decrypted":
        return f"AES-128: decrypted with key {security.key!r}{proof}"
    return "nothing in it is encrypted"


def _security(telegram: Telegram) -> str:
    security = telegram.security
    method = "encryption of the extended link layer" if security.ell else describe_mode(security.mode)
    if security.state in _CLOSED:
        return f"{method}: {_CLOSED[security.state]}"
    proofs = " and ".join(_PROOFS.get(check, check) for check in security.checks)
    if security.state != "decrypted":
        return f"the data is not encrypted; proved by {proofs}" if proofs else "the data is not encrypted"
    text = f"{method}: decrypted with key {security.key!r}, proved by {proofs}"
    address = _ADDRESSES.get(security.address or "")
    return f"{text}; {address} went into the key or the start value (IV)" if address else text


def verdict_lines(telegram: Telegram) -> list[tuple[str, str]]:
    """Label and sentence: what security found out, then what is damaged or doubtful."""
    lines = [("security", sentence) for sentence in telegram.security.diagnosis]
    for problem in telegram.problems:
        if problem.text in telegram.security.diagnosis:
            continue
        label = "note" if problem.warning else "problem"
        lines.append((label, f"{problem.text} ({problem.layer} layer, byte {problem.offset})"))
    return lines
