"""Decoding with compiled layouts: how fast, beside pyMeterBus and pymbusparser, and that nothing differs.

    python -m tests.bench.compiled [FILE.jsonl]      rates; FILE as for tests/bench/decode.py
    python -m tests.bench.compiled --meters          the cost of a telegram among 1, 300 and 30,000 known meters
    python -m tests.bench.compiled --equal N [SEED]  N telegrams with other values and N damaged ones, decoded
                                                     with plans and without; exit code 1 if anything differs

Each rate is the best of many short rounds, in which the contestants take turns: on a shared machine all have
the same weather. A peer decodes frames of the wire only, without keys and drivers.
"""

from __future__ import annotations

import contextlib
import random
import sys
import time
from collections.abc import Callable, Sequence

from mbuscli.meters.registry import Registry
from mbuscli.protocol.wireless.frame_format import NO_CRCS
from mbuscli.render.json import dump_line
from mbuscli.render.rows import telegram_row
from mbuscli.render.telegram_lines import TelegramLines
from mbuscli.services.readings import readings_of
from mbuscli.settings.keystore import Entry, KeyRing
from mbuscli.telegram import decode
from mbuscli.telegram.plans import Plans
from tests.bench import decrypt_log
from tests.bench.decode import telegrams

ROUNDS = 30
TURNS = 6

Work = Callable[[bytes], object]


class Bench:
    """Contestants over the same telegrams."""

    def __init__(self, frames: Sequence[bytes]) -> None:
        self.frames = frames
        self.works: list[tuple[str, Work]] = []

    def add(self, name: str, work: Work) -> None:
        """One more contestant, warmed up."""
        for _ in range(3):
            for frame in self.frames:
                work(frame)
        self.works.append((name, work))

    def run(self) -> dict[str, float]:
        """Seconds for one telegram: for each telegram the best of its rounds, averaged."""
        total = dict.fromkeys((name for name, _ in self.works), 0.0)
        for frame in self.frames:
            best = dict.fromkeys(total, float("inf"))
            for _ in range(ROUNDS):
                for name, work in self.works:
                    for _ in range(TURNS):  # the first of them brings the code back into the cache
                        started = time.perf_counter()
                        work(frame)
                        best[name] = min(best[name], time.perf_counter() - started)
            for name, seconds in best.items():
                total[name] += seconds
        return {name: seconds / len(self.frames) for name, seconds in total.items()}


def values(frame: bytes, plans: Plans | None = None) -> None:
    """All values of all records."""
    for record in decode(frame, plans=plans).records:
        _ = record.value


def columns(frame: bytes, plans: Plans) -> object:
    """What the records say and their values, without an object for each record."""
    laid = decode(frame, plans=plans).laid
    return None if laid is None else list(zip(laid.layout.headers, laid.values()[0], strict=True))


def peers() -> list[tuple[str, Work]]:
    """The peers that are installed."""
    found: list[tuple[str, Work]] = []
    with contextlib.suppress(ImportError):
        import meterbus

        def to_json(frame: bytes) -> None:
            with contextlib.suppress(Exception):  # a peer's failure costs the peer nothing here
                meterbus.load(frame).to_JSON()

        found.append(("pyMeterBus load + to_JSON", to_json))
    with contextlib.suppress(ImportError):
        import pymbusparser

        found.append(("pymbusparser, dictionaries", lambda frame: pymbusparser.parse(frame.hex())))
    return found


def ring(count: int) -> KeyRing:
    """Keys of so many meters."""
    return KeyRing(Entry(f"meter {n}", decrypt_log.meter(n), decrypt_log.key(n)) for n in range(count))


