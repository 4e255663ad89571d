"""What commands tell the person at the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mbuscli.render.text import inert

if TYPE_CHECKING:
    from mbuscli.errors import DecodeError, MbuscliError, Problem
    from mbuscli.render.report import Output
    from mbuscli.services.link import Link
    from mbuscli.settings.meter_list import MeterList
    from mbuscli.telegram import Telegram


def complain(output: Output, error: MbuscliError, where: str) -> None:
    """An error about one of several things; the command goes on."""
    from mbuscli.render.messages import error_json, error_text

    streams = output.streams
    if output.is_json:
        streams.complain(error_json(error, where=where, ascii_only=streams.ascii_err))
    else:
        streams.complain(error_text(error, where=where))


def tell_problems(output: Output, telegram: Telegram, where: str) -> None:
    """Problems of a telegram, for the formats that have no place for them; to programs, why it failed."""
    if output.is_table:
        return
    if output.is_json:
        failures = [problem for problem in telegram.problems if not problem.warning]
        if failures:
            complain(output, _as_error(failures[0]), where)
        return
    for problem in telegram.problems:
        kind = "note" if problem.warning else "problem"
        text = f"{kind}: {problem.text} ({where}, {problem.layer} layer, byte {problem.offset})"
        (output.streams.talk if problem.warning else output.streams.complain)(
            f"{inert(text)} [{problem.layer}.{problem.reason.value}]"
        )


def _as_error(problem: Problem) -> DecodeError:
    from mbuscli.errors import DecodeError

    return DecodeError(problem.text, reason=problem.reason, layer=problem.layer, offset=problem.offset)


def tell_list(output: Output, found: MeterList) -> None:
    """What is to say about the lines of a list; the meters in it go on."""
    from mbuscli.errors import InputError, Reason

    tell_warned(output, found)
    for line, text, warning in found.refused:
        if not warning:
            complain(output, InputError(text, reason=Reason.INVALID), f"{found.path}, line {line}")


def tell_warned(output: Output, found: MeterList) -> None:
    """Lines of a list whose meter is taken all the same."""
    for line, text, warning in found.refused:
        if warning:
            output.streams.talk(inert(f"note: {text} ({found.path}, line {line})"))


def tell_link(output: Output, link: Link) -> None:
    """Which port is used, and how."""
    rate = "baud rate to be found" if link.swept else f"{link.baud} baud"
    output.streams.talk(f"port {inert(link.name)}, {rate}{_simulated(link)}")


def wire_facts(link: Link, bauds: Sequence[int]) -> tuple[int | None, dict[str, object]]:
    """The baud rate for a summary, None with --baud auto, and what else is to be said of the wire."""
    facts: dict[str, object] = {"bauds": list(bauds)} if link.swept else {}
    if link.converter.echo:
        facts["echo"] = True
    return (None if link.swept else link.baud), facts


def one_of(numbers: Sequence[int], word: str = "or") -> str:
    """`2400, 300 or 9600`."""
    *most, last = map(str, numbers)
    return f"{', '.join(most)} {word} {last}" if most else last


def duration(seconds: float) -> str:
    """`53 s` or `5:35 min`."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d} min" if whole >= 60 else f"{whole} s"


def _simulated(link: Link) -> str:
    return ", simulated time" if link.name.startswith("sim:") and "pace=real" not in link.name else ""
