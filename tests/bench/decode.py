"""Decode speed and start-up cost, beside pyMeterBus and pymbusparser in the same run.

    python tests/bench/decode.py [FILE.jsonl]

FILE holds one JSON object a line with the frame under "hex" (and perhaps "kind"; only "ok" ones count). Without
it the telegrams are those of the simulated bus. Each decoder reads every value of every record.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 7


def telegrams(path: str | None) -> list[bytes]:
    """The frames to decode."""
    if path is not None:
        rows = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
        return [bytes.fromhex(row["hex"]) for row in rows if row.get("kind", "ok") == "ok"]
    from mbuscli.devices.converters.level_converter import LevelConverter
    from mbuscli.protocol.wired.session import Session
    from mbuscli.protocol.wired.timing import timing_for
    from mbuscli.services.link import more_follows
    from mbuscli.simulator.port import open_sim_port

    frames = []
    with open_sim_port("sim:", 2400) as port:
        converter = LevelConverter(port)
        session = Session(timing_for(2400), more_follows=more_follows)
        for address in range(251):
            probe = converter.run(session.probe(address))
            if probe.frame is not None:
                frames.append(probe.raw)
    return frames


def mbuscli_values(frames: list[bytes]) -> None:
    from mbuscli.telegram import decode

    for frame in frames:
        for record in decode(frame).records:
            _ = record.value


def mbuscli_rows(frames: list[bytes]) -> None:
    from mbuscli.render.rows import telegram_row
    from mbuscli.telegram import decode

    for frame in frames:
        telegram_row(decode(frame))


def pymeterbus_values(frames: list[bytes]) -> None:
    import meterbus

    for frame in frames:
        try:
            telegram = meterbus.load(frame)
            for record in telegram.records:
                _ = record.value
        except Exception:  # noqa: BLE001  a peer's failure costs the peer nothing here
            continue


def pymbusparser_dictionaries(frames: list[bytes]) -> None:
    import pymbusparser

    for frame in frames:
        pymbusparser.parse(frame.hex())


def rate(work: Callable[[list[bytes]], None], frames: list[bytes]) -> float:
    """Telegrams per second, the best of some rounds of at least a tenth of a second."""
    work(frames)
    best = 0.0
    for _ in range(ROUNDS):
        count = 0
        started = time.perf_counter()
        while time.perf_counter() - started < 0.1:
            work(frames)
            count += len(frames)
        best = max(best, count / (time.perf_counter() - started))
    return best


def start_up(*args: str) -> tuple[float, int]:
    """Milliseconds of a whole run (best of ten), and modules loaded by a bare interpreter."""
    best = 1e9
    for _ in range(10):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "mbuscli", *args], capture_output=True, check=True, cwd=ROOT)
        best = min(best, time.perf_counter() - started)
    paths = [str(ROOT), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    script = (
        f"import sys\nsys.path += {paths!r}\nsys.argv = ['mbuscli', *{args!r}]\n"
        "from mbuscli.cli.main import main\nmain()\nprint(len(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-S", "-c", script], capture_output=True, text=True, check=True)
    return best * 1000, int(done.stderr.split()[-1])


def main() -> None:
    """Print both tables."""
    frames = telegrams(sys.argv[1] if len(sys.argv) > 1 else None)
    octets = sum(map(len, frames)) / len(frames)
    print(f"{len(frames)} telegrams, {octets:.0f} octets on average")
    contestants: list[tuple[str, Callable[[list[bytes]], None]]] = [
        ("mbuscli, all values", mbuscli_values),
        ("mbuscli, JSON rows", mbuscli_rows),
    ]
    for name, work in (("pyMeterBus", pymeterbus_values), ("pymbusparser", pymbusparser_dictionaries)):
        try:
            work(frames[:1])
        except ImportError:
            print(f"{name} is not installed")
            continue
        contestants.append((name, work))
    rates = [(name, rate(work, frames)) for name, work in contestants]
    ours = rates[0][1]
    for name, per_second in rates:
        print(
            f"{name:24} {per_second:10,.0f} telegrams/s   mbuscli is {ours / per_second:5.2f} times as fast"
        )
    print(f"{'command':24} {'ms':>8} {'modules':>8}")
    commands = (("--version",), ("--help",), ("decrypt", frames[0].hex(), "-o", "json"))
    for args in commands:
        milliseconds, modules = start_up(*args)
        print(f"{' '.join(args)[:24]:24} {milliseconds:8.0f} {modules:8d}")


if __name__ == "__main__":
    main()
