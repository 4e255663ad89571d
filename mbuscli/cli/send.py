"""`mbuscli send`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mbuscli.cli.complete import complete_meter
from mbuscli.cli.exit_codes import ExitCode
from mbuscli.cli.options import bus_options, output_options
from mbuscli.cli.writing import Consent, parse_target, write, write_options
from mbuscli.errors import DecodeError, Reason, UsageError

if TYPE_CHECKING:
    from mbuscli.cli.bus import Bus
    from mbuscli.protocol.wired.commands import Command
    from mbuscli.protocol.wired.frames import Frame
    from mbuscli.render.report import Output
    from mbuscli.services.exchange import Question
    from mbuscli.services.read import Address

_USER_DATA = 0x03


@click.command("send")
@click.argument("target", metavar="TARGET", shell_complete=complete_meter)
@click.option(
    "--record",
    "records",
    multiple=True,
    metavar="RECORD",
    help="Write a record (CI 51): '0C 78 78 56 34 12', '0C78 = 12345678', 'fabrication_number = 12345678'.",
)
@click.option("--ci", "ci_text", metavar="HEX", help="Send a command with this CI field, such as B1.")
@click.option("--data", metavar="HEX", help="With --ci: what follows the CI field.")
@click.option("--frame", "frame_text", metavar="HEX", help="Send this frame once, as it is.")
@click.option("--request", is_flag=True, is_eager=True, help="Ask for one telegram (REQ_UD2).")
@click.option("--nke", is_flag=True, is_eager=True, help="Reset the link (SND_NKE).")
@click.option("--no-read", is_flag=True, help="After --record or --ci, do not ask the meter for its answer.")
@write_options
@bus_options
@output_options("write", request="telegram", nke="telegram")
def command(
    target: str,
    records: tuple[str, ...],
    ci_text: str | None,
    data: str | None,
    frame_text: str | None,
    request: bool,
    nke: bool,
    no_read: bool,
    consent: Consent,
    bus: Bus,
    output: Output,
) -> ExitCode:
    """Send any command or frame, and show the answer.

    For what has no command of its own: a maker's page switch, a password, a register from the manual. TARGET
    is the meter's primary address, or its own 12345678.KAM.1B.16. After --record and --ci the meter is asked
    once for its answer. What a command does to a meter is not known here: it is neither read back nor undone.
    --request and --nke change nothing, and ask for no confirmation.

    \b
    Examples:
      mbuscli send 5 --request --port /dev/ttyUSB0
      mbuscli send 5 --ci B1 --data 01 --port /dev/ttyUSB0 --yes
      mbuscli send 5 --record '0C78 = 12345678' --port /dev/ttyUSB0 --dry-run
      mbuscli send 5 --frame '68 04 04 68 53 05 50 10 B8 16' --port /dev/ttyUSB0

    Exit codes: 0 acknowledged or answered, 4 no answer, 5 several answer, or damaged, 7 the meter refused,
    9 not confirmed, or unsafe.
    """
    whom = parse_target(target)
    ways = (bool(records), ci_text is not None, frame_text is not None, request, nke)
    if sum(ways) != 1 or (data is not None and ci_text is None):
        raise UsageError(
            "say what to send: one of --record, --ci (with --data), --frame, --request, --nke",
            reason=Reason.INVALID,
        )
    if frame_text is not None:
        return _send_frame(bus, output, consent, whom, frame_text)
    if request or nke:
        return _exchange(bus, output, whom, "nke" if nke else "request")
    from mbuscli.services.commission import SendCommand

    return write(bus, output, consent, whom, SendCommand(_command(records, ci_text, data), not no_read))


def _command(records: tuple[str, ...], ci_text: str | None, data: str | None) -> Command:
    from mbuscli.protocol.wired.commands import CI_DATA_SEND, send_command
    from mbuscli.protocol.wired.frames import MAX_DATA
    from mbuscli.services.hex_text import octets_of

    if ci_text is not None:
        ci_field = octets_of(ci_text, "--ci")
        if len(ci_field) != 1:
            raise UsageError("--ci takes one octet in hexadecimal, such as B1", reason=Reason.INVALID)
        octets = octets_of(data or "", "--data")
        wanted = send_command(ci_field[0], octets)
    else:
        from mbuscli.protocol.application.words import encode_words

        octets = b"".join(map(encode_words, records))
        wanted = send_command(CI_DATA_SEND, octets)
    if len(octets) > MAX_DATA:
        raise UsageError(f"a frame has room for {MAX_DATA} bytes of data", reason=Reason.TOO_LONG)
    return wanted


def _send_frame(bus: Bus, output: Output, consent: Consent, whom: Address, text: str) -> ExitCode:
    from mbuscli.protocol.wired.fields import PRM
    from mbuscli.services.commission import SendFrame
    from mbuscli.services.hex_text import octets_of

    raw = octets_of(text, "--frame")
    frame = _frame(raw)
    if frame.c_field is None or not frame.c_field & PRM:
        raise UsageError("that is a meter's frame, not one of a master", reason=Reason.INVALID)
    if frame.c_field & 0x0F == _USER_DATA:
        return write(bus, output, consent, whom, SendFrame(raw, frame, whom))
    if output.fields is not None:
        raise UsageError("--fields does not go with a frame that writes nothing", reason=Reason.INVALID)
    return _exchange(bus, output, whom, raw)


def _frame(raw: bytes) -> Frame:
    from mbuscli.protocol.wired.frames import decode_frame

    try:
        return decode_frame(raw)
    except DecodeError as error:
        raise UsageError(
            f"--frame is no whole frame: {error.text}",
            reason=Reason.INVALID,
            hint=("from its start byte (68 or 10) to the stop byte 16, check sum included",),
        ) from None


def _exchange(bus: Bus, output: Output, whom: Address, question: Question) -> ExitCode:
    """Ask, and show what came as a telegram; an acknowledgement is one without content."""
    from mbuscli.cli.bus import open_link
    from mbuscli.cli.exit_codes import of_telegram
    from mbuscli.cli.talk import tell_link, tell_problems
    from mbuscli.errors import RefusedError
    from mbuscli.protocol.application.control import describe_application_error
    from mbuscli.render.report import TelegramReport
    from mbuscli.render.rows import Origin
    from mbuscli.services.exchange import exchange
    from mbuscli.settings.journal import local_time
    from mbuscli.telegram import decode

    with open_link(bus, output) as link:
        tell_link(output, link)
        telegram = decode(exchange(link, whom, question).raw)
        report = TelegramReport(output)
        report.add(telegram, Origin(local_time(), link.name))
        report.finish()
    tell_problems(output, telegram, f"address {whom}")
    code = telegram.application_error
    if code is not None:
        raise RefusedError(
            f"the meter answers with application error {code}: {describe_application_error(code)}",
            reason=Reason.APPLICATION_ERROR,
        )
    return of_telegram(telegram)
