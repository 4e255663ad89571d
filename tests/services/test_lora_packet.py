"""The npm package lora-packet as join and network server: an implementation that is not ours.

Our simulated modem sends its genuine join-request; both sides derive their keys; frames open both ways.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mbuscli.devices.modems import rn2483
from mbuscli.devices.modems.base import Otaa, Settings
from mbuscli.protocol.lorawan.join import encode_frequency_list
from mbuscli.protocol.lorawan.phy import decode_phy
from mbuscli.protocol.lorawan.region_table import EU868
from mbuscli.protocol.lorawan.session import Transmission
from mbuscli.protocol.security.keys import Key
from mbuscli.services.lora_join import run
from mbuscli.services.lora_steps import Accepted, Heard, Job, Uplink, UplinkSent
from mbuscli.simulator.lora.device import Device
from mbuscli.simulator.lora.network import Behaviour, Downlink, Network
from mbuscli.simulator.modems.opener import APP_KEY, DEV_EUI, JOIN_EUI, open_twin
from mbuscli.simulator.port import SimPort

PACKAGE = "lora-packet@0.9.3"
SCRIPT = Path(__file__).with_name("lora_packet_server.js")
NWK_KEY = Key(bytes.fromhex("0F1E2D3C4B5A69788796A5B4C3D2E1F0"))
CF_LIST = encode_frequency_list((867_100_000, 867_300_000, 867_500_000, 867_700_000, 867_900_000))
_INSTALL_S = 90


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package; LORA_PACKET_MODULES names one that is there already."""
    if "LORA_PACKET_MODULES" in os.environ:
        return Path(os.environ["LORA_PACKET_MODULES"])
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("npm")
    done = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder), PACKAGE],
        capture_output=True,
        timeout=_INSTALL_S,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"npm cannot install {PACKAGE}: no registry in reach?")
    return folder / "node_modules"


class Server:
    """The child process."""

    def __init__(self, modules: Path) -> None:
        self._child = subprocess.Popen(
            ["node", str(SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "NODE_PATH": str(modules)},
            text=True,
        )

    def ask(self, what: str, **values: Any) -> dict[str, Any]:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps({"ask": what, **values}) + "\n")
        self._child.stdin.flush()
        answer: dict[str, Any] = json.loads(self._child.stdout.readline())
        return answer

    def close(self) -> None:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.close()
        self._child.stdout.close()
        assert self._child.wait(20) == 0


@pytest.fixture
def server(modules: Path) -> Iterator[Server]:
    child = Server(modules)
    try:
        yield child
    finally:
        child.close()


def ask_join(server: Server, raw: bytes, **more: str) -> dict[str, Any]:
    values = {
        "raw": raw.hex(),
        "app_key": APP_KEY.octets.hex(),
        "join_nonce": "0a0b0c",
        "net_id": "000013",
        "dev_addr": "26011bda",
    }
    return server.ask("join", **{**values, **more})


def session(answer: dict[str, Any]) -> dict[str, str]:
    return {"nwk_s_key": answer["keys"]["NwkSKey"], "app_s_key": answer["keys"]["AppSKey"]}


@pytest.mark.parametrize("cf_list", [b"", CF_LIST])
def test_join_and_frames_both_ways(server: Server, cf_list: bytes) -> None:
    device = Device(DEV_EUI, JOIN_EUI, APP_KEY, dev_nonce=0x1233)
    answer = ask_join(server, device.join_request(), cf_list=cf_list.hex())
    assert (answer["dev_eui"], answer["join_eui"]) == (DEV_EUI.hex(), JOIN_EUI.hex())
    assert answer["dev_nonce"] == 0x1234
    accept = device.accept(bytes.fromhex(answer["raw"]))
    assert accept is not None
    assert accept.dev_addr.hex() == "26011bda"
    assert accept.rx2_data_rate == 3
    assert (b"" if accept.cf_list is None else accept.cf_list.raw) == cf_list
    assert device.session is not None
    keys = device.session.keys
    assert keys.f_nwk_s_int is not None
    assert keys.app_s is not None
    assert keys.f_nwk_s_int.octets.hex() == answer["keys"]["NwkSKey"]
    assert keys.app_s.octets.hex() == answer["keys"]["AppSKey"]
    for number, (payload, confirmed) in enumerate([(b"hello", False), (bytes(range(40)), True), (b"", True)]):
        raw = device.uplink(7, payload, confirmed=confirmed)
        seen = server.ask("uplink", raw=raw.hex(), **session(answer))
        assert seen == {
            "mic": True,
            "dev_addr": "26011bda",
            "f_cnt": number,
            "confirmed": confirmed,
            "f_port": 7,
            "payload": payload.hex(),
        }
        sent = server.ask(
            "downlink",
            dev_addr="26011bda",
            f_cnt=number,
            ack=confirmed,
            f_port=9,
            payload=payload[::-1].hex(),
            **session(answer),
        )
        received = device.receive(bytes.fromhex(sent["raw"]))
        assert received is not None
        assert (received.ack, received.f_port) == (confirmed, 9)
        assert received.payload == payload[::-1]


