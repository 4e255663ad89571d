"""Read meters on a wired bus, each with all telegrams of its readout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from mbuscli.services.link import Link
from mbuscli.telegram import Telegram, decode

Address: TypeAlias = int | MeterAddress


class Asking(NamedTuple):
    """The next meter is being asked."""

    address: Address


class Read(NamedTuple):
    """One telegram of a meter."""

    address: Address
    telegram: Telegram


class Failed(NamedTuple):
    """A meter could not be read, or not to the end."""

    address: Address
    error: MbuscliError


ReadEvent: TypeAlias = Asking | Read | Failed


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


def read(link: Link, addresses: Sequence[Address]) -> Iterator[ReadEvent]:
    """Read each meter; yields its telegrams, then what went wrong with it. PortError if the port is lost."""
    formats = Formats()
    for address in addresses:
        yield Asking(address)
        error: MbuscliError | None = None
        try:
            replies: Sequence[Reply] = _replies(link, address)
        except (NoAnswerError, BusError) as failure:
            replies, error = failure.replies, failure
        except PortError as failure:
            yield from _telegrams(address, failure.replies, formats)
            raise
        yield from _telegrams(address, replies, formats)
        if error is None and not replies:
            error = NoAnswerError("the meter answers, but has no data to send", reason=Reason.NO_ANSWER)
        if error is not None:
            yield Failed(address, error)


def _replies(link: Link, address: Address) -> list[Reply]:
    if isinstance(address, int):
        return link.converter.run(link.session.read(address))
    return link.converter.run(link.session.read_selected(address))


def _telegrams(address: Address, replies: Sequence[Reply], formats: Formats) -> Iterator[ReadEvent]:
    for reply in replies:
        try:
            telegram = decode(reply.raw, formats=formats)
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
