"""Data fields and functions of the DIF (EN 13757-3, data information block)."""

from __future__ import annotations

FUNCTIONS = ("instantaneous", "maximum", "minimum", "error")

# Number of data octets for each data field; None: the LVAR octet says.
DATA_LENGTHS: tuple[int | None, ...] = (0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, None, 6, 0)

NO_DATA = 0x0
REAL32 = 0x5
SELECTION = 0x8
VARIABLE = 0xD
SPECIAL = 0xF

INTEGER_FIELDS = frozenset((0x1, 0x2, 0x3, 0x4, 0x6, 0x7))
BCD_FIELDS = frozenset((0x9, 0xA, 0xB, 0xC, 0xE))

# DIFs with data field F have no VIF.
DIF_MANUFACTURER = 0x0F
DIF_MANUFACTURER_MORE = 0x1F
DIF_FILLER = 0x2F
DIF_GLOBAL_READOUT = 0x7F

MAX_EXTENSIONS = 10
