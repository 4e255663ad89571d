"""What modems say, in the forms that firmwares have, gives the same events however it is cut into pieces."""

from __future__ import annotations

from itertools import pairwise
from types import TracebackType
from typing import Self

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mbuscli.devices.modems.base import Downlink, Event, Failed, Joined, LinkCheck, Remark, Sent, Settings
from mbuscli.errors import RefusedError
from mbuscli.ports.base import NOTHING, Received
from mbuscli.protocol.lorawan.region_table import EU868
from tests.devices.modems.bench import OTAA, driver

DOWN = Downlink(7, b"\xca\xfe", -60.0, 9.0)


class ScriptPort:
    """Says what the script has for the next line with these words in it, in pieces, one every 10 ms."""

    name, baud, is_remote = "script", 9600, False

    def __init__(self, script: list[tuple[str, str]], places: list[int]) -> None:
        self._script = script
        self._places = places
        self._pieces: list[bytes] = []
        self._now = 0.0

    def now(self) -> float:
        return self._now

    def write(self, data: bytes) -> None:
        for index, (words, said) in enumerate(self._script):
            if words.encode() in data:
                del self._script[index]
                octets = said.encode()
                at = sorted({0, len(octets), *(place % (len(octets) + 1) for place in self._places)})
                self._pieces += [octets[first:last] for first, last in pairwise(at)]
                break

    def read(self, until: float) -> Received:
        if not self._pieces or until < self._now + 0.01:
            self._now = max(self._now, until)
            return NOTHING
        self._now += 0.01
        return Received(self._pieces.pop(0))

    def set_baud(self, baud: int) -> None:
        self.baud = baud

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


SIGNAL = [("get rssi", "-60\r\n"), ("get snr", "9\r\n")]
# Family, whether the uplink is confirmed, what the modem says to which words, and the events.
UPLINKS: list[tuple[str, bool, list[tuple[str, str]], list[Event]]] = [
    ("rn2483", True, [("mac tx", "ok\r\nmac_rx 7 CAFE\r\n"), *SIGNAL], [Sent(True), DOWN]),
    ("rn2483", True, [("mac tx", "mac_rx 7 CAFE\r\nok\r\nmac_tx_ok\r\n"), *SIGNAL], [DOWN, Sent(True)]),
    ("rn2483", False, [("mac tx", "ok\nmac_tx_ok\n")], [Sent(None)]),
    (
        "rn2483",
        False,
        [("mac tx", "ok\r\nRN2483 1.0.5 Oct 31 2018 15:06:52\r\n")],
        [Remark("the modem has started: RN2483 1.0.5 Oct 31 2018 15:06:52")],
    ),
    (
        "rak3172",
        True,
        [
            ("CFM", "OK\r\n"),
            ("SEND", "OK\r\n+EVT:RX_1:-60:9:UNICAST:7:cafe\r\n+EVT:SEND_CONFIRMED_OK\r\n"),
        ],
        [DOWN, Sent(True)],
    ),
    (
        "rak3172",
        False,
        [
            ("CFM", "OK\r\n"),
            (
                "SEND",
                "AT+SEND=5:0102\r\n\n\r+BC:LOST\r\nOK\r\n+EVT:TX_DONE\r\n+EVT:LINKCHECK:1:0:0:0:0\r\n"
                "+EVT:RX_B:-60:9:MULTICAST:7:CAFE\r\n+EVT:TIMEREQ_OK\r\n",
            ),
        ],
        [Remark("+BC:LOST"), Sent(None), LinkCheck(None, None), DOWN, Remark("+EVT:TIMEREQ_OK")],
    ),
    (
        "rak811",
        True,
        [("at+send", "OK\r\nat+recv=0,7,-60,9,2,cafe\r\nat+recv=1,0,0\r\n")],
        [DOWN, Sent(True)],
    ),
    (
        "rak811",
        False,
        [("at+send", "OK\r\nat+recv=2,0,0,0,0\r\nat+recv=0,7,2,cafe\r\n"), ("signal", "OK-60,9\r\n")],
        [Sent(None), DOWN],
    ),
    (
        "rak811",
        False,
        [("at+send", "OK\r\nat+recv=7,0,0\r\nat+recv=oops\r\nat+recv=0,7,-60,9,2,cafes\r\n")],
        [
            Remark("at+recv=7,0,0: a downlink came again"),
            Remark("at+recv=oops"),
            Remark("at+recv=0,7,-60,9,2,cafes"),
        ],
    ),
    (
        "lora_e5",
        True,
        [
            ("PORT", "+PORT: 5\r\n"),
            (
                "CMSGHEX",
                '+CMSGHEX: Start\r\n+CMSGHEX: TX "01 02"\r\n+CMSGHEX: Wait ACK\r\n+CMSGHEX: FPENDING\r\n'
                '+CMSGHEX: PORT: 7; RX: "CA FE"\r\n+CMSGHEX: RXWIN2, RSSI -60, SNR 9.0\r\n'
                "+CMSGHEX: ACK Received\r\n+CMSGHEX: Done\r\n",
            ),
        ],
        [Sent(True), DOWN],
    ),
    (
        "lora_e5",
        False,
        [
            ("PORT", "+PORT:5\r\n"),
            (
                "MSGHEX",
                '+MSG: PORT: 9; RX: "00"\r\n+MSG: RXWIN0, RSSI -71, SNR 8.0\r\n+MSGHEX: Start\r\n'
                '+MSGHEX: MULTICAST\r\n+MSGHEX: RXWIN1,RSSI -60,SNR 9\r\n+MSGHEX: PORT:7;RX:"CAFE"\r\n'
                "+MSGHEX: Done\r\n",
            ),
        ],
        [Sent(None), DOWN],
    ),
    (
        "lora_e5",
        True,
        [("PORT", "+PORT: 5\n"), ("MSGHEX", "+CMSGHEX: Start\n+CMSGHEX: Wait ACK\n+CMSGHEX: Done\n")],
        [Failed("not-acknowledged", "Done without ACK Received: no acknowledgement came")],
    ),
]


