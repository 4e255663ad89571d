"""The steps of `mbuscli lora-join` as they happen, in the format of the command."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from mbuscli.render.cells import Cells
from mbuscli.render.lora_rows import COLUMNS, DEFAULT, step_rows, step_words
from mbuscli.render.rows import SCHEMA, Row
from mbuscli.render.streams import terminal_width
from mbuscli.render.text import inert
from mbuscli.services.lora_steps import (
    Accepted,
    Advice,
    Listened,
    Noted,
    NotJoined,
    NotSent,
    Planned,
    Step,
    Waiting,
)
from mbuscli.settings.journal import local_time

if TYPE_CHECKING:
    from mbuscli.render.report import Output

_LABEL = 12


class LoraReport:
    """What a run of the command shows; a document of JSON when it is over, however it ends."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self._rows: list[Row] = []
        self._joined: Accepted | None = None
        whole = output.is_table or (output.is_json and output.fields is None)
        self._cells = None if whole else Cells(output, COLUMNS, DEFAULT)

    def add(self, step: Step) -> None:
        """Show a step, or keep it for the document."""
        if isinstance(step, Waiting):
            self.output.streams.progress(_countdown(step))
            return
        if isinstance(step, Accepted):
            self._joined = step
        if self.output.is_table:
            self._say(step)
            return
        for row in step_rows(step):
            self._write({"time": local_time(), **row})

    def finish(self) -> None:
        """Write what waited for the end."""
        streams = self.output.streams
        streams.end_progress()
        if self._cells is not None:
            self._cells.finish()
        elif self.output.format == "json":
            from mbuscli.render.json import dump_document

            streams.data(dump_document(self._document(), ascii_only=streams.ascii_out))

    def _write(self, row: Row) -> None:
        if self._cells is not None:
            self._cells.add(row, {})
        elif self.output.format == "ndjson":
            from mbuscli.render.json import dump_line

            streams = self.output.streams
            streams.data(dump_line({"schema": SCHEMA, **row}, ascii_only=streams.ascii_out))
        else:
            self._rows.append(row)

    def _document(self) -> Row:
        accepted = self._joined
        address = None if accepted is None or accepted.dev_addr is None else accepted.dev_addr.hex().upper()
        document: dict[str, Any] = {
            "schema": SCHEMA,
            "event": "lora_join",
            "joined": accepted is not None,
            "dev_addr": address,
            "steps": self._rows,
        }
        return document

    def _say(self, step: Step) -> None:
        streams = self.output.streams
        if isinstance(step, Planned):
            streams.data("\n".join(_plan_lines(step)))
            return
        if isinstance(step, Noted) and not step.warning and streams.quiet:
            return
        label, text = step_words(step)
        streams.data(_line(label, text))
        if isinstance(step, NotJoined | NotSent) and step.advice:
            streams.data("\n".join(_advice_lines(step.advice)))
        elif isinstance(step, Listened):
            streams.end_progress()


def _line(label: str, text: str) -> str:
    """A sentence behind its label, wrapped under itself; nothing is cut."""
    width = terminal_width() - _LABEL
    lines = textwrap.wrap(inert(text), width, break_long_words=False, break_on_hyphens=False) or [""]
    rest = "".join(f"\n{' ' * _LABEL}{line}" for line in lines[1:])
    return f"{label.ljust(_LABEL)}{lines[0]}{rest}"


def _plan_lines(step: Planned) -> list[str]:
    width = max((len(command.shown) for command in step.commands), default=0)
    return [
        f"  {inert(command.shown).ljust(min(width, 48))}  {inert(command.meaning)}"
        for command in step.commands
    ]


def _advice_lines(advice: tuple[Advice, ...]) -> list[str]:
    lines = ["", "What it may be, the likeliest first:"]
    for number, item in enumerate(advice, 1):
        mark = " (something speaks for it)" if item.likely else ""
        lines += _wrapped(f"{item.text}{mark}", f" {number}. ", "    ")
        for line in item.tries:
            lines += _wrapped(line, "    - ", "      ")
    return [*lines, ""]


def _wrapped(text: str, first: str, then: str) -> list[str]:
    return textwrap.wrap(
        inert(text),
        max(terminal_width(), 40),
        initial_indent=first,
        subsequent_indent=then,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _countdown(step: Waiting) -> str:
    """The progress line: what is awaited, and when the windows open."""
    if step.what == "listen":
        return f"listening, {step.elapsed_s:.0f} s"
    if step.what == "uplink":
        return f"sending, {step.elapsed_s:.1f} s"
    if step.rx1_s is None or step.rx2_s is None:
        return f"waiting for the modem, {step.elapsed_s:.1f} s"
    if step.rx1_s > 0:
        return f"waiting for the network: RX1 in {step.rx1_s:.1f} s, RX2 in {step.rx2_s:.1f} s"
    if step.rx2_s > 0:
        return f"waiting for the network: RX1 is open or past, RX2 in {step.rx2_s:.1f} s"
    return f"both windows are open or past; what does the modem say? {step.elapsed_s:.0f} s"
