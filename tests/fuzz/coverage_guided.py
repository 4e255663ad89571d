"""`python -m tests.fuzz.coverage_guided`: inputs that are grown towards code which no other one has reached.

Needs atheris, which is no dependency of the tests: `pip install atheris` (3.0.0; Linux and macOS). What the
targets are and what they must not do is as in the other campaigns. A case that fails is written to a file
`crash-...`, and its command is shown.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

# The packages whose code is followed.
_FOLLOWED = ["mbuscli"]
_LONGEST = 600


def main(words: list[str]) -> int:
    """Does not come back from a run: libFuzzer ends the process."""
    parser = argparse.ArgumentParser(
        "python -m tests.fuzz.coverage_guided", description=__doc__.split(":")[1]
    )
    parser.add_argument("--target", default="wireless")
    parser.add_argument("--runs", type=int, default=200_000)
    parser.add_argument(
        "--corpus", help="folder where inputs of interest are kept; a temporary one if left out"
    )
    given = parser.parse_args(words)
    try:
        atheris: Any = importlib.import_module("atheris")
    except ImportError:
        sys.stderr.write("atheris is not installed: pip install atheris\n")
        return 3
    with atheris.instrument_imports(include=_FOLLOWED):
        from tests.fuzz.campaign import run_case
        from tests.fuzz.targets import TARGETS
    target = TARGETS[given.target]
    corpus = Path(given.corpus or tempfile.mkdtemp(prefix="mbuscli-corpus-"))
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (corpus / f"{zlib.crc32(seed):08x}").write_bytes(seed)

    def one(case: bytes) -> None:
        try:
            run_case(given.target, target, case, sparing=True)
        except Exception:
            sys.stderr.write(f"python -m tests.fuzz --target {given.target} --case {case.hex() or '-'}\n")
            raise

    atheris.Setup(
        [sys.argv[0], f"-runs={given.runs}", f"-max_len={_LONGEST}", "-timeout=60", str(corpus)], one
    )
    os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=0")
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
