"""Files that are the user's alone: checked when read, whole after a power cut when written."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from mbuscli.errors import InputError, Reason

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE = 0o600
_PRIVATE_FOLDER = 0o700
_OTHERS = 0o077


def read_private(path: Path, limit: int) -> bytes:
    """The file's octets, `limit` at most.

    InputError: `input.missing`, `input.unreadable`, `input.too-long`, and `input.permission` where others
    than its owner may open it (not on Windows, where a home folder is private by its own rules).
    """
    with reading(path) as stream:
        wide = others_may(os.fstat(stream.fileno()))
        if wide is not None:
            raise InputError(
                f"{path} can be opened by others (mode {wide:03o})",
                reason=Reason.PERMISSION,
                hint=(chmod_command(path), "change the keys in it if others may have read them"),
            )
        return read_limited(stream, path, limit)


def read_file(path: Path, limit: int) -> bytes:
    """The octets of any file, `limit` at most; InputError as `read_private` without `input.permission`."""
    with reading(path) as stream:
        return read_limited(stream, path, limit)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """The open file; OSError becomes InputError."""
    try:
        with open(path, "rb") as stream:
            yield stream
    except FileNotFoundError:
        raise InputError(f"there is no file {path}", reason=Reason.MISSING) from None
    except OSError as error:
        raise _unreadable(path, error) from None


def read_limited(stream: BinaryIO, path: Path, limit: int) -> bytes:
    """All of an open file; InputError `input.too-long` beyond `limit` octets."""
    data = stream.read(limit + 1)
    if len(data) > limit:
        raise InputError(f"{path} is longer than {limit >> 20} MiB", reason=Reason.TOO_LONG)
    return data


def others_may(status: os.stat_result) -> int | None:
    """The mode if group or others may open the regular file, None if all is well."""
    if sys.platform == "win32" or not stat.S_ISREG(status.st_mode):
        return None
    mode = stat.S_IMODE(status.st_mode)
    return mode if mode & _OTHERS else None


def chmod_command(path: Path) -> str:
    """What to run so that the file is private."""
    import shlex

    return f"chmod {PRIVATE:o} {shlex.quote(str(path))}"


def write_private(path: Path, data: bytes) -> None:
    """Replace the file, or create it with mode 0600 in a folder with mode 0700: all of it or nothing.

    A link is followed: what it names is replaced. InputError `input.unwritable`.
    """
    _replace(path, data, PRIVATE)


def write_kept(path: Path, data: bytes) -> None:
    """As `write_private`; a file that is there already keeps its mode."""
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
    except OSError:
        mode = PRIVATE
    _replace(path, data, mode)


def _replace(path: Path, data: bytes, mode: int) -> None:
    import secrets
    from pathlib import Path

    target = Path(os.path.realpath(path))
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        make_folder(target.parent)
        try:
            _write_new(beside, data)
            if mode != PRIVATE:
                os.chmod(beside, mode)
            os.replace(beside, target)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)
    except OSError as error:
        raise unwritable(path, error) from None


def make_folder(folder: Path | str) -> None:
    """The folder, for this user alone if it must be made; OSError."""
    os.makedirs(folder, mode=_PRIVATE_FOLDER, exist_ok=True)


def unwritable(path: Path, error: OSError) -> InputError:
    """`input.unwritable` for a file that cannot be written."""
    return InputError(f"cannot write {path}: {error.strerror or error}", reason=Reason.UNWRITABLE)


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"cannot read {path}: {error.strerror or error}", reason=Reason.UNREADABLE)


def _write_new(path: Path, data: bytes) -> None:
    # O_EXCL does not follow a link that somebody else has put there.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags, PRIVATE), "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the new name last; Windows cannot open a folder, and keeps names safe by its journal."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(path: Path | str) -> Iterator[None]:
    """Only one process at a time is inside, for what belongs to `path`; waits for the others. OSError.

    The lock is a file beside `path` that stays, as taking it away would let a third one in.
    """
    target = os.path.realpath(path)
    make_folder(os.path.dirname(target))
    with open(os.open(f"{target}.lock", os.O_RDWR | os.O_CREAT, PRIVATE), "rb+") as stream:
        _lock(stream.fileno())
        yield  # closing the file gives the lock back


def _lock(descriptor: int) -> None:
    """Wait for the lock; a system that has none goes on without, and the last writer wins."""
    if sys.platform == "win32":
        from msvcrt import LK_LOCK, locking

        locking(descriptor, LK_LOCK, 1)
        return
    try:
        from fcntl import LOCK_EX, flock
    except ImportError:
        return
    flock(descriptor, LOCK_EX)
