"""Whatever stands in a frame: it is told apart, shown in every form, and never an exception."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mbuscli.protocol.lorawan.payloads import Bridge, axioma, b_meters, elvaco_format, plain_text
from mbuscli.render.explain import explain_text
from mbuscli.render.json import dump_line
from mbuscli.render.lorawan import facts
from mbuscli.render.rows import record_rows, telegram_row
from mbuscli.services.decrypt import Decoded
from mbuscli.services.readings import readings_of
from mbuscli.telegram.explain import explain
from tests.services.lorawan_frames import TEXT_1_0, events, frame

FIRST = st.sampled_from([b"", b"\x78", b"\x7a", b"\x72", b"\x7b", b"\x00\x0c", b"\x15\x04", b"\x2c", b"\x01"])
PAYLOADS = st.builds(bytes.__add__, FIRST, st.binary(max_size=60))
PORTS = st.one_of(st.sampled_from([0, 1, 2, 11, 100, 101, 102, 103]), st.integers(0, 255))


def show(octets: bytes, text: str) -> None:
    for event in events(octets, text=text):
        if not isinstance(event, Decoded):
            continue
        telegram = event.telegram
        parts = explain(telegram)
        assert b"".join(part.octets for part in parts) == telegram.raw
        assert b"".join(part.clear for part in parts) == telegram.clear
        row = telegram_row(telegram)
        assert dump_line(row)
        assert record_rows(row, readings_of(telegram))
        assert explain_text(telegram, 80, False)
        if telegram.link.layer == "lorawan":
            assert facts(telegram)


@given(PAYLOADS, PORTS, st.booleans(), st.binary(max_size=15))
@settings(max_examples=300, deadline=None)
def test_any_payload(payload: bytes, f_port: int, uplink: bool, f_opts: bytes) -> None:
    show(frame(payload, f_port, uplink=uplink, f_opts=f_opts if f_port else b""), TEXT_1_0)


@given(st.binary(min_size=1, max_size=60), st.integers(0, 7))
@settings(max_examples=200, deadline=None)
def test_any_octets(octets: bytes, m_type: int) -> None:
    show(bytes((m_type << 5,)) + octets, "")


@given(st.binary(max_size=60), st.integers(0, 255))
def test_layouts_take_any_octets(payload: bytes, f_port: int) -> None:
    bridge = Bridge()
    for found in (axioma(payload, f_port), b_meters(payload, f_port), elvaco_format(payload, f_port)):
        assert found is None or found.title
    assert plain_text(payload) is None or payload.isascii()
    for f_cnt in range(3):
        bridge.add(payload, f_port, f_cnt)
