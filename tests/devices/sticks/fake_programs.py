"""Programs that behave as rtl_sdr, rtl_wmbus and rtl_433 do, on the simulated air; made for a test's PATH.

What goes wrong is told by the file `faults` next to them: no-dongle, busy, permission, stall, crash, broken.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

_PROGRAM = """#!{python}
import os, signal, sys, time
sys.path.insert(0, {root!r})
from tests.devices.sticks import fake_programs
fake_programs.main({folder!r}, os.path.basename(sys.argv[0]), sys.argv[1:])
"""


def install(folder: Path, *names: str, faults: str = "") -> None:
    """Put these programs into `folder`."""
    (folder / "faults").write_text(faults)
    for name in names:
        path = folder / name
        path.write_text(_PROGRAM.format(python=sys.executable, root=str(ROOT), folder=str(folder)))
        path.chmod(0o755)


def main(folder: str, name: str, arguments: list[str]) -> None:
    """What a program does."""
    faults = Path(folder, "faults").read_text()
    with open(Path(folder, "log"), "a") as log:
        print(name, os.getpid(), *arguments, file=log)
    if name in ("rtl_sdr", "rtl_433"):
        _open_dongle(faults)
    if name == "rtl_sdr":
        _samples()
    _receive(name, faults)


def _open_dongle(faults: str) -> None:
    """The words and the exit codes of librtlsdr."""
    if "no-dongle" in faults:
        print("No supported devices found.", file=sys.stderr)
        sys.exit(1)
    print("Found 1 device(s):\n  0:  Realtek, RTL2838UHIDIR, SN: 00000001", file=sys.stderr)
    if "busy" in faults:
        print("usb_claim_interface error -6\nFailed to open rtlsdr device #0.", file=sys.stderr)
        sys.exit(1)
    if "permission" in faults:
        print("usb_open error -3\nFailed to open rtlsdr device #0.", file=sys.stderr)
        sys.exit(1)


def _samples() -> None:
    """Octets for the next program, until it ends."""
    import time

    while True:
        try:
            os.write(1, b"\x7f" * 4096)
        except BrokenPipeError:
            sys.exit(0)
        time.sleep(0.005)


def _receive(name: str, faults: str) -> None:
    """Lines of what the meters of the scenario send, as fast as they are read."""
    import threading

    from mbuscli.protocol.receivers import rtl_433, rtl_wmbus
    from mbuscli.simulator.sticks.air import Air
    from tests.simulator.sticks.scenarios import TELEGRAM, sending

    if name == "rtl_wmbus":
        threading.Thread(target=_swallow, daemon=True).start()
    print("some words of the start", flush=True)
    broken = 0.5 if "broken" in faults else 0
    telegrams = [TELEGRAM[:11] + bytes((number,)) + TELEGRAM[12:] for number in range(20)]
    for sent in Air(sending(telegrams, broken=broken)).take(1000):
        stamp = "2026-01-31 10:00:00.000000"
        if name == "rtl_wmbus":
            line = rtl_wmbus.encode_line(sent.telegram, sent.mode, stamp, 77, crc_ok=sent.intact)
        elif sent.intact:
            line = rtl_433.encode_json_line(sent.telegram, sent.mode, stamp)
        else:
            continue
        print(line, flush=True)
    if "crash" in faults:
        print("Signal caught, exiting!", file=sys.stderr)
        sys.exit(3)
    if "stall" in faults:
        print("rtl_wmbus: exiting", file=sys.stderr, flush=True)
    threading.Event().wait()


def _swallow() -> None:
    while os.read(0, 65536):
        pass
    os._exit(0)
