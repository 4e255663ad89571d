"""Single keys from the terminal, without Enter and without echo, while a live table is shown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_ESCAPES = {
    "\x1b[A": "up",
    "\x1b[B": "down",
    "\x1bOA": "up",
    "\x1bOB": "down",
    "\x1b[5~": "page up",
    "\x1b[6~": "page down",
    "\x1b[H": "home",
    "\x1b[F": "end",
    "\x1b": "escape",
    "\r": "enter",
    "\n": "enter",
    "\x7f": "backspace",
    "\x08": "backspace",
}
# The second character of a special key, as Windows reports it.
_WINDOWS = {"H": "up", "P": "down", "I": "page up", "Q": "page down", "G": "home", "O": "end"}
_LONGEST = 64

Read = Callable[[], list[str]]


@contextmanager
def keystrokes() -> Iterator[Read]:
    """A function that gives the keys pressed since it was called last, without waiting; none without a
    terminal. Special keys are words: up, down, page up, page down, home, end, escape, enter, backspace."""
    if not sys.stdin.isatty():
        yield list
    elif sys.platform == "win32":
        yield _read_windows
    else:
        with _posix() as read:
            yield read


@contextmanager
def _posix() -> Iterator[Read]:
    import os
    import select
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def read() -> list[str]:
        if not select.select([descriptor], [], [], 0)[0]:
            return []
        return split_keys(os.read(descriptor, _LONGEST).decode("utf-8", "replace"))

    # Ctrl-C stays a signal.
    tty.setcbreak(descriptor)
    try:
        yield read
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _read_windows() -> list[str]:
    if sys.platform != "win32":
        return []
    import msvcrt

    keys = []
    while msvcrt.kbhit():
        character = msvcrt.getwch()
        if character in ("\x00", "\xe0"):
            keys.append(_WINDOWS.get(msvcrt.getwch(), ""))
        else:
            keys.append(_ESCAPES.get(character, character))
    return [key for key in keys if key]


def split_keys(text: str) -> list[str]:
    """The keys in what a terminal sent at once; unknown escape sequences are dropped whole."""
    keys = []
    while text:
        if text[0] != "\x1b" or len(text) == 1:
            keys.append(_ESCAPES.get(text[0], text[0]))
            text = text[1:]
            continue
        known = next((name for name in _ESCAPES if len(name) > 1 and text.startswith(name)), None)
        if known is not None:
            keys.append(_ESCAPES[known])
            text = text[len(known) :]
        elif text[1] in "[O":
            # Parameters, then one letter or ~ that ends the sequence.
            end = next((n for n, c in enumerate(text[2:], 2) if c.isalpha() or c == "~"), len(text))
            text = text[end + 1 :]
        else:
            keys.append("escape")
            text = text[1:]
    return keys
