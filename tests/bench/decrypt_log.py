"""`decrypt` on a long log: 100,000 mixed lines through the command line, with its rate and its memory.

    python tests/bench/decrypt_log.py [LINES]

The log is made here: wired frames, radio telegrams in clear and in security mode 5, rtl_wmbus lines, and a
line in a hundred that is none. pymbusparser, where it is installed, decodes the same wired and clear telegrams.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.encode import encode_record
from mbuscli.protocol.security.keys import Key
from mbuscli.protocol.security.sealed import Sealed
from mbuscli.protocol.security.sealing import fill_blocks, seal_payload
from mbuscli.protocol.wired.frames import encode_long
from mbuscli.settings.keystore import Entry
from mbuscli.settings.ring_file import write_contents

ROOT = Path(__file__).resolve().parents[2]
METERS = 500


def meter(number: int) -> MeterAddress:
    """One of the invented meters."""
    return MeterAddress(f"{10000000 + number:08d}", 0x2C2D, 0x1B, 0x07)


def key(number: int) -> Key:
    """Its key."""
    return Key((number * 0x9E3779B97F4A7C15 & (1 << 128) - 1).to_bytes(16, "big"))


def records(number: int) -> bytes:
    """Seven records of a water meter."""
    headers = ("0C13", "4C13", "426C", "046D", "3B3B", "0259", "02FD17")
    values = (
        f"{number / 1000:.3f}",
        f"{number / 2000:.3f}",
        "2025-12-31",
        "2026-01-31T10:00",
        "0.113",
        "21.5",
        0,
    )
    return b"".join(encode_record(bytes.fromhex(h), v) for h, v in zip(headers, values, strict=True))


def wired(number: int) -> bytes:
    """A wired answer."""
    return encode_long(
        8,
        number % 250,
        0x72,
        meter(number % METERS).octets() + bytes((number & 255, 0, 0, 0)) + records(number),
    )


def radio(number: int, *, sealed: bool) -> bytes:
    """A radio telegram, in clear or in security mode 5."""
    sender, acc = meter(number % METERS), number & 255
    octets = sender.octets()
    body = fill_blocks(records(number))
    configuration = 0x0500 | len(body) // 16 << 4 if sealed else 0
    if sealed:
        body = seal_payload(Sealed(configuration, body, lla=octets, acc=acc), key(number % METERS))
    telegram = (
        bytes((0x44,))
        + octets[4:6]
        + octets[:4]
        + octets[6:8]
        + bytes((0x7A, acc, 0))
        + configuration.to_bytes(2, "little")
        + body
    )
    return bytes((len(telegram),)) + telegram


def line(number: int) -> str:
    """One line of the log."""
    kind = number % 100
    if kind == 0:
        return "-- the receiver was restarted --"
    if kind < 34:
        return wired(number).hex()
    telegram = radio(number, sealed=kind < 67)
    if kind % 2:
        return f"T1;1;1;2026-01-31 10:00:00.000;-71;-70;{number:08d};0x{telegram.hex()}"
    return telegram.hex()


def main() -> None:
    """Make the log, run the command, print rate and memory."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log, ring, out = folder / "walk.log", folder / "ring.toml", folder / "out.ndjson"
        with log.open("w") as stream:
            for number in range(count):
                stream.write(line(number) + "\n")
        write_contents(ring, [Entry(str(meter(n)), meter(n), key(n)) for n in range(METERS)], None)
        words = [sys.executable, "-m", "mbuscli", "decrypt", str(log), "-o", "ndjson", "--keys", str(ring)]
        environ = {**os.environ, "MBUSCLI_STATE_DIR": str(folder), "MBUSCLI_CONFIG_DIR": str(folder)}
        started = time.perf_counter()
        with out.open("wb") as stream:
            code = subprocess.run(
                words, stdout=stream, stderr=subprocess.DEVNULL, cwd=ROOT, env=environ
            ).returncode
        seconds = time.perf_counter() - started
        lines = sum(1 for _ in out.open("rb"))
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(
            f"{count} lines in {seconds:.1f} s ({count / seconds:,.0f}/s), exit {code}, {lines} telegrams out, {memory:.0f} MiB"
        )
        _peer(min(count, 20_000))


def _peer(count: int) -> None:
    try:
        import pymbusparser
    except ImportError:
        return
    texts = [wired(number).hex() for number in range(count)]
    started = time.perf_counter()
    for text in texts:
        pymbusparser.render(text, "json")
    seconds = time.perf_counter() - started
    print(f"pymbusparser, wired frames to JSON, no keys, no files: {count / seconds:,.0f}/s")


if __name__ == "__main__":
    main()