def test_a_wrong_key_is_noticed_on_either_side(server: Server) -> None:
    other = Key(bytes(15) + b"\1")
    assert ask_join(server, Device(DEV_EUI, JOIN_EUI, other).join_request()) == {"error": "wrong MIC"}
    device = Device(DEV_EUI, JOIN_EUI, APP_KEY)
    answer = ask_join(server, device.join_request())
    stranger = Device(DEV_EUI, JOIN_EUI, other)
    stranger.join_request()
    assert stranger.accept(bytes.fromhex(answer["raw"])) is None
    assert device.accept(bytes.fromhex(answer["raw"])) is not None
    swapped = {"nwk_s_key": answer["keys"]["AppSKey"], "app_s_key": answer["keys"]["NwkSKey"]}
    seen = server.ask("uplink", raw=device.uplink(7, b"hello").hex(), **swapped)
    assert seen["mic"] is False
    assert seen["payload"] != b"hello".hex()


def test_join_1_1(server: Server) -> None:
    device = Device(DEV_EUI, JOIN_EUI, APP_KEY, nwk_key=NWK_KEY)
    answer = ask_join(server, device.join_request(), nwk_key=NWK_KEY.octets.hex())
    accept = device.accept(bytes.fromhex(answer["raw"]))
    assert accept is not None
    assert accept.opt_neg
    assert device.session is not None
    keys = device.session.keys
    ours = {
        "AppSKey": keys.app_s,
        "FNwkSIntKey": keys.f_nwk_s_int,
        "SNwkSIntKey": keys.s_nwk_s_int,
        "NwkSEncKey": keys.nwk_s_enc,
    }
    assert {name: key and key.octets.hex() for name, key in ours.items()} == answer["keys"]


class PeerNetwork(Network):
    """The air between a modem's twin and lora-packet; every uplink is answered by one octet to port 2."""

    def __init__(self, server: Server) -> None:
        super().__init__(behaviour=Behaviour())
        self.server = server
        self.seen: list[dict[str, Any]] = []
        self.keys: dict[str, str] = {}
        self.f_cnt = 0

    def hear(self, raw: bytes, sent: Transmission = Transmission()) -> Downlink | None:  # noqa: B008
        if decode_phy(raw).m_type == 0:
            answer = ask_join(self.server, raw)
            self.keys = session(answer)
        else:
            seen = self.server.ask("uplink", raw=raw.hex(), **self.keys)
            self.seen.append(seen)
            answer = self.server.ask(
                "downlink",
                dev_addr=seen["dev_addr"],
                f_cnt=self.f_cnt,
                ack=seen["confirmed"],
                f_port=2,
                payload="2a",
                **self.keys,
            )
            self.f_cnt += 1
        return Downlink(bytes.fromhex(answer["raw"]), 1, -60, 9)


def test_a_modem_joins_it(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MBUSCLI_STATE_DIR", str(tmp_path))
    network = PeerNetwork(server)
    port = SimPort(open_twin("rn2483", network), "sim:modem", rn2483.BAUD)
    modem = rn2483.driver(port)
    job = Job(
        Settings(EU868),
        DEV_EUI,
        Otaa(DEV_EUI, JOIN_EUI, APP_KEY),
        uplinks=(Uplink(7, b"hello", False), Uplink(8, b"\1\2", True)),
    )
    steps = list(run(modem, port.name, job, modem.identify(), port.now))
    accepted = [step for step in steps if isinstance(step, Accepted)]
    assert [step.dev_addr for step in accepted] == [bytes.fromhex("26011bda")]
    assert [step.acknowledged for step in steps if isinstance(step, UplinkSent)] == [None, True]
    heard = [step.downlink for step in steps if isinstance(step, Heard)]
    assert [(downlink.f_port, downlink.payload) for downlink in heard] == [(2, b"\x2a")] * 2
    assert [(seen["mic"], seen["f_port"], seen["payload"]) for seen in network.seen] == [
        (True, 7, b"hello".hex()),
        (True, 8, "0102"),
    ]
