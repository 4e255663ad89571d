"""How far the decoding of a log has come, beside the file that it is written to.

`walk.csv.resume` says: so many octets of `walk.csv` are what the log holds before this place. It is replaced
as a whole, after what it speaks of is on the disk, and taken away at the end.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import NamedTuple

from mbuscli.errors import InputError, Reason
from mbuscli.services.log_source import Place
from mbuscli.settings.files import read_file, write_private

SUFFIX = ".resume"
_LIMIT = 1 << 16
_HEAD = 4096


class Checkpoint(NamedTuple):
    """`log`: identity of the log; `asked`: what was asked for, in words; `written`: octets of the output;
    `codes`: the exit codes of what was decoded, each once."""

    log: str
    asked: str
    place: Place
    written: int
    codes: tuple[int, ...]


def identity_of(log: str) -> str:
    """A log that only grows keeps its identity: its name, and a digest of its first octets. OSError."""
    with open(log, "rb") as stream:
        head = stream.read(_HEAD)
    return f"{os.path.realpath(log)}:{len(head)}:{hashlib.sha256(head).hexdigest()}"


def path_of(out: str) -> Path:
    """Where the checkpoint of an output file lies."""
    return Path(out + SUFFIX)


def save(out: str, checkpoint: Checkpoint) -> None:
    """Keep it. InputError `input.unwritable`."""
    write_private(path_of(out), json.dumps(checkpoint._asdict()).encode() + b"\n")


def load(out: str, log: str, asked: str) -> Checkpoint:
    """The checkpoint of `out`, if it is one of this log and of the same question.

    InputError: `input.missing`, `input.invalid`.
    """
    path = path_of(out)
    try:
        values = json.loads(read_file(path, _LIMIT))
        found = Checkpoint(
            str(values["log"]),
            str(values["asked"]),
            Place(*map(int, values["place"])),
            int(values["written"]),
            tuple(map(int, values["codes"])),
        )
    except InputError as error:
        if error.reason is not Reason.MISSING:
            raise
        raise InputError(
            f"there is nothing to go on with: {path} does not exist",
            reason=Reason.MISSING,
            hint=("the log was decoded to its end, or never begun: leave --resume out",),
        ) from None
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        raise _unusable(path, "is damaged") from None
    if found.log != log:
        raise _unusable(path, "belongs to another log")
    if found.asked != asked:
        raise _unusable(path, f"was written with other options ({found.asked})")
    try:
        if os.path.getsize(out) < found.written:
            raise _unusable(path, f"speaks of more than {out} holds")
    except OSError as error:
        raise InputError(f"cannot read {out}: {error.strerror}", reason=Reason.UNREADABLE) from None
    return found


def _unusable(path: Path, why: str) -> InputError:
    return InputError(
        f"{path} {why}", reason=Reason.INVALID, hint=("begin again: without --resume, into a new file",)
    )
