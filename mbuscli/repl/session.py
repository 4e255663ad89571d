"""What one run of the shell knows: the selected meter, options for all commands, meters seen, the ports."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mbuscli.ports.kept import Keeper

if TYPE_CHECKING:
    from mbuscli.settings.config_kinds import Value

# As many as a long walk meets; beyond that nobody looks through them.
_MOST_METERS = 20_000


class Session:
    """The state between two commands. click hands it to every command as `obj`.

    meter        what `use` has selected, None for nothing
    values       what `set` has set, by the keys of the file of settings
    meters_seen  addresses met by scan, read and sniff, in the order of meeting
    heard        telegrams received so far
    last_code    the exit code of the last command, None before the first one
    """

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper
        self.meter: str | None = None
        self.values: dict[str, Value] = {}
        self.heard = 0
        self.last_code: int | None = None
        self._met: dict[str, None] = {}

    @property
    def meters_seen(self) -> list[str]:
        """Also for the completion of addresses."""
        return list(self._met)

    def meet(self, address: str) -> None:
        """A telegram of this meter was received; called from the threads of jobs too."""
        self.heard += 1
        if address not in self._met and len(self._met) < _MOST_METERS:
            self._met[address] = None

    @property
    def port(self) -> str | None:
        """The wired port that commands take by themselves."""
        return str(self.values["port"]) if "port" in self.values else os.environ.get("MBUSCLI_PORT")
