"""Who is at an address before something is written there: exactly one meter, or an error that says why."""

from __future__ import annotations

from typing import NamedTuple

from mbuscli.errors import BusError, DecodeError, NoAnswerError, NotConfirmedError, Reason
from mbuscli.protocol.address import SOFT_ADDRESS, MeterAddress
from mbuscli.protocol.wired.failures import failure
from mbuscli.protocol.wired.fields import (
    ADDRESS_BROADCAST,
    ADDRESS_LAST,
    ADDRESS_SELECTED,
    ADDRESS_TEST,
    describe_a_field,
)
from mbuscli.protocol.wired.reply import Reply, ReplyKind
from mbuscli.services.link import Link
from mbuscli.services.read import Address
from mbuscli.telegram import Telegram, decode

_SILENCES = 2
_MOST_QUESTIONS = 5

_BY_METER_ADDRESS = (
    "name the meter by its own address (12345678.KAM.1B.16), which the others do not have",
    "find the meters: mbuscli scan --secondary",
)


class Answer(NamedTuple):
    """A meter's answer. `application_error` is a refusal of an earlier command that it had still to tell."""

    telegram: Telegram | None
    application_error: int | None

    @property
    def meter(self) -> MeterAddress | None:
        """Who it is; the number alone of fixed data, None if it does not say."""
        return self.telegram.meter if self.telegram is not None else None

    @property
    def primary(self) -> int | None:
        """Its primary address, if it is one that a meter can have."""
        a_field = None if self.telegram is None else self.telegram.link.a_field
        return a_field if a_field is not None and a_field <= ADDRESS_LAST else None


class Located(NamedTuple):
    """The one meter that a target names.

    `place` is where it is written to: its primary address, or the address that selects it and no other;
    `selectable`: its complete address selects it.
    """

    meter: MeterAddress | None
    primary: int | None
    place: Address
    selectable: bool
    warnings: tuple[str, ...] = ()


def locate(link: Link, target: Address) -> Located:
    """Find the meter that `target` names, and make sure that it is alone there.

    Raises NoAnswerError; BusError where several answer; NotConfirmedError `usage.unsafe` for 251-253, and
    for 254 and 255 unless exactly one meter answers.
    """
    try:
        if isinstance(target, MeterAddress):
            return _locate_selected(link, target)
        if target in (ADDRESS_TEST, ADDRESS_BROADCAST):
            return _locate_only(link, target)
        return _locate_at(link, target)
    except (BusError, NotConfirmedError):
        link.session.await_stragglers()  # of several meters some may still be talking
        raise


def _locate_at(link: Link, target: int) -> Located:
    if target > ADDRESS_LAST:
        raise NotConfirmedError(
            f"nothing is written to address {describe_a_field(target)}: who would obey is not known",
            reason=Reason.UNSAFE,
            hint=("name the meter by its primary address or by its own, 12345678.KAM.1B.16",),
        )
    answer = ask_twice(link, target)
    if answer is None:
        raise silent(link, f"address {target}")
    meter, primary = answer.meter, target
    if meter is None or not meter.is_complete:
        return Located(meter, primary, target, False, (_nameless(meter),))
    if is_selected(link, meter):
        return Located(meter, primary, target, True)
    warning = (
        f"address {target} says that it is {meter}, but nobody answers when that meter is selected: it knows "
        "no secondary addresses, or several meters answered as one"
    )
    return Located(meter, primary, target, False, (warning,))


def ask(link: Link, place: Address) -> Answer | None:
    """The answer of whoever is at `place`, None for silence. BusError where the answer is not clean."""
    return ask_selected(link, place) if isinstance(place, MeterAddress) else ask_at(link, place)


def ask_twice(link: Link, place: Address, *, until_heard: bool = False) -> Answer | None:
    """As `ask`, and again with more patience where the answer was not clean: a collision comes again.

    `until_heard`: where there was none, too.
    """
    try:
        answer = ask(link, place)
        if answer is not None or not until_heard:
            return answer
    except (BusError, NoAnswerError):  # the latter from a meter that acknowledged, and then sent nothing
        link.session.await_stragglers()
    with link.patiently():
        return ask(link, place)


