"""Read meters on a wired bus, each with all telegrams of its readout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from mbuscli.errors import (
    BusError,
    DecodeError,
    MbuscliError,
    NoAnswerError,
    PortError,
    Reason,
    RefusedError,
    UsageError,
)
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.compact import Formats
from mbuscli.protocol.application.control import describe_application_error
from mbuscli.protocol.wired.fields import ADDRESS_LAST, ADDRESS_SELECTED, ADDRESS_TEST
from mbuscli.protocol.wired.reply import Reply
from mbuscli.protocol.wired.steps import Talk
from mbuscli.services.link import Link
from mbuscli.telegram import Telegram, decode

Address: TypeAlias = int | MeterAddress


class Progress(NamedTuple):
    """How far it is: `done` of `total` asked; what is not known yet is None."""

    address: Address
    done: int
    total: int | None
    found: int | None
    seconds_left: float | None


class Asking(NamedTuple):
    """A meter is being read: the telegrams and failures that follow are its."""

    address: Address


class Read(NamedTuple):
    """One telegram of a meter."""

    address: Address
    telegram: Telegram


class Failed(NamedTuple):
    """A meter could not be read, or not to the end."""

    address: Address
    error: MbuscliError


ReadEvent: TypeAlias = Progress | Asking | Read | Failed


def parse_address(text: str) -> Address:
    """A primary address 0-250, 253, 254, or a meter's address 12345678.KAM.1B.16; UsageError for others."""
    if text.isascii() and text.isdigit() and len(text) <= 3:
        number = int(text)
        if number <= ADDRESS_LAST or number in (ADDRESS_SELECTED, ADDRESS_TEST):
            return number
        raise UsageError(
            f"{text} is no address of a meter",
            reason=Reason.INVALID,
            hint=("primary addresses go from 0 to 250; 254 asks whoever is there",),
        )
    return MeterAddress.parse(text)


def read(
    link: Link, addresses: Sequence[Address], primaries: Mapping[Address, int] | None = None
) -> Iterator[ReadEvent]:
    """Read each meter; yields its telegrams, then what went wrong with it. PortError if the port is lost.

    `primaries`: where meters are asked that do not answer a selection, if it is them who answer there.
    """
    formats = Formats()
    started = link.clock()
    for done, address in enumerate(addresses):
        left = (link.clock() - started) / done * (len(addresses) - done) if done else None
        yield Progress(address, done, len(addresses), None, left)
        yield Asking(address)
        yield from readout(link, address, _talk(link, address), formats, (primaries or {}).get(address))


def readout(
    link: Link, address: Address, talk: Talk[list[Reply]], formats: Formats, primary: int | None = None
) -> Iterator[ReadEvent]:
    """The telegrams that `talk` brings, then what went wrong; as `read` for one meter."""
    error: MbuscliError | None = None
    replies: Sequence[Reply] = ()
    try:
        replies = link.converter.run(talk)
    except (NoAnswerError, BusError) as failure:
        replies, error = failure.replies, failure
        if primary is not None and not replies and isinstance(failure, NoAnswerError):
            try:
                replies, error = _at_primary(link, address, primary), None
            except (NoAnswerError, BusError) as second:
                replies, error = second.replies, second
    except PortError as failure:
        yield from telegrams(address, [reply.raw for reply in failure.replies], formats)
        raise
    yield from telegrams(address, [reply.raw for reply in replies], formats)
    if error is None and not replies:
        error = NoAnswerError("the meter answers, but has no data to send", reason=Reason.NO_ANSWER)
    if error is not None:
        yield Failed(address, error)


def _talk(link: Link, address: Address) -> Talk[list[Reply]]:
    if isinstance(address, int):
        return link.session.read(address)
    return link.session.read_selected(address)


def _at_primary(link: Link, address: Address, primary: int) -> Sequence[Reply]:
    """The readout of a meter without secondary addressing; BusError if another one sits there."""
    replies = link.converter.run(link.session.read(primary))
    if replies and isinstance(address, MeterAddress):
        try:
            meter = decode(replies[0].raw).meter
        except DecodeError:
            meter = None
        if meter is None or not address.matches(meter):
            raise BusError(
                f"{address} does not answer a selection, and at its address {primary} is {meter}",
                reason=Reason.WRONG_ADDRESS,
            )
    return replies


def telegrams(address: Address, raws: Sequence[bytes], formats: Formats) -> Iterator[ReadEvent]:
    """A meter's frames decoded, each followed by what makes it doubtful."""
    for raw in raws:
        try:
            telegram = decode(raw, formats=formats)
        except DecodeError as error:
            yield Failed(address, error)
            continue
        yield Read(address, telegram)
        yield from _doubts(address, telegram)


def _doubts(address: Address, telegram: Telegram) -> Iterator[Failed]:
    """What makes a well-formed answer a failure: the meter refuses, or another one answered."""
    if telegram.application_error is not None:
        code = telegram.application_error
        yield Failed(
            address,
            RefusedError(
                f"the meter answers with application error {code}: {describe_application_error(code)}",
                reason=Reason.APPLICATION_ERROR,
            ),
        )
    meter = telegram.meter
    if isinstance(address, MeterAddress) and meter is not None and not address.matches(meter):
        text = f"{address} was selected, but {meter} answered"
        yield Failed(address, BusError(text, reason=Reason.WRONG_ADDRESS))
