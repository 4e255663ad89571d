"""Find out at which baud rates the meters of a wired bus listen."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import NamedTuple

from mbuscli.errors import NoAnswerError, Reason
from mbuscli.protocol.wired.fields import ADDRESS_TEST
from mbuscli.protocol.wired.reply import ReplyKind
from mbuscli.services.link import Link
from mbuscli.services.read import Address, Asking, Failed, Progress, ReadEvent, read

# Every meter is expected to know 300 and 2400; the factory setting is nearly always 2400.
USUAL = (2400, 300, 9600)
OTHERS = (600, 1200, 4800, 19200, 38400)
_TRIES = 2


class Tried(NamedTuple):
    """The test address was asked at a rate: is anybody there?"""

    baud: int
    is_answered: bool


def sweep(link: Link) -> Iterator[Tried]:
    """Ask the test address at the usual rates, and at the others if nobody answers at any of them.

    Its link reset changes nothing in a meter. Every meter answers it: any octets, a collision too, tell that
    somebody listens at that rate. Some meters do not know it, so silence everywhere proves nothing.
    PortError if the port is lost, or cannot change its rate.
    """
    answered = False
    for bauds in (USUAL, OTHERS):
        for baud in bauds:
            link.set_baud(baud)
            here = any(_is_anybody_there(link) for _ in range(_TRIES))
            answered |= here
            yield Tried(baud, here)
        if answered:
            return


def _is_anybody_there(link: Link) -> bool:
    reply = link.converter.run(link.session.reset(ADDRESS_TEST))
    return reply.kind is not ReplyKind.SILENCE


def read_at_any(
    link: Link,
    addresses: Sequence[Address],
    bauds: Sequence[int],
    primaries: Mapping[Address, int] | None = None,
) -> Iterator[ReadEvent]:
    """As `read`, where each meter may listen at another one of these rates; `link.baud` is that of the event.

    All meters are tried at one rate before the next; one that is silent at all of them fails at the end.
    """
    left = list(addresses)
    for baud in bauds:
        if left:
            link.set_baud(baud)
        silent: list[Address] = []
        for index, address in enumerate(left):
            done = len(addresses) - len(left) - len(silent) + index
            yield Progress(address, done, len(addresses), None, None)
            if not (yield from _is_read(link, address, primaries)):
                silent.append(address)
        left = silent
    for address in left:
        yield Asking(address)
        yield Failed(address, _nowhere(address, bauds))


def _is_read(
    link: Link, address: Address, primaries: Mapping[Address, int] | None
) -> Generator[ReadEvent, None, bool]:
    """Read a meter unless it is silent, which is not told."""
    asking: Asking | None = None
    for event in read(link, [address], primaries):
        if isinstance(event, Progress):
            continue
        if isinstance(event, Asking):
            asking = event
            continue
        if asking is not None:
            if isinstance(event, Failed) and isinstance(event.error, NoAnswerError):
                return False
            yield asking
            asking = None
        yield event
    return True


def _nowhere(address: Address, bauds: Sequence[int]) -> NoAnswerError:
    return NoAnswerError(
        f"no answer from {address} at any of {', '.join(map(str, bauds))} baud",
        reason=Reason.NO_ANSWER,
        hint=(
            "slow meters and converters: --timeout 2",
            "check the meter's address with mbuscli scan, and the wiring of the bus",
        ),
    )
