"""Keys of LoRaWAN devices at the command line: by role from options, files, environment, ring or a prompt."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mbuscli.cli.complete import complete_file
from mbuscli.cli.options import is_attended
from mbuscli.cli.secrets import (
    ask_passphrase,
    ask_secret,
    discreet,
    file_name,
    read_secret_line,
    ring_option,
    warn_of_arguments,
)
from mbuscli.errors import InputError, KeyProblemError, Reason, UsageError
from mbuscli.settings.lora_keys import ROLES, ROOT_ROLES

if TYPE_CHECKING:
    from mbuscli.protocol.security.keys import Key
    from mbuscli.render.report import Output

F = TypeVar("F", bound=Callable[..., Any])

_ATTEMPTS = 3
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_STANDARD_INPUT = "-"
_HELP = {
    "AppKey": "The key of a device that joins, or - to read it from standard input.",
    "NwkKey": "The second key of a LoRaWAN 1.1 device.",
    "NwkSKey": "With --abp: network session key.",
    "AppSKey": "With --abp: application session key.",
}
_HELP_1_1 = "With --abp and LoRaWAN 1.1, in place of NwkSKey."


def _name(role: str) -> str:
    """`app_key` of AppKey, `f_nwk_s_int_key` of FNwkSIntKey."""
    return _WORDS.sub("_", role).lower()


def _option(role: str) -> str:
    return f"--{_name(role).replace('_', '-')}"


def variable(role: str) -> str:
    """The environment variable of a role, MBUSCLI_APP_KEY."""
    return f"MBUSCLI_{_name(role).upper()}"


def lora_key_options(function: F) -> Callable[..., Any]:
    """--app-key, --app-key-file … of every role, and --keys; the command gets them as `keys`."""

    @functools.wraps(function)
    def command(*args: Any, output: Output, ring: str | None, **rest: Any) -> Any:
        texts = {role: rest.pop(_name(role)) for role in ROLES}
        files = {role: rest.pop(f"{_name(role)}_file") for role in ROLES}
        with discreet():
            warn_of_arguments(output.streams, tuple(filter(None, texts.values())))
            keys = RoleKeys(texts, files, ring)
        return function(*args, output=output, keys=keys, **rest)

    decorated: Callable[..., Any] = ring_option(command)
    for role in reversed(ROLES):
        option = _option(role)
        decorated = click.option(
            f"{option}-file",
            metavar="FILE",
            callback=file_name,
            shell_complete=complete_file,
            help=f"File with the {role}; mode 0600.",
        )(decorated)
        decorated = click.option(option, metavar="HEX|-", help=_HELP.get(role, _HELP_1_1))(decorated)
    return decorated


class RoleKeys:
    """The keys of one command by role. What is given is parsed at once, the ring is read when it is needed.

    Raises UsageError and InputError that say which key cannot be one, and never show it.
    """

    def __init__(self, texts: dict[str, str | None], files: dict[str, str | None], ring: str | None) -> None:
        self._given: dict[str, Key] = {}
        self._ring_name = ring
        for role in ROLES:
            for key in _given(role, texts[role], files[role]):
                self._given.setdefault(role, key)

    def of(self, device: bytes, needed: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, Key]:
        """The keys of the device, as `known`; what is needed and missing is asked for.

        KeyProblemError `security.key-missing` if nobody can be asked.
        """
        found = self.known(device, needed, optional)
        for role in needed:
            if role not in found:
                found[role] = _ask(device, role)
        return found

    def known(self, device: bytes, needed: tuple[str, ...], optional: tuple[str, ...]) -> dict[str, Key]:
        """The keys given; if one that is needed is not among them, those of the ring as well."""
        found = {role: key for role, key in self._given.items() if role in (*needed, *optional)}
        if all(role in found for role in needed):
            return found
        in_ring = {role: key for role, key in self._ring(device).items() if role in (*needed, *optional)}
        return {**in_ring, **found}

    def _ring(self, device: bytes) -> dict[str, Key]:
        from pathlib import Path

        from mbuscli.settings.lora_keys import keys_of
        from mbuscli.settings.paths import default_ring
        from mbuscli.settings.ring_file import load_ring

        path = Path(self._ring_name) if self._ring_name else default_ring()
        if not path.exists():
            if self._ring_name:
                raise InputError(f"there is no key ring {path}", reason=Reason.MISSING)
            return {}
        ring = load_ring(path, ask_passphrase)
        return {role: entry.key for role, entry in keys_of(ring.devices, device).items()}


def _given(role: str, text: str | None, file: str | None) -> Iterator[Key]:
    """What the options and the environment give for a role, the first of them first."""
    if text == _STANDARD_INPUT:
        yield _parse(read_secret_line(), f"{role} from standard input")
    elif text is not None:
        yield _parse(text, _option(role))
    if file is not None:
        yield _in_file(file)
    if os.environ.get(variable(role)):
        yield _parse(os.environ[variable(role)], variable(role))


def _in_file(name: str) -> Key:
    from mbuscli.services.keys import given_keys

    candidates = list(given_keys((), name, read_secret_line))
    if len(candidates) != 1:
        raise InputError(
            f"{name} holds {len(candidates)} keys, one is needed",
            reason=Reason.INVALID,
            hint=("a file for each key", "or keep them in the ring: mbuscli keys add DEVEUI --role AppKey"),
        )
    return _of_aes_size(candidates[0].key, name)


def _parse(text: str, where: str) -> Key:
    from mbuscli.protocol.security.keys import parse_key

    try:
        return _of_aes_size(parse_key(text), where)
    except UsageError as error:
        raise UsageError(f"{where}: {error.text}", reason=error.reason, hint=error.hint) from None


def _of_aes_size(key: Key, where: str) -> Key:
    from mbuscli.protocol.security.keys import AES_KEY_SIZE

    if len(key) != AES_KEY_SIZE:
        raise UsageError(f"{where}: keys of LoRaWAN have 32 hexadecimal digits", reason=Reason.KEY_LENGTH)
    return key


def _ask(device: bytes, role: str) -> Key:
    from mbuscli.protocol.security.keys import parse_key

    name = device.hex().upper()
    prompt = f"{role} of {name} (32 hexadecimal digits, not shown): "
    for _ in range(_ATTEMPTS if is_attended() else 0):
        text = ask_secret(prompt)
        if not text:
            break
        try:
            return _of_aes_size(parse_key(text), "the key")
        except UsageError as error:
            prompt = f"{error.text}. Again: "
    raise KeyProblemError(
        f"the {role} of {name} is missing",
        reason=Reason.KEY_MISSING,
        hint=(
            f"{_option(role)} - (from standard input), {_option(role)}-file, or {variable(role)}",
            f"keep it in the ring: mbuscli keys add {name} --role {role}",
            "a device that joins needs its AppKey" if role in ROOT_ROLES else "all session keys are needed",
        ),
    )
