"""Profiles: what is known of one bus, stick or modem, under a name, in the file of settings.

A table `[profile.site-7]` with `port = "tcp://10.0.0.7:10001"` and, as needed, `baud = 300` (or "auto"),
`timeout_s = 1.5`, `retries = 3`, `mode = "T1"`, `region = "EU868"` ... The name is then given as --port.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, cast

from mbuscli.errors import Reason, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from mbuscli.settings.config_kinds import Value

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
Baud: TypeAlias = int | Literal["auto"]

# What --port takes for something else.
_TAKEN = re.compile(r"auto|COM[0-9]{1,3}|rtl_wmbus|rtl_433", re.IGNORECASE)


class Profile(NamedTuple):
    """A port and how to use it: `settings` has what else is set, by the keys of `config_table`."""

    port: str
    name: str = ""
    settings: Mapping[str, Value] = MappingProxyType({})

    @property
    def baud(self) -> Baud | None:
        """Rate of the bus, None where the profile leaves it to the program; so are the next three."""
        return cast("Baud | None", self.settings.get("baud"))

    @property
    def timeout_s(self) -> float | None:
        """How long to wait for an answer to begin."""
        return self._seconds("timeout_s")

    @property
    def retries(self) -> int | None:
        """How often to ask again."""
        return cast("int | None", self.settings.get("retries"))

    @property
    def margin_s(self) -> float | None:
        """What the converter adds to each wait."""
        return self._seconds("margin_s")

    def _seconds(self, key: str) -> float | None:
        value = self.settings.get(key)
        return None if value is None else float(cast(float, value))


def may_be_profile(text: str) -> bool:
    """True if `text` can be the name of a profile: letters, digits, `_`, `.` and `-`, and no port's name."""
    return _NAME.fullmatch(text) is not None and _TAKEN.fullmatch(text) is None


def load_profiles(path: Path | None = None) -> dict[str, Profile]:
    """The profiles in a file of settings, by default the user's; none if there is no such file.

    InputError as `load_config`.
    """
    from mbuscli.settings.config import load_config

    return load_config(path).profiles


def port_of(text: str) -> str:
    """What --port means: the port of the profile with this name, else the text itself.

    UsageError `usage.invalid` for a misspelt profile, InputError where the file of settings is invalid.
    """
    if not may_be_profile(text):
        return text
    profiles = load_profiles()
    if text in profiles:
        return profiles[text].port
    import os

    if not os.path.exists(text):
        refuse_misspelt(text, profiles)
    return text


def refuse_misspelt(name: str, profiles: Mapping[str, Profile]) -> None:
    """UsageError if there is a profile that is spelt like this."""
    from difflib import get_close_matches

    near = get_close_matches(name, profiles, 1)
    if near:
        raise UsageError(
            f"there is no profile {name!r}",
            reason=Reason.INVALID,
            hint=(f"did you mean {near[0]}?", f"profiles: {', '.join(profiles)}"),
        )
