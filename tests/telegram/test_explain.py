"""The annotated dump: every octet once and in order, whatever the telegram; and what the parts say."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbuscli.errors import DecodeError
from mbuscli.protocol.application.compact import Formats
from mbuscli.protocol.checksum import crc_en13757
from mbuscli.protocol.wired.frames import encode_long
from mbuscli.telegram import Telegram, decode
from mbuscli.telegram.explain import Part, explain
from tests.corpus import lines, needs_corpus
from tests.telegram.samples import KEY, OTHERS, SAMPLES, SHOWN, Sample, radio

LAYERS = ["link", "ell", "afl", "transport", "security", "application"]


def check_cover(telegram: Telegram) -> list[Part]:
    """The parts, which must hold every octet of the telegram once and in order."""
    parts = explain(telegram)
    assert b"".join(part.octets for part in parts) == telegram.raw
    assert b"".join(part.clear for part in parts) == telegram.clear
    offset = 0
    for part in parts:
        assert part.offset == offset
        assert part.octets
        assert part.layer in LAYERS
        assert part.name
        assert part.meaning
        assert part.clause or part.name == "unread"
        offset += len(part.octets)
    return parts


def named(sample: Sample, name: str, *, with_key: bool = True) -> list[str]:
    """The meanings of all parts with this name."""
    return [part.meaning for part in explain(sample.decode(with_key=with_key)) if part.name == name]


@pytest.mark.parametrize("with_key", [True, False])
@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_every_octet_is_in_one_part(sample: Sample, with_key: bool) -> None:
    check_cover(sample.decode(with_key=with_key))


@pytest.mark.parametrize("sample", SHOWN.values(), ids=SHOWN)
def test_whole_telegrams_are_read_to_the_end(sample: Sample) -> None:
    names = {part.name for part in check_cover(sample.decode())}
    assert not names & {"unread", "encrypted"}


@given(st.sampled_from(sorted(SAMPLES)), st.booleans(), st.data())
@settings(max_examples=400, deadline=None)
def test_damaged_telegrams_are_covered_too(name: str, with_key: bool, data: st.DataObject) -> None:
    sample = SAMPLES[name]
    octets = bytearray.fromhex(sample.telegram)
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(octets) - 1))
        octets[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(octets)))
    damaged = Sample(bytes(octets[:cut]).hex(), sample.key)
    try:
        telegram = damaged.decode(with_key=with_key)
    except DecodeError:
        return
    check_cover(telegram)


@given(st.sampled_from(range(256)), st.binary(max_size=60), st.sampled_from([0x08, 0x53, 0x73]))
@settings(max_examples=300, deadline=None)
def test_any_data_behind_any_ci_field_is_covered(ci_field: int, content: bytes, c_field: int) -> None:
    check_cover(decode(encode_long(c_field, 1, ci_field, content)))


@given(
    st.sampled_from(
        ["78", "7A00000000", "79", "69", "8C2000", "8D2000", "9002", "900F002C25", "7A000020" + "05"]
    ),
    st.binary(max_size=60),
)
@settings(max_examples=300, deadline=None)
def test_any_radio_telegram_is_covered(start: str, content: bytes) -> None:
    octets = bytes.fromhex(radio(bytes.fromhex(start) + content))
    check_cover(decode(octets, layer="wireless", frame_format="none"))


@needs_corpus
@pytest.mark.parametrize("name", ["wireless.jsonl", "wired.jsonl", "vectors_security.jsonl"])
def test_real_telegrams_are_covered(name: str) -> None:
    for line in lines(name):
        key = line.get("key")
        usable = isinstance(key, str) and len(key) == len(KEY)
        text = line.get("telegram") or line.get("hex") or line.get("raw")
        if not isinstance(text, str):
            continue
        for known in (key if usable else None, None):
            try:
                telegram = Sample(text, known).decode()
            except DecodeError:
                continue
            parts = check_cover(telegram)
            if not telegram.problems:
                assert not {part.name for part in parts} & {"unread", "encrypted"}, text
                assert len({p.group for p in parts if p.group}) <= len(telegram.records)


def test_layers_come_in_their_order() -> None:
    parts = explain(SAMPLES["mode_7"].decode())
    assert list(dict.fromkeys(part.layer for part in parts)) == LAYERS


def test_records_are_grouped_and_worked_out() -> None:
    parts = explain(SAMPLES["wired"].decode())
    groups = list(dict.fromkeys(part.group for part in parts if part.group))
    assert groups == [
        "record 1: volume 28504.27 m³",
        "record 2: date and time 2008-05-31 23:50",
        "record 3: error flags 0",
    ]
    volume = [(part.name, part.octets.hex()) for part in parts if part.group == groups[0]]
    assert volume == [("DIF", "0c"), ("VIF", "14"), ("data", "27048502")]
    assert named(SAMPLES["wired"], "data")[0] == "2850427 x 0.01 m³ = 28504.27 m³"


@pytest.mark.parametrize("name", ["mode_5", "mode_7", "adapter", "partly encrypted"])
def test_decrypted_octets_stand_beside_those_received(name: str) -> None:
    (check,) = (part for part in explain(SAMPLES[name].decode()) if part.name == "check bytes")
    assert check.clear == b"\x2f\x2f"
    assert check.octets != check.clear
    assert check.layer == "security"


@pytest.mark.parametrize("name", ["mode_5", "mode_7", "ell_ctr", "CCM"])
def test_without_a_key_what_is_encrypted_stays_one_part(name: str) -> None:
    parts = explain(SAMPLES[name].decode(with_key=False))
    assert [part.name for part in parts].count("encrypted") == 1
    assert parts[-1].name == "encrypted"
    assert "no key" in parts[-1].meaning
    assert not [part for part in parts if part.layer == "application"]


def test_clear_octets_behind_encrypted_ones_are_read_without_a_key() -> None:
    parts = explain(SAMPLES["partly encrypted"].decode(with_key=False))
    (closed,) = (part for part in parts if part.name == "encrypted")
    assert len(closed.octets) == 16
    assert {part.group for part in parts if part.group} == {"record 1: customer location 12345678"}


def test_wrong_mac_gives_no_values() -> None:
    octets = bytearray.fromhex(SAMPLES["mode_7"].telegram)
    octets[22] ^= 1
    telegram = Sample(octets.hex(), KEY).decode()
    assert telegram.security.state == "unauthentic"
    parts = check_cover(telegram)
    assert [part.meaning for part in parts if part.name == "MAC"] == [
        "message authentication code over all that follows, as sent: wrong"
    ]
    assert not [part for part in parts if part.group]


def test_checks_that_prove_the_key_are_told() -> None:
    assert "right" in named(SAMPLES["mode_7"], "MAC")[0]
    assert "not checked" in named(SAMPLES["mode_7"], "MAC", with_key=False)[0]
    assert "proves the key" in named(SAMPLES["ell_ctr"], "payload CRC")[0]
    assert "proves the key" in named(SAMPLES["CCM"], "tag")[0]


def test_compact_frame_maps_data_to_the_headers_of_its_format() -> None:
    data = [part for part in explain(SAMPLES["compact"].decode()) if part.name == "data"]
    assert [part.octets.hex() for part in data] == ["0000", "08190000", "ae180000", "16", "13"]
    assert "04 13" in data[1].meaning
    assert "6.408 m³" in data[1].meaning
    assert "not known yet" in named(SAMPLES["unknown compact frame"], "unread")[0]


def test_compact_profile_in_a_compact_frame() -> None:
    formats = Formats()
    full = bytes.fromhex("84046D002041118B04150030128D04951F056901030211")
    decode(b"\x78" + full, formats=formats)
    headers = bytes.fromhex("84046D8B04158D04951F")
    crcs = b"".join(crc_en13757(octets).to_bytes(2, "little") for octets in (headers, full))
    data = bytes.fromhex("00204111003012056901030211")
    telegram = decode(b"\x79" + crcs + data, formats=formats)
    parts = check_cover(telegram)
    assert [part.name for part in parts][-6:] == [
        "LVAR",
        "spacing control",
        "spacing value",
        "element 1",
        "element 2",
        "element 3",
    ]
    assert parts[-1].meaning == "12301.6 m³ at 2010-01-01 03:00"


def test_compact_profile_is_spread_out() -> None:
    sample = SAMPLES["compact profile"]
    assert named(sample, "element 2") == ["12300.5 m³ at 2010-01-01 02:00"]
    assert named(sample, "spacing value") == ["one element each 1 h"]


def test_plain_text_stands_where_it_was_sent() -> None:
    names = [part.name for part in explain(OTHERS["plain text"].decode()) if part.layer == "application"]
    assert names[:6] == ["DIF", "VIF", "text length", "plain text", "VIFE", "data"]
    assert named(OTHERS["plain text"], "plain text")[0] == 'the unit "%RH", last character first'


def test_header_of_a_cut_record_is_still_explained() -> None:
    parts = explain(OTHERS["cut record"].decode())
    assert [part.name for part in parts[-3:]] == ["DIF", "VIF", "unread"]
    assert parts[-1].meaning == "the record needs 4 bytes of data, 1 left"


@pytest.mark.parametrize(
    ("name", "field", "words"),
    [
        ("ack", "E5", "understood"),
        ("short", "C field", "REQ_UD2 FCB=0: asks the meter for its readings"),
        ("select", "device type", "any"),
        ("fixed", "unit 2", "the unit of the other counter"),
        ("fixed", "counter 1", "1 x 0.001 m³ = 0.001 m³"),
        ("application error", "error code", "application too busy"),
        ("alarm", "alarm", "alarm bits 0, 2"),
        ("manufacturer data", "data", "1234.567 m³"),
        ("only announced", "DIF", "8-digit decimal number"),
        ("reserved DIF", "unread", "DIF 3F is reserved"),
        ("format A", "L field", "CRCs of frame format A"),
        ("cut off", "L field", "corrected to what is here"),
        ("maker's CI", "CI field", "the maker's own format"),
        ("adapter", "identification", "of the sender: 11223344"),
        ("format frame", "signature", "3B31"),
    ],
)
def test_words(name: str, field: str, words: str) -> None:
    assert words in named(SAMPLES[name], field)[0]
