"""What all commands share that write into a meter: show who it is, ask, write, tell how it ended."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from mbuscli.cli.exit_codes import ExitCode
from mbuscli.cli.options import may_ask, no_input_option
from mbuscli.errors import NotConfirmedError, Reason, UsageError

if TYPE_CHECKING:
    from mbuscli.cli.bus import Bus
    from mbuscli.render.report import Output
    from mbuscli.services.commission import Change, Prepared
    from mbuscli.services.link import Link
    from mbuscli.services.read import Address

F = TypeVar("F", bound=Callable[..., Any])


class Consent(NamedTuple):
    """How far the command may go without asking."""

    yes: bool
    dry_run: bool


def write_options(function: F) -> Callable[..., Any]:
    """--yes and --dry-run; the command gets them as `consent`."""

    @click.option("--yes", is_flag=True, help="Do not ask: for scripts, which have no terminal to ask at.")
    @no_input_option
    @click.option(
        "--dry-run", is_flag=True, help="Read the meter and show the frames; send nothing that changes it."
    )
    @functools.wraps(function)
    def command(*args: Any, yes: bool, dry_run: bool, **rest: Any) -> Any:
        return function(*args, consent=Consent(yes, dry_run), **rest)

    return command


def parse_target(text: str) -> Address:
    """A primary address 0-255, or a meter's address with wildcards; UsageError for anything else.

    Which of 251-255 may be written to is decided when it is known who is there.
    """
    from mbuscli.protocol.address import MeterAddress

    number = parse_number(text)
    return MeterAddress.parse(text) if number is None else number


def parse_number(text: str) -> int | None:
    """A number of at most three digits, None for other text; UsageError over 255."""
    if not (text.isascii() and text.isdigit() and len(text) <= 3):
        return None
    if int(text) > 255:
        raise UsageError(
            f"{text} is no primary address",
            reason=Reason.INVALID,
            hint=("meters have addresses from 0 to 250",),
        )
    return int(text)


def write(bus: Bus, output: Output, consent: Consent, target: Address, change: Change) -> ExitCode:
    """The whole command for one meter. Raises the error that it ended with, after its result is written."""
    from mbuscli.cli.bus import open_link
    from mbuscli.cli.talk import tell_link

    change.check()
    with open_link(bus, output) as link:
        tell_link(output, link)
        return write_to(link, output, consent, target, change)


def write_to(link: Link, output: Output, consent: Consent, target: Address, change: Change) -> ExitCode:
    """As `write`, on an open bus."""
    from mbuscli.render.write_rows import write_report
    from mbuscli.services.commission import Outcome, attempt, prepare

    prepared = prepare(link, target, change)
    must_ask = not (consent.yes or consent.dry_run or prepared.already)
    tell_plan(output, prepared, asking=must_ask and can_ask(output))
    if consent.dry_run and not prepared.already:
        write_report(output, Outcome("dry-run", prepared))
        output.streams.talk("dry run: the meter was read, nothing was written")
        return ExitCode.DONE
    if must_ask:
        confirm(output, prepared)
    outcome = attempt(link, prepared)
    tell_warnings(output, outcome.warnings)
    write_report(output, outcome)
    if outcome.error is not None:
        raise outcome.error
    if outcome.state == "written" and not outcome.acknowledged:
        output.streams.talk("the acknowledgement was lost, but the meter shows the new value")
    return ExitCode.DONE


def tell_plan(output: Output, prepared: Prepared, *, asking: bool) -> None:
    """Who the meter is and what is about to change; said in any case before a question."""
    from mbuscli.render.text import inert
    from mbuscli.render.write_rows import describe_change, describe_meter

    if asking or not output.is_table:  # a table begins with the same lines
        tell = output.streams.complain if asking else output.streams.talk
        tell(inert(describe_meter(prepared)))
        tell(inert(describe_change(prepared)))
    tell_warnings(output, prepared.warnings, asking=asking)


def tell_warnings(output: Output, warnings: tuple[str, ...], *, asking: bool = False) -> None:
    """Warnings on stderr; JSON has them in its object, which comes too late for a question."""
    from mbuscli.render.text import inert

    if asking or not output.is_json:
        for warning in warnings:
            output.streams.complain(inert(f"warning: {warning}"))


def can_ask(output: Output) -> bool:
    """True if somebody can see a question and type an answer."""
    return may_ask() and sys.stdin.isatty() and output.streams.err_is_terminal


def confirm(output: Output, prepared: Prepared) -> None:
    """Have the meter's number typed; raises as `confirm_word`."""
    word = str(prepared.primary if prepared.meter is None else prepared.meter.id)
    what = "primary address" if prepared.meter is None else "number"
    confirm_word(output, f"type the meter's {what}", word)


def confirm_word(output: Output, question: str, word: str) -> None:
    """Have a word typed; NotConfirmedError for anything else, or where nobody can be asked."""
    if not can_ask(output):
        raise NotConfirmedError(
            "not confirmed: there is no terminal to ask at, nothing was written"
            if may_ask()
            else "not confirmed, as nobody is to be asked: nothing was written",
            reason=Reason.NOT_CONFIRMED,
            hint=("say --yes in a script that is sure of it", "see what would be sent: --dry-run"),
        )
    output.streams.err.write(f"{question} {word} to go on: ")
    output.streams.err.flush()
    if sys.stdin.readline().strip().upper() != word:
        raise NotConfirmedError("not confirmed: nothing was written", reason=Reason.NOT_CONFIRMED)
