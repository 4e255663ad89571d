"""Checks of the user's files: settings, keys, meter drivers, and what the program has learnt."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

from mbuscli.errors import InputError, KeyProblemError, MbuscliError
from mbuscli.protocol.octets import counted
from mbuscli.protocol.security.keys import FACTORY_KEYS
from mbuscli.services.doctor_case import Case, Finding, State, found_error
from mbuscli.settings.paths import default_ring, state_folder

_PASSPHRASE = "MBUSCLI_PASSPHRASE"
_LITTLE_ROOM, _TOO_LITTLE_ROOM = 200 << 20, 5 << 20


def look_at_config(_case: Case) -> Iterator[Finding]:
    """The file of settings: each fault that is in it."""
    from mbuscli.settings.config import default_path, read_config

    path = default_path()
    if not os.path.lexists(path):
        yield Finding("ok", f"no {path} yet: what the program comes with holds")
        return
    try:
        config = read_config(path)
    except InputError as error:
        yield Finding("failed", error.text, error.hint or (_ownership_command(path),))
        return
    for fault in config.faults:
        where = str(path) if fault.line is None else f"{path}, line {fault.line}"
        yield Finding("failed", f"{where}: {fault.text}", (*fault.hint, "mbuscli config edit"))
    if not config.faults:
        yield Finding("ok", f"{path} is valid, {counted(len(config.profiles), 'profile')}")


def look_at_keys(case: Case) -> Iterator[Finding]:
    """The key ring: never a key, only how many there are and what is wrong with them."""
    path = default_ring()
    if not os.path.lexists(path):
        yield Finding("skipped", f"no key ring yet ({path})", ("mbuscli keys add --help",))
        return
    from mbuscli.services.keys import check_ring

    asked = False

    def ask(_prompt: str) -> str | None:
        nonlocal asked
        asked = True
        return case.environ.get(_PASSPHRASE)

    try:
        contents, findings = check_ring(path, ask)
    except KeyProblemError as error:
        if case.environ.get(_PASSPHRASE):
            yield found_error(error)
        else:
            yield Finding("ok", f"{path} is encrypted; it was not opened, as {_PASSPHRASE} is not set")
            yield from _privacy(path)
        return
    except MbuscliError as error:
        yield Finding("failed", error.text, error.hint or ("mbuscli keys check",))
        return
    count = len(contents.entries) + len(contents.devices)
    yield Finding("ok", f"{path}, {'encrypted' if asked else 'not encrypted'}, {counted(count, 'key')}")
    for found in findings:
        if found.severity == "error":
            who = f"{found.entry}: " if found.entry else ""
            yield Finding("failed", f"{who}{found.text}", (found.hint or "mbuscli keys check",))
    secretless = {candidate.key for candidate in FACTORY_KEYS}
    factory = sum(entry.key in secretless for entry in contents.entries)
    if factory:
        hint = "mbuscli keys check names them; ask the supplier for the meters' own keys"
        yield Finding("warning", f"{counted(factory, 'factory key')}, keeping nothing secret", (hint,))


def _privacy(path: Path) -> Iterator[Finding]:
    from mbuscli.settings.files import chmod_command, others_may

    wide = others_may(path.stat())
    if wide is not None:
        yield Finding("failed", f"others can open {path} (mode {wide:03o})", (chmod_command(path),))


def look_at_drivers(_case: Case) -> Iterator[Finding]:
    """The user's own meter drivers, each by itself: one that is wrong stops every decoding."""
    from mbuscli.meters.registry import SUFFIX, Registry, drivers_in, load_driver
    from mbuscli.services.readings import user_folder

    folder = user_folder()
    built_in = counted(len(Registry().names()), "meter driver")
    if folder is None:
        yield Finding("ok", f"{built_in}, none of your own")
        return
    os.listdir(folder)  # drivers_in takes a folder that may not be read for an empty one
    names = drivers_in(folder)
    wrong = False
    for name in names:
        path = os.path.join(folder, name + SUFFIX)
        try:
            load_driver(path)
        except InputError as error:
            wrong = True
            hint = (*error.hint, f"mend it: {_editor()} {shlex.quote(path)}")
            yield Finding("failed", error.text, hint, name)
    if not wrong:
        Registry(folder).names()  # InputError where two claim the same meter
        yield Finding("ok", f"{built_in}, and {len(names)} of your own in {folder}")