def ask_at(link: Link, address: int) -> Answer | None:
    """As `ask`, by primary address: a probe, repeated while it meets nothing but silence or noise."""
    run, session = link.converter.run, link.session
    nameless = False
    for _ in range(1 + session.retries):
        probe = run(session.probe(address))
        if probe.state == "collision":
            raise collision(f"address {describe_a_field(address)}", probe.note)
        if probe.state == "meter":
            if probe.frame is not None:
                return _told(link, address, probe.raw)
            # A late E5 of another meter looks like the answer of one that has nothing to send: ask again.
            if nameless:
                return Answer(None, None)
            nameless = True
        session.await_stragglers()
    return Answer(None, None) if nameless else None


def ask_selected(link: Link, mask: MeterAddress) -> Answer | None:
    """As `ask`, by a selection and a request; a selection of several meters collides in the request."""
    run, session = link.converter.run, link.session
    for _ in range(1 + session.retries):
        reply = run(session.select(mask, retries=session.retries))
        if reply.kind is ReplyKind.SILENCE:
            return None
        if reply.kind is not ReplyKind.ACK:
            raise collision(f"meters that {address_text(mask)} selects", reply.note)
        try:
            reply = run(session.request(ADDRESS_SELECTED))
        except BusError as error:
            raise collision(f"meters that {address_text(mask)} selects", error.text) from None
        if not reply.stray:
            return _told(link, ADDRESS_SELECTED, reply.raw)
    raise collision(f"meters that {address_text(mask)} selects", "stray octets came with each answer")


def is_selected(link: Link, meter: MeterAddress) -> bool:
    """True if a meter acknowledges this complete address."""
    reply = link.converter.run(link.session.select(meter, retries=link.session.retries))
    return reply.kind is ReplyKind.ACK


def require_free(link: Link, address: int, whose: str) -> None:
    """Make sure that nobody is at a primary address: two questions must meet silence.

    NotConfirmedError `bus.taken` names who is there; BusError where noise hides whether somebody is.
    """
    silences = 0
    for _ in range(_MOST_QUESTIONS):
        probe = link.converter.run(link.session.probe(address))
        if probe.state == "silent":
            silences += 1
            if silences == _SILENCES:
                return
            link.session.await_stragglers()
        elif probe.state != "noise":
            raise _taken(address, whose, probe.raw if probe.state == "meter" else None)
    raise BusError(
        f"noise hides whether somebody is at address {address}",
        reason=Reason.NOISE,
        hint=("check wiring, and whether something else uses the bus", "try again"),
    )


def require_unused(link: Link, meter: MeterAddress) -> None:
    """Make sure that no meter has this secondary address yet; NotConfirmedError `bus.taken`."""
    silences = heard = 0
    while silences < _SILENCES:
        reply = link.converter.run(link.session.select(meter))
        link.session.await_stragglers()
        if reply.kind is ReplyKind.SILENCE:
            silences += 1
            continue
        heard += 1
        if heard == _SILENCES:
            raise NotConfirmedError(
                f"a meter {address_text(meter)} is already on this bus",
                reason=Reason.TAKEN,
                layer="bus",
                hint=("two meters with one address can no longer be told apart",),
            )


def same_meter(one: MeterAddress | None, other: MeterAddress | None) -> bool:
    """True if both are known and nothing that they say differs (fixed data says the number only)."""
    return one is not None and other is not None and (one.matches(other) or other.matches(one))


def address_text(meter: MeterAddress) -> str:
    """The address so that reading it back gives the same one, bit 15 of the manufacturer included."""
    text = str(meter)
    if meter.manufacturer & SOFT_ADDRESS and meter.is_complete:
        parts = text.split(".")
        parts[1] = f"{meter.manufacturer:04X}"
        return ".".join(parts)
    return text


