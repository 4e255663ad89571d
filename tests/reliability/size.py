"""How much is done: a share of the full size by default; MBUSCLI_FULL_SIZE=1 does all of it."""

from __future__ import annotations

import os

FULL = os.environ.get("MBUSCLI_FULL_SIZE") == "1"


def sized(full: int, share: int) -> int:
    """`full`, or without the variable `share`."""
    return full if FULL else share
