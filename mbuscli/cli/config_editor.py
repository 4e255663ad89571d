"""`mbuscli config edit`: the file of settings in the user's editor, replaced only by a text without fault."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mbuscli.cli.exit_codes import ExitCode
from mbuscli.cli.options import is_attended
from mbuscli.errors import InputError, Reason, UsageError
from mbuscli.render.messages import error_text
from mbuscli.render.text import inert
from mbuscli.settings.config import parse_config
from mbuscli.settings.config_edit import write_checked
from mbuscli.settings.files import read_file, write_private

if TYPE_CHECKING:
    from mbuscli.render.report import Output

_LIMIT = 1 << 20
_TEMPLATE = """\
# Settings of mbuscli; `mbuscli config list --all` shows what can be set.

[defaults]
# port = "/dev/ttyUSB0"
# output = "table"

# [defaults.scan]
# output = "csv"

# [profile.site-7]
# port = "tcp://10.0.0.7:10001"
# baud = 300
"""


def edit_config(path: Path, output: Output) -> ExitCode:
    """Edit until it is right, or until the user gives up. UsageError without a terminal or an editor."""
    if not is_attended():
        raise UsageError(
            "nobody is there to edit the settings",
            reason=Reason.UNSUPPORTED,
            hint=("change one: mbuscli config set KEY VALUE", f"the file is {path}"),
        )
    editor = _editor()
    draft = path.with_name("config.edit.toml")
    before = read_file(path, _LIMIT) if path.exists() else None
    if draft.exists():
        output.streams.talk(inert(f"this goes on with the text of last time, {draft}"))
    else:
        write_private(draft, _TEMPLATE.encode() if before is None else before)
    while True:
        _run(editor, draft)
        data = read_file(draft, _LIMIT)
        config = parse_config(data, path)
        if not config.faults:
            break
        try:
            config.raise_fault()
        except InputError as error:
            output.streams.complain(error_text(error))
        if not click.confirm("Edit it again?", default=True, err=True):
            raise InputError(
                f"the settings are as they were; your text is kept in {draft}",
                reason=Reason.INVALID,
                hint=("mbuscli config edit goes on with it", f"give it up: remove {draft}"),
            )
    draft.unlink()
    if data == before or (before is None and data == _TEMPLATE.encode()):
        output.streams.talk("nothing was changed")
        return ExitCode.DONE
    write_checked(path, data.decode("utf-8-sig"))
    output.streams.talk(inert(f"written: {path}"))
    return ExitCode.DONE


def _editor() -> list[str]:
    for name in ("VISUAL", "EDITOR"):
        if os.environ.get(name, "").strip():
            return shlex.split(os.environ[name], posix=sys.platform != "win32")
    for usual in ("notepad",) if sys.platform == "win32" else ("editor", "nano", "vi"):
        found = shutil.which(usual)
        if found:
            return [found]
    raise UsageError("no editor is known", reason=Reason.MISSING, hint=("name one in EDITOR",))


def _run(editor: list[str], file: Path) -> None:
    """InputError if the editor cannot be started, or says that it failed."""
    try:
        code = subprocess.run([*editor, str(file)], check=False).returncode
    except OSError as error:
        raise UsageError(
            f"cannot start {editor[0]}: {error.strerror or error}",
            reason=Reason.UNREADABLE,
            hint=("name another one in EDITOR",),
        ) from None
    if code:
        raise InputError(
            f"{editor[0]} ended with {code}; the settings are as they were, your text is kept in {file}",
            reason=Reason.INVALID,
        )
