"""What is kept of a LoRaWAN device: private, whole, and never lost between processes."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mbuscli.errors import InputError
from mbuscli.settings.lora_state import DeviceState, load_state, state_path, update_state
from tests.cli.program import ROOT

DEVICE = bytes.fromhex("26011BDA")
FULL = DeviceState(3, "26011BDA", "2026-01-31T10:00:00", "RN2483", "EU868", 17)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MBUSCLI_STATE_DIR", str(tmp_path))
    return tmp_path


def test_a_new_device() -> None:
    assert load_state(DEVICE) == DeviceState()
    assert not state_path(DEVICE).exists()


def test_what_is_kept_is_read_and_private() -> None:
    assert update_state(DEVICE, lambda _state: FULL) == FULL
    assert load_state(DEVICE) == FULL
    assert load_state(DEVICE[::-1]) == DeviceState()
    if sys.platform != "win32":
        assert stat.S_IMODE(state_path(DEVICE).stat().st_mode) == 0o600
        assert stat.S_IMODE(state_path(DEVICE).parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"schema": "mbuscli-lorawan/1"}',
        b'{"schema": "mbuscli-lorawan/2"}',
        b"\xff\xfe",
    ],
)
def test_damage_is_told(damage: bytes) -> None:
    update_state(DEVICE, lambda _state: FULL)
    state_path(DEVICE).write_bytes(damage)
    with pytest.raises(InputError) as caught:
        load_state(DEVICE)
    assert caught.value.name == "input.invalid"


@pytest.mark.parametrize("counter", [-1, 1 << 32])
def test_impossible_counters_are_damage(counter: int) -> None:
    update_state(DEVICE, lambda _state: FULL._replace(f_cnt_up=counter))
    with pytest.raises(InputError):
        load_state(DEVICE)


def test_processes_do_not_lose_each_others_counts() -> None:
    code = (
        "from mbuscli.settings.lora_state import update_state\n"
        "for _ in range(20):\n"
        "    update_state(bytes.fromhex('26011BDA'), lambda s: s._replace(f_cnt_up=s.f_cnt_up + 1))\n"
    )
    children = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) for _ in range(4)]
    assert [child.wait(50) for child in children] == [0] * 4
    assert load_state(DEVICE).f_cnt_up == 80
