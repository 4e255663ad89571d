"""The line below the prompt: what matters most stays on a narrow terminal."""

from __future__ import annotations

import pytest

from mbuscli.ports.kept import Keeper, note_device
from mbuscli.ports.opener import open_port
from mbuscli.repl.session import Session
from mbuscli.repl.toolbar import toolbar


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.delenv("MBUSCLI_PORT", raising=False)
    return Session(Keeper())


def open_kept(session: Session, text: str, **device: str) -> None:
    opener = lambda: open_port(text)  # noqa: E731
    with session.keeper.open(text, baud=2400, parity="even", opener=opener, keep=True) as port:
        note_device(port, **device)


def test_at_first(session: Session) -> None:
    assert toolbar(session, [], 80) == "no port"
    session.values["port"] = "/dev/ttyUSB0"
    assert toolbar(session, [], 80) == "/dev/ttyUSB0 (not open)"


def test_all_of_it(session: Session) -> None:
    session.values |= {"port": "sim:", "capture": "/home/me/walk.ndjson"}
    open_kept(session, "sim:")
    session.meter = "12345678.KAM.1B.16"
    session.last_code = 4
    for _ in range(3):
        session.meet("12345678.KAM.1B.16")
    whole = (
        "sim: 2400 baud | meter 12345678.KAM.1B.16 | exit 4 | 3 telegrams of 1 meter | capture walk.ndjson"
    )
    assert toolbar(session, [], 120) == whole
    assert toolbar(session, [], 60) == "sim: 2400 baud | meter 12345678.KAM.1B.16 | exit 4"
    assert toolbar(session, [], 40) == "sim: 2400 baud | exit 4"
    for width in range(200):
        assert len(toolbar(session, [], width)) <= max(width, 3)


def test_a_stick(session: Session) -> None:
    open_kept(session, "sim:", device="iM871A", mode="C1+T1")
    assert toolbar(session, [], 80) == "sim: iM871A C1+T1"


def test_what_a_device_says_is_text(session: Session) -> None:
    open_kept(session, "sim:", device="\x1b[2J")
    assert "\x1b" not in toolbar(session, [], 80)