def silent(link: Link, whom: str) -> NoAnswerError:
    """The error for a target that does not answer."""
    return NoAnswerError(
        f"no answer from {whom} at {link.baud} baud: nothing was written",
        reason=Reason.NO_ANSWER,
        hint=(
            "find the meters: mbuscli scan, or mbuscli scan --secondary",
            "another baud rate: --baud 300 or --baud 9600",
            "slow meters: --timeout 1",
        ),
    )


def collision(whom: str, note: str) -> BusError:
    """The error for a target that is several meters."""
    return BusError(
        f"more than one answer from {whom}{f' ({note})' if note else ''}: nothing was written",
        reason=Reason.COLLISION,
        hint=_BY_METER_ADDRESS,
    )


def unanswered(link: Link, address: int, reply: Reply) -> NoAnswerError | BusError:
    """The error for a link reset or a selection before a write that was not acknowledged."""
    error = failure(address, [reply], link.session.timing)
    assert isinstance(error, NoAnswerError | BusError)
    return error


def _told(link: Link, address: int, raw: bytes) -> Answer:
    """The answer decoded; if it is the refusal of an earlier command, the one after it."""
    telegram = _decoded(raw)
    if telegram is None or telegram.application_error is None:
        return Answer(telegram, None)
    code = telegram.application_error
    again = link.converter.run(link.session.request(address))
    return Answer(_decoded(again.raw) if again.frame is not None else None, code)


def _decoded(raw: bytes) -> Telegram | None:
    try:
        return decode(raw)
    except DecodeError:
        return None


def _locate_only(link: Link, target: int) -> Located:
    """254 and 255 reach every meter: fine if there is only one, which is then written to by its own name."""
    try:
        answer = ask_twice(link, ADDRESS_TEST)
    except BusError as error:
        raise NotConfirmedError(
            f"{target} stands for the only meter on the bus, but there are several: {error.text}",
            reason=Reason.UNSAFE,
            hint=_BY_METER_ADDRESS,
        ) from None
    if answer is None:
        raise silent(link, "any meter")
    meter, primary = answer.meter, answer.primary
    if meter is not None and meter.is_complete and is_selected(link, meter):
        return Located(meter, primary, meter, True)
    warnings = (_nameless(meter),) if meter is None or not meter.is_complete else ()
    return Located(meter, primary, ADDRESS_TEST if primary is None else primary, False, warnings)


def _locate_selected(link: Link, mask: MeterAddress) -> Located:
    answer = ask_twice(link, mask)
    if answer is None:
        raise silent(link, f"meter {address_text(mask)}")
    meter = answer.meter
    if meter is not None and not same_meter(mask, meter):
        raise BusError(
            f"{address_text(mask)} was selected, but {address_text(meter)} answered",
            reason=Reason.WRONG_ADDRESS,
            hint=("several meters may have answered at once: mbuscli scan --secondary",),
        )
    if meter is None or not meter.is_complete:
        return Located(meter or mask, answer.primary, mask, True, (_nameless(meter),))
    # Answers of two meters, one on top of the other, can look sound; then nobody has the address they give.
    if not is_selected(link, meter):
        raise collision(f"meters that {address_text(mask)} selects", f"nobody is {address_text(meter)}")
    return Located(meter, answer.primary, meter, True)


def _nameless(meter: MeterAddress | None) -> str:
    if meter is None:
        return "the meter does not say who it is: whether it is the right one cannot be checked"
    return f"the meter tells no more of its address than the number {meter.id}"


def _taken(address: int, whose: str, raw: bytes | None) -> NotConfirmedError:
    telegram = None if raw is None else _decoded(raw)
    holder = "somebody" if telegram is None or telegram.meter is None else address_text(telegram.meter)
    return NotConfirmedError(
        f"address {address} is taken by {holder}: {whose} would collide with it",
        reason=Reason.TAKEN,
        layer="bus",
        hint=("take a free address: mbuscli scan shows which are in use", "or move the other meter first"),
    )