def told(family: str, confirmed: bool, script: list[tuple[str, str]], places: list[int]) -> list[Event]:
    port = ScriptPort(list(script), places)
    modem = driver(family, port)
    events = modem.start_send(5, b"\1\2", confirmed=confirmed)
    for _ in range(20):
        events += modem.events(port.now() + 1)
    return [each for each in events if not (isinstance(each, Downlink) and each.f_port == 9)]


@pytest.mark.parametrize(("family", "confirmed", "script", "events"), UPLINKS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(places=st.lists(st.integers(0, 400), max_size=10))
def test_every_split(
    family: str,
    confirmed: bool,
    script: list[tuple[str, str]],
    events: list[Event],
    places: list[int],
) -> None:
    assert told(family, confirmed, script, places) == events


@pytest.mark.parametrize(("family", "confirmed", "script", "events"), UPLINKS)
def test_octet_by_octet(
    family: str, confirmed: bool, script: list[tuple[str, str]], events: list[Event]
) -> None:
    assert told(family, confirmed, script, list(range(400))) == events


JOINS: list[tuple[str, str, str, list[Event]]] = [
    (
        "lora_e5",
        "JOIN",
        "+JOIN: Start\r\n+JOIN: NORMAL\r\n+JOIN: Network joined\r\n+JOIN: Done\r\n",
        [Joined()],
    ),
    (
        "lora_e5",
        "JOIN",
        "+JOIN: Start\r\n+JOIN: FORCE\r\n+JOIN: Network joined\r\n"
        "+JOIN: NetID 000013 DevAddr 26:01:5F:66\r\n+JOIN: Done\r\n",
        [Joined(bytes.fromhex("26015F66"))],
    ),
    ("lora_e5", "JOIN", "+JOIN: Joined already\r\n", [Joined()]),
    (
        "rak3172",
        "JOIN",
        "OK\r\n+EVT:JOIN FAILED\r\n+EVT:JOINED\r\n",
        [Failed("modem", "JOIN FAILED"), Joined()],
    ),
    ("rn2483", "join", "mac_rx 9 00\r\nok\r\naccepted\r\n", [Joined()]),
]


@pytest.mark.parametrize(("family", "word", "said", "events"), JOINS)
def test_joins(family: str, word: str, said: str, events: list[Event]) -> None:
    port = ScriptPort([(word, said)], [3, 9])
    modem = driver(family, port)
    modem._activation = OTAA  # type: ignore[attr-defined]
    heard = modem.start_join()
    for _ in range(20):
        heard += modem.events(port.now() + 1)
    assert [each for each in heard if isinstance(each, Joined | Failed)] == events


def test_a_question_is_repeated_and_its_second_answer_is_dropped() -> None:
    # The first answer is lost; the second question is answered twice.
    port = ScriptPort(
        [
            ("sys get ver", "RN2483 1.0.5 Oct 31 2018 15:06:52\r\n"),
            ("hweui", "0004A30B001A2B3C\r\n"),
            ("mac reset 868", "\x01\x02"),
            ("mac reset 868", "ok\r\nok\r\n"),
            ("deveui", "invalid_param\r\n"),
        ],
        [],
    )
    modem = driver("rn2483", port)
    with pytest.raises(RefusedError, match="DevEUI: invalid_param"):
        modem.configure(Settings(EU868), OTAA)
