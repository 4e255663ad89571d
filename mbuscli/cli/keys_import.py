"""`mbuscli keys import`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mbuscli.cli.complete import complete_file
from mbuscli.cli.exit_codes import ExitCode, exit_code_of, of_many
from mbuscli.cli.keys_talk import described, ring_path, write_keys
from mbuscli.cli.options import output_options
from mbuscli.cli.secrets import ask_passphrase, ask_secret, discreet_error, read_secret_line, ring_option
from mbuscli.errors import InputError, MbuscliError, Reason
from mbuscli.render.text import inert
from mbuscli.settings.redact import redact

if TYPE_CHECKING:
    from mbuscli.render.report import Output
    from mbuscli.settings.keystore import Entry, KeyRing
    from mbuscli.settings.ring_file import Ask

MAX_PASSWORD_FILE = 4096


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", shell_complete=complete_file)
@click.option("--replace", is_flag=True, help="Put new keys in the place of old ones for the same meters.")
@click.option("--dry-run", is_flag=True, help="Show what would be imported, and change nothing.")
@click.option(
    "--password-file",
    metavar="FILE|-",
    shell_complete=complete_file,
    help="File with the password of KEM files.",
)
@ring_option
@output_options("keys")
def import_(
    files: tuple[str, ...],
    replace: bool,
    dry_run: bool,
    password_file: str | None,
    ring: str | None,
    output: Output,
) -> ExitCode:
    """Import keys from the files in which they are delivered.

    FILE is a list as CSV (a spreadsheet: export it, with the key column formatted as text), a meter file of
    wmbusmeters, or a Kamstrup KEM file, perhaps in a zip; its password is asked for without echo.

    \b
    Examples:
      mbuscli keys import delivery.kem
      mbuscli keys import meters.csv --dry-run
      mbuscli keys import /etc/wmbusmeters.d/*

    Exit codes: 0 done, 6 wrong password, 8 some keys were refused, 10 all were, or a file holds none.
    """
    from mbuscli.settings.ring_file import editing

    password = _password(password_file)
    codes: list[ExitCode] = []
    entries = [entry for name in files for entry in _read_file(name, password, output, codes)]
    imported: list[Entry] = []
    if entries:
        with editing(ring_path(ring), ask_passphrase, save=not dry_run) as keys:
            imported = _put(keys, entries, replace, output, codes)
    write_keys(output, imported)
    return of_many(codes)


def _read_file(name: str, password: Ask, output: Output, codes: list[ExitCode]) -> list[Entry]:
    """The keys of one file; what is wrong with it, or with lines of it, is told, and the rest goes on."""
    from pathlib import Path

    from mbuscli.cli.talk import complain
    from mbuscli.settings.key_import import Refused, import_keys

    try:
        found = import_keys(Path(name), password)
    except MbuscliError as error:
        complain(output, discreet_error(error), redact(name))
        codes.append(exit_code_of(error))
        return []
    entries = []
    for item in found:
        if not isinstance(item, Refused):
            entries.append(item)
            continue
        place = redact(name if item.line is None else f"{name}, line {item.line}")
        if item.warning:
            output.streams.talk(f"note: {inert(redact(item.text))} ({inert(place)})")
        else:
            complain(output, InputError(redact(item.text), reason=Reason.INVALID), place)
            codes.append(ExitCode.INPUT)
    return entries


def _put(
    keys: KeyRing, entries: list[Entry], replace: bool, output: Output, codes: list[ExitCode]
) -> list[Entry]:
    """File the entries; those that are in the ring now."""
    from mbuscli.cli.talk import complain
    from mbuscli.services.keys import put_all

    filed = []
    for put in put_all(keys, entries, replace=replace):
        if put.error is not None:
            complain(output, put.error, described(put.entry))
            codes.append(ExitCode.INPUT)
            continue
        filed.append(put.entry)
        codes.append(ExitCode.DONE)
        output.streams.talk(f"{put.outcome}: {inert(described(put.entry))}")
    return filed


def _password(file: str | None) -> Ask:
    """How to come by the password of KEM files: from a file, from standard input, or by asking; once each."""
    from functools import cache

    if file is None:
        return ask_secret
    if file == "-":
        return cache(lambda _prompt: read_secret_line())
    from pathlib import Path

    from mbuscli.settings.files import read_private

    password = read_private(Path(file), MAX_PASSWORD_FILE).decode("utf-8-sig", "replace")
    return lambda _prompt: password