def look_at_state(_case: Case) -> Iterator[Finding]:
    """The folder of what is learnt: it can be written to, and there is room."""
    folder = state_folder()
    present = folder
    while not present.exists() and present != present.parent:
        present = present.parent
    if not present.is_dir():
        hint = f"mv {shlex.quote(str(present))} {shlex.quote(str(present))}.old"
        yield Finding("failed", f"{present} is in the way: a folder belongs there", (hint,))
        return
    room = shutil.disk_usage(present).free
    make_room = (f"make room: df -h {shlex.quote(str(present))}",)
    try:
        _try_to_write(present, ours=present == folder)
    except OSError as error:
        own = (_ownership_command(present), "or name another folder in MBUSCLI_STATE_DIR")
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        text = f"nothing can be written to {present}: {error.strerror or error}"
        yield Finding("failed", text, make_room if is_full else own)
        return
    text = f"{folder} can be written to" if present == folder else f"{folder} will be made when it is needed"
    text += f", {_size(room)} free"
    if room < _LITTLE_ROOM:
        state: State = "failed" if room < _TOO_LITTLE_ROOM else "warning"
        yield Finding(state, f"{text}: the disk is nearly full", make_room)
    else:
        yield Finding("ok", text)


def look_at_journal(_case: Case) -> Iterator[Finding]:
    """Writes into meters: whether they are noted, and whether the end of one is not known."""
    from mbuscli.settings.journal import BEGUN, UNKNOWN, Journal

    journal = Journal()
    if not os.path.lexists(journal.path):
        yield Finding("ok", "nothing was written into meters yet")
        return
    try:
        lines = journal.read()
    except InputError as error:
        yield Finding("failed", error.text, error.hint or (_ownership_command(journal.path),))
        return
    text = f"{counted(len(lines), 'write')} noted in {journal.path}"
    if not os.access(journal.path, os.W_OK):
        yield Finding("failed", f"{text}, which cannot be written to", (_ownership_command(journal.path),))
        return
    open_ended = sum(line.outcome in (BEGUN, UNKNOWN) for line in lines)
    if open_ended:
        hint = "mbuscli journal lists them: read those meters"
        yield Finding("warning", f"{text}; how {open_ended} of them ended is not known", (hint,))
    else:
        yield Finding("ok", text)


def look_at_formats(_case: Case) -> Iterator[Finding]:
    """The learnt formats of compact frames."""
    from mbuscli.settings.formats_file import default_path, stored, unreadable

    path = default_path()
    try:
        known = sum(1 for _ in stored(path))
        lines = _count_lines(path)
    except OSError as error:
        yield Finding("warning", unreadable(path, error), (_ownership_command(Path(path)),))
        return
    text = f"{counted(known, 'learnt format')} of compact frames"
    damaged = lines - known
    if damaged > 0:
        hint = f"mv {shlex.quote(path)} {shlex.quote(path)}.damaged"
        yield Finding("warning", f"{text}, {damaged} damaged in {path} and passed over", (hint,))
    else:
        yield Finding("ok", text)


def _count_lines(path: str) -> int:
    try:
        with open(path, "rb") as stream:
            return sum(1 for line in stream if line.strip())
    except FileNotFoundError:
        return 0


def _try_to_write(folder: Path, *, ours: bool) -> None:
    """Write a file and take it away, where the folder is ours; OSError."""
    import tempfile

    if not ours:
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        return
    with tempfile.TemporaryFile(dir=folder) as stream:
        stream.write(b"\0" * 4096)
        stream.flush()


def _ownership_command(path: Path) -> str:
    name = shlex.quote(str(path))
    if os.name == "nt":
        return f'icacls "{path}" /grant "%USERNAME%":F'
    return f'sudo chown -R "$USER" {name} && chmod -R u+rwX {name}'


def _editor() -> str:
    return os.environ.get("EDITOR") or ("notepad" if os.name == "nt" else "nano")


def _size(octets: int) -> str:
    return f"{octets / (1 << 30):.1f} GiB" if octets >= 1 << 30 else f"{octets >> 20} MiB"
