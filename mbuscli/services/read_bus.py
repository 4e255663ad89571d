"""Read every meter of a wired bus: the readout that finds a meter is its reading, it is not asked twice.

Battery meters ration their readouts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mbuscli.errors import BusError, NoAnswerError, Reason
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.compact import Formats
from mbuscli.protocol.wired.probe import Probe
from mbuscli.protocol.wired.search import Search
from mbuscli.services import scan as primary
from mbuscli.services import secondary_scan as secondary
from mbuscli.services.link import Link
from mbuscli.services.read import Asking, Failed, Progress, ReadEvent, readout, telegrams


def read_primary(link: Link, addresses: Sequence[int]) -> Iterator[ReadEvent]:
    """Read whoever is at these addresses; silent ones are no failure. PortError if the port is lost."""
    formats = Formats()
    for event in primary.scan(link, addresses):
        if isinstance(event, primary.Asking):
            yield Progress(event.address, event.done, event.total, event.found, event.seconds_left)
        elif isinstance(event, primary.Found):
            yield Asking(event.probe.address)
            yield from _of_probe(link, event.probe, formats)


def _of_probe(link: Link, probe: Probe, formats: Formats) -> Iterator[ReadEvent]:
    address = probe.address
    if probe.frame is not None:
        talk = link.session.read_on(address, probe.heard[-1])
        yield from readout(link, address, talk, formats)
    elif probe.state == "meter":
        yield Failed(address, NoAnswerError(f"a meter, but {probe.note}", reason=Reason.NO_ANSWER))
    elif probe.state == "noise":
        yield Failed(address, BusError(f"no meter for certain: {probe.note}", reason=Reason.NOISE))
    else:
        yield Failed(
            address,
            BusError(
                f"several meters seem to share the address: {probe.note}",
                reason=Reason.COLLISION,
                hint=("read them by their own addresses: --all --secondary",),
            ),
        )


def read_secondary(link: Link, search: Search) -> Iterator[ReadEvent]:
    """Read every meter that the search finds. PortError if the port is lost.

    Only of a readout of several telegrams the first one is asked for again: the search's selections end it.
    """
    formats = Formats()
    for event in secondary.secondary_scan(link, search):
        if isinstance(event, secondary.Searching):
            yield Progress(event.mask, event.asked, None, event.found, event.seconds_left)
        elif isinstance(event, secondary.Identified):
            meter = event.meter.address
            yield Asking(meter)
            if event.telegram is not None and event.telegram.more_follows:
                yield from readout(link, meter, link.session.read_selected(meter), formats)
            else:
                yield from telegrams(meter, [event.meter.raw], formats)
        else:
            yield from _left_over(event.unresolved, event.missing)


def _left_over(unresolved: Sequence[MeterAddress], missing: Sequence[MeterAddress]) -> Iterator[ReadEvent]:
    for mask in unresolved:
        yield Asking(mask)
        text = f"meters that {mask} selects cannot be told apart"
        yield Failed(mask, BusError(text, reason=Reason.COLLISION))
    for meter in missing:
        yield Asking(meter)
        yield Failed(meter, NoAnswerError(f"{meter} does not answer", reason=Reason.NO_ANSWER))
