"""Every vector of the collection of LoRaWAN frames, from octets and keys to fields, verdict and plaintext."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mbuscli.protocol.lorawan.phy import Data
from mbuscli.protocol.octets import hex_text
from mbuscli.protocol.security.keys import parse_key
from mbuscli.render.json import dump_line
from mbuscli.render.rows import telegram_row
from mbuscli.services.decrypt import Decoded, Lorawan, decrypt
from mbuscli.services.input import pieces_of_arguments
from mbuscli.services.lorawan_keys import given_devices
from mbuscli.telegram.lorawan import LorawanTelegram
from tests.corpus import FOLDER, needs_corpus

_PATH = FOLDER / "lorawan_vectors.json"
_KEYS = ("nwkskey", "appskey", "appkey", "nwkkey", "fnwksintkey", "snwksintkey", "nwksenckey")
_FACTS = ("conffcnt", "txdr", "txch", "joineui", "deveui")

pytestmark = needs_corpus


def vectors(kind: str, member: str) -> list[Any]:
    """The vectors that have a frame of this kind."""
    if not _PATH.is_file():
        return []
    found = [v for v in json.loads(_PATH.read_text(encoding="utf-8")) if v["kind"] == kind and member in v]
    return [pytest.param(v, id=v["name"]) for v in found]


def opened(frames: list[str], vector: dict[str, Any], keys: tuple[str, ...], **more: Any) -> list[Any]:
    """The frames as `decrypt` decodes them with the vector's keys."""
    told = {name: vector[name] for name in (*keys, *_FACTS) if vector.get(name) is not None} | more
    given = given_devices(",".join(f"{name}={value}" for name, value in told.items()))
    pieces = [piece for frame in frames for piece in pieces_of_arguments([frame], lorawan=True)]
    events = list(decrypt(pieces, lorawan=Lorawan(given, only=True)))
    assert all(isinstance(event, Decoded) for event in events)
    return [event.telegram for event in events if isinstance(event, Decoded)]


@pytest.mark.parametrize("vector", vectors("data", "phy"))
def test_data(vector: dict[str, Any]) -> None:
    session = tuple(name for name in _KEYS if name not in ("appkey", "nwkkey"))
    (telegram,) = opened([vector["phy"]], vector, session)
    assert isinstance(telegram, LorawanTelegram)
    content = telegram.phy.content
    assert isinstance(content, Data)
    row = telegram_row(telegram)["lorawan"]
    has_network_key = any(name in vector for name in session if name not in ("appskey", "nwksenckey"))
    whole = vector["version"] == "1.0" or "snwksintkey" in vector
    proved = "ok" if whole else "half"
    assert row["mic"]["verdict"] == (proved if has_network_key else "unchecked")
    for name in ("f_cnt", "f_port"):
        theirs = name.replace("_", "")
        if theirs in vector:
            assert row[name] == vector[theirs]
    for name in ("dev_addr", "f_opts"):
        theirs = name.replace("_", "")
        if theirs in vector:
            assert row[name] == vector[theirs].upper()
    if vector.get("fctrl"):
        assert f"{bytes.fromhex(vector['phy'])[5]:02x}" == vector["fctrl"]
        assert row["f_ctrl"]["adr"] == bool(int(vector["fctrl"], 16) & 0x80)
        assert row["f_ctrl"]["ack"] == bool(int(vector["fctrl"], 16) & 0x20)
    if "fopts_clear" in vector:
        assert row["f_opts"] == vector["fopts_clear"].upper()
    if vector.get("payload") is not None:
        assert row["payload"] == vector["payload"].upper()
        assert row["security"]["state"] == ("decrypted" if vector["payload"] else "none")
    elif vector.get("fport"):
        assert row["security"]["state"] in ("key_missing", "none")


@pytest.mark.parametrize("vector", vectors("data", "phy"))
def test_a_wrong_key_opens_nothing(vector: dict[str, Any]) -> None:
    (telegram,) = opened([vector["phy"]], {"nwkskey": "00" * 15 + "77"}, ("nwkskey",))
    assert telegram.security.state == "key_wrong"
    assert telegram.mic.verdict == "wrong"
    assert telegram.clear == telegram.raw


@pytest.mark.parametrize("vector", vectors("join", "join_request"))
def test_join_request(vector: dict[str, Any]) -> None:
    (telegram,) = opened([vector["join_request"]], vector, ("appkey", "nwkkey"))
    row = telegram_row(telegram)["lorawan"]
    assert row["mic"]["verdict"] == "ok"
    for name, theirs in (("join_eui", "joineui"), ("dev_eui", "deveui")):
        if theirs in vector:
            assert row[name] == vector[theirs].upper()
    if vector["name"] != "x-join11" and "devnonce" in vector:
        assert row["dev_nonce"] == vector["devnonce"]


@pytest.mark.parametrize("vector", vectors("join", "join_accept"))
def test_join_accept(vector: dict[str, Any]) -> None:
    nonce = vector.get("nonce_for_keys", vector.get("devnonce"))
    (telegram,) = opened([vector["join_accept"]], vector, ("appkey", "nwkkey"), devnonce=nonce)
    row = telegram_row(telegram)["lorawan"]
    assert row["mic"]["verdict"] == "ok"
    assert hex_text(telegram.clear) == vector["accept_clear"].upper()
    assert row["join_nonce"] == vector["joinnonce"]
    if vector["version"] == "1.0":
        settings = int(vector["dlsettings"], 16)
        assert row["net_id"] == vector["netid"].upper()
        assert row["dev_addr"] == vector["devaddr"].upper()
        assert row["opt_neg"] is bool(settings & 0x80)
        assert (row["rx1_offset"], row["rx2_data_rate"]) == (settings >> 4 & 7, settings & 15)
        assert row["rx_delay_s"] == (vector["rxdelay"] or 1)
        assert (row["cf_list"] or {"raw": ""})["raw"] == vector["cflist"].upper()
    roles = {name: vector[name] for name in _KEYS if name in vector and name not in ("appkey", "nwkkey")}
    checks = {role.lower(): check for role, check in row["session_keys"].items()}
    assert checks == {name: parse_key(key).check_value for name, key in roles.items()}
    assert not any(key in dump_line(row).lower() for key in roles.values())


@pytest.mark.parametrize("vector", vectors("join", "join_accept"))
def test_join_request_and_accept_of_one_log(vector: dict[str, Any]) -> None:
    """The DevNonce is heard; EUIs are."""
    if "join_request" not in vector or vector["name"] == "lp-join":
        pytest.skip("the accept does not answer a request that is here")
    keys: dict[str, Any] = {name: vector[name] for name in ("appkey", "nwkkey") if name in vector}
    frames = [vector["join_request"], vector["join_accept"]]
    _, accept = opened(frames, keys, ("appkey", "nwkkey"))
    checks = {role.lower(): check for role, check in accept.session}
    assert checks["appskey"] == parse_key(vector["appskey"]).check_value
