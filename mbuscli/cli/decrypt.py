"""`mbuscli decrypt`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from mbuscli.cli.exit_codes import ExitCode, exit_code_of, of_many, of_telegram
from mbuscli.cli.options import output_options
from mbuscli.errors import InputError, MbuscliError, Reason, UsageError

if TYPE_CHECKING:
    from mbuscli.render.report import Output, TelegramReport
    from mbuscli.services.input import Piece

_STANDARD_INPUT = "-"


@click.command("decrypt")
@click.argument("inputs", nargs=-1, metavar="HEX... | FILE... | -")
@output_options("telegram")
def command(inputs: tuple[str, ...], output: Output) -> ExitCode:
    """Decode telegrams given as hexadecimal or in a file.

    Takes wired frames and bare application data (from the CI field on). Hexadecimal may hold spaces, colons
    and 0x; quotes are not needed. A FILE, or standard input (-), is text with hexadecimal in it, frames
    perhaps spread over lines and among other words, or the raw bytes of frames. A file whose name is
    hexadecimal is given as ./name.

    \b
    Examples:
      mbuscli decrypt 68 07 07 68 08 05 78 02 5A D2 00 B3 16
      mbuscli decrypt capture.log -o csv
      grep RSP gateway.log | mbuscli decrypt - -o ndjson

    Exit codes: 0 done, 2 no hexadecimal, 5 damaged, 8 some of several damaged, 10 nothing found in a file.
    """
    from mbuscli.render.report import TelegramReport

    if not inputs:
        raise UsageError(
            "no telegram is given",
            reason=Reason.EMPTY,
            hint=("give hexadecimal, a file's name, or - for standard input",),
        )
    report = TelegramReport(output)
    codes: list[ExitCode] = []
    try:
        for name, pieces in _sources(inputs):
            try:
                codes += _decode(report, pieces, name)
            except InputError as error:
                codes.append(_complain(output, error, name))
    except KeyboardInterrupt:
        report.finish()
        raise
    report.finish()
    return of_many(codes)


def _decode(report: TelegramReport, pieces: Iterator[Piece], name: str) -> Iterator[ExitCode]:
    from mbuscli.services.decrypt import Decoded, decrypt

    for event in decrypt(pieces):
        where = name if event.line is None else f"{name}, line {event.line}"
        if isinstance(event, Decoded):
            report.add(event.telegram)
            if event.telegram.problems:
                from mbuscli.cli.talk import tell_problems

                tell_problems(report.output, event.telegram, where)
            yield of_telegram(event.telegram)
        else:
            yield _complain(report.output, event.error, where)


def _complain(output: Output, error: MbuscliError, where: str) -> ExitCode:
    from mbuscli.cli.talk import complain

    complain(output, error, where)
    return exit_code_of(error)


def _sources(inputs: tuple[str, ...]) -> Iterator[tuple[str, Iterator[Piece]]]:
    """Files and standard input one by one; hexadecimal words that stand together are one source."""
    from mbuscli.services.input import pieces_of_arguments, pieces_of_stream

    words: list[str] = []
    for text in (*inputs, None):
        if text is not None and _is_hex(text):
            words.append(text)
            continue
        if words:
            yield "arguments", pieces_of_arguments(words)
            words = []
        if text == _STANDARD_INPUT:
            yield "standard input", pieces_of_stream(sys.stdin.buffer, "standard input")
        elif text is not None:
            yield text, _file(text)


def _file(name: str) -> Iterator[Piece]:
    from mbuscli.services.input import pieces_of_stream

    try:
        with open(name, "rb") as stream:
            yield from pieces_of_stream(stream, name)
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror or error}", reason=Reason.UNREADABLE) from None


def _is_hex(text: str) -> bool:
    """False for what can only be a file; a mistyped digit in hexadecimal does not make a file of it."""
    from mbuscli.services.hex_text import is_only_hex

    if text == _STANDARD_INPUT:
        return False
    if is_only_hex(text):
        return True
    looks_like_path = "/" in text or "\\" in text or "." in text
    return not (os.path.exists(text) or looks_like_path)
