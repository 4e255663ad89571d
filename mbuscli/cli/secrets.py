"""Secrets at the command line: asked for without echo, taken from options, kept out of every message."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mbuscli.cli.commands import completed_by
from mbuscli.cli.options import is_attended, may_ask, no_input_option, refuse_to_wait
from mbuscli.errors import InputError, MbuscliError, Reason, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from mbuscli.protocol.address import MeterAddress
    from mbuscli.protocol.security.keys import Candidate
    from mbuscli.render.report import Output
    from mbuscli.render.streams import Streams
    from mbuscli.services.keys import KeyChain
    from mbuscli.settings.lora_keys import DeviceKey

F = TypeVar("F", bound=Callable[..., Any])

PASSPHRASE_VARIABLE = "MBUSCLI_PASSPHRASE"
_PASSPHRASE_FILE = "mbuscli.passphrase_file"
_MAX_PASSPHRASE_FILE = 4096
_MAX_LINE = 4096


def ask_secret(prompt: str) -> str | None:
    """What the user types at the terminal, which does not show it; None if there is no terminal for it, or
    with --no-input."""
    if not may_ask():
        return None
    import getpass
    import warnings

    from mbuscli.render.text import inert

    if sys.platform == "win32" and not sys.stdin.isatty():
        return None
    with warnings.catch_warnings():
        # getpass would go on with what is typed being shown.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(inert(prompt))
        except (getpass.GetPassWarning, EOFError):
            return None


def ask_passphrase(prompt: str) -> str | None:
    """The passphrase of the key ring: --passphrase-file, MBUSCLI_PASSPHRASE, else the user is asked."""
    return given_passphrase() or ask_secret(prompt)


def given_passphrase() -> str | None:
    """The passphrase that need not be asked for; InputError where its file cannot be used."""
    ctx = click.get_current_context(silent=True)
    name = None if ctx is None else ctx.meta.get(_PASSPHRASE_FILE)
    return os.environ.get(PASSPHRASE_VARIABLE) if name is None else passphrase_in(name)


def passphrase_in(name: str) -> str:
    """The first line of a file that only its owner may read. InputError as `read_private`, `input.empty`."""
    from pathlib import Path

    from mbuscli.settings.files import read_private

    lines = read_private(Path(name), _MAX_PASSPHRASE_FILE).decode("utf-8-sig", "replace").splitlines()
    if not lines or not lines[0]:
        raise InputError(f"there is no passphrase in {name}", reason=Reason.EMPTY)
    return lines[0]


def read_secret_line() -> str:
    """One line of standard input, which telegrams may follow; asked for without echo at a terminal."""
    if sys.stdin.isatty():
        refuse_to_wait()
        return ask_secret("Key (not shown): ") or ""
    return sys.stdin.buffer.readline(_MAX_LINE).decode("utf-8-sig", "replace")


def file_name(_ctx: click.Context, param: click.Parameter, text: str | None) -> str | None:
    """The callback of options that take a file: --keys is quickly typed for --key."""
    if text is None:
        return None
    from mbuscli.settings.redact import looks_like_key

    if looks_like_key(text) and not os.path.exists(text):
        raise UsageError(
            f"{param.opts[0]} takes a file, and what is given looks like a key",
            reason=Reason.INVALID,
            hint=("keys are given with --key - or --key-file, or typed when asked for",),
        )
    return text


def key_options(function: F) -> F:
    """--key and --key-file: the command gets them as `key_texts` and `key_file`."""
    for option in (
        click.option(
            "--key-file",
            metavar="FILE",
            callback=file_name,
            shell_complete=completed_by("complete_file"),
            help="File with a key, or several, one a line; mode 0600.",
        ),
        click.option(
            "--key",
            "key_texts",
            multiple=True,
            metavar="HEX|-",
            help="The key, or - to read it from standard input (first line).",
        ),
    ):
        function = option(function)
    return function


def ring_option(function: F) -> F:
    """--keys: the command gets it as `ring`, None for the default ring; --passphrase-file, --no-input."""

    def note(ctx: click.Context, param: click.Parameter, text: str | None) -> None:
        ctx.meta[_PASSPHRASE_FILE] = file_name(ctx, param, text)

    function = click.option(
        "--passphrase-file",
        metavar="FILE",
        envvar="MBUSCLI_PASSPHRASE_FILE",
        expose_value=False,
        callback=note,
        shell_complete=completed_by("complete_file"),
        help="File with the passphrase of the key ring; mode 0600.",
    )(no_input_option(function))
    return click.option(
        "--keys",
        "ring",
        metavar="FILE",
        envvar="MBUSCLI_KEY_RING",
        callback=file_name,
        shell_complete=completed_by("complete_file"),
        help="The key ring. Default: keys.toml in the folder of settings.",
    )(function)


def key_source_options(function: F) -> Callable[..., Any]:
    """--key, --key-file, --keys; the command gets a `KeySource` as `keys`. Stands below `output_options`."""

    @key_options
    @ring_option
    @functools.wraps(function)
    def command(
        *args: Any,
        output: Output,
        key_texts: tuple[str, ...],
        key_file: str | None,
        ring: str | None,
        **rest: Any,
    ) -> Any:
        keys = LazyKeys(key_texts, key_file, ring)
        with discreet():
            warn_of_arguments(output.streams, key_texts)
            if key_texts or key_file or ring:
                keys.collect()  # what is wrong with a key is said before anything is read
        return function(*args, output=output, keys=keys, **rest)

    return command


class LazyKeys:
    """The keys of one command, collected when a telegram first asks: most are not encrypted."""

    def __init__(self, key_texts: tuple[str, ...], key_file: str | None, ring: str | None) -> None:
        self._options = key_texts, key_file, ring
        self._keys: KeyChain | None = None
        self.failure: InputError | None = None
        """Why the key ring is of no use, where it is to blame for an error."""

    def candidates(self, addresses: Sequence[MeterAddress]) -> Iterator[Candidate]:
        """As `KeySource` has it."""
        try:
            with discreet():
                yield from self.collect().candidates(addresses)
        except InputError as error:
            self.failure = error
            raise

    def devices(self) -> list[DeviceKey]:
        """The keys of LoRaWAN devices in the ring."""
        try:
            with discreet():
                return self.collect().devices()
        except InputError as error:
            self.failure = error
            raise

    def collect(self) -> KeyChain:
        """The chain of keys; UsageError and InputError say which of them cannot be one."""
        if self._keys is None:
            from mbuscli.services.keys import collect_keys

            key_texts, key_file, ring = self._options
            # A pipe of many telegrams must not stop at the first meter without a key.
            self._keys = collect_keys(
                key_texts,
                key_file,
                _path(ring),
                default_ring=_default_ring,
                environ=os.environ,
                read_line=read_secret_line,
                ask_passphrase=ask_passphrase,
                ask_key=ask_secret if is_attended() else None,
            )
        return self._keys


def _path(name: str | None) -> Path | None:
    if not name:
        return None
    from pathlib import Path

    return Path(name)


def _default_ring() -> Path:
    from mbuscli.settings.paths import default_ring

    return default_ring()


def warn_of_arguments(streams: Streams, key_texts: tuple[str, ...]) -> None:
    """A word to the person at the terminal about keys on the command line."""
    # Our own shell keeps no key, and starts no process that others could look at.
    if not streams.err_is_terminal or all(text == "-" for text in key_texts):
        return
    from mbuscli.cli.met import session_of_command

    if session_of_command() is None:
        streams.talk(
            "note: a key on the command line is kept in the shell's history and shown to other users of "
            "this computer; safer: --key -, --key-file, or mbuscli keys add"
        )


@contextmanager
def discreet() -> Iterator[None]:
    """Errors leave without what may be a key that was typed in the wrong place."""
    try:
        yield
    except click.UsageError as error:
        from mbuscli.settings.redact import redact

        text = error.format_message()
        if redact(text) == text:
            raise
        raise UsageError(redact(text), reason=Reason.INVALID, hint=_help_of(error)) from None
    except MbuscliError as error:
        clean = discreet_error(error)
        if clean is error:
            raise
        raise clean from None


def discreet_error(error: MbuscliError) -> MbuscliError:
    """The error, or another one in its place that does not repeat what may be a key."""
    from mbuscli.settings.redact import redact

    text, hint = redact(error.text), [redact(line) for line in error.hint]
    if (text, hint) == (error.text, list(error.hint)):
        return error
    return type(error)(text, reason=error.reason, layer=error.layer, hint=hint)


def _help_of(error: click.UsageError) -> list[str]:
    return [f"{error.ctx.command_path} --help"] if error.ctx is not None else []


class DiscreetCommand(click.Command):
    """A command that takes keys: no message about its options repeats one.

    Other messages are left as they are: they may name a DevEUI, which looks like a key.
    """

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """As click, discreetly."""
        with discreet():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """As click, discreetly as to usage."""
        try:
            return super().invoke(ctx)
        except UsageError as error:
            clean = discreet_error(error)
            if clean is error:
                raise
            raise clean from None


class DiscreetGroup(click.Group):
    """A group of commands that take keys: no message repeats one."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """As click, discreetly."""
        with discreet():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """As click, discreetly."""
        with discreet():
            return super().invoke(ctx)
