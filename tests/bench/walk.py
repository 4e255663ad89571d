"""A walk on paper: how many telegrams a second go through keys and inventory, and in how much memory.

    python tests/bench/walk.py [--telegrams 200000] [--meters 5000] [--random 1000000] [--seconds 30]

Four runs, each in a process of its own:
  keyed    telegrams of many meters, two of three encrypted (security mode 5), through the key ring into the
           inventory. A stick's serial line at 57600 baud, 8N1, carries 5760 octets a second: with telegrams of
           about 40 octets and 8 octets of the stick's own around each, 120 a second. 20 times that is asked for.
  random   telegrams of meters that never come again; the memory of meters is bounded, and so is the file.
  pipe     `sniff` in a pipe, fed with 20 telegrams a second for a while: its share of one core.
  table    the same on a terminal, with the live table.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from mbuscli.devices.sticks.base import Reception
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.encode import encode_record
from mbuscli.protocol.security.keys import Key
from mbuscli.protocol.security.sealed import Sealed
from mbuscli.protocol.security.sealing import fill_blocks, seal_payload
from mbuscli.services.recorder import Recorder
from mbuscli.services.sniff import MAX_STRANGERS, Walk
from mbuscli.settings.keystore import Entry, KeyRing

ROOT = Path(__file__).resolve().parents[2]
LINE_OCTETS_S = 57600 / 10
TELEGRAM_OCTETS = 40 + 8
FACTOR = 20
MEMORY_LIMIT_MIB = 100
SHARE_LIMIT = 0.05
RATE = 20
WARM_UP_S = 5
START = 1_800_000_000.0


def meter(number: int) -> MeterAddress:
    """One of the invented meters."""
    return MeterAddress(f"{number % 100_000_000:08d}", 0x2C2D, 0x1B, 0x07)


def key(number: int) -> Key:
    """Its key."""
    return Key((number * 0x9E3779B97F4A7C15 & (1 << 128) - 1).to_bytes(16, "big"))


def telegram(number: int, acc: int, value: int, *, sealed: bool) -> bytes:
    """Volume and flow of a water meter, about 40 octets."""
    records = b"".join(
        encode_record(bytes.fromhex(header), text)
        for header, text in (("0C13", f"{value / 1000:.3f}"), ("3B3B", "0.113"), ("046D", "2026-01-31T10:00"))
    )
    octets = meter(number).octets()
    body = fill_blocks(records) if sealed else records
    configuration = 0x0500 | len(body) // 16 << 4 if sealed else 0
    if sealed:
        body = seal_payload(Sealed(configuration, body, lla=octets, acc=acc), key(number))
    header = (
        octets[4:6] + octets[:4] + octets[6:8] + bytes((0x7A, acc, 0)) + configuration.to_bytes(2, "little")
    )
    return bytes((1 + len(header) + len(body), 0x44)) + header + body


def memory_mib() -> float:
    """The most that this process has used so far."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(walk: Walk, recorder: Recorder, telegrams: Iterator[bytes]) -> tuple[int, float, int]:
    """Everything through walk and inventory; the number, the seconds of one core without making them (other
    programs do not count), and the octets."""
    count = octets = 0
    busy_s = 0.0
    batch: list[bytes] = []
    for batch in batches(telegrams):
        began = time.process_time()
        for data in batch:
            at = START + count / 120
            recorder.add(walk.take(Reception(data, at, -70.0 - count % 30, "T1", "none"), at, "stick"))
            count += 1
            octets += len(data)
        recorder.flush(count / 120)
        busy_s += time.process_time() - began
    began = time.process_time()
    recorder.close()
    assert recorder.trouble is None, recorder.trouble
    return count, busy_s + time.process_time() - began, octets


def batches(telegrams: Iterator[bytes], size: int = 120) -> Iterator[list[bytes]]:
    """A second of a full line each."""
    batch = []
    for data in telegrams:
        batch.append(data)
        if len(batch) == size:
            yield batch
            batch = []
    yield batch


