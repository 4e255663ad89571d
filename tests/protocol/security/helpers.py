"""Ground shared by the tests of the security layer: invented meters, and what counts as plausible content."""

from __future__ import annotations

from mbuscli.protocol.application.records import parse_records
from mbuscli.protocol.security.keys import Candidate, Key

# Identification 12345678, manufacturer ELS, version 33, type 03: as in the long header.
METER = bytes.fromhex("78563412 9315 33 03")
ADAPTER = bytes.fromhex("11223344 8444 33 37")
SIBLING = bytes.fromhex("99999999 9315 33 03")
KEY = Key(bytes(range(16)))
OTHER_KEY = Key(bytes(range(0x40, 0x50)))
DES_KEY = Key(bytes.fromhex("0102030405060708"))
COUNTER = bytes.fromhex("B30A0000")
# 28504.27 m³, 2008-05-31 23:50, error flags 0.
RECORDS = bytes.fromhex("0C1427048502046D32371F1502FD170000")


def reads_as_records(data: bytes) -> bool:
    """True if all of `data` reads as records, each with a known header and a valid value."""
    parsed = parse_records(data)
    return (
        bool(parsed.records)
        and not parsed.problems
        and all(record.header.error is None and record.error is None for record in parsed.records)
    )


def anything(data: bytes) -> bool:
    """Content that cannot be judged."""
    return True


def nothing(data: bytes) -> bool:
    """Content that never reads as records."""
    return False


def candidate(key: Key = KEY, *, name: str = "mine", exact: bool = False) -> Candidate:
    return Candidate(name, key, exact=exact)


def flipped(data: bytes) -> list[bytes]:
    """`data` with each of its bits wrong in turn."""
    return [
        data[:n] + bytes((data[n] ^ 1 << bit,)) + data[n + 1 :] for n in range(len(data)) for bit in range(8)
    ]
