"""What goes wrong on the bus, on purpose and repeatably."""

from __future__ import annotations

from typing import NamedTuple


class Faults(NamedTuple):
    """Faults of a scenario. Chances are 0..1; the same `seed` gives the same faults again."""

    noise: float = 0.0
    """Chance, for each request, of a stray octet while the answer is due."""
    drop: float = 0.0
    """Chance, for each octet on its way to the master, of being lost."""
    late: float = 0.0
    """Chance, for each answer, of coming `late_ms` later than it should."""
    late_ms: float = 500.0
    echo: bool = False
    """The converter sends the master's own octets back."""
    dead: tuple[str, ...] = ()
    """Identification numbers of meters that hear nothing and say nothing."""
    unplug_after_octets: int | None = None
    """The port vanishes when the master has received this many octets."""
    unplug_after_requests: int | None = None
    """The port vanishes when the master starts another frame after this many."""
    seed: int = 0


NO_FAULTS = Faults()
