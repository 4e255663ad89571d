"""The simulated sticks speak their dialogues octet for octet, and go wrong as they are told to."""

from __future__ import annotations

import itertools

import pytest

from mbuscli.errors import PortError, UsageError
from mbuscli.simulator.port import open_sim_port
from mbuscli.simulator.sticks.air import Air
from mbuscli.simulator.sticks.amber import Amb8465Twin
from mbuscli.simulator.sticks.im871a import Im871aTwin
from mbuscli.simulator.sticks.iu891a import Iu891aTwin
from mbuscli.simulator.sticks.opener import STICKS, open_twin
from mbuscli.simulator.sticks.rc1180 import Rc1180Twin
from mbuscli.simulator.sticks.twin import NO_FAULTS, StickFaults, Twin
from tests.simulator.sticks.scenarios import TELEGRAM, sending

BODY = TELEGRAM[1:].hex()


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


def ask(twin: Twin, request: str, at: float, baud: int | None = None) -> bytes:
    """What comes within a second."""
    rate = baud or twin.baud
    twin.send(octets(request), at, rate)
    return bytes(octet.value for octet in twin.hear(at + 1, rate))


def hear(twin: Twin, until: float = 60) -> bytes:
    return bytes(octet.value for octet in twin.hear(until, twin.baud))


def twin_of(kind: type[Twin], faults: StickFaults = NO_FAULTS, **options: object) -> Twin:
    return kind(Air(sending([TELEGRAM], **options)), faults)  # type: ignore[arg-type]


def test_im871a_dialogue() -> None:
    twin = twin_of(Im871aTwin, rssi_dbm=-84.5)
    assert ask(twin, "A5 01 0F 00", 0) == octets("A5 01 10 08 33 00 15 17 78 56 34 12")
    config = "A5 01 06 16 FF 00 0A 44 252C 10001102 01 0F 00 FF 07 00 00 00 01 00 01 00"
    assert ask(twin, "A5 01 05 00", 1) == octets(config)
    assert ask(twin, "A5 01 03 06 00 02 0A 30 01 00", 2) == octets("A5 01 04 01 00")
    assert hear(twin) == octets(f"A5 C2 03 18 {BODY} 4C EA 03")
    assert ask(twin, "A5 01 01 00", 61) == octets("A5 01 02 00")


def test_iu891a_dialogue() -> None:
    twin = twin_of(Iu891aTwin, rssi_dbm=-25.0, phase_s=31.0)
    info = "C0 01 04 00 6E 78563412 0000000000 E3F2 C0"
    assert ask(twin, "C0" * 30 + "C0 01 03 04 24 C0", 0) == octets(info)
    assert ask(twin, "C0 09 81 DE 4D C0", 1) == octets("C0 09 82 00 252C 10222244 01 37 A054 C0")
    config = "C0 09 02 00 03 0600 0000 0000 00000000 D825 C0"
    assert ask(twin, "C0 09 01 D6 C9 C0", 2) == octets(config)
    # T alone, then C and T again.
    assert ask(twin, "C0 09 03 02 0600 000000000000 0000 30 23 C0", 3) == octets("C0 09 04 00 B23D C0")
    assert twin.listening == {"T1"}
    set_ct = "C0 09 03 03 0600 0000 0000 00000000 A176 C0"
    assert ask(twin, set_ct, 4) == octets("C0 09 04 00 B23D C0")
    telegram = f"C0 09 20 9F436D38 000002 E7 {TELEGRAM.hex()} AF59 C0"
    assert hear(twin) == octets(telegram)


def test_amb8465_dialogue() -> None:
    twin = twin_of(Amb8465Twin, rssi_dbm=-65.0)
    assert isinstance(twin, Amb8465Twin)
    twin.memory[0x45] = 0
    answer = ask(twin, "FF 0A 02 00 80 77", 0)
    assert (answer[:5], answer[-1], len(answer)) == (octets("FF 8A 7A 00 78"), 0x17, 0x7E)
    assert ask(twin, "FF 04 01 09 F3", 1) == octets("FF 84 01 00 7A")
    assert ask(twin, "FF 0B 00 F4", 2)[:3] == octets("FF 8B 04")
    assert hear(twin) == TELEGRAM


@pytest.mark.parametrize(
    ("command_output", "expected"), [(0, f"19 {BODY} 12"), (1, f"FF 03 19 {BODY} 12 55")]
)
def test_amb8465_appends_the_strength(command_output: int, expected: str) -> None:
    twin = twin_of(Amb8465Twin, rssi_dbm=-65.0)
    assert isinstance(twin, Amb8465Twin)
    twin.memory[0x05] = command_output
    ask(twin, "FF 04 01 09 F3", 0)
    assert hear(twin) == octets(expected)


