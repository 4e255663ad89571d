"""The annotated dump: every octet of a telegram with its field, its clause and its meaning.

It follows the telegram as it was decoded, layer by layer, and ends where decoding ended: what stands behind
the damage is one part `unread` with the reason.
"""

from __future__ import annotations

from contextlib import suppress

from mbuscli.errors import DecodeError
from mbuscli.protocol.address import decode_manufacturer
from mbuscli.protocol.application.device_types import describe_device_type
from mbuscli.protocol.octets import bcd_digits
from mbuscli.protocol.wired.fields import describe_a_field, describe_c_field
from mbuscli.protocol.wired.frames import FrameKind
from mbuscli.telegram.explain_body import body
from mbuscli.telegram.explain_parts import APPLICATION, LINK, Dump, Part
from mbuscli.telegram.explain_records import records
from mbuscli.telegram.explain_words import service_words
from mbuscli.telegram.model import LORAWAN, WIRED, WIRELESS, Telegram

__all__ = ["Part", "explain"]

_FRAME = "EN 13757-2, frame format FT1.2"
_WIRED_C = "EN 13757-2, C field"
_WIRED_A = "EN 13757-2, A field"
_RADIO = "EN 13757-4, data link layer"
_RADIO_C = "EN 13757-4, C field"


def explain(telegram: Telegram) -> list[Part]:
    """The parts in the order of `telegram.raw`, whose every octet is in exactly one of them."""
    dump = Dump(telegram)
    layer = telegram.link.layer
    if layer == WIRED:
        _wired(dump)
    elif layer == WIRELESS:
        _wireless(dump)
    elif layer == LORAWAN:
        from mbuscli.telegram.explain_lorawan import lorawan

        lorawan(dump)
    elif telegram.link.ci_field is not None:
        body(dump, len(telegram.raw))
    else:
        dump.layer = APPLICATION
        records(dump, from_master=False, mode2=False)
    dump.close(len(telegram.raw))
    return dump.parts


def _wired(dump: Dump) -> None:
    kind = dump.telegram.link.kind
    if kind is FrameKind.ACK:
        dump.take(1, "E5", _FRAME, "single character: understood, or a meter is here")
        return
    if kind is FrameKind.SHORT:
        dump.take(1, "start", _FRAME, "10 begins a short frame, which carries no data")
    else:
        length = dump.clear[1]
        dump.take(1, "start", _FRAME, "68 begins a long frame")
        dump.take(
            1,
            "L field",
            _FRAME,
            f"length: {length} bytes from C field to the last in front of the check sum",
        )
        dump.take(1, "L field", _FRAME, "the length again, so that a damaged one is noticed")
        dump.take(1, "start", _FRAME, "68 again: the frame begins here")
    dump.take(1, "C field", _WIRED_C, service_words(describe_c_field(dump.peek(1)[0])))
    whose = "receiver" if dump.telegram.link.from_master else "sender"
    dump.take(1, "A field", _WIRED_A, f"primary address of the {whose}: {describe_a_field(dump.peek(1)[0])}")
    if kind is not FrameKind.SHORT:
        body(dump, len(dump.clear) - 2)
    dump.layer = LINK
    dump.end = len(dump.clear)
    dump.take(
        1, "check sum", _FRAME, "low byte of the sum from C field on: right, or the frame would be refused"
    )
    dump.take(1, "stop", _FRAME, "16 ends the frame")


def _wireless(dump: Dump) -> None:
    from mbuscli.protocol.wireless.c_fields import describe_c_field as describe_radio_c_field
    from mbuscli.telegram.explain_radio import radio_layers

    l_field, c_field = dump.peek(2)
    dump.take(1, "L field", _RADIO, f"length: {l_field} bytes follow{_checks(dump.telegram)}")
    dump.take(1, "C field", _RADIO_C, service_words(describe_radio_c_field(c_field)))
    manufacturer = int.from_bytes(dump.peek(2), "little")
    dump.take(
        2,
        "manufacturer",
        _RADIO,
        f"of the sender: {decode_manufacturer(manufacturer)}, three letters in 15 bits",
    )
    _address(dump)
    # `Telegram.problems` tells the damage, and what is left becomes one part.
    with suppress(DecodeError):
        radio_layers(dump)


def _address(dump: Dump) -> None:
    """Identification, version and device type; Diehl's have an order of their own, Sappel packs them."""
    sender, address = dump.telegram.sender, dump.peek(6)
    if sender is not None and sender.id != bcd_digits(address[:4]):
        _kind(dump, address[:2])
        _identification(dump, address[2:])
        return
    _identification(dump, address[:4])
    if sender is not None and (sender.version, sender.device_type) != (address[4], address[5]):
        words = "letters printed on the meter; version and device type are not told"
        dump.take(2, "packed", _RADIO, words)
        return
    _kind(dump, address[4:])


def _identification(dump: Dump, octets: bytes) -> None:
    words = f"of the sender: {bcd_digits(octets)}, lowest digits first"
    dump.take(4, "identification", _RADIO, words)


def _kind(dump: Dump, octets: bytes) -> None:
    version, device_type = octets
    dump.take(1, "version", _RADIO, f"of the sender: {version:02X}")
    dump.take(1, "device type", _RADIO, f"of the sender: {describe_device_type(device_type)}")


def _checks(telegram: Telegram) -> str:
    """What the receiver, or decoding, did to the frame before it came to stand here."""
    link = telegram.link
    words = ""
    if any(problem.layer == "link" and problem.offset == len(telegram.raw) for problem in telegram.problems):
        words = "; corrected to what is here, see the end"
    if link.frame_format is None:
        return words
    state = {"ok": "right and left out here", "absent": "taken out by the receiver"}.get(
        link.crc or "", "left out here, and wrong where this dump ends"
    )
    return f"{words}; the CRCs of frame format {link.frame_format} between the bytes are {state}"
