"""LoRaWAN frames in the lines of gateways and network servers, and bare base64."""

from __future__ import annotations

import json
from base64 import b64encode
from io import BytesIO

import pytest

from mbuscli.capture.lora_gateways import heard_from_gateway, octets_of_base64
from mbuscli.services.input import Piece, pieces_of_arguments, pieces_of_stream
from tests.services.lorawan_frames import frame

RAW = frame(b"\xca\xfe\xba\xbe", 7)
TEXT = b64encode(RAW).decode()
WIRED = "68070768080578025AD200B316"
PACKET = {
    "tmst": 3512348611,
    "time": "2026-01-31T10:00:00.123Z",
    "freq": 868.1,
    "datr": "SF7BW125",
    "stat": 1,
    "rssi": -71,
    "lsnr": 5.1,
    "size": len(RAW),
    "data": TEXT,
}
LINES = {
    "rxpk": {"rxpk": [PACKET]},
    "stat": {"rxpk": [PACKET], "stat": {"rxnb": 1}},
    "txpk": {"txpk": {"imme": True, "data": TEXT.rstrip("=")}},
    "chirpstack": {"phyPayload": TEXT, "rxInfo": [{"rssi": -71}], "txInfo": {"frequency": 868100000}},
    "chirpstack 4": {"phyPayload": TEXT, "rxInfo": {"rssi": -71, "snr": 5.1}},
    "ttn": {
        "name": "gs.up.receive",
        "time": "2026-01-31T10:00:00.123Z",
        "data": {"message": {"raw_payload": TEXT, "rx_metadata": [{"rssi": -71}]}},
    },
}


@pytest.mark.parametrize("name", LINES)
def test_frame_of_a_line(name: str) -> None:
    heard = heard_from_gateway(json.dumps(LINES[name]))
    assert heard is not None
    (found,) = heard
    assert found.data == RAW
    assert found.layer == "lorawan"
    assert found.rssi_dbm == (None if name == "txpk" else -71)


def test_reception_of_the_packet_forwarder() -> None:
    (found,) = heard_from_gateway(json.dumps(LINES["rxpk"])) or []
    assert found.time is not None
    assert found.time.startswith("2026-01-31T10:00:00.123")
    assert found.mode == "SF7BW125"


def test_several_packets_and_a_wrong_crc() -> None:
    line = json.dumps({"rxpk": [PACKET, {**PACKET, "stat": -1}, {**PACKET, "data": "?"}, {}]})
    first, *others = heard_from_gateway(line) or []
    assert first.data == RAW
    assert [other.error.reason.value for other in others if other.error] == ["crc", "invalid", "invalid"]


@pytest.mark.parametrize(
    "line", ["{", '{"rxpk', '"rxpk"', "[]", '{"phyPayload": {"mhdr": 1}}', '{"data": "QPF9vkkAAg=="}', "{}"]
)
def test_other_objects_are_left_to_others(line: str) -> None:
    assert heard_from_gateway(line) is None


def test_base64_begins_as_a_frame() -> None:
    assert octets_of_base64(TEXT) == RAW
    for text in (
        "",
        "telegram",
        "HeatMeterReadings123",
        TEXT[:-1],
        RAW.hex(),
        b64encode(bytes.fromhex(WIRED)).decode(),
    ):
        assert octets_of_base64(text) is None


def test_lines_mixed_with_all_others() -> None:
    log = [WIRED, json.dumps(LINES["rxpk"]), TEXT, "words", RAW.hex(), f"10:00:01 {TEXT}", WIRED]
    pieces = list(pieces_of_stream(BytesIO("\n".join(log).encode()), "log"))
    assert [(piece.line, piece.layer, piece.dialect) for piece in pieces if piece.error is None] == [
        (1, "auto", "hex"),
        (2, "lorawan", "packet forwarder"),
        (3, "auto", "base64"),
        (5, "auto", "hex"),
        (6, "auto", "base64"),
        (7, "auto", "hex"),
    ]
    said = list(pieces_of_stream(BytesIO(f"{RAW.hex()}\n68\n".encode()), "log", lorawan=True))
    assert said == [Piece(RAW, 1, layer="lorawan"), Piece(b"\x68", 2, layer="lorawan")]


def test_arguments() -> None:
    assert [piece.data for piece in pieces_of_arguments([TEXT])] == [RAW]
    assert [piece.layer for piece in pieces_of_arguments([json.dumps(LINES["rxpk"])])] == ["lorawan"]
    two = list(pieces_of_arguments([RAW.hex(), RAW.hex()], lorawan=True))
    assert [piece.data for piece in two] == [RAW, RAW]
    (one,) = pieces_of_arguments([RAW[:4].hex(), RAW[4:].hex()], lorawan=True)
    assert one.data == RAW