def rates(frames: list[bytes]) -> None:
    """Both tables."""
    plans, lines = Plans(), TelegramLines()
    wired = Bench(frames)
    wired.add("records and values, plain", values)
    wired.add("records and values", lambda frame: values(frame, plans))
    wired.add("headers and values", lambda frame: columns(frame, plans))
    wired.add("readings", lambda frame: readings_of(decode(frame, plans=plans)))
    wired.add("JSON lines, plain", lambda frame: dump_line(telegram_row(decode(frame))))
    wired.add("JSON lines", lambda frame: lines.line(decode(frame, plans=plans)))
    for name, work in peers():
        wired.add(name, work)
    octets = sum(map(len, frames)) / len(frames)
    print(f"wired: {len(frames)} telegrams, {octets:.0f} octets on average")
    seconds = wired.run()
    peer = seconds.get("pyMeterBus load + to_JSON")
    _show(seconds, peer)
    keys = ring(300)
    sealed = [decrypt_log.radio(n, sealed=True) for n in range(96)]
    radio = Bench(sealed)
    radio.add("plain", lambda frame: readings_of(decode(frame, keys=keys)))
    radio.add("as found in a text", lambda frame: readings_of(decode(frame, keys=keys, plans=plans)))

    def told(frame: bytes) -> object:
        return decode(frame, layer="wireless", frame_format=NO_CRCS, keys=keys, plans=plans)

    radio.add("as a receiver gives it", lambda frame: readings_of(told(frame)))
    radio.add("JSON lines", lambda frame: lines.line(told(frame)))
    print(f"security mode 5, key and driver, readings: {len(sealed[0])} octets")
    _show(radio.run(), peer)


def _show(seconds: dict[str, float], peer: float | None) -> None:
    for name, each in seconds.items():
        ratio = "" if peer is None else f"{peer / each:8.1f} x pyMeterBus"
        print(f"  {name:30} {1e6 * each:8.1f} µs {1 / each:10,.0f}/s{ratio}")


def meters() -> None:
    """A telegram of one of so many meters, each in the key ring and heard before."""
    works = []
    for count in (1, 300, 30_000):
        keys, plans = ring(count), Plans()
        heard = [decrypt_log.radio(n, sealed=True) for n in range(count)]
        for frame in heard if count > 16 else heard * 16:
            readings_of(decode(frame, keys=keys, plans=plans))
        chosen = random.Random(count).choices(heard, k=600)
        works.append((count, keys, plans, chosen))
    best = {count: float("inf") for count, *_ in works}
    for _ in range(60):
        for count, keys, plans, chosen in works:
            for at in range(0, 600, 100):
                started = time.perf_counter()
                for frame in chosen[at : at + 100]:
                    readings_of(decode(frame, keys=keys, plans=plans))
                best[count] = min(best[count], (time.perf_counter() - started) / 100)
    for count, each in best.items():
        print(
            f"  {count:6} meters {1e6 * each:8.1f} µs {1 / each:10,.0f}/s   {each / best[1]:5.2f} of one meter"
        )


def equal(count: int, seed: str) -> int:
    """How many telegrams differ."""
    from tests.telegram import equality

    rng, seeds, differing = random.Random(seed), equality.seeds(), 0
    beside = equality.Beside()
    for name, change in (("values", equality.values_changed), ("structure", equality.structure_changed)):
        done, beside.laid = 0, 0
        while done < count:
            chosen = rng.choice(seeds)
            octets = change(rng, chosen)
            if not octets:
                continue
            done += 1
            difference = beside.difference(octets, chosen.key)
            if difference is not None:
                differing += 1
                print(f"{octets.hex()} {chosen.key}\n{difference}")
        print(f"{name}: {count} telegrams, {beside.laid} of them under a layout, {differing} differ")
    return differing


def main() -> None:
    """What the first argument says."""
    words = sys.argv[1:]
    if words[:1] == ["--equal"]:
        sys.exit(1 if equal(int(words[1]), words[2] if len(words) > 2 else "1") else 0)
    if words[:1] == ["--meters"]:
        meters()
        return
    Registry()
    rates(telegrams(words[0] if words else None))


if __name__ == "__main__":
    main()
