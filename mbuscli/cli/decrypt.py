"""`mbuscli decrypt`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from mbuscli.cli.commands import completed_by
from mbuscli.cli.exit_codes import ExitCode, Verdict, exit_code_of, of_telegram
from mbuscli.cli.options import output_options, refuse_to_wait, strict_option
from mbuscli.cli.secrets import file_name, key_source_options
from mbuscli.errors import InputError, MbuscliError, Reason, UsageError

if TYPE_CHECKING:
    from datetime import date, datetime

    from mbuscli.cli.secrets import LazyKeys
    from mbuscli.render.parquet import ParquetReport
    from mbuscli.render.report import Output, TelegramReport
    from mbuscli.services.decrypt import Decoder, LearntFormats, Lorawan
    from mbuscli.services.input import Piece
    from mbuscli.services.log_source import LogSource, Place

_STANDARD_INPUT = "-"
_MAX_JOBS = 256
PARQUET = "parquet"


class Source(NamedTuple):
    """One input: its name, its pieces one by one, and, of a file, the log from any place on."""

    name: str
    pieces: Callable[[], Iterator[Piece]]
    log: Callable[..., LogSource] | None = None


class Wanted(NamedTuple):
    """What decoding may draw on: the same for all inputs of a command. `strict`: only proved values."""

    keys: LazyKeys
    formats: LearntFormats
    received_on: date | None
    lorawan: Lorawan
    strict: bool

    def decoder(self) -> Decoder:
        """A decoder for one input."""
        from mbuscli.services.decrypt import Decoder

        return Decoder(self.keys, self.formats, self.received_on, self.lorawan, strict=self.strict)


class LongLog(NamedTuple):
    """How a long log is decoded: by how many processes, into which file, from its checkpoint on."""

    jobs: int
    out: str | None
    resume: bool


def _long_log_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """--jobs, --out, --resume; the command gets them as `long_log`."""

    @click.option(
        "--jobs",
        envvar="MBUSCLI_JOBS",
        type=click.IntRange(1, _MAX_JOBS),
        default=1,
        metavar="N",
        help="Decode a log in this many processes; the output stays the same, in the same order.",
    )
    @click.option(
        "--out",
        metavar="FILE",
        shell_complete=completed_by("complete_file"),
        callback=file_name,
        help="Write to this file instead of stdout.",
    )
    @click.option("--resume", is_flag=True, help="Go on where --out was broken off.")
    @wraps(function)
    def command(*args: Any, jobs: int, out: str | None, resume: bool, **rest: Any) -> Any:
        if resume and out is None:
            raise UsageError("--resume goes with --out", reason=Reason.INVALID)
        return function(*args, long_log=LongLog(jobs, out, resume), **rest)

    return command


@click.command("decrypt")
@click.argument(
    "inputs", nargs=-1, metavar="HEX... | FILE... | -", shell_complete=completed_by("complete_file")
)
@click.option("--explain", is_flag=True, help="Show every byte with its field and its meaning.")
@click.option(
    "--received-on",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="Day of reception, which only security mode 3 needs.",
)
@click.option("--lorawan", is_flag=True, help="What is only hexadecimal or base64 is a LoRaWAN frame.")
@click.option(
    "--lorawan-keys",
    metavar="FILE|NAME=HEX,...",
    shell_complete=completed_by("complete_file"),
    help="Keys of a LoRaWAN device: NwkSKey, AppSKey, AppKey, NwkKey, ...; and DevNonce, FCnt, ...",
)
@strict_option
@_long_log_options
@output_options("telegram", more_formats=(PARQUET,))
@key_source_options
def command(
    inputs: tuple[str, ...],
    explain: bool,
    received_on: datetime | None,
    lorawan: bool,
    lorawan_keys: str | None,
    strict: bool,
    long_log: LongLog,
    output: Output,
    keys: LazyKeys,
) -> ExitCode:
    """Decode telegrams from hexadecimal or a log, and decrypt them.

    Takes wired frames, wireless telegrams with or without CRCs, and bare application data (from the CI field
    on). Hexadecimal may hold spaces, colons and 0x; quotes are not needed. A FILE, or standard input (-), is
    a log of any receiver (rtl_wmbus, rtl_433, CUL, iM871A, Amber, wmbusmeters), text with hexadecimal in it,
    or the raw bytes of wired frames. A file whose name is hexadecimal is given as ./name.

    LoRaWAN frames (PHYPayload) are told by their line: the JSON of a gateway (packet forwarder, ChirpStack,
    TTN). Bare hexadecimal or base64 is one with --lorawan, or if it is no M-Bus and header and length fit.

    Keys are tried in this order: --key, --key-file, MBUSCLI_KEY, the key ring (mbuscli keys), what you type
    when asked, and last the keys that makers have published. Those of LoRaWAN devices stand in the key ring
    by DevEUI or DevAddr, or are given with --lorawan-keys.

    A long log goes faster with --jobs, into a file with --out, whose suffix tells the format (.ndjson, .csv,
    .tsv, .parquet). Broken off, the same command with --resume goes on.

    \b
    Examples:
      mbuscli decrypt 68 07 07 68 08 05 78 02 5A D2 00 B3 16
      mbuscli decrypt 2E4493157856341233037A2A00202559... --key-file gas.key
      mbuscli decrypt walk.log -o csv
      grep T1 walk.log | mbuscli decrypt - -o ndjson
      mbuscli decrypt gateway.log --lorawan-keys device.keys
      mbuscli decrypt month.log --jobs 4 --out month.parquet

    Exit codes: 0 done, 2 no hexadecimal, 5 damaged, 6 no key fits, 8 some of several failed, 10 nothing
    found in a file.
    """
    from mbuscli.services.decrypt import LearntFormats

    if not inputs:
        hint = "give hexadecimal, a file's name, or - for standard input"
        raise UsageError("no telegram is given", reason=Reason.EMPTY, hint=(hint,))
    formats = LearntFormats()
    on = received_on.date() if received_on is not None else None
    wanted = Wanted(keys, formats, on, _lorawan(lorawan, lorawan_keys, keys, output), strict)
    sources = list(_sources(inputs, lorawan))
    try:
        if long_log.jobs > 1 or long_log.out is not None or output.format == PARQUET:
            from mbuscli.cli.decrypt_file import write_file

            return write_file(sources, output, wanted, long_log, explain=explain)
        return _write(sources, output, wanted, explain=explain)
    finally:
        trouble = formats.keep()
        if trouble is not None:
            output.streams.talk(f"note: what was learnt of compact frames is not kept: {trouble}")


def _write(sources: Iterable[Source], output: Output, wanted: Wanted, *, explain: bool) -> ExitCode:
    """Each piece to stdout, as soon as it is read."""
    from mbuscli.render.report import TelegramReport

    report = TelegramReport(output, explain=explain)
    verdict = Verdict()
    try:
        for source in sources:
            decoder = wanted.decoder()
            try:
                for piece in source.pieces():
                    for code in write_piece(report, decoder, piece, source.name):
                        verdict.add(code)
            except InputError as error:
                if error is wanted.keys.failure:
                    raise
                verdict.add(complain_of(output, error, source.name))
    finally:
        report.finish()
    return verdict.code


def _lorawan(only: bool, text: str | None, keys: LazyKeys, output: Output) -> Lorawan:
    """What the options say of LoRaWAN; what is wrong with keys is said before anything is read."""
    from mbuscli.services.decrypt import Lorawan

    if text is None:
        return Lorawan(filed=keys.devices, only=only)
    from mbuscli.cli.secrets import discreet, warn_of_arguments
    from mbuscli.services.lorawan_keys import given_devices

    with discreet():
        if "=" in text:
            warn_of_arguments(output.streams, (text,))
        return Lorawan(given_devices(text), keys.devices, only)


def _sources(inputs: tuple[str, ...], lorawan: bool) -> Iterator[Source]:
    """Files and standard input one by one; hexadecimal words that stand together are one source."""
    from mbuscli.services.input import pieces_of_arguments, pieces_of_stream

    words: list[str] = []
    for text in (*inputs, None):
        if text is not None and _is_hex(text):
            words.append(text)
            continue
        if words:
            yield Source("arguments", partial(pieces_of_arguments, words, lorawan=lorawan))
            words = []
        if text == _STANDARD_INPUT:
            name = "standard input"
            refuse_to_wait()
            yield Source(name, partial(pieces_of_stream, sys.stdin.buffer, name, lorawan=lorawan))
        elif text is not None:
            yield Source(text, partial(_file, text, lorawan), partial(_log, text, lorawan))


def _file(name: str, lorawan: bool) -> Iterator[Piece]:
    return _log(name, lorawan).pieces()


def _log(name: str, lorawan: bool, start: Place | None = None) -> LogSource:
    from mbuscli.services.log_source import LogSource, Place

    return LogSource(name, lorawan=lorawan, start=start or Place())


def _is_hex(text: str) -> bool:
    """False for what can only be a file; a mistyped digit in hexadecimal does not make a file of it."""
    from mbuscli.services.hex_text import is_only_hex

    if text == _STANDARD_INPUT:
        return False
    if is_only_hex(text):
        return True
    if os.path.exists(text):
        return False
    if any(mark in text for mark in " ;|{"):
        return True  # a line of a receiver's log, in quotes
    if text[-1:] == "=":
        return True  # base64, in which slashes stand too
    return not ("/" in text or "\\" in text or "." in text)


def write_piece(
    report: TelegramReport | ParquetReport, decoder: Decoder, piece: Piece, name: str
) -> list[ExitCode]:
    """Decode and write one piece; a code for each telegram in it."""
    from mbuscli.render.rows import Origin
    from mbuscli.services.decrypt import Decoded

    codes = []
    for event in decoder.events(piece):
        where = name if event.line is None else f"{name}, line {event.line}"
        if isinstance(event, Decoded):
            report.add(event.telegram, Origin(event.time, None, event.mode, event.rssi_dbm))
            if event.telegram.problems:
                from mbuscli.cli.talk import tell_problems

                tell_problems(report.output, event.telegram, where)
            codes.append(of_telegram(event.telegram))
        else:
            codes.append(complain_of(report.output, event.error, where))
    return codes


def complain_of(output: Output, error: MbuscliError, where: str) -> ExitCode:
    """Say what is wrong; the code that it counts as."""
    from mbuscli.cli.talk import complain

    complain(output, error, where)
    return exit_code_of(error)
