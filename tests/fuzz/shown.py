"""Every way to show a telegram, and what none of them may hold."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence

from mbuscli.cli.talk import complain, tell_problems
from mbuscli.errors import MbuscliError
from mbuscli.render.report import Output, TelegramReport
from mbuscli.render.streams import Streams
from mbuscli.telegram import Telegram

# Format of -o, and whether --explain is given.
WAYS = (
    ("table", False),
    ("plain", False),
    ("json", False),
    ("ndjson", False),
    ("csv", False),
    ("tsv", False),
    ("table", True),
    ("json", True),
)
# C0, DEL, C1, bidirectional controls, line separators, zero width, lone surrogates; line ends are checked by
# the form of each format.
_ACTS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_TAB = re.compile("\t")
_WITH_TABS = frozenset(("plain", "tsv"))


class HarmError(AssertionError):
    """What an input did that nothing from outside may do."""


class Page(io.StringIO):
    """A stream that takes all of Unicode, and is no terminal."""

    encoding = "utf-8"  # type: ignore[assignment]


class _Strict(Streams):
    """Shows what each place that writes has forgotten, which the last gate would mend."""

    def _contained(self, text: str) -> str:
        return text


def streams() -> Streams:
    """Two pages."""
    return _Strict(Page(), Page(), {})


def written(stream: object) -> str:
    """What stands on a page."""
    assert isinstance(stream, Page)
    return stream.getvalue()


def show(telegrams: Sequence[Telegram], ways: Sequence[tuple[str, bool]] = WAYS) -> None:
    """Write the telegrams in each of these ways; HarmError if what comes out could act on who reads it."""
    for name, explained in ways:
        out = streams()
        report = TelegramReport(Output(name, None, out, verbose=True), explain=explained)
        for telegram in telegrams:
            report.add(telegram)
            tell_problems(report.output, telegram, "fuzz")
        report.finish()
        check(written(out.out), name if not explained or name == "json" else "explain")
        check(written(out.err), "json lines" if name == "json" else "talk")


def show_error(error: MbuscliError) -> None:
    """As `show`, of an error."""
    for name in ("table", "json"):
        out = streams()
        complain(Output(name, None, out), error, "fuzz")
        check(written(out.err), "json lines" if name == "json" else "talk")


def check(text: str, form: str) -> None:
    """HarmError if `text` holds a raw control character, or is not of the form that it promises."""
    match = _ACTS.search(text) or (None if form in _WITH_TABS else _TAB.search(text))
    if match is not None:
        around = text[max(0, match.start() - 30) : match.end() + 30]
        raise HarmError(f"raw control character U+{ord(match.group()):04X} in {form}: {around!r}")
    if form == "json" and text:
        json.loads(text)
    elif form in ("ndjson", "json lines"):
        for line in text.splitlines():
            json.loads(line)
    elif form == "csv":
        _same_width(list(csv.reader(io.StringIO(text, newline=""))), form)
    elif form in _WITH_TABS:
        _same_width([line.split("\t") for line in text.split("\n")[:-1]], form)


def _same_width(rows: Sequence[Sequence[str]], form: str) -> None:
    if len(set(map(len, rows))) > 1:
        raise HarmError(f"the lines of {form} have different numbers of cells: {sorted(set(map(len, rows)))}")
