"""`mbuscli decrypt`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import click

from mbuscli.cli.exit_codes import ExitCode, Verdict, exit_code_of, of_telegram
from mbuscli.cli.options import output_options
from mbuscli.cli.secrets import key_source_options
from mbuscli.errors import InputError, MbuscliError, Reason, UsageError

if TYPE_CHECKING:
    from datetime import date, datetime

    from mbuscli.cli.secrets import LazyKeys
    from mbuscli.render.report import Output, TelegramReport
    from mbuscli.services.decrypt import LearntFormats, Lorawan
    from mbuscli.services.input import Piece

_STANDARD_INPUT = "-"


@click.command("decrypt")
@click.argument("inputs", nargs=-1, metavar="HEX... | FILE... | -")
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
    help="Keys of a LoRaWAN device: NwkSKey, AppSKey, AppKey, NwkKey, ...; and DevNonce, FCnt, ...",
)
@output_options("telegram")
@key_source_options
def command(
    inputs: tuple[str, ...],
    explain: bool,
    received_on: datetime | None,
    lorawan: bool,
    lorawan_keys: str | None,
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

    \b
    Examples:
      mbuscli decrypt 68 07 07 68 08 05 78 02 5A D2 00 B3 16
      mbuscli decrypt 2E4493157856341233037A2A00202559... --key-file gas.key
      mbuscli decrypt walk.log -o csv
      grep T1 walk.log | mbuscli decrypt - -o ndjson
      mbuscli decrypt gateway.log --lorawan-keys device.keys

    Exit codes: 0 done, 2 no hexadecimal, 5 damaged, 6 no key fits, 8 some of several failed, 10 nothing
    found in a file.
    """
    from mbuscli.render.report import TelegramReport
    from mbuscli.services.decrypt import LearntFormats

    if not inputs:
        raise UsageError(
            "no telegram is given",
            reason=Reason.EMPTY,
            hint=("give hexadecimal, a file's name, or - for standard input",),
        )
    report = TelegramReport(output, explain=explain)
    formats = LearntFormats()
    on = received_on.date() if received_on is not None else None
    run = _Run(report, keys, formats, on, _lorawan(lorawan, lorawan_keys, keys, output))
    verdict = Verdict()
    try:
        for name, pieces in _sources(inputs, lorawan):
            for code in run.decode(pieces, name):
                verdict.add(code)
    finally:
        report.finish()
        trouble = formats.keep()
        if trouble is not None:
            output.streams.talk(f"note: what was learnt of compact frames is not kept: {trouble}")
    return verdict.code


class _Run(NamedTuple):
    """What all inputs of one command share."""

    report: TelegramReport
    keys: LazyKeys
    formats: LearntFormats
    received_on: date | None
    lorawan: Lorawan

    def decode(self, pieces: Iterator[Piece], name: str) -> Iterator[ExitCode]:
        """Decode one input; what is wrong with it is said, and the next one follows."""
        try:
            yield from self._events(pieces, name)
        except InputError as error:
            if error is self.keys.failure:
                raise
            yield _complain(self.report.output, error, name)

    def _events(self, pieces: Iterator[Piece], name: str) -> Iterator[ExitCode]:
        from mbuscli.render.rows import Origin
        from mbuscli.services.decrypt import Decoded, decrypt

        events = decrypt(
            pieces,
            keys=self.keys,
            formats=self.formats,
            received_on=self.received_on,
            lorawan=self.lorawan,
        )
        for event in events:
            where = name if event.line is None else f"{name}, line {event.line}"
            if isinstance(event, Decoded):
                self.report.add(event.telegram, Origin(event.time, None, event.mode, event.rssi_dbm))
                if event.telegram.problems:
                    from mbuscli.cli.talk import tell_problems

                    tell_problems(self.report.output, event.telegram, where)
                yield of_telegram(event.telegram)
            else:
                yield _complain(self.report.output, event.error, where)


def _complain(output: Output, error: MbuscliError, where: str) -> ExitCode:
    from mbuscli.cli.talk import complain

    complain(output, error, where)
    return exit_code_of(error)


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


def _sources(inputs: tuple[str, ...], lorawan: bool) -> Iterator[tuple[str, Iterator[Piece]]]:
    """Files and standard input one by one; hexadecimal words that stand together are one source."""
    from mbuscli.services.input import pieces_of_arguments, pieces_of_stream

    words: list[str] = []
    for text in (*inputs, None):
        if text is not None and _is_hex(text):
            words.append(text)
            continue
        if words:
            yield "arguments", pieces_of_arguments(words, lorawan=lorawan)
            words = []
        if text == _STANDARD_INPUT:
            yield "standard input", pieces_of_stream(sys.stdin.buffer, "standard input", lorawan=lorawan)
        elif text is not None:
            yield text, _file(text, lorawan)


def _file(name: str, lorawan: bool) -> Iterator[Piece]:
    from mbuscli.capture.walk_file import open_log
    from mbuscli.services.input import Piece, pieces_of_stream

    try:
        with open_log(name) as stream:
            yield from pieces_of_stream(stream, name, lorawan=lorawan)
            if stream.cut:
                text = f"the end of {name} is cut: its last line is left out"
                yield Piece(b"", error=InputError(text, reason=Reason.TOO_SHORT))
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror or error}", reason=Reason.UNREADABLE) from None


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