def test_amb8465_needs_silence_behind_another_rate() -> None:
    twin = twin_of(Amb8465Twin)
    assert ask(twin, "A5 01 0F 00", 0, baud=57600) == b""
    assert ask(twin, "FF 0B 00 F4", 0.5) == b""
    assert ask(twin, "FF 0B 00 F4", 1.6)[:3] == octets("FF 8B 04")


def test_rc1180_dialogue() -> None:
    twin = twin_of(Rc1180Twin, rssi_dbm=-40.0)
    assert ask(twin, "00", 0) == b">"
    dump = ask(twin, "30", 1)
    assert (len(dump), dump[-1:], dump[5]) == (257, b">", 1)
    assert twin.listening == frozenset()
    assert ask(twin, "58", 2) == b""
    assert hear(twin) == octets(f"19 {BODY} 50")


def test_telegrams_of_other_modes_and_damaged_ones_are_kept_back() -> None:
    for kind in (Im871aTwin, Iu891aTwin, Amb8465Twin, Rc1180Twin):
        assert hear(twin_of(kind, mode="S1", phase_s=0.0)) == b"" or kind is Amb8465Twin
        assert hear(twin_of(kind, broken=1)) == b""


def test_another_rate_gives_garbage() -> None:
    twin = twin_of(Im871aTwin)
    assert ask(twin, "A5 01 0F 00", 0, baud=9600) == b""
    heard = bytes(octet.value for octet in twin.hear(60, 9600))
    assert len(heard) == 31
    assert TELEGRAM[1:] not in heard


def test_faults_of_the_line() -> None:
    request = "A5 01 0F 00"
    answer = ask(twin_of(Im871aTwin), request, 0)
    late = twin_of(Im871aTwin, StickFaults(late=True))
    late.send(octets(request), 0, late.baud)
    assert late.hear(0.3, late.baud) == []
    assert hear(late, 1) == answer
    split = twin_of(Im871aTwin, StickFaults(split=True))
    split.send(octets(request), 0, split.baud)
    times = [octet.time_s for octet in split.hear(1, split.baud)]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert sum(gap > 0.019 for gap in gaps) == 1
    between = ask(twin_of(Im871aTwin, StickFaults(between=True)), request, 0)
    assert between.startswith(octets(f"A5 C2 03 18 {BODY}"))
    assert between.endswith(answer)
    mute = twin_of(Im871aTwin, StickFaults(mute=True))
    assert ask(mute, request, 0) + hear(mute) == b""
    old = twin_of(Im871aTwin, StickFaults(old_firmware=True))
    assert ask(old, request, 0)[6] == 0x13
    assert ask(old, "A5 01 03 06 00 02 0A 30 01 00", 1) == octets("A5 01 04 01 01")


@pytest.mark.parametrize(("fault", "kept"), [("noise", True), ("half", False)])
def test_faults_of_messages(fault: str, kept: bool) -> None:
    telegrams = [TELEGRAM] * 50
    clean = hear(Im871aTwin(Air(sending(telegrams))), 100)
    faulty = hear(Im871aTwin(Air(sending(telegrams)), StickFaults.parse(fault)), 100)
    whole = clean[: len(clean) // 50]
    assert (faulty.count(whole) == 50) is kept
    assert 0 < faulty.count(whole) <= 50
    assert (len(faulty) > len(clean)) is kept


def test_unplugging() -> None:
    port = open_sim_port("sim:stick?fault=unplug=3", 57600)
    assert port.read(2).data
    while port.read(2.9).data:
        pass
    with pytest.raises(PortError, match="unplugged"):
        port.read(60)
    assert port.now() == 3
    with pytest.raises(PortError, match="unplugged"):
        port.write(b"\xa5\x01\x0f\x00")


@pytest.mark.parametrize(
    "spec",
    ["sim:stick?family=im999", "sim:stick?fault=rain", "sim:stick?colour=red", "sim:stick?fault=unplug"],
)
def test_unknown_options_are_refused(spec: str) -> None:
    with pytest.raises(UsageError):
        open_sim_port(spec, 57600)


def test_every_stick_opens() -> None:
    rates = {name: open_twin(name).baud for name in STICKS}
    assert rates["im871a"] == 57600
    assert open_twin("amber", faults="wrong-baud").baud == 4800
    for name in STICKS:
        assert open_twin(name.upper(), start_s=100.0).next_arrival(9600) == 101.0
