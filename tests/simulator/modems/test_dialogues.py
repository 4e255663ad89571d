"""What the twins say is what the manuals print, octet for octet, however the commands come in."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbuscli.simulator.lora.network import Behaviour
from mbuscli.simulator.modems.opener import APP_KEY, default_network, open_twin, open_twin_by_options
from mbuscli.simulator.modems.twin import Twin
from mbuscli.simulator.port import SimPort

KEY = APP_KEY.octets.hex().upper()
RN_IDS = [("mac set appeui 70B3D57ED0000001", "ok\r\n"), (f"mac set appkey {KEY}", "ok\r\n")]
RAK_IDS = [("AT+APPEUI=70B3D57ED0000001", "OK\r\n"), (f"AT+APPKEY={KEY}", "OK\r\n")]
# Twin, commands with the answers up to the next, and what comes afterwards.
DIALOGUES: dict[str, list[tuple[str, str]]] = {
    "rn2483": [
        ("sys get ver", "RN2483 1.0.5 Oct 31 2018 15:06:52\r\n"),
        ("sys get hweui", "0004A30B001A2B3C\r\n"),
        ("nonsense", "invalid_param\r\n"),
        ("mac join otaa", "keys_not_init\r\n"),
        ("mac tx uncnf 5 01", "not_joined\r\n"),
        ("mac set dr 8", "invalid_param\r\n"),
        ("mac set class b", "invalid_param\r\n"),
        ("mac pause", "4294967245\r\n"),
        ("mac join otaa", "keys_not_init\r\n"),
        *RN_IDS,
        ("mac join otaa", "mac_paused\r\n"),
        ("mac resume", "ok\r\n"),
        ("mac get status", "00000000\r\n"),
        ("mac join otaa", "ok\r\naccepted\r\n"),
        ("mac get devaddr", "26010001\r\n"),
        ("mac tx cnf 5 0102", "ok\r\nmac_tx_ok\r\n"),
        ("mac tx cnf 224 0102", "invalid_param\r\n"),
        ("mac get upctr", "1\r\n"),
        ("sys reset", "RN2483 1.0.5 Oct 31 2018 15:06:52\r\n"),
    ],
    "rak3172": [
        ("AT", "OK\r\n"),
        ("at+ver=?", "at+ver=RUI_4.0.6_RAK3172-E\r\nOK\r\n"),
        ("AT+BAND=?", "AT+BAND=4\r\nOK\r\n"),
        ("AT+BAND=0", "AT_UNSUPPORTED_BAND\r\n"),
        ("AT+BAND=13", "AT_PARAM_ERROR\r\n"),
        ("AT+NOPE=1", "AT_COMMAND_NOT_FOUND\r\n"),
        ("AT+SEND=5:01", "AT_NO_NETWORK_JOINED\r\n"),
        *RAK_IDS,
        ("AT+JOIN=1:0:8:0", "OK\r\n+EVT:JOINED\r\n"),
        ("AT+NJS=?", "AT+NJS=1\r\nOK\r\n"),
        ("AT+SEND=5:0102", "OK\r\n+EVT:TX_DONE\r\n"),
        ("AT+CFM=1", "OK\r\n"),
        ("AT+SEND=5:0102", "OK\r\n+EVT:SEND_CONFIRMED_OK\r\n"),
        ("AT+SEND=5:012", "AT_PARAM_ERROR\r\n"),
    ],
    "rak811": [
        ("at+version", "OK2.0.3.0\r\n"),
        ("at+nope", "ERROR-2\r\n"),
        ("at+send=0,5,01", "ERROR-5\r\n"),
        ("at+set_config=app_eui:70b3d57ed0000001", "OK\r\n"),
        (f"at+set_config=app_key:{KEY}&dr:5", "OK\r\n"),
        ("at+set_config=dr:9", "ERROR-1\r\n"),
        ("at+join=otaa", "OK\r\nat+recv=3,0,0\r\n"),
        ("at+send=0,5,0102", "OK\r\nat+recv=2,0,0\r\n"),
        ("at+send=1,5,0102", "OK\r\nat+recv=1,0,0\r\n"),
        ("at+signal", "OK-60,9\r\n"),
    ],
    "rak811-rui": [
        ("at+version", "OK V3.0.0.14.H\r\n"),
        ("at+send=lora:5:01", "ERROR: 86\r\n"),
        ("at+set_config=lora:app_eui:70b3d57ed0000001", "OK\r\n"),
        (f"at+set_config=lora:app_key:{KEY}", "OK\r\n"),
        ("at+set_config=lora:nope:1", "ERROR: 2\r\n"),
        ("at+join", "OK Join Success\r\n"),
        ("at+send=lora:5:0102", "OK\r\n"),
    ],
    "lora_e5": [
        ("AT", "+AT: OK\r\n"),
        ("AT+VER", "+VER: 4.0.11\r\n"),
        ("AT+NOPE", "+NOPE: ERROR(-10)\r\n"),
        ("AT+KEY", "+KEY: ERROR(-1)\r\n"),
        ("AT+JOIN", "+JOIN: Not in OTAA mode\r\n"),
        ("AT+MODE=LWOTAA", "+MODE: LWOTAA\r\n"),
        ('AT+MSGHEX="01"', "+MSGHEX: Please join network first\r\n"),
        ('AT+ID=AppEui,"70B3D57ED0000001"', "+ID: AppEui, 70:B3:D5:7E:D0:00:00:01\r\n"),
        (f'AT+KEY=APPKEY,"{KEY}"', f"+KEY: APPKEY {KEY}\r\n"),
        ("AT+DR=EU868", "+DR: EU868\r\n"),
        ("AT+DR=0", "+DR: DR0\r\n+DR: EU868 DR0  SF12  BW125K \r\n"),
        (
            "AT+JOIN",
            "+JOIN: Start\r\n+JOIN: NORMAL\r\n+JOIN: Network joined\r\n"
            "+JOIN: NetID 000013 DevAddr 26:01:00:01\r\n+JOIN: Done\r\n",
        ),
        ("AT+JOIN", "+JOIN: Joined already\r\n"),
        (f'AT+MSGHEX="{"00" * 52}"', "+MSGHEX: Length error 51\r\n"),
        ('AT+MSGHEX="0102"', "+MSGHEX: Start\r\n+MSGHEX: Done\r\n"),
        (
            'AT+CMSGHEX="0102"',
            "+CMSGHEX: Start\r\n+CMSGHEX: Wait ACK\r\n+CMSGHEX: ACK Received\r\n"
            "+CMSGHEX: RXWIN1, RSSI -60, SNR 9.0\r\n+CMSGHEX: Done\r\n",
        ),
    ],
}


def say(port: SimPort, octets: bytes) -> str:
    port.write(octets)
    end, heard = port.now() + 12, b""
    while port.now() < end:
        heard += port.read(end).data
    return heard.decode("ascii")


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("name", DIALOGUES)
def test_dialogue(name: str, end: str) -> None:
    twin = open_twin(name)
    port = SimPort(twin, name, twin.baud)
    for command, answer in DIALOGUES[name]:
        assert say(port, (command + end).encode()) == answer, command


@pytest.mark.parametrize("name", DIALOGUES)
@settings(max_examples=15, deadline=None)
@given(places=st.lists(st.integers(0, 60), max_size=4))
def test_commands_in_pieces(name: str, places: list[int]) -> None:
    twin = open_twin(name)
    port = SimPort(twin, name, twin.baud)
    command, answer = DIALOGUES[name][0]
    octets = f"{command}\r\n".encode()
    at = sorted({0, *(min(place, len(octets)) for place in places)})
    for first, last in pairwise(at):
        port.write(octets[first:last])
    assert say(port, octets[at[-1] :]) == answer


SUB_BANDS = {
    "rn2903": [f"mac set ch status {n} {'on' if n in (*range(8, 16), 65) else 'off'}" for n in range(72)],
    "rak3172": ["AT+BAND=5", "AT+MASK=0002"],
    "rak811": ["at+band=US915", "at+set_config=ch_mask:0,FF00"]
    + [f"at+set_config=ch_mask:{word},{2 if word == 4 else 0:04X}" for word in range(1, 5)],
    "lora_e5": ["AT+DR=US915", "AT+CH=NUM,8-15"],
}


@pytest.mark.parametrize("name", SUB_BANDS)
def test_sub_bands(name: str) -> None:
    twin = open_twin_by_options({"family": name, "region": "US915", "sub-band": "2"})
    heard = [_is_heard(twin) for _ in range(72)]
    assert heard.count(True) in (9, 8)
    port = SimPort(twin, name, twin.baud)
    while port.now() < 20:  # all these joins are over
        port.read(20)
    for command in SUB_BANDS[name]:
        port.write(f"{command}\r\n".encode())
    port.read(port.now() + 2)
    assert all(_is_heard(twin) for _ in range(20))
    twin.sub_band = 3
    assert not any(_is_heard(twin) for _ in range(20))


def _is_heard(twin: Twin) -> bool:
    before = len(twin.network.log)
    twin.join(0.0, lambda end, at: None)
    return len(twin.network.log) > before


def test_another_region_is_not_heard() -> None:
    twin = open_twin("rak3172", default_network(Behaviour(), "US915"))
    SimPort(twin, "", twin.baud).write(b"AT+BAND=4\r\n")
    assert not _is_heard(twin)
