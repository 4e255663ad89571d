"""LoRaWAN frames and keys: which key fits, what is missing, what is wrong, and what frames teach each other."""

from __future__ import annotations

import pytest

from mbuscli.protocol.lorawan.join import encode_accept, encode_join_request, seal_accept, session_keys_1_0
from mbuscli.protocol.lorawan.session import Transmission
from mbuscli.protocol.security.keys import Key
from mbuscli.services.decrypt import Decoded, Lorawan, Undecodable, decrypt
from mbuscli.services.input import Piece, pieces_of_arguments
from mbuscli.services.lorawan_decrypt import may_be_lorawan
from mbuscli.services.lorawan_keys import given_devices
from mbuscli.settings.lora_keys import DeviceKey
from mbuscli.telegram.lorawan import LorawanTelegram
from tests.corpus import lines, needs_corpus
from tests.services.lorawan_frames import (
    APP,
    DEV_ADDR,
    ENC,
    NWK,
    S_INT,
    TEXT_1_0,
    TEXT_1_1,
    V1_0,
    V1_1,
    events,
    frame,
    opened,
)

RECORDS = bytes.fromhex("0C13674523010C0603000000")
OTHER = Key(b"\x55" * 16)
EUIS = bytes.fromhex("70B3D57ED0000001"), bytes.fromhex("0004A30B001A2B3C")
WIRED = "68070768080578025AD200B316"


def reasons(telegram: LorawanTelegram) -> list[tuple[str, bool]]:
    return [(problem.reason.value, problem.warning) for problem in telegram.problems]


def test_the_right_keys() -> None:
    (telegram,) = opened(frame(RECORDS, 7, 0x12345), text=TEXT_1_0)
    assert telegram.security.state == "decrypted"
    assert telegram.security.checks == ("MIC",)
    assert telegram.f_cnt == 0x12345
    assert telegram.payload == RECORDS
    assert [str(record.value) for record in telegram.records] == ["1234.567", "3000"]
    assert not telegram.problems


def test_no_key() -> None:
    (telegram,) = opened(frame(RECORDS, 7))
    assert telegram.security.state == "key_missing"
    assert reasons(telegram) == [("key-missing", False)]
    assert "AppSKey" in telegram.problems[0].text
    assert "26011ABC" in telegram.problems[0].text
    assert telegram.payload is None
    assert telegram.clear == telegram.raw


def test_nothing_encrypted_needs_no_key() -> None:
    (telegram,) = opened(frame(ack=True, uplink=False))
    assert telegram.security.state == "none"
    assert reasons(telegram) == [("key-missing", True)]


def test_only_the_network_key() -> None:
    (telegram,) = opened(frame(RECORDS, 7), text=f"NwkSKey={NWK.octets.hex()}")
    assert telegram.mic.verdict == "ok"
    assert telegram.security.state == "key_missing"
    assert "AppSKey" in telegram.problems[0].text


def test_only_the_application_key() -> None:
    """Nothing proves it but records, and that is said."""
    (telegram,) = opened(frame(RECORDS, 7, 70000), text=f"AppSKey={APP.octets.hex()},FCnt=70000")
    assert telegram.mic.verdict == "unchecked"
    assert telegram.security.checks == ("records",)
    assert telegram.payload == RECORDS
    (telegram,) = opened(frame(b"\1\2", 7), text=f"AppSKey={APP.octets.hex()}")
    assert (telegram.security.state, telegram.security.checks) == ("decrypted", ())
    assert reasons(telegram) == [("key-missing", True)]


def test_a_wrong_key() -> None:
    (telegram,) = opened(frame(RECORDS, 7), text=f"NwkSKey={OTHER.octets.hex()}")
    assert telegram.security.state == "key_wrong"
    assert telegram.mic.verdict == "wrong"
    assert reasons(telegram) == [("key-wrong", False)]
    assert OTHER.octets.hex() not in telegram.problems[0].text


def test_a_changed_frame_behind_a_good_one() -> None:
    good, bad = frame(RECORDS, 7, 5), bytearray(frame(RECORDS, 7, 6))
    bad[12] ^= 1
    _, telegram = opened(good, bytes(bad), text=TEXT_1_0)
    assert telegram.security.state == "unauthentic"
    assert telegram.payload is None


