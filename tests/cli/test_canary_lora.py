"""A key of a LoRaWAN device comes out nowhere: no stream, no traceback, no file but the ring."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

from mbuscli.settings.lora_keys import ROLES
from tests.cli.program import Result
from tests.cli.terminal import run_at_terminal
from tests.cli.test_canary import (
    CANARY,
    DIALECTS,
    PAIRS,
    assert_clean,
    assert_no_file_shows,
    inside,
    run_in,
    shows_canary,
)

__all__ = ["inside"]  # the fixture

EUI, JOIN, ADDR = "0004A30B001A2B3C", "70B3D57ED0000001", "26011BDA"
OTAA = ("lora-join", "--region", "EU868", "--dev-eui", EUI, "--join-eui", JOIN)
ABP = ("lora-join", "--region", "EU868", "--abp", "--dev-addr", ADDR)
FAMILIES = (
    "rn2483",
    "rak3172",
    "rak811",
    "rak811-rui",
    "lora_e5",
    "st_at_slave",
    "murata_abz",
    "la66",
    "imst",
)
OTHER = "11" * 16


@pytest.mark.parametrize("family", FAMILIES)
def test_every_modem(family: str, tmp_path: Path, inside: Callable[..., Result]) -> None:
    """The network does not know this key: whatever the modem repeats and however it ends, it is not shown."""
    port = f"sim:modem?family={family}"
    for port_options in ("", "&fault=echo,between", "&fault=noise"):
        for options in (("-o", "table"), ("-o", "json", "--debug"), ("-o", "ndjson"), ("--dry-run",)):
            where = ("--port", port + port_options, "--timeout", "20")
            result = inside(*OTAA, "--app-key", CANARY, *where, *options)
            assert result.code in (0, 3, 4, 7), result
            assert_clean(result.out, result.err)
            keys = ("--nwk-s-key", CANARY, "--app-s-key", CANARY.upper())
            result = inside(*ABP, *keys, *where, *options, "--send", "5:01", "--confirmed")
            assert result.code in (0, 3, 4, 7), result
            assert_clean(result.out, result.err)
    assert_no_file_shows(tmp_path)


@pytest.mark.parametrize("text", DIALECTS)
def test_the_right_places(text: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(text)
    file.chmod(0o600)
    ring = tmp_path / "config" / "keys.toml"
    port = ("--port", "sim:modem", "--timeout", "20", "--debug")
    results = [
        run_in(tmp_path, *OTAA, *port, "--app-key", text),
        run_in(tmp_path, *OTAA, *port, "--app-key", "-", stdin=text),
        run_in(tmp_path, *OTAA, *port, "--app-key-file", str(file), "-o", "json"),
        run_in(tmp_path, *OTAA, *port, MBUSCLI_APP_KEY=text),
        run_in(tmp_path, "keys", "add", EUI, "--role", "AppKey", "--key", "-", stdin=text),
        run_in(tmp_path, *OTAA, *port, "-o", "ndjson"),
        run_in(tmp_path, "keys", "list", EUI, "-o", "json"),
    ]
    assert [result.code for result in results] == [7, 7, 7, 7, 0, 7, 0], results
    for result in results:
        assert_clean(result.out, result.err)
    assert shows_canary(ring.read_text())
    assert_no_file_shows(tmp_path, ring, file)


ROLE_OPTIONS = ("--app-key", "--nwk-key", "--nwk-s-key", "--app-s-key", "--f-nwk-s-int-key")
WRONG_PLACES: list[tuple[str, ...]] = [
    *((*OTAA, option, text) for option in ROLE_OPTIONS for text in ("{}00", "{}g", "z{}")),
    *((*OTAA, f"{option}-file", "{}") for option in ROLE_OPTIONS),
    (*OTAA, "{}"),
    (*OTAA, "--{}"),
    (*OTAA, "--app-key={}0"),
    (*OTAA, "--keys", "{}"),
    (*OTAA, "--send", "{}"),
    (*OTAA, "--class", "{}"),
    (*OTAA, "-o", "{}"),
    (*OTAA, "--fields", "{}"),
    (*OTAA, "--app-key", OTHER, "--modem", "{}"),
    (*OTAA, "--app-key", OTHER, "--port", "{}"),
    ("lora-join", "--region", "{}"),
    ("lora-join", "--region", "EU868", "--dev-eui", "{}"),
    ("lora-join", "--region", "EU868", "--join-eui", "{}"),
    ("lora-join", "--region", "EU868", "--dev-addr", "{}"),
    ("lora-join", "--region", "EU868", "--qr", "{}"),
    ("lora-join", "--region", "EU868", "--qr", "LW:D0:{}:{}:{}"),
    ("keys", "add", "{}", "--role", "AppKey"),
    ("keys", "add", EUI, "--role", "{}"),
    ("keys", "add", EUI, "--role", "AppKey", "--name", "{}"),
]


@pytest.mark.parametrize("words", WRONG_PLACES, ids=" ".join)
@pytest.mark.parametrize("text", [CANARY, CANARY.upper(), " ".join(PAIRS), ":".join(PAIRS)])
def test_the_wrong_places(
    words: Sequence[str], text: str, tmp_path: Path, inside: Callable[..., Result]
) -> None:
    for options in ((), ("--debug",), ("-o", "json")):
        if "-o" in words and options == ("-o", "json"):
            continue
        port = () if "--port" in words or words[0] == "keys" else ("--port", "sim:modem")
        result = inside(*(word.format(text, text, text) for word in words), *port, *options)
        assert result.code in (2, 3, 10), (result, words)
        assert_clean(result.out, result.err)
    assert_no_file_shows(tmp_path)


@pytest.mark.parametrize("role", ROLES)
def test_the_environment(role: str, inside: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    from mbuscli.cli.lora_options import variable

    monkeypatch.setenv(variable(role), f"{CANARY}0")
    result = inside(*OTAA, "--port", "sim:modem", "--debug")
    assert result.code == 2
    assert variable(role) in result.err
    assert_clean(result.out, result.err)


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_at_a_terminal(tmp_path: Path) -> None:
    place = {"HOME": str(tmp_path), "MBUSCLI_CONFIG_DIR": str(tmp_path), "MBUSCLI_STATE_DIR": str(tmp_path)}
    words = (*OTAA, "--port", "sim:modem", "--timeout", "20")
    typed = run_at_terminal(*words, answers=[("not shown\\): ", CANARY)], **place)
    corrected = run_at_terminal(
        *words, answers=[("not shown\\): ", CANARY + "0"), ("Again: ", CANARY)], **place
    )
    assert (typed.code, corrected.code) == (7, 7)
    assert_clean(typed.text, corrected.text)
    assert_no_file_shows(tmp_path)


PLACES_OF_FAILURE = [
    "mbuscli.cli.lora_wanted.run",
    "mbuscli.cli.lora_wanted.Otaa",
    "mbuscli.cli.lora_wanted.Job",
    "mbuscli.services.lora_join.update_state",
    "mbuscli.services.lora_join.why_not_joined",
    "mbuscli.services.lora_modem.OpenModem",
    "mbuscli.devices.modems.line_modem.LineModem.configure",
    "mbuscli.devices.modems.line_modem.LineModem._send",
    "mbuscli.devices.modems.rn2483.Rn2483.start_join",
    "mbuscli.render.lora_view.LoraReport.add",
    "mbuscli.settings.lora_state.write_private",
]


def _failing(*args: object, **options: object) -> NoReturn:
    shown = [value for value in (*args, *options.values()) if not isinstance(value, str | bytes)]
    raise RuntimeError(f"failed with {shown!r}")


@pytest.mark.parametrize("place", PLACES_OF_FAILURE)
def test_a_bug_in_any_layer(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: Callable[..., Result]
) -> None:
    monkeypatch.setattr(place, _failing)
    result = inside(*OTAA, "--port", "sim:modem", "--app-key", CANARY, "--debug")
    assert result.code == 1, result
    assert "Traceback" in result.err
    assert_clean(result.out, result.err)
    assert_no_file_shows(tmp_path)
