"""`mbuscli lora-join` as people and scripts run it: simulated modems, every format, every exit code."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mbuscli.simulator.modems.opener import APP_KEY, APP_S_KEY, DEV_ADDR, DEV_EUI, JOIN_EUI, MODEMS, NWK_S_KEY
from tests.cli.program import COMMAND, Result, environment, run
from tests.cli.terminal import run_at_terminal

KEY = APP_KEY.octets.hex()
EUI, JOIN, ADDR = DEV_EUI.hex().upper(), JOIN_EUI.hex().upper(), DEV_ADDR.hex().upper()
OTAA = ("--region", "EU868", "--dev-eui", EUI, "--join-eui", JOIN)
ABP = ("--region", "EU868", "--abp", "--dev-addr", ADDR)
SESSION = {"MBUSCLI_NWK_S_KEY": NWK_S_KEY.octets.hex(), "MBUSCLI_APP_S_KEY": APP_S_KEY.octets.hex()}
QR = f"LW:D0:{JOIN}:{EUI}:AABB1122"


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "MBUSCLI_STATE_DIR": str(tmp_path / "state")}


def join(
    places: dict[str, str], *args: str, port: str = "sim:modem", key: str = KEY, stdin: str = "", **more: str
) -> Result:
    environ = {**places, **({"MBUSCLI_APP_KEY": key} if key else {}), **more}
    return run("lora-join", "--port", port, *args, stdin=stdin.encode(), **environ)


def steps_of(result: Result) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = json.loads(result.out)["steps"]
    return steps


@pytest.mark.parametrize("modem", [name for name in MODEMS if name != "rn2903"])
def test_every_modem_joins_and_sends(modem: str, places: dict[str, str]) -> None:
    port = f"sim:modem?family={modem}"
    result = join(places, *OTAA, "--send", "5:CAFE", "--confirmed", "-o", "json", port=port)
    assert (result.code, result.err) == (0, "")
    document = json.loads(result.out)
    assert (document["schema"], document["event"], document["joined"]) == ("mbuscli/1", "lora_join", True)
    assert document["dev_addr"] in ("26010001", None)
    events = [step["event"] for step in document["steps"]]
    assert events[:4] == ["modem", "configured", "join_sent", "joined"]
    sent = next(step for step in document["steps"] if step["event"] == "uplink")
    assert (sent["f_port"], sent["octets"], sent["acknowledged"]) == (5, 2, True)


def test_the_qr_text_and_every_step_as_a_line(places: dict[str, str]) -> None:
    args = ("--region", "eu868", "--qr", QR, "--link-check", "--send", "5:CAFE", "--listen", "5s")
    result = join(places, *args, "-o", "ndjson")
    assert (result.code, result.err) == (0, "")
    rows = [json.loads(line) for line in result.out.splitlines()]
    assert [row["event"] for row in rows] == [
        "modem",
        "configured",
        "join_sent",
        "joined",
        "uplink",
        "link_check",
        "listened",
    ]
    assert all(row["schema"] == "mbuscli/1" and row["time"] for row in rows)
    assert (rows[1]["dev_eui"], rows[1]["join_eui"]) == (EUI, JOIN)
    assert (rows[5]["margin_db"], rows[5]["gateways"]) == (20, 2)


def test_plain_csv_and_chosen_columns(places: dict[str, str]) -> None:
    plain = join(places, *OTAA, "-o", "plain")
    assert [line.split("\t")[1] for line in plain.out.splitlines()] == [
        "modem",
        "configured",
        "join_sent",
        "joined",
    ]
    csv = join(places, *OTAA, "-o", "csv", "--fields", "event,dev_addr")
    assert csv.out.splitlines()[0] == "event,dev_addr"
    assert csv.out.splitlines()[-1] == "joined,26010001"
    assert "rssi_dbm" in run("lora-join", "--fields", "?").out


def test_1_1(places: dict[str, str]) -> None:
    nwk_key = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
    port = f"sim:modem?family=st_at_slave&nwk-key={nwk_key}"
    result = join(places, *OTAA, "-o", "json", port=port, MBUSCLI_NWK_KEY=nwk_key)
    assert result.code == 0, result
    assert steps_of(result)[1]["lorawan"] == "1.1"
    refused = join(places, *OTAA, "-o", "json", port="sim:modem?family=rn2483", MBUSCLI_NWK_KEY=nwk_key)
    assert refused.code == 7
    assert json.loads(refused.err)["error"]["name"] == "device.unsupported"


# -- where keys come from --------------------------------------------------------------------------------


def test_keys_from_everywhere(places: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY + "\n")
    file.chmod(0o600)
    added = run("keys", "add", EUI, "--role", "AppKey", "--key", "-", stdin=KEY.encode(), **places)
    assert added.code == 0, added
    for args, stdin in (
        (("--app-key", KEY), ""),
        (("--app-key", "-"), KEY + "\n"),
        (("--app-key-file", str(file)), ""),
        ((), ""),  # the ring
    ):
        result = join(places, *OTAA, *args, "-o", "json", key="", stdin=stdin)
        assert result.code == 0, (args, result)
    assert run("keys", "remove", EUI, "--yes", **places).code == 0
    missing = join(places, *OTAA, "-o", "json", key="")
    assert missing.code == 6
    assert json.loads(missing.err)["error"]["name"] == "security.key-missing"


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_at_a_terminal(places: dict[str, str]) -> None:
    asked = run_at_terminal(
        "lora-join", "--port", "sim:modem", *OTAA, answers=[("not shown\\): ", KEY)], COLUMNS="100", **places
    )
    assert asked.code == 0
    assert "joined      DevAddr 26010001 (The Things Network) after 5.1 s" in asked.text
    assert "RX1 in" in asked.text
    warned = run_at_terminal("lora-join", "--port", "sim:modem", *OTAA, "--app-key", KEY, **places)
    assert warned.text.count("a key on the command line is kept") == 1
    assert KEY not in (asked.text + warned.text).lower()


# -- failures --------------------------------------------------------------------------------------------

FAILURES = [
    ("family=rak3172&silent=1", 4, "network.no-answer", "registration"),
    ("family=rn2483&silent=1", 7, "network.refused", "registration"),
    ("family=rak3172&nonces=9", 4, "network.no-answer", "registration"),
    ("family=lora_e5&fault=duty", 7, "device.duty-cycle", "duty-cycle"),
    ("family=rak3172&fault=busy", 3, "device.busy", "busy"),
    ("family=rak3172&fault=unplug-join", 3, "port.unplugged", None),
    ("family=rak3172&fault=mute", 3, "device.no-answer", None),
]


@pytest.mark.parametrize(("options", "code", "name", "cause"), FAILURES, ids=[row[0] for row in FAILURES])
def test_failures(options: str, code: int, name: str, cause: str | None, places: dict[str, str]) -> None:
    result = join(places, *OTAA, "-o", "json", port=f"sim:modem?{options}")
    assert result.code == code
    assert json.loads(result.err)["error"]["name"] == name
    if cause is not None:
        document = json.loads(result.out)
        assert document["joined"] is False
        advice = [step for step in document["steps"] if step["event"] == "advice"]
        assert advice[0]["cause"] == cause
        assert all(step["try"] for step in advice)


def test_the_list_for_people(places: dict[str, str]) -> None:
    reversed_eui = DEV_EUI[::-1].hex()
    args = ("--region", "EU868", "--dev-eui", reversed_eui, "--join-eui", JOIN, "-o", "table")
    result = join(places, *args, port="sim:modem?family=rak3172")
    assert result.code == 4
    assert "What it may be, the likeliest first:" in result.out
    first = result.out[result.out.index(" 1. ") : result.out.index(" 2. ")]
    assert "DevEUI looks reversed" in first
    assert f"--dev-eui {EUI}" in first
    assert "try:" not in result.err
    assert max(map(len, result.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("--region", "EU868", "--qr", "LW:D1:x"), 10, "no QR text"),
        (("--region", "EU868", "--qr", QR, "--join-eui", "00" * 8), 2, "differs"),
        (("--region", "EU999", "--qr", QR), 2, "not known"),
        (("--qr", QR), 2, "no region"),
        (("--region", "EU868", "--dev-eui", EUI), 2, "no JoinEUI"),
        (("--region", "EU868", "--qr", QR, "--sub-band", "2"), 2, "no sub-bands"),
        (("--region", "EU868", "--qr", QR, "--dr", "9"), 2, "no data rate 9"),
        (("--region", "EU868", "--qr", QR, "--otaa", "--abp"), 2, "not both"),
        (("--region", "EU868", "--abp"), 2, "needs its address"),
        (("--region", "EU868", "--qr", QR, "--f-cnt", "3"), 2, "go with --abp"),
        (("--region", "EU868", "--qr", QR, "--confirmed"), 2, "something to send"),
        (("--region", "EU868", "--qr", QR, "--send", "0:00"), 2, "port from 1"),
        (("--region", "EU868", "--qr", QR, "--send", "5:0"), 2, "odd number"),
        (("--region", "EU868", "--qr", QR, "--modem", "rn2484"), 2, "did you mean"),
        (("--resume", "--dev-eui", EUI), 10, "no session"),
        (("--region", "EU868", "--qr", QR, "--class", "B"), 7, "class B cannot be had"),
    ],
)
def test_what_cannot_be(args: tuple[str, ...], code: int, words: str, places: dict[str, str]) -> None:
    result = join(places, *args)
    assert result.code == code, result
    assert words in result.err


def test_a_profile_names_the_port(places: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[profile.van-3]\nport = "sim:modem?family=rak3172"\n')
    environ = {"MBUSCLI_CONFIG_DIR": str(tmp_path)}
    result = join(places, *OTAA, "-o", "json", port="van-3", **environ)
    assert result.code == 0
    assert steps_of(result)[0]["family"] == "rak3172"


# -- dry run ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("modem", [name for name in MODEMS if name != "rn2903"])
def test_a_dry_run_shows_the_commands_and_no_key(modem: str, places: dict[str, str]) -> None:
    for format_name in ("table", "json"):
        result = join(places, *OTAA, "--dry-run", "-o", format_name, port=f"sim:modem?family={modem}")
        assert result.code == 0, result
        assert "<AppKey>" in result.out
        assert KEY not in re.sub(r"[^0-9a-f]", "", result.out.lower())
    assert not (Path(places["MBUSCLI_STATE_DIR"]) / "lorawan").exists()


# -- what outlasts a run ---------------------------------------------------------------------------------


def test_counters_of_a_personalised_device_go_on(places: dict[str, str]) -> None:
    def counters(*more: str) -> list[int]:
        args = (*ABP, "--send", "5:01", "--send", "6:02", "--confirmed", "-o", "json", *more)
        result = join(places, *args, key="", **SESSION)
        assert result.code == 0, result
        return [step["f_cnt"] for step in steps_of(result) if step["event"] == "uplink"]

    assert counters() == [0, 1]
    assert counters() == [2, 3]
    back = join(places, *ABP, "--f-cnt", "1", "-o", "json", key="", **SESSION)
    assert back.code == 9
    assert json.loads(back.err)["error"]["name"] == "usage.unsafe"
    assert counters("--f-cnt", "1", "--yes") == [1, 2]
    assert counters("--f-cnt", "50") == [50, 51]
    state = Path(places["MBUSCLI_STATE_DIR"]) / "lorawan" / f"{ADDR}.json"
    assert json.loads(state.read_text())["f_cnt_up"] == 52
    if sys.platform != "win32":
        assert stat.S_IMODE(state.stat().st_mode) == 0o600


def test_what_is_known_of_a_device(places: dict[str, str]) -> None:
    for _ in range(2):
        assert join(places, *OTAA).code == 0
    join(places, *OTAA, port="sim:modem?silent=1")
    state = json.loads((Path(places["MBUSCLI_STATE_DIR"]) / "lorawan" / f"{EUI}.json").read_text())
    assert (state["join_requests"], state["dev_addr"], state["modem"]) == (3, "26010001", "RN2483")
    other = join(places, *OTAA, "-o", "json", port="sim:modem?family=rak3172&silent=1")
    advice = next(step for step in steps_of(other) if step["event"] == "advice")
    assert (advice["cause"], advice["likely"]) == ("dev-nonce", True)


@pytest.fixture
def plugged_in() -> Iterator[str]:
    """A modem that stays plugged in between runs: a process that serves its twin on a pseudo-terminal."""
    with subprocess.Popen(
        [*COMMAND, "simulate", "--modem", "rak3172"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_session_goes_on_in_the_next_run(places: dict[str, str], plugged_in: str) -> None:
    first = join(places, *OTAA, "--modem", "rak3172", "-o", "json", port=plugged_in)
    assert first.code == 0, first
    args = ("--resume", "--dev-eui", EUI, "--modem", "rak3172", "--send", "5:01", "--confirmed", "-o", "json")
    second = join(places, *args, key="", port=plugged_in)
    assert second.code == 0, second
    assert [step["event"] for step in steps_of(second)] == ["modem", "note", "uplink"]