def test_a_changed_half_of_1_1() -> None:
    raw = frame(RECORDS, 7, keys=V1_1, sent=Transmission(5, 2))
    (telegram,) = opened(raw, text=TEXT_1_1)
    assert telegram.mic.verdict == "ok"
    assert telegram.transmission == Transmission(5, 2)
    wrong = TEXT_1_1.replace(S_INT.octets.hex(), OTHER.octets.hex())
    (telegram,) = opened(raw, text=wrong)
    assert telegram.security.state == "unauthentic"
    (telegram,) = opened(raw, text=f"FNwkSIntKey={NWK.octets.hex()},AppSKey={APP.octets.hex()}")
    assert telegram.mic.verdict == "half"
    assert telegram.payload == RECORDS


def test_options_of_1_1_stay_closed_without_their_key() -> None:
    raw = frame(f_opts=b"\x02", keys=V1_1, sent=Transmission(0, 0))
    (telegram,) = opened(raw, text=TEXT_1_1)
    assert [command.name for command in telegram.commands] == ["LinkCheckReq"]
    less = ",".join(pair for pair in TEXT_1_1.split(",") if ENC.octets.hex() not in pair)
    (telegram,) = opened(raw, text=less)
    assert telegram.security.state == "key_missing"
    assert telegram.commands == []


def test_an_acknowledgement_of_1_1_needs_the_counter_that_it_answers() -> None:
    up = frame(b"\1", 7, 9, keys=V1_1, confirmed=True, sent=Transmission(0, 0))
    down = frame(ack=True, uplink=False, keys=V1_1, sent=Transmission(conf_f_cnt=9))
    (telegram,) = opened(down, text=TEXT_1_1)
    assert telegram.mic.verdict == "unchecked"
    assert "ConfFCnt" in telegram.mic.needed
    assert opened(down, text=TEXT_1_1 + ",ConfFCnt=9")[0].mic.verdict == "ok"
    assert opened(up, down, text=TEXT_1_1)[1].mic.verdict == "ok"


def test_keys_without_a_role() -> None:
    """The MIC finds the network key; records, or that no other is left, the application key."""
    (telegram,) = opened(frame(RECORDS, 7), keys=(OTHER, APP, NWK))
    assert telegram.payload == RECORDS
    (telegram,) = opened(frame(b"\1\2", 7), keys=(APP, NWK))
    assert telegram.payload == b"\1\2"
    assert reasons(telegram) == [("key-missing", True)]
    (telegram,) = opened(frame(b"\1\2", 7), keys=(APP, NWK, OTHER))
    assert telegram.security.state == "key_missing"


def test_the_key_ring_by_device_address() -> None:
    filed = [
        DeviceKey("flat 3", DEV_ADDR, "AppSKey", APP),
        DeviceKey("flat 3", DEV_ADDR, "NwkSKey", NWK),
        DeviceKey("flat 4", bytes(4), "NwkSKey", OTHER),
    ]
    said = Lorawan(filed=lambda: filed, only=True)
    (event,) = events(frame(RECORDS, 7), lorawan=said)
    assert isinstance(event, Decoded)
    assert event.telegram.security.key == "flat 3"
    assert len(event.telegram.records) == 2


def test_a_join_leads_to_its_session() -> None:
    join_eui, dev_eui = EUIS
    request = encode_join_request(join_eui, dev_eui, 7, OTHER)
    accept = seal_accept(encode_accept(99, bytes(3), DEV_ADDR), OTHER)
    keys = session_keys_1_0(OTHER, 99, bytes(3), 7)
    data = frame(RECORDS, 7, 0, keys=keys)
    first, second, third = opened(request, accept, data, text=f"AppKey={OTHER.octets.hex()}")
    assert (first.mic.verdict, first.security.state) == ("ok", "none")
    assert second.security.state == "decrypted"
    assert keys.app_s is not None
    assert dict(second.session)["AppSKey"] == keys.app_s.check_value
    assert third.payload == RECORDS
    assert "session of the join" in str(third.security.key)
    alone, closed = opened(accept, data, text=f"AppKey={OTHER.octets.hex()}")
    assert reasons(alone) == [("key-missing", True)]
    assert closed.security.state == "key_missing"
    wrong = opened(request, accept, text=f"AppKey={APP.octets.hex()}")
    assert [telegram.security.state for telegram in wrong] == ["key_wrong", "key_wrong"]
    none = opened(request, accept)
    assert [telegram.security.state for telegram in none] == ["none", "key_missing"]


