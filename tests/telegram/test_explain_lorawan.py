"""The annotated dump of LoRaWAN frames: every octet once and in order, and what the parts say."""

from __future__ import annotations

import pytest

from mbuscli.protocol.lorawan.join import (
    encode_accept,
    encode_frequency_list,
    encode_join_request,
    encode_mask_list,
    seal_accept,
)
from mbuscli.protocol.lorawan.session import Transmission
from mbuscli.render.explain import explain_rows, explain_text
from mbuscli.render.explain_table import LAYERS
from mbuscli.telegram.explain import Part, explain
from mbuscli.telegram.lorawan import LorawanTelegram
from tests.services.lorawan_frames import DEV_ADDR, NWK, TEXT_1_0, TEXT_1_1, V1_1, frame, opened

EUIS = bytes.fromhex("70B3D57ED0000001"), bytes.fromhex("0004A30B001A2B3C")
ROOT = f"AppKey={NWK.octets.hex()}"
CHANNELS = encode_frequency_list((867_100_000, 867_300_000)), encode_mask_list((0xFF00, 0, 0, 0, 2))
FRAMES = {
    "records": (frame(bytes.fromhex("0C1367452301"), 7), TEXT_1_0),
    "ci": (frame(bytes.fromhex("7A080000000C1367452301"), 1), TEXT_1_0),
    "elvaco": (frame(bytes.fromhex("150405B827BD3A0C136745230102FD170000"), 2), TEXT_1_0),
    "b meters": (frame(bytes.fromhex("2C4A2001002201000000000D02"), 1), TEXT_1_0),
    "octets": (frame(b"\xca\xfe", 7), TEXT_1_0),
    "long": (frame(bytes(range(0x80, 0xF0)), 7), TEXT_1_0),
    "commands": (frame(bytes.fromhex("021402"), 0, uplink=False), TEXT_1_0),
    "options": (frame(b"\x01", 7, f_opts=bytes.fromhex("0307")), TEXT_1_0),
    "unknown command": (frame(b"\x80\x01", 0), TEXT_1_0),
    "acknowledgement": (frame(ack=True, uplink=False), TEXT_1_0),
    "1.1": (frame(b"\x01", 7, f_opts=b"\x02", keys=V1_1, sent=Transmission(1, 2)), TEXT_1_1),
    "join-request": (encode_join_request(*EUIS, 4660, NWK), ROOT),
    "join-accept": (seal_accept(encode_accept(1, bytes(3), DEV_ADDR), NWK), ROOT + ",DevNonce=1"),
    "frequencies": (seal_accept(encode_accept(1, bytes(3), DEV_ADDR, cf_list=CHANNELS[0]), NWK), ROOT),
    "masks": (seal_accept(encode_accept(1, bytes(3), DEV_ADDR, cf_list=CHANNELS[1]), NWK), ROOT),
    "rejoin 0": (bytes.fromhex("C0001300003C2B1A000BA30400070009498166"), ""),
    "rejoin 1": (bytes.fromhex("C001010000D07ED5B3703C2B1A000BA30400070009498166"), ""),
    "proprietary": (bytes.fromhex("E00102030405060708"), ""),
}


def telegram_of(name: str, *, with_key: bool = True) -> LorawanTelegram:
    raw, text = FRAMES[name]
    (telegram,) = opened(raw, text=text if with_key else "")
    return telegram


def meanings(name: str, *, with_key: bool = True) -> dict[str, str]:
    return {part.name: part.meaning for part in explain(telegram_of(name, with_key=with_key))}


@pytest.mark.parametrize("with_key", [True, False])
@pytest.mark.parametrize("name", FRAMES)
def test_every_octet_is_in_one_part(name: str, with_key: bool) -> None:
    telegram = telegram_of(name, with_key=with_key)
    parts: list[Part] = explain(telegram)
    assert b"".join(part.octets for part in parts) == telegram.raw
    assert b"".join(part.clear for part in parts) == telegram.clear
    assert all(part.layer in LAYERS and part.name and part.meaning for part in parts)
    assert [row["offset"] for row in explain_rows(telegram)] == [part.offset for part in parts]


@pytest.mark.parametrize("width", [60, 80, 160])
@pytest.mark.parametrize("name", FRAMES)
def test_on_a_screen(name: str, width: int) -> None:
    text = explain_text(telegram_of(name), width, False)
    assert max(map(len, text.splitlines())) <= width
    assert "LORAWAN: which device" in " ".join(text.split())
    coloured = explain_text(telegram_of(name), width, True)
    assert "\x1b[" in coloured


def test_what_the_parts_say() -> None:
    data = meanings("records")
    assert "unconfirmed data up" in data["MHDR"]
    assert "26011ABC" in data["DevAddr"]
    assert data["FPort"].startswith("7: ")
    assert "right" in data["MIC"]
    assert "encrypted" in meanings("records", with_key=False)
    assert meanings("commands")["LinkCheckAns"] == "02: margin db 20, gateways 2"
    assert "data rate yes" in meanings("options")["LinkADRAns"]
    assert "80" in meanings("unknown command")["unknown"]
    assert "CMi4140" in meanings("elvaco")["format"]
    assert "73.802 m³" in meanings("b meters")["total_m3"]
    assert meanings("octets")["payload"].startswith("bytes of the application")


def test_joins() -> None:
    request = meanings("join-request")
    assert request["DevEUI"].startswith("0004A30B001A2B3C")
    assert request["DevNonce"].startswith("4660")
    accept = meanings("frequencies")
    assert accept["CFList"] == "more channels at 867.1, 867.3 MHz"
    assert accept["DevAddr"].startswith("26011ABC")
    assert meanings("masks")["CFList"] == "channels in use: 8-15, 65"
    assert "encrypted" in meanings("masks", with_key=False)
    assert meanings("rejoin 0")["RJcount"].startswith("7")
    assert meanings("rejoin 1")["JoinEUI"].startswith("70B3D57ED0000001")
