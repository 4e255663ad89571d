"""`--baud auto`: which rates are worth asking at, told as it is found out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mbuscli.render.report import Output
    from mbuscli.services.link import Link


def bauds_to_scan(link: Link, output: Output, addresses: int = 0) -> tuple[int, ...]:
    """The rates at which somebody answers the test address, else the usual ones; the given one if one is.

    `addresses`: how many will be asked at each, for the time that this takes.
    """
    from mbuscli.cli.talk import duration, one_of
    from mbuscli.services.scan import silent_address_s
    from mbuscli.services.sweep import USUAL

    if not link.swept:
        return (link.baud,)
    answered = _answered(link, output)
    if answered:
        return answered
    seconds = addresses * sum(silent_address_s(link, baud) for baud in USUAL)
    long = f", {duration(seconds)} if nobody answers" if seconds else ""
    output.streams.talk(
        f"nobody answers the test address 254 at any rate, but not every meter knows it: "
        f"searching at {one_of(USUAL, 'and')} baud all the same{long} (Ctrl-C ends it)"
    )
    return USUAL


def bauds_to_read(link: Link, output: Output) -> tuple[int, ...]:
    """As `bauds_to_scan`, and behind the rates at which somebody answers the other usual ones."""
    from mbuscli.services.sweep import USUAL

    if not link.swept:
        return (link.baud,)
    return tuple(dict.fromkeys((*_answered(link, output), *USUAL)))


def _answered(link: Link, output: Output) -> tuple[int, ...]:
    from mbuscli.cli.talk import one_of
    from mbuscli.services.sweep import sweep

    answered: list[int] = []
    try:
        for tried in sweep(link):
            output.streams.progress(f"asking who is there at {tried.baud} baud")
            if tried.is_answered:
                answered.append(tried.baud)
    finally:
        output.streams.end_progress()
    if answered:
        output.streams.talk(f"the test address 254 is answered at {one_of(answered, 'and')} baud")
    return tuple(answered)
