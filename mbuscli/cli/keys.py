"""`mbuscli keys`: the key ring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from mbuscli.cli.complete import complete_file, complete_key_name, complete_meter, complete_role
from mbuscli.cli.exit_codes import ExitCode
from mbuscli.cli.keys_import import import_
from mbuscli.cli.keys_talk import described, ring_path, write_keys
from mbuscli.cli.options import is_attended, output_options
from mbuscli.cli.secrets import (
    DiscreetGroup,
    ask_passphrase,
    ask_secret,
    file_name,
    given_passphrase,
    key_options,
    passphrase_in,
    read_secret_line,
    ring_option,
    warn_of_arguments,
)
from mbuscli.errors import InputError, KeyProblemError, NotConfirmedError, Reason, UsageError
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.octets import counted
from mbuscli.protocol.security.keys import parse_key
from mbuscli.render.text import inert

if TYPE_CHECKING:
    from mbuscli.protocol.security.keys import Key
    from mbuscli.render.report import Output
    from mbuscli.settings.keystore import AnyEntry, KeyRing


@click.group("keys", cls=DiscreetGroup, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Keep the keys of meters in a key ring.

    The ring is a TOML file that only its owner may read. Each key belongs to the meters that fit a pattern;
    the most specific pattern is tried first. Keys are never shown: a check value tells them apart. With a
    passphrase (asked for, or in MBUSCLI_PASSPHRASE) the ring is kept encrypted.

    \b
    Examples:
      mbuscli keys add 12345678.KAM
      mbuscli keys import delivery.kem meters.csv
      mbuscli keys list

    Exit codes: 0 done, 2 usage, 6 wrong passphrase, 9 not confirmed, 10 the ring or a file is unusable.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@command.command("add")
@click.argument("meters", shell_complete=complete_meter)
@click.option("--name", default="", metavar="TEXT", help="A name for the key. Default: METERS.")
@click.option("--note", default="", metavar="TEXT", help="A note.")
@click.option(
    "--role",
    "role_text",
    metavar="ROLE",
    shell_complete=complete_role,
    help="METERS is the DevEUI or DevAddr of a LoRaWAN device; the key is its AppKey, NwkKey, NwkSKey ...",
)
@click.option(
    "--replace", is_flag=True, help="Put the key and its name in the place of those that METERS has."
)
@key_options
@ring_option
@output_options("keys")
def add(
    meters: str,
    name: str,
    note: str,
    role_text: str | None,
    replace: bool,
    key_texts: tuple[str, ...],
    key_file: str | None,
    ring: str | None,
    output: Output,
) -> ExitCode:
    """Add a key; it is asked for without echo.

    METERS is a meter's address 12345678.KAM.1B.16: number, manufacturer, version, device type. Parts may be
    left out from the right, F stands for any digit: FFFFFFFF.KAM is every meter of a manufacturer.

    \b
    Examples:
      mbuscli keys add 12345678.KAM.1B.16 --name "flat 3, cold water"
      mbuscli keys add 0004A30B001A2B3C --role AppKey
      pass show meters/flat3 | mbuscli keys add 12345678 --key -

    Exit codes: 0 done, 2 the key or the address is none, 6 wrong passphrase, 10 another key is there.
    """
    from mbuscli.settings.keystore import Entry, clean_text
    from mbuscli.settings.lora_keys import device_key, owner, parse_device, parse_role
    from mbuscli.settings.redact import looks_like_key
    from mbuscli.settings.ring_file import editing

    typed = (("the address", "" if role_text else meters), ("the name", name), ("the note", note))
    for what, text in typed:
        if looks_like_key(text):
            raise UsageError(
                f"{what} looks like a key",
                reason=Reason.INVALID,
                hint=("the key is asked for, or given with --key - or --key-file",),
            )
    if role_text is not None:
        device, role = parse_device(meters), parse_role(role_text)
        whose = owner(device, role)
    else:
        pattern = MeterAddress.parse(meters)
        whose = str(pattern)
    warn_of_arguments(output.streams, key_texts)
    key = _one_key(key_texts, key_file, whose)
    name, note = clean_text(name) or whose, clean_text(note)
    with editing(ring_path(ring), ask_passphrase) as keys:
        if role_text is not None:
            texts = {"device": meters, "role": role, "name": name, "note": note}
            outcome = keys.put_device(device_key(texts, key), replace=replace)
        else:
            outcome = keys.put(Entry(name, pattern, key, note), replace=replace)
        filed = next(found for found in keys.find(whose) if found.key == key)
    write_keys(output, [filed])
    output.streams.talk(f"{outcome}: {described(filed)}")
    return ExitCode.DONE


@command.command("list")
@click.argument("patterns", nargs=-1, metavar="[NAME | METERS]...", shell_complete=complete_key_name)
@ring_option
@output_options("keys")
def show(patterns: tuple[str, ...], ring: str | None, output: Output) -> ExitCode:
    """List the keys by name, meters and check value.

    \b
    Examples:
      mbuscli keys list
      mbuscli keys list -o csv --fields meters,check

    Exit codes: 0 done, 6 wrong passphrase, 10 the ring cannot be used, or holds no such key.
    """
    from mbuscli.settings.keystore import KeyRing
    from mbuscli.settings.ring_file import load_ring

    path = ring_path(ring)
    if ring is None and not path.exists():
        keys = KeyRing()
        output.streams.talk(f"there is no key ring yet; mbuscli keys add makes one ({path})")
    else:
        keys = load_ring(path, ask_passphrase)
    write_keys(output, _chosen(keys, patterns) if patterns else keys.all())
    return ExitCode.DONE


@command.command("remove")
@click.argument(
    "patterns", nargs=-1, required=True, metavar="NAME | METERS...", shell_complete=complete_key_name
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@ring_option
@output_options("keys")
def remove(patterns: tuple[str, ...], yes: bool, ring: str | None, output: Output) -> ExitCode:
    """Remove keys by name or by meters.

    \b
    Examples:
      mbuscli keys remove "flat 3, cold water"
      mbuscli keys remove 12345678.KAM --yes

    Exit codes: 0 done, 6 wrong passphrase, 9 not confirmed, 10 no such key.
    """
    from mbuscli.settings.ring_file import editing

    with editing(ring_path(ring), ask_passphrase) as keys:
        entries = _chosen(keys, patterns)
        if not yes:
            _confirm_removal(entries)
        keys.remove(entries)
    for entry in entries:
        output.streams.talk(f"removed: {described(entry)}")
    return ExitCode.DONE


command.add_command(import_)


@command.command("check")
@ring_option
@output_options("findings")
def check(ring: str | None, output: Output) -> ExitCode:
    """Check the ring: file mode, lengths of keys, duplicates.

    \b
    Examples:
      mbuscli keys check
      mbuscli keys check --keys /media/stick/keys.toml -o json

    Exit codes: 0 nothing wrong, 6 wrong passphrase, 10 something is wrong.
    """
    from mbuscli.render.key_rows import finding_row, write_rows
    from mbuscli.services.keys import check_ring

    path = ring_path(ring)
    contents, findings = check_ring(path, ask_passphrase)
    rows = [finding_row(finding) for finding in findings]
    write_rows(output, "findings", rows)
    good = len(contents.entries) + len(contents.devices)
    kind = "in clear" if contents.passphrase is None else "encrypted"
    output.streams.talk(f"{path}: {counted(good, 'good key')}, {kind}, {counted(len(findings), 'finding')}")
    wrong = any(finding.severity == "error" for finding in findings)
    return ExitCode.INPUT if wrong else ExitCode.DONE


@command.command("encrypt")
@click.option(
    "--new-passphrase-file",
    "new_file",
    metavar="FILE",
    callback=file_name,
    shell_complete=complete_file,
    help="File with the passphrase that the ring gets; mode 0600.",
)
@ring_option
@output_options("keys")
def encrypt(new_file: str | None, ring: str | None, output: Output) -> ExitCode:
    """Encrypt the ring with a passphrase, or change the passphrase.

    The passphrase is asked for twice without echo, unless --new-passphrase-file has it; it cannot be
    recovered. Copies of the file in clear, such as backups, stay as they are.

    \b
    Examples:
      mbuscli keys encrypt
      mbuscli keys encrypt --new-passphrase-file /media/stick/passphrase

    Exit codes: 0 done, 6 no passphrase, 10 the ring cannot be used.
    """
    from mbuscli.settings.ring_file import reseal

    reseal(ring_path(ring), ask_passphrase, lambda encrypted: _new_passphrase(encrypted, new_file))
    output.streams.talk(f"encrypted: {ring_path(ring)}")
    return ExitCode.DONE


@command.command("decrypt")
@ring_option
@output_options("keys")
def decrypt(ring: str | None, output: Output) -> ExitCode:
    """Keep the ring without a passphrase again.

    \b
    Example:
      mbuscli keys decrypt

    Exit codes: 0 done, 6 wrong passphrase, 10 the ring cannot be used.
    """
    from mbuscli.settings.ring_file import reseal

    reseal(ring_path(ring), ask_passphrase, lambda _encrypted: None)
    output.streams.talk(f"not encrypted: {ring_path(ring)}")
    return ExitCode.DONE


def _one_key(key_texts: tuple[str, ...], key_file: str | None, whose: str) -> Key:
    """The key to add: given in one way, else asked for."""
    from mbuscli.services.keys import given_keys

    if not key_texts and key_file is None:
        typed = ask_secret(f"Key of {whose} (32 hexadecimal digits, not shown): ")
        if typed is None:
            raise UsageError(
                "no key is given", reason=Reason.EMPTY, hint=("--key - reads it from standard input",)
            )
        return parse_key(typed)
    keys = list(given_keys(key_texts, key_file, read_secret_line))
    if len(keys) != 1:
        raise UsageError(f"one key is needed, {len(keys)} are given", reason=Reason.INVALID)
    return keys[0].key


def _chosen(keys: KeyRing, patterns: tuple[str, ...]) -> list[AnyEntry]:
    """The entries with these names or patterns, each once, in the order of the ring."""
    found: set[AnyEntry] = set()
    for text in patterns:
        entries = keys.find(text)
        if not entries:
            raise _no_such_key(text, keys)
        found.update(entries)
    return [entry for entry in keys.all() if entry in found]


def _no_such_key(text: str, keys: KeyRing) -> InputError:
    from difflib import get_close_matches

    names = [name for entry in keys.all() for name in (entry.name, entry.owner)]
    near = [f"did you mean {inert(name)}?" for name in get_close_matches(text, names, 1)]
    return InputError(
        f"the ring holds no key {text!r}", reason=Reason.MISSING, hint=(*near, "mbuscli keys list")
    )


def _confirm_removal(entries: Sequence[AnyEntry]) -> None:
    question = "remove " + "; ".join(map(described, entries))
    if not is_attended():
        raise NotConfirmedError(f"not confirmed: {question}", reason=Reason.NOT_CONFIRMED, hint=("--yes",))
    if not click.confirm(f"{inert(question)}?", err=True):
        raise NotConfirmedError("nothing is removed", reason=Reason.NOT_CONFIRMED)


def _new_passphrase(encrypted: bool, file: str | None) -> str:
    """A passphrase from a file, or typed twice; for a ring in clear also one that need not be asked for."""
    if file is not None:
        return passphrase_in(file)
    given = None if encrypted else given_passphrase()
    if given:
        return given
    typed = ask_secret("New passphrase: ")
    if not typed:
        raise KeyProblemError(
            "no passphrase is given",
            reason=Reason.PASSPHRASE,
            layer="input",
            hint=("type it when asked, in a terminal", "or give it with --new-passphrase-file"),
        )
    if ask_secret("The same again: ") != typed:
        raise KeyProblemError("the two passphrases differ", reason=Reason.PASSPHRASE, layer="input")
    return typed
