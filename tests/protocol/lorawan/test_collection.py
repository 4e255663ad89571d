"""Frames that other implementations made, with their keys and contents."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mbuscli.protocol.lorawan import join, session
from mbuscli.protocol.lorawan.phy import Data, JoinAccept, JoinRequest, decode_phy
from mbuscli.protocol.security.keys import Key
from tests.corpus import FOLDER, needs_corpus

_PATH = FOLDER / "lorawan_vectors.json"
VECTORS: list[dict[str, Any]] = json.loads(_PATH.read_text(encoding="utf-8")) if _PATH.is_file() else []


def of_kind(kind: str) -> list[Any]:
    return [pytest.param(each, id=each["name"]) for each in VECTORS if each["kind"] == kind]


def key(vector: dict[str, Any], name: str) -> Key | None:
    return Key(bytes.fromhex(vector[name])) if vector.get(name) else None


def session_keys(vector: dict[str, Any]) -> session.SessionKeys:
    if vector["version"] == "1.0":
        return session.SessionKeys.v1_0(key(vector, "nwkskey"), key(vector, "appskey"))
    names = ("fnwksintkey", "snwksintkey", "nwksenckey", "appskey")
    return session.SessionKeys("1.1", *(key(vector, name) for name in names))


@needs_corpus
@pytest.mark.parametrize("vector", of_kind("data"))
def test_data(vector: dict[str, Any]) -> None:
    data = decode_phy(bytes.fromhex(vector["phy"])).content
    assert isinstance(data, Data)
    known = session.Transmission(conf_f_cnt=vector.get("conffcnt"))
    keys = session_keys(vector)
    if not (keys.f_nwk_s_int or keys.s_nwk_s_int):
        assert session.open_data(data, keys) is None
        assert session.open_unchecked(data, keys, vector["fcnt"]).payload == bytes.fromhex(vector["payload"])
        return
    opened = session.open_data(data, keys, known=known)
    assert opened is not None
    whole = vector["version"] == "1.0" or vector.get("snwksintkey")
    assert opened.check == (session.FULL_MIC if whole else session.HALF_MIC)
    expected = {
        "f_cnt": (vector.get("fcnt"), opened.f_cnt),
        "dev_addr": (vector.get("devaddr"), data.dev_addr.hex()),
        "f_port": (vector.get("fport"), data.f_port),
        "payload": (vector.get("payload"), opened.payload is not None and opened.payload.hex()),
        "f_opts": (vector.get("fopts_clear"), opened.f_opts is not None and opened.f_opts.hex()),
    }
    assert {name for name, (want, have) in expected.items() if want is not None and want != have} <= (
        {"payload"} if vector.get("appskey") is None and data.f_port else set()
    )
    if "txch" in vector and vector.get("fnwksintkey"):
        assert opened.transmission.channel == vector["txch"]


@needs_corpus
@pytest.mark.parametrize("vector", [each for each in of_kind("join") if "join_request" in each.values[0]])
def test_join_request(vector: dict[str, Any]) -> None:
    raw = bytes.fromhex(vector["join_request"])
    request = decode_phy(raw).content
    assert isinstance(request, JoinRequest)
    root = key(vector, "nwkkey") or key(vector, "appkey")
    assert root is not None
    assert (request.join_eui.hex(), request.dev_eui.hex()) == (vector["joineui"], vector["deveui"])
    assert request.dev_nonce == vector["devnonce"]
    assert join.request_is_authentic(raw, root)
    assert join.encode_join_request(request.join_eui, request.dev_eui, request.dev_nonce, root) == raw


@needs_corpus
@pytest.mark.parametrize("vector", [each for each in of_kind("join") if "join_accept" in each.values[0]])
def test_join_accept(vector: dict[str, Any]) -> None:
    raw = bytes.fromhex(vector["join_accept"])
    sealed = decode_phy(raw).content
    root = key(vector, "nwkkey") or key(vector, "appkey")
    app = key(vector, "appkey")
    assert isinstance(sealed, JoinAccept)
    assert root is not None
    assert app is not None
    accept = join.open_accept(sealed.sealed, root)
    assert (accept.clear + accept.mic).hex() == vector["accept_clear"]
    assert accept.join_nonce == vector["joinnonce"]
    assert accept.opt_neg == (vector["version"] == "1.1")
    if vector["version"] == "1.0":
        assert join.accept_is_authentic(accept, root)
        assert accept.net_id.hex() == vector["netid"]
        assert accept.dev_addr.hex() == vector["devaddr"]
        assert (accept.cf_list.raw.hex() if accept.cf_list else "") == vector["cflist"]
        keys = join.session_keys_1_0(root, accept.join_nonce, accept.net_id, vector["nonce_for_keys"])
        assert join.seal_accept(accept.clear, root) == raw
    else:
        join_eui, dev_eui = bytes.fromhex(vector["joineui"]), bytes.fromhex(vector["deveui"])
        js_int = join.js_int_key(root, dev_eui)
        assert js_int == key(vector, "jsintkey")
        assert join.js_enc_key(root, dev_eui) == key(vector, "jsenckey")
        assert join.accept_is_authentic_1_1(accept, js_int, join_eui, vector["devnonce"])
        keys = join.session_keys_1_1(root, app, accept.join_nonce, join_eui, vector["devnonce"])
        mic = join.accept_mic_1_1(accept.clear, js_int, join_eui, vector["devnonce"])
        assert join.seal_accept(accept.clear, root, mic) == raw
    assert keys == session_keys(vector)
