"""Where output goes and what it may contain: data to stdout, talk to stderr."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from _thread import get_ident
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TextIO

from mbuscli.errors import InputError, Reason

# A class of a pattern. C0, DEL and C1 steer terminals; bidirectional controls and line separators change what
# a reader sees; lone surrogates cannot be encoded at all.
UNSAFE_CHARACTERS = (
    "[\x00-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_ACTING = re.compile(UNSAFE_CHARACTERS.replace("\x00-\x1f", "\x00-\x08\x0b-\x1f"))
_NARROWEST = 40
_GONE = {errno.EPIPE, errno.ESHUTDOWN}


class OutputClosedError(Exception):
    """The reader of stdout has closed it (`| head`): nothing more to do, and nothing wrong."""


class Streams:
    """The policy of one run: terminals, colour, ASCII fallback, progress, flushing.

    Colour: NO_COLOR beats FORCE_COLOR and CLICOLOR_FORCE, which beat TERM=dumb and a missing terminal.
    A stream that cannot carry UTF-8 gets ASCII frames and units; what it cannot encode is escaped.
    """

    def __init__(self, out: TextIO, err: TextIO, environ: Mapping[str, str]) -> None:
        self.out = out
        self.err = err
        self.out_name = "stdout"
        self.quiet = False
        # True if somebody may be typing below what is written.
        self.above_prompt = False
        dumb = environ.get("TERM") == "dumb"
        self.out_is_terminal = out.isatty()
        self.err_is_terminal = err.isatty()
        # What reads a pipe may write to the same terminal: a progress line would stand in its way.
        self.live = self.err_is_terminal and not dumb and (self.out_is_terminal or _is_file(out))
        self.colour = _colour(environ, self.out_is_terminal and not dumb)
        self.ascii_out = not _is_utf(out)
        self.ascii_err = not _is_utf(err)
        self._progress = ""
        for stream in (out, err):
            _never_fail_to_encode(stream)
        if self.colour:
            _enable_windows_escapes()

    def data(self, text: str, *, end: str = "\n", raw: bool = False) -> None:
        """One or more lines of data, flushed at once. `raw`: what moves the cursor, of inert text only.

        Raises OutputClosedError if nobody reads any more; InputError `input.unwritable`: the disk is full.
        """
        self._clear_progress()
        try:
            self.out.write((text if raw else self._contained(text)) + end)
            self.out.flush()
        except OSError as error:
            silence(self.out)
            # Windows reports a closed pipe as EINVAL.
            if error.errno in _GONE or (sys.platform == "win32" and error.errno == errno.EINVAL):
                raise OutputClosedError from None
            raise stdout_failure(error.strerror or str(error), self.out_name) from None

    def words(self, text: str) -> None:
        """Data in words, for people: as `data`, with long lines folded on a terminal."""
        if self.out_is_terminal:
            from mbuscli.render.text import folded

            text = folded(text, terminal_width())
        self.data(text)

    def talk(self, text: str) -> None:
        """A line to the person at the terminal, unless --quiet."""
        if not self.quiet:
            self.complain(text)

    def complain(self, text: str) -> None:
        """A line that --quiet does not silence: warnings and errors."""
        self._clear_progress()
        text = self._contained(text)
        # A program may read JSON from a terminal too.
        if self.err_is_terminal and not text.startswith("{"):
            from mbuscli.render.text import folded

            text = folded(text, terminal_width())
        self._to_err(text + "\n")

    def progress(self, text: str) -> None:
        """Replace the progress line; nothing unless stderr is a terminal and --quiet is off."""
        if self.live and not self.quiet:
            width = terminal_width() - 1
            line = self._contained(text)[:width].replace("\n", " ")
            self._to_err("\r" + line.ljust(len(self._progress)))
            self._progress = line

    def _contained(self, text: str) -> str:
        """`text`, and nothing that acts on a terminal but line ends, tabs, and colours where they are on.

        Who writes has made harmless what came from outside; this is for what somebody forgot.
        """
        if not _ACTING.search(text):
            return text
        from mbuscli.render.text import contained

        return contained(text, colour=self.colour)

    def end_progress(self) -> None:
        """Take the progress line away."""
        self._clear_progress()

    def _clear_progress(self) -> None:
        if self._progress:
            # Two more for the ^C that the terminal shows.
            self._to_err("\r" + " " * (len(self._progress) + 2) + "\r")
            self._progress = ""

    def _to_err(self, text: str) -> None:
        try:
            self.err.write(text)
            self.err.flush()
        except OSError:  # talk that nobody can read does not end a command
            silence(self.err)


# Where the output of threads goes that are not to write to the terminal themselves.
_of_threads: dict[int, Streams] = {}


def standard_streams() -> Streams:
    """The policy for this process's stdout and stderr, or for those that this thread was given."""
    return _of_threads.get(get_ident()) or Streams(sys.stdout, sys.stderr, os.environ)


@contextmanager
def output_of_thread(streams: Streams) -> Iterator[None]:
    """Inside, what this thread puts out goes to these streams."""
    _of_threads[get_ident()] = streams
    try:
        yield
    finally:
        del _of_threads[get_ident()]


def silence(stream: TextIO) -> None:
    """Let the interpreter's last flush of a stream that failed go nowhere, instead of failing again."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def stdout_failure(why: str, name: str = "stdout") -> InputError:
    """`input.unwritable`: what a command puts out cannot be kept."""
    return InputError(
        f"cannot write to {name}: {why}",
        reason=Reason.UNWRITABLE,
        hint=("make room, or send the output to another place: > FILE",),
    )


def replace_closed_streams() -> InputError | None:
    """Put something in the place of standard streams that the caller has closed (`>&-`), so that no file or
    port of ours gets their number. An error if stdout was closed."""
    failure = None if sys.stdout is not None else stdout_failure("it is closed")
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  for the life of the process
    return failure


def terminal_width() -> int:
    """Columns of the terminal (COLUMNS wins), 80 if unknown."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return max(int(columns), _NARROWEST)
    for stream in (sys.__stdout__, sys.__stderr__):
        try:
            return max(os.get_terminal_size(stream.fileno()).columns, _NARROWEST)  # type: ignore[union-attr]
        except (AttributeError, OSError, ValueError):  # no stream, no terminal, closed
            continue
    return 80


def _colour(environ: Mapping[str, str], terminal: bool) -> bool:
    if environ.get("NO_COLOR"):
        return False
    forced = environ.get("FORCE_COLOR") or environ.get("CLICOLOR_FORCE")
    return terminal if forced in (None, "", "0") else True


def _is_file(stream: TextIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return False


def _is_utf(stream: TextIO) -> bool:
    return (stream.encoding or "ascii").lower().replace("_", "-").startswith("utf")


def _never_fail_to_encode(stream: TextIO) -> None:
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def _enable_windows_escapes() -> None:
    """Old Windows consoles show escape sequences only after a call; colorama comes with click there."""
    if sys.platform == "win32":
        from importlib import import_module

        import_module("colorama").just_fix_windows_console()
