"""All targets. `sticks` stands for all whose name begins with `sticks.`"""

from __future__ import annotations

from tests.fuzz import captures, files, modems, sticks, telegrams
from tests.fuzz.campaign import Target

TARGETS: dict[str, Target] = {
    **telegrams.TARGETS,
    **sticks.TARGETS,
    **modems.TARGETS,
    **captures.TARGETS,
    **files.TARGETS,
}
GROUPS = tuple(dict.fromkeys(name.partition(".")[0] for name in TARGETS))


def of_group(group: str) -> dict[str, Target]:
    """The targets that `group` stands for; KeyError if there are none."""
    found = {
        name: target for name, target in TARGETS.items() if name == group or name.startswith(f"{group}.")
    }
    if not found:
        raise KeyError(group)
    return found
