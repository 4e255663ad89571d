"""What a bare `mbuscli` adds to its help, once, for somebody who is here for the first time."""

from __future__ import annotations

import os

from mbuscli.errors import InputError
from mbuscli.render.streams import standard_streams, terminal_width
from mbuscli.settings.paths import config_path, state_file

NEXT_STEPS = (
    ("mbuscli doctor", "is this computer ready? what is wrong, and how to mend it"),
    ("mbuscli ports", "what is plugged in, and what to call it"),
    ("mbuscli simulate", "a bus of meters to try everything on, without hardware"),
)
_NARROW = 75


def tell_next_steps() -> None:
    """The next steps on stderr, if stdout is a terminal and the program has no files of this user yet.

    The state folder is made: so they are told once.
    """
    streams = standard_streams()
    if not streams.out_is_terminal:
        return
    try:
        folders = [config_path(""), state_file("")]
    except InputError:
        return  # no home folder: a service, not somebody who is here for the first time
    if any(map(os.path.lexists, folders)):
        return
    streams.talk("\nHere for the first time? Three next steps:")
    width = max(len(command) for command, _ in NEXT_STEPS)
    gap = "\n      " if terminal_width() < _NARROW else "   "
    for command, meaning in NEXT_STEPS:
        streams.talk(f"  {command if gap[0] == chr(10) else command.ljust(width)}{gap}{meaning}")
    _remember(folders[-1])


def _remember(folder: str) -> None:
    from mbuscli.settings.files import make_folder

    try:
        make_folder(folder)
    except OSError:
        return  # they are told again; doctor says why nothing can be written
