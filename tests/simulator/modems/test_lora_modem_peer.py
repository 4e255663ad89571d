"""The CLI `lora` (PyPI lora-modem) with our Murata ABZ on a pseudo-terminal: it joins and sends.

It wants a Python environment of its own: MBUSCLI_TEST_LORA names the program where it is not on the PATH.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from mbuscli.simulator.modems import opener
from tests.cli.program import COMMAND, environment

LORA = os.environ.get("MBUSCLI_TEST_LORA") or shutil.which("lora") or ""

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals of POSIX"),
    pytest.mark.skipif(not LORA, reason="the peer `lora` is not installed (pip install lora-modem)"),
]


@pytest.fixture
def place() -> Iterator[str]:
    """Where a Murata ABZ is served by the command itself."""
    with subprocess.Popen(
        # At its real pace: the peer misses what comes together with +OK.
        [*COMMAND, "simulate", "--modem", "murata_abz"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def lora(place: str, *args: str) -> str:
    """What the peer says; it must end well."""
    done = subprocess.run([LORA, "-p", place, *args], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def configure(place: str, **values: bytes) -> None:
    """The peer takes a value for a Python expression."""
    for name, value in values.items():
        lora(place, "-b", "19200", "set", f"{name}='{value.hex()}'")


def test_it_finds_the_rate_by_itself(place: str) -> None:
    assert "succeeded" not in lora(place, "get", "deveui")
    assert opener.DEV_EUI.hex().upper() in lora(place, "get", "deveui").upper()


def test_it_joins_and_sends(place: str) -> None:
    configure(place, joineui=opener.JOIN_EUI, appkey=opener.APP_KEY.octets, nwkkey=opener.APP_KEY.octets)
    assert "succeeded" in lora(place, "-b", "19200", "join")
    lora(place, "-b", "19200", "trx", "-m", "!,7,confirmed")  # ends with the acknowledgement
    lora(place, "-b", "19200", "trx", "-m", "7,hello")
    assert lora(place, "-b", "19200", "get", "frmcnt").strip() == "2,1"


def test_it_is_told_that_a_join_failed(place: str) -> None:
    configure(place, joineui=bytes(8))
    done = subprocess.run(
        [LORA, "-p", place, "-b", "19200", "join"], capture_output=True, text=True, timeout=60, check=False
    )
    assert "failed" in done.stdout
    assert done.returncode == 1