def test_keys_filed_under_a_device_open_its_join() -> None:
    join_eui, dev_eui = EUIS
    filed = [DeviceKey("pump", dev_eui, "AppKey", OTHER), DeviceKey("other", join_eui, "AppKey", APP)]
    request = encode_join_request(join_eui, dev_eui, 7, OTHER)
    (event,) = events(request, lorawan=Lorawan(filed=lambda: filed, only=True))
    assert isinstance(event, Decoded)
    assert event.telegram.security.key == "pump (AppKey)"


def test_the_counter_goes_on_from_what_was_heard() -> None:
    """Beyond the counters that are searched from zero, where the user tells the first one."""
    start = 300 << 16 | 0xFFFF
    text = f"{TEXT_1_0},FCnt={start}"
    first, second = opened(frame(RECORDS, 7, start), frame(RECORDS, 7, start + 1), text=text)
    assert (first.f_cnt, second.f_cnt) == (start, start + 1)
    (telegram,) = opened(frame(RECORDS, 7, start), text=TEXT_1_0)
    assert telegram.security.state == "key_wrong"


# -- what is taken for LoRaWAN ---------------------------------------------------------------------------


def test_bare_octets_are_taken_only_if_they_are_no_m_bus() -> None:
    raw = frame(RECORDS, 7)
    (event,) = decrypt(pieces_of_arguments([raw.hex()]))
    assert isinstance(event, Decoded)
    assert event.telegram.link.layer == "lorawan"
    assert "taken as LoRaWAN" in event.telegram.problems[-1].text
    (event,) = decrypt(pieces_of_arguments([raw.hex()], lorawan=True), lorawan=Lorawan(only=True))
    assert isinstance(event, Decoded)
    assert not any("taken as" in problem.text for problem in event.telegram.problems)


def test_what_m_bus_finds_damaged_is_lorawan_only_with_a_proof() -> None:
    """A published join-accept (tests of brocaar/lorawan) that may be a damaged radio telegram."""
    raw, key = "20493EEB51FBA2116F810EDB3742975142", "00112233445566778899AABBCCDDEEFF"
    found = []
    for text in (f"AppKey={key}", f"AppKey={OTHER.octets.hex()}"):
        (event,) = decrypt(pieces_of_arguments([raw]), lorawan=Lorawan(given_devices(text)))
        assert isinstance(event, Decoded)
        found.append(event.telegram.link.layer)
    assert found == ["lorawan", "wireless"]


@pytest.mark.parametrize("octets", ["", "41" + "00" * 20, "E0" + "00" * 20, "44" + "00" * 20, "00" * 12])
def test_header_and_length_must_fit(octets: str) -> None:
    assert not may_be_lorawan(bytes.fromhex(octets))


def test_what_is_no_frame_says_so() -> None:
    (event,) = decrypt([Piece(bytes(3), layer="lorawan")])
    assert isinstance(event, Undecodable)
    (event,) = decrypt([Piece(b"\x40" + bytes(5))])
    assert isinstance(event, Undecodable)
    assert event.error.name == "application.unrecognised"


def test_m_bus_among_frames_stays_m_bus() -> None:
    pieces = [*pieces_of_arguments([WIRED]), Piece(frame(RECORDS, 7), layer="lorawan")]
    found = [event.telegram.link.layer for event in decrypt(pieces) if isinstance(event, Decoded)]
    assert found == ["wired", "lorawan"]


@needs_corpus
def test_no_telegram_of_the_collection_is_taken_for_lorawan() -> None:
    for name in ("wired.jsonl", "wireless.jsonl"):
        for case in lines(name):
            digits = case.get("telegram") or case.get("frame") or case.get("hex")
            assert digits, case
            for event in decrypt(pieces_of_arguments([digits])):
                taken = isinstance(event, Decoded) and isinstance(event.telegram, LorawanTelegram)
                assert not taken, digits


@pytest.mark.parametrize("keys", [V1_0, V1_1])
def test_every_truncation_and_flip_ends_well(keys: object) -> None:
    """Never an exception but the one that says why; never another plaintext with a proof."""
    raw = frame(RECORDS, 7, keys=V1_0 if keys is V1_0 else V1_1, sent=Transmission(0, 0))
    text = TEXT_1_0 if keys is V1_0 else TEXT_1_1
    damaged = [raw[:size] for size in range(len(raw))]
    damaged += [bytes((*raw[:at], raw[at] ^ 0x08, *raw[at + 1 :])) for at in range(len(raw))]
    for octets in damaged:
        for event in events(octets, text=text):
            if isinstance(event, Decoded):
                assert event.telegram.security.checks != ("MIC",)
