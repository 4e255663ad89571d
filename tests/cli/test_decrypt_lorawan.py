"""`mbuscli decrypt` with LoRaWAN frames, as a user runs it."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

import pytest

from tests.cli.program import run
from tests.cli.test_startup import HEAVY, RUN, loaded_by

# A published example (tests of lora-packet): "test" on port 1.
FRAME = "40F17DBE4900020001954378762B11FF0D"
NWK_S_KEY = "44024241ed4ce9a68c6a8bc055233fd3"
APP_S_KEY = "ec925802ae430ca77fd3dd73cb2cc588"
KEYS = f"NwkSKey={NWK_S_KEY},AppSKey={APP_S_KEY}"
BASE64 = b64encode(bytes.fromhex(FRAME)).decode()
WIRED = "68070768080578025AD200B316"
# A published join (tests of lora-packet, of a real network): request and accept with a channel list.
REQUEST = "00DC0000D07ED5B3701E6FEDF57CEEAF0085CC587FE913"
ACCEPT = "204DD85AE608B87FC4889970B7D2042C9E72959B0057AED6094B16003DF12DE145"
APP_KEY = "b6b53f4a168a7a88bdf7ea135ce9cfca"
SESSION = ("2c96f7028184bb0be8aa49275290d4fc", "f3a5c8f0232a38c144029c165865802c")


@pytest.mark.parametrize("text", [FRAME, BASE64, '{"rxpk":[{"data":"' + BASE64 + '","rssi":-71}]}'])
def test_json(text: str) -> None:
    done = run("decrypt", text, "--lorawan-keys", KEYS, "-o", "json")
    assert done.code == 0, done.err
    row = json.loads(done.out)
    assert row["event"] == "telegram"
    assert row["link"]["layer"] == "lorawan"
    lorawan = row["lorawan"]
    assert (lorawan["dev_addr"], lorawan["f_cnt"], lorawan["f_port"]) == ("49BE7DF1", 2, 1)
    assert lorawan["mic"]["verdict"] == "ok"
    assert bytes.fromhex(lorawan["payload"]) == b"test"
    assert row["security"] == {
        "mode": 0,
        "state": "decrypted",
        "key": "--lorawan-keys",
        "checks": ["MIC"],
        "proof": "mac",
    }
    taken = any("taken as LoRaWAN" in problem["text"] for problem in row["problems"])
    assert taken == (text[0] != "{")


def test_table_plain_and_columns() -> None:
    table = run("decrypt", FRAME, "--lorawan", "--lorawan-keys", KEYS, "-o", "table").out
    for words in ("unconfirmed data up", "49BE7DF1", "74 65 73 74", "MIC       ok"):
        assert words in table
    plain = run("decrypt", FRAME, "--lorawan", "--lorawan-keys", KEYS, "-o", "plain").out
    assert plain.startswith("49BE7DF1\t")
    chosen = ("--fields", "dev_addr,f_cnt,f_port,mic,payload,m_type", "-o", "tsv")
    assert run("decrypt", FRAME, "--lorawan", "--lorawan-keys", KEYS, *chosen).out.splitlines()[1] == (
        "49BE7DF1\t2\t1\tok\t74657374\tunconfirmed data up"
    )


def test_fields_stand_in_plain_where_there_are_no_records() -> None:
    lines = run("decrypt", REQUEST, "--lorawan", "-o", "plain").out.splitlines()
    cells = {line.split("\t")[-1]: line.split("\t")[7] for line in lines}
    assert cells["dev_eui"] == "00AFEE7CF5ED6F1E"
    assert cells["dev_nonce"] == "52357"


def test_explain() -> None:
    text = run("decrypt", FRAME, "--lorawan", "--lorawan-keys", KEYS, "--explain").out
    assert "FCnt" in text
    assert "95 43 78 76  74 65 73 74" in text
    rows = run("decrypt", FRAME, "--lorawan", "--lorawan-keys", KEYS, "--explain", "-o", "json").out
    assert [part["name"] for part in json.loads(rows)["explain"]][:4] == ["MHDR", "DevAddr", "FCtrl", "FCnt"]


@pytest.mark.parametrize(
    ("keys", "state"),
    [
        ("", "key_missing"),
        (f"NwkSKey={NWK_S_KEY}", "key_missing"),
        (f"NwkSKey={APP_S_KEY}", "key_wrong"),
    ],
)
def test_exit_code_6(keys: str, state: str) -> None:
    words = ("--lorawan-keys", keys) if keys else ()
    done = run("decrypt", FRAME, "--lorawan", *words, "-o", "json")
    assert done.code == 6
    assert json.loads(done.out)["security"]["state"] == state
    assert json.loads(done.err.splitlines()[-1])["error"]["name"].startswith("security.key-")


def test_join_of_a_log_shows_no_key(tmp_path: Path) -> None:
    log = tmp_path / "join.log"
    log.write_text(f"{REQUEST}\n{WIRED}\n{ACCEPT}\n")
    done = run("decrypt", str(log), "--lorawan-keys", f"AppKey={APP_KEY}", "-o", "ndjson")
    assert done.code == 0, done.err
    request, wired, accept = map(json.loads, done.out.splitlines())
    assert request["lorawan"]["mic"]["verdict"] == "ok"
    assert wired["link"]["layer"] == "wired"
    assert accept["lorawan"]["cf_list"]["frequencies_mhz"] == [867.1, 867.3, 867.5, 867.7, 867.9]
    assert set(accept["lorawan"]["session_keys"]) == {"NwkSKey", "AppSKey"}
    shown = (done.out + done.err).lower()
    for key in (APP_KEY, *SESSION):
        assert key not in shown


def test_keys_in_a_file_and_in_the_ring(tmp_path: Path) -> None:
    file = tmp_path / "device.keys"
    file.write_text(KEYS.replace(",", "\n"))
    file.chmod(0o600)
    assert run("decrypt", FRAME, "--lorawan", "--lorawan-keys", str(file)).code == 0
    ring = tmp_path / "keys.toml"
    entries = (("NwkSKey", NWK_S_KEY), ("AppSKey", APP_S_KEY))
    ring.write_text(
        "".join(
            f'[[key]]\nname="pump"\ndevice="49BE7DF1"\nrole="{role}"\nkey="{key}"\n' for role, key in entries
        )
    )
    ring.chmod(0o600)
    done = run("decrypt", FRAME, "--lorawan", "--keys", str(ring), "-o", "json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["security"]["key"] == "pump"


def test_keys_by_options_of_all_telegrams() -> None:
    done = run("decrypt", FRAME, "--lorawan", "--key", APP_S_KEY, "--key", NWK_S_KEY, "-o", "json")
    assert bytes.fromhex(json.loads(done.out)["lorawan"]["payload"]) == b"test"


def test_wrong_pairs_do_not_show_the_key() -> None:
    for text in (f"NwkKeys={NWK_S_KEY}", f"NwkSKey={NWK_S_KEY[:-1]}", f"DevEUI={NWK_S_KEY}"):
        done = run("decrypt", FRAME, "--lorawan-keys", text)
        assert done.code == 2
        assert NWK_S_KEY[:-2] not in done.err


def test_m_bus_loads_nothing_of_lorawan() -> None:
    modules = loaded_by("decrypt", WIRED, "-o", "json")
    assert not [name for name in modules if "lora" in name]
    words = ("decrypt", FRAME, "--lorawan-keys", KEYS, "-o", "json")
    assert not loaded_by(*words, code=RUN + "assert code == 0\n") & (HEAVY - {"cryptography"})
