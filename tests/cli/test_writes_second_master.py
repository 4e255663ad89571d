"""What was written is seen by another program's master: pyMeterBus, on the same pseudo-terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import serial

from mbuscli.cli.exit_codes import ExitCode
from tests.cli.program import run
from tests.cli.served import served_pty
from tests.services.written_meters import bus_of, meter

meterbus: Any = pytest.importorskip("meterbus")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")


def number_at(port: str, address: int, baud: int = 2400) -> str | None:
    """The identification number of the meter that answers at a primary address, as pyMeterBus reads it."""
    with serial.Serial(port, baud, parity=serial.PARITY_EVEN, timeout=0.5) as device:
        meterbus.send_ping_frame(device, address)
        if not meterbus.recv_frame(device, 1):
            return None
        meterbus.send_request_frame(device, address)
        telegram = meterbus.load(meterbus.recv_frame(device, meterbus.FRAME_DATA_LENGTH))
    return "".join(f"{part:02X}" for part in telegram.body.bodyHeader.id_nr)


def test_the_second_master_finds_the_meters_where_we_put_them(tmp_path: Path) -> None:
    bus = bus_of(meter("11111111", 0), meter("22222222", 0))
    with served_pty(bus) as port:
        common = ("--port", port, "--yes")
        environ = {"MBUSCLI_STATE_DIR": str(tmp_path), "MBUSCLI_TIMEOUT": "0.15"}
        for args in (
            ("set-address", "11111111", "17"),
            ("set-address", "22222222.KAM.1B.16", "18"),
            ("set-address", "18", "--id", "88888888"),
            ("set-baud", "18", "9600"),
        ):
            result = run(*args, *common, **environ)
            assert result.code == ExitCode.DONE, result.err
        assert number_at(port, 17) == "11111111"
        assert number_at(port, 18) is None
        assert number_at(port, 18, 9600) == "88888888"
        assert number_at(port, 0) is None
