"""A simulated bus as a port with a clock of its own."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mbuscli.errors import InputError, PortError, UsageError
from mbuscli.ports.base import Port
from mbuscli.protocol.wired.frames import decode_frame, encode_long, encode_short
from mbuscli.simulator.bus import Bus
from mbuscli.simulator.faults import Faults
from mbuscli.simulator.port import SimPort, open_sim_port
from mbuscli.simulator.scenario import Scenario
from mbuscli.simulator.slave import MeterSpec

METER = MeterSpec(
    meter=bytes.fromhex("785634122d2c1904"), address=1, telegrams=((b"\x01\x13\x03",),), reply_delay_s=0.05
)
PING = encode_short(0x40, 1)
READ = encode_short(0x7B, 1)


def port_of(*meters: MeterSpec, faults: Faults | None = None) -> SimPort:
    return SimPort(Bus(Scenario(meters), faults=faults))


def read_all(port: Port, until: float) -> bytes:
    data = b""
    while part := port.read(until).data:
        data += part
    return data


def test_it_is_a_port() -> None:
    port: Port = port_of(METER)
    with port:
        port.write(PING)
        assert port.now() == pytest.approx(55 / 2400)
        assert port.read(1.0).data == b"\xe5"
        assert port.now() == pytest.approx(66 / 2400 + 0.05, abs=1e-6)


def test_reading_nothing_takes_the_clock_to_the_end() -> None:
    port = port_of()
    port.write(PING)
    assert port.read(0.5) == (b"", frozenset())
    assert port.now() == 0.5
    assert port.read(0.1).data == b""
    assert port.now() == 0.5


def test_reading_does_not_go_beyond_until() -> None:
    port = port_of(METER)
    port.write(READ)
    first = port.read(0.1)
    assert 0 < len(first.data) < 24
    assert port.now() <= 0.1
    assert decode_frame(first.data + read_all(port, 1.0)).data[12:] == b"\x01\x13\x03"
    assert port.now() == 1.0


def test_a_pause_between_two_answers_ends_a_read() -> None:
    port = port_of(METER, METER._replace(reply_delay_s=0.2))
    port.write(PING)
    assert port.read(1.0).data == b"\xe5"
    assert port.now() < 0.1
    assert port.read(1.0).data == b"\xe5"


def test_parity_errors_are_reported() -> None:
    port = port_of(METER, METER._replace(meter=bytes.fromhex("887654222d2c1904")))
    port.write(READ)
    received = port.read(1.0)
    assert {7, 9, 10} <= received.bad


def test_baud_switch() -> None:
    port = port_of(METER)
    port.write(encode_long(0x73, 1, 0xB8))
    assert port.read(1.0).data == b"\xe5"
    port.set_baud(300)
    started = port.now()
    port.write(PING)
    assert port.now() - started == pytest.approx(55 / 300)
    assert port.read(port.now() + 2).data == b"\xe5"


def test_octets_before_a_baud_switch_were_received_at_the_old_rate() -> None:
    port = port_of(METER)
    port.write(PING)
    port.bus.send(b"", 0.3, 2400)
    port.write(b"\xff" * 30)  # the answer comes meanwhile
    port.set_baud(9600)
    assert port.read(port.now()).data == b"\xe5"


def test_unplugging_gives_what_came_before_and_then_the_error() -> None:
    port = port_of(METER, faults=Faults(unplug_after_octets=10))
    port.write(READ)
    assert len(read_ten := port.read(1.0).data) == 10, read_ten
    with pytest.raises(PortError, match="unplugged"):
        port.read(2.0)
    with pytest.raises(PortError, match="unplugged"):
        port.write(PING)


def test_a_closed_port() -> None:
    port = port_of(METER)
    port.close()
    port.close()
    with pytest.raises(PortError, match="closed"):
        port.read(1.0)


def test_rates_that_no_uart_makes_are_refused() -> None:
    port = port_of(METER)
    with pytest.raises(UsageError, match="2401"):
        port.set_baud(2401)
    with pytest.raises(UsageError):
        open_sim_port("sim:", 0)


def test_scanning_all_addresses_takes_no_time_but_tells_the_time_on_the_wire() -> None:
    started = time.perf_counter()
    found = []
    with open_sim_port("sim:", 2400) as port:
        for address in range(251):
            port.write(encode_short(0x40, address))
            if read_all(port, port.now() + 0.1875 + 0.05):
                found.append(address)
    assert found == [0, 1, 2, 3, 20, 42, 64, 99, 200, 250]  # 17 speaks 300 Bd, 128 9600 Bd
    assert port.now() == pytest.approx(251 * (55 / 2400 + 0.2375), abs=0.5)
    assert time.perf_counter() - started < 5


def test_the_spec_names_a_file(tmp_path: Path) -> None:
    path = tmp_path / "one.toml"
    path.write_text(
        '[[meter]]\naddress = 7\nid = "12345678"\nmanufacturer = "KAM"\nversion = 1\ndevice_type = 4\n'
    )
    port = open_sim_port(f"sim:{path}", 2400)
    assert [slave.address for slave in port.bus.slaves] == [7]
    assert port.name == f"sim:{path}"


@pytest.mark.parametrize("spec", ["sim", "simulator:", "sim:?pace=slow", "sim:?speed=2", "sim:?pace"])
def test_bad_specs(spec: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_sim_port(spec)
    assert "?pace=real" in caught.value.hint[0]


def test_missing_file() -> None:
    with pytest.raises(InputError, match=r"none\.toml"):
        open_sim_port("sim:none.toml")


def test_real_pace_sleeps_in_step_with_the_virtual_clock() -> None:
    now = 100.0
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        nonlocal now
        naps.append(seconds)
        now += seconds

    port = open_sim_port("sim:?pace=real", 2400, sleep=sleep, clock=lambda: now)
    port.write(PING)
    port.read(port.now() + 1)
    assert sum(naps) == pytest.approx(port.now())
    now += 10  # the caller took its time: nothing to sleep
    naps.clear()
    port.write(PING)
    assert naps == []
