"""The policy of stdout and stderr."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pytest

from mbuscli.render.streams import Streams


class Terminal(io.TextIOWrapper):
    """A text stream that says it is a terminal."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="")

    def isatty(self) -> bool:
        return True

    def shown(self) -> str:
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode(self.encoding)


class Pipe(Terminal):
    """A text stream that is none."""

    def isatty(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("environ", "terminal", "colour"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"CLICOLOR_FORCE": "1"}, False, True),
        ({"CLICOLOR_FORCE": "0"}, False, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True, True),
    ],
)
def test_colour(environ: Mapping[str, str], terminal: bool, colour: bool) -> None:
    assert Streams(Terminal() if terminal else Pipe(), Pipe(), environ).colour is colour


@pytest.mark.parametrize(
    ("encoding", "ascii_only"), [("utf-8", False), ("UTF_8", False), ("cp1252", True), ("ascii", True)]
)
def test_ascii_where_the_stream_is_not_utf(encoding: str, ascii_only: bool) -> None:
    streams = Streams(Pipe(encoding), Pipe(), {})
    assert streams.ascii_out is ascii_only
    streams.data("ж")


def test_what_cannot_be_encoded_is_escaped() -> None:
    out = Pipe("cp1252")
    Streams(out, Pipe(), {}).data("ü ж")
    assert out.shown() == "ü \\u0436\n"


def test_quiet_silences_talk_and_progress_but_no_complaints() -> None:
    err = Terminal()
    streams = Streams(Terminal(), err, {})
    streams.quiet = True
    streams.talk("port")
    streams.progress("1 %")
    streams.complain("error")
    assert err.shown() == "error\n"


def test_a_progress_line_makes_room_for_data() -> None:
    out, err = Terminal(), Terminal()
    streams = Streams(out, err, {})
    streams.progress("10 %")
    streams.data("row")
    assert err.shown() == "\r10 %\r" + " " * 6 + "\r"
    assert out.shown() == "row\n"


@pytest.mark.parametrize(("out", "err"), [(Terminal, Pipe), (Pipe, Terminal)])
def test_no_progress_line_into_a_log_or_beside_a_pipe(out: type[Terminal], err: type[Terminal]) -> None:
    written = err()
    Streams(out(), written, {}).progress("10 %")
    assert written.shown() == ""