def keyed(count: int, meters: int) -> None:
    """Many meters with their keys."""
    ring = KeyRing(Entry(str(meter(n)), meter(n), key(n)) for n in range(meters))
    telegrams = (
        telegram(n % meters, n // meters & 0xFF, n, sealed=bool(n % meters % 3)) for n in range(count)
    )
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(Path(folder) / "inventory")
        walk = Walk(ring, recall=recorder.recall)
        done, seconds, octets = run(walk, recorder, telegrams)
        size = (Path(folder) / "inventory").stat().st_size / 1e6
    line = LINE_OCTETS_S / TELEGRAM_OCTETS
    rate = done / seconds
    print(
        f"keyed: {done} telegrams of {meters} meters, {octets / done:.0f} octets each, {rate:,.0f}/s = "
        f"{rate / line:.0f} times a full line ({line:.0f}/s); {memory_mib():.0f} MiB, inventory {size:.0f} MB"
    )
    assert not walk.counters.unknown
    assert len(walk.roster) == meters
    assert rate >= FACTOR * line, "too slow"


def random(count: int) -> None:
    """Meters that never come again."""
    telegrams = (telegram(n * 7919, 1, n, sealed=False) for n in range(count))
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(Path(folder) / "inventory")
        walk = Walk(recall=recorder.recall)
        done, seconds, _ = run(walk, recorder, telegrams)
        size = (Path(folder) / "inventory").stat().st_size / 1e6
    print(
        f"random: {done} telegrams, {done / seconds:,.0f}/s, {len(walk.roster)} meters remembered, "
        f"{walk.roster.forgotten} forgotten; {memory_mib():.0f} MiB (limit {MEMORY_LIMIT_MIB}), "
        f"inventory {size:.0f} MB"
    )
    assert len(walk.roster) <= MAX_STRANGERS
    assert memory_mib() < MEMORY_LIMIT_MIB, "too much memory"


def live(seconds: int, *, table: bool) -> None:
    """The command itself, fed at a realistic pace: as JSON into a pipe, or as the live table of 160x50."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "MBUSCLI_STATE_DIR": folder, "MBUSCLI_CONFIG_DIR": folder, "TERM": "xterm"}
        words = [
            sys.executable,
            "-m",
            "mbuscli",
            "sniff",
            "--port",
            "-",
            "-o",
            "table" if table else "ndjson",
        ]
        near, far = screen() if table else os.pipe()
        child = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=far, stderr=subprocess.DEVNULL, cwd=ROOT, env=environ
        )
        os.close(far)
        threading.Thread(target=drain, args=(near,), daemon=True).start()
        assert child.stdin is not None
        warm, began = 0.0, time.monotonic()
        for number in range((seconds + WARM_UP_S) * RATE):
            data = telegram(number % 200, number // 200 & 0xFF, number, sealed=False)
            child.stdin.write(data.hex().encode() + b"\n")
            child.stdin.flush()
            if number == WARM_UP_S * RATE:
                warm = cpu_s(child.pid)
            time.sleep(max(0.0, began + number / RATE - time.monotonic()))
        share = (cpu_s(child.pid) - warm) / seconds
        child.stdin.close()
        child.send_signal(signal.SIGINT)
        assert child.wait() == 0
    print(
        f"{'live table' if table else 'live pipe'}: {share:.1%} of a core at {RATE}/s (limit {SHARE_LIMIT:.0%})"
    )
    assert share < SHARE_LIMIT, "too busy"


def screen() -> tuple[int, int]:
    """Both ends of a terminal of 160x50."""
    import fcntl
    import pty
    import struct
    import termios

    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
    return near, far


def drain(descriptor: int) -> None:
    """Read until the end, as a terminal does."""
    try:
        while os.read(descriptor, 65536):
            pass
    except OSError:
        pass  # Linux: the last one has closed the terminal


def cpu_s(pid: int) -> float:
    """User and system time of a process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Each run in a process of its own, as memory is never given back."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--telegrams", type=int, default=200_000)
    parser.add_argument("--meters", type=int, default=5_000)
    parser.add_argument("--random", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--only", choices=("keyed", "random", "pipe", "table"))
    options = parser.parse_args()
    if options.only == "keyed":
        keyed(options.telegrams, options.meters)
    elif options.only == "random":
        random(options.random)
    elif options.only in ("pipe", "table"):
        live(options.seconds, table=options.only == "table")
    else:
        for name in ("keyed", "random", "pipe", "table"):
            subprocess.run([sys.executable, __file__, *sys.argv[1:], "--only", name], check=True)


if __name__ == "__main__":
    main()
