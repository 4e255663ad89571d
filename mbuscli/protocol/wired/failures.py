"""The errors that a fruitless exchange on the wired bus ends with, and what to try then."""

from __future__ import annotations

from collections.abc import Sequence

from mbuscli.errors import BusError, MbuscliError, NoAnswerError, Reason
from mbuscli.protocol.octets import spaced_hex
from mbuscli.protocol.wired.fields import describe_a_field
from mbuscli.protocol.wired.reply import Reply, ReplyKind
from mbuscli.protocol.wired.timing import Timing

_SHOWN_OCTETS = 32

_SILENT_HINTS = (
    "another baud rate: 300 and 2400 are the usual ones, mbuscli scan --baud auto looks",
    "more time, as some meters and converters are slow: --timeout 2",
    "check the meter's address with mbuscli scan, and the wiring of the bus",
)
_COLLISION_HINTS = (
    "several meters may have this address: read them by meter address, or one at a time",
    "if only one meter is there: check baud rate, even parity, wiring and converter",
)
_NOISE_HINTS = ("check baud rate, even parity, wiring, and whether something else uses the bus",)


def describe_octets(raw: bytes) -> str:
    """The octets in hexadecimal, cut where they are many."""
    if len(raw) <= _SHOWN_OCTETS:
        return spaced_hex(raw)
    return f"{spaced_hex(raw[:_SHOWN_OCTETS])} ... ({len(raw)} octets)"


def failure(address: int, replies: Sequence[Reply], timing: Timing, *, meter: str = "") -> MbuscliError:
    """The error after none of `replies` was an answer: the last that was heard decides, silence if none was.

    `meter` names who was asked where that is not clear from the primary `address`.
    """
    meter = meter or f"address {describe_a_field(address)}"
    tries = f"{len(replies)} {'try' if len(replies) == 1 else 'tries'}"
    heard = [reply for reply in replies if reply.kind is not ReplyKind.SILENCE]
    if not heard:
        window = f"{timing.reply_timeout_s * 1000:.0f} ms each at {timing.baud} baud"
        return NoAnswerError(
            f"no answer from {meter} ({tries}, {window})", reason=Reason.NO_ANSWER, hint=_SILENT_HINTS
        )
    last = heard[-1]
    seen = f"({tries}; heard {describe_octets(last.raw)})"
    if last.kind is ReplyKind.COLLISION:
        text = f"the answer of {meter} is garbled: {last.note} {seen}"
        return BusError(text, reason=Reason.COLLISION, hint=_COLLISION_HINTS)
    if last.kind is ReplyKind.NOISE:
        return BusError(
            f"noise instead of {meter}: {last.note} {seen}", reason=Reason.NOISE, hint=_NOISE_HINTS
        )
    if last.frame and last.frame.a_field is not None and not last.comes_from(address):
        text = f"{meter} was asked, address {describe_a_field(last.frame.a_field)} answered {seen}"
        return BusError(
            text, reason=Reason.WRONG_ADDRESS, hint=("an answer came late; give it more time: --timeout 2",)
        )
    return BusError(f"{meter} gave an unexpected answer {seen}", reason=Reason.UNEXPECTED)


def never_idle(raw: bytes) -> BusError:
    """The error for a line on which something transmits all the time."""
    text = f"the line does not become idle before a request (heard {describe_octets(raw)})"
    return BusError(text, reason=Reason.NOISE, hint=_NOISE_HINTS)


def broken_off(address: int, count: int) -> BusError:
    """The error for a readout whose meter announced one telegram more and then acknowledges only."""
    where = f"the readout of address {describe_a_field(address)}"
    return BusError(
        f"{where} breaks off: telegram {count} announced another one",
        reason=Reason.UNEXPECTED,
        hint=("read it again",),
    )


def endless(address: int, why: str) -> BusError:
    """The error for a readout of several telegrams that does not come to its end."""
    return BusError(
        f"the readout of address {describe_a_field(address)} does not end: {why}",
        reason=Reason.ENDLESS,
        hint=("reset the application of the meter, or read one telegram only",),
    )
