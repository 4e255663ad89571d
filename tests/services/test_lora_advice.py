"""Why a join failed: what was observed speaks for one reason or the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from mbuscli.devices.modems.base import (
    Failed,
    Identity,
    Joining,
    Otaa,
    Settings,
)
from mbuscli.protocol.lorawan.region_table import US915
from mbuscli.services.lora_steps import (
    Job,
    Noted,
)
from mbuscli.settings.lora_state import update_state
from tests.services.fake_modem import (
    DEV_EUI,
    JOIN_EUI,
    KEY,
    ME,
    OTAA,
    FakeModem,
    Script,
    advice_of,
    go,
    job,
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MBUSCLI_STATE_DIR", str(tmp_path))
    return tmp_path


SILENT: Script = ((0.0, Joining(5)), (7.0, Failed("no-answer", "")))


def likely(wanted: Job, identity: Identity = ME) -> list[str]:
    steps, _ = go(FakeModem(SILENT), wanted, identity)
    found = advice_of(steps)
    assert {"registration", "dev-nonce", "eui-order", "range", "region"} <= {advice.cause for advice in found}
    assert [advice.likely for advice in found] == sorted((advice.likely for advice in found), reverse=True)
    return [advice.cause for advice in found if advice.likely]


def test_nothing_speaks_for_anything() -> None:
    assert likely(job()) == []


@pytest.mark.parametrize(
    ("activation", "option"),
    [
        (OTAA._replace(dev_eui=DEV_EUI[::-1]), "--dev-eui 0004A30B001A2B3C"),
        (OTAA._replace(join_eui=JOIN_EUI[::-1]), "--join-eui 70B3D57ED0000001"),
        (Otaa(DEV_EUI[::-1], JOIN_EUI[::-1], KEY), "--dev-eui 0004A30B001A2B3C --join-eui 70B3D57ED0000001"),
    ],
)
def test_reversed_euis(activation: Otaa, option: str) -> None:
    wanted = job(activation, device=activation.dev_eui)
    assert likely(wanted) == ["eui-order"]
    steps, _ = go(FakeModem(SILENT), wanted)
    assert advice_of(steps)[0].tries[0].endswith(option)
    assert any(isinstance(step, Noted) and step.warning for step in steps)


def test_the_modems_own_eui_reversed() -> None:
    odd = bytes.fromhex("0102030405060708")
    identity = ME._replace(dev_eui=odd[::-1])
    assert likely(job(Otaa(odd, JOIN_EUI, KEY), device=odd), identity) == ["eui-order"]
    assert likely(job(Otaa(odd, JOIN_EUI, KEY), device=odd), ME._replace(dev_eui=odd)) == []


def test_sub_bands() -> None:
    assert likely(job(region=US915)) == ["sub-band"]
    assert likely(job(settings=Settings(US915, sub_band=2))) == []


def test_the_modem_names_another_region() -> None:
    assert likely(job(), Identity("fake", "LA66", "US915 v1.3")) == ["region"]


def test_another_modem_joined_before() -> None:
    update_state(DEV_EUI, lambda state: state._replace(joined="2026-01-31T10:00", modem="Another"))
    assert likely(job()) == ["dev-nonce"]


def test_two_keys_may_be_exchanged() -> None:
    script = ((0.0, Joining()), (5.0, Failed("bad-accept", "MIC")))
    steps, _ = go(FakeModem(script), job(OTAA._replace(nwk_key=KEY)))
    assert "exchanged" in advice_of(steps)[0].tries[0]
