"""An independent master, pyMeterBus, pings, selects and reads the built-in meters over a real pty."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from queue import Queue
from typing import Any

import pytest
import serial

from mbuscli.protocol.address import MeterAddress
from mbuscli.simulator.bus import Bus
from mbuscli.simulator.scenario import load_scenario
from mbuscli.simulator.server import serve_pty

meterbus: Any = pytest.importorskip("meterbus")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")


@pytest.fixture
def path() -> Iterator[str]:
    said: Queue[str] = Queue()
    stop = threading.Event()
    options = {"pace": "fast", "stop": stop, "ready": said.put}
    thread = threading.Thread(target=serve_pty, args=(Bus(load_scenario()),), kwargs=options)
    thread.start()
    try:
        yield said.get(timeout=5)
    finally:
        stop.set()
        thread.join(5)


def open_serial(path: str, baud: int = 2400) -> serial.Serial:
    return serial.Serial(path, baud, parity=serial.PARITY_EVEN, timeout=0.5)


def ping(port: serial.Serial, address: int) -> bool:
    meterbus.send_ping_frame(port, address)
    answer = meterbus.recv_frame(port, 1)
    return bool(answer) and isinstance(meterbus.load(answer), meterbus.TelegramACK)


def read(port: serial.Serial, address: int, frame_count_bit: bool = False) -> Any:
    send = meterbus.send_request_frame_multi if frame_count_bit else meterbus.send_request_frame
    send(port, address)
    answer = meterbus.recv_frame(port, meterbus.FRAME_DATA_LENGTH)
    assert answer
    return meterbus.load(answer)


def identity(telegram: Any) -> str:
    header = telegram.body.bodyHeader
    number = "".join(f"{part:02X}" for part in header.id_nr)
    version, device_type = header.version_field.parts[0], header.measure_medium_field.parts[0]
    return f"{number}.{header.manufacturer_field.decodeManufacturer}.{version:02X}.{device_type:02X}"


def values(telegram: Any) -> list[Any]:
    return [record.value for record in telegram.records]


def test_ping(path: str) -> None:
    with open_serial(path) as port:
        assert ping(port, 1)
        assert ping(port, 0)
        assert not ping(port, 9)
        assert not ping(port, 17)
    with open_serial(path, 300) as port:
        assert ping(port, 17)


def test_read_by_primary_address(path: str) -> None:
    with open_serial(path) as port:
        assert ping(port, 2)
        telegram = read(port, 2)
    assert identity(telegram) == "21873364.LUG.04.04"
    read_values = [float(value) for value in values(telegram)[1:7]]
    assert read_values == pytest.approx([12817000, 351.28, 2300, 0.061, 58.3, 36.1])


@pytest.mark.parametrize("index", range(len(load_scenario().meters)))
def test_every_meter_is_selected_by_its_secondary_address(path: str, index: int) -> None:
    spec = load_scenario().meters[index]
    address = MeterAddress.from_octets(spec.meter)
    mask = f"{address.id}{spec.meter[4:6].hex()}{address.version:02X}{address.device_type:02X}"
    with open_serial(path, spec.baud) as port:
        meterbus.send_select_frame(port, mask)
        assert meterbus.recv_frame(port, 1) == b"\xe5"
        if spec.fixed is None:  # pyMeterBus has no fixed data structure
            assert identity(read(port, 253)) == str(address)


def test_wildcard_selection_of_the_cooling_meter(path: str) -> None:
    with open_serial(path, 9600) as port:
        meterbus.send_select_frame(port, "54FFFFFFFFFFFF0A")
        assert meterbus.recv_frame(port, 1) == b"\xe5"
        telegram = read(port, 253)
    assert identity(telegram) == "54012266.EFE.00.0A"
    assert float(values(telegram)[7]) == pytest.approx(-4.9)


def test_a_telegram_of_several_says_that_more_follow(path: str) -> None:
    with open_serial(path) as port:
        assert ping(port, 64)
        telegrams = [read(port, 64, bit) for bit in (True, False, True)]
    assert [telegram.more_records_follow for telegram in telegrams] == [True, True, False]
    assert float(values(telegrams[0])[0]) == pytest.approx(27438120)
