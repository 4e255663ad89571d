"""Radio telegrams, and the lines that receivers write for them, built from the descriptions of the formats."""

from __future__ import annotations

import json
from functools import reduce
from operator import xor

from hypothesis import strategies as st

from mbuscli.protocol.wireless.frame_format import encode_format_a, encode_format_b

STAMP = "2026-01-31 10:00:00.123"
ISO = "2026-01-31T10:00:00.123"


def radio(address: bytes, body: bytes, c_field: int = 0x44) -> bytes:
    """A telegram of the meter that nine octets of anything make, without CRCs."""
    letters = [1 + octet % 26 for octet in address[:3]]
    code = letters[0] << 10 | letters[1] << 5 | letters[2]
    number = bytes((octet % 10) << 4 | octet // 10 % 10 for octet in address[3:7])
    head = bytes((c_field,)) + code.to_bytes(2, "little") + number + address[7:9]
    return bytes((len(head) + 1 + len(body), *head, 0x78)) + body


TELEGRAMS = st.builds(
    radio, st.binary(min_size=9, max_size=9), st.binary(max_size=230), st.sampled_from((0x44, 0x46, 0x08))
)


def rtl_wmbus(telegram: bytes, *, mode: str = "T1", crc_ok: int = 1, rssi: str = "-71") -> str:
    return f"{mode};{crc_ok};1;{STAMP};{rssi};148;88888888;0x{telegram.hex()}"


def rtl_433_json(data: bytes, mode: str, model: str = "Wireless-MBus") -> str:
    row = {
        "time": STAMP,
        "model": model,
        "mode": mode,
        "id": 33225544,
        "data_length": len(data),
        "data": data.hex(),
    }
    return json.dumps({**row, "mic": "CRC", "rssi": -3.1})


RTL_433_HEADER = "time,msg,codes,model,mode,id,data_length,data,mic,rssi"


def rtl_433_row(data: bytes, mode: str, model: str = "Wireless-MBus") -> str:
    return f"{STAMP},,a\\,b,{model},{mode},33225544,{len(data)},{data.hex()},CRC,-3.1"


def wmbusmeters(telegram: bytes) -> str:
    text = telegram.hex().upper()
    return f"telegram=|{text[:22]}|{text[22:]}|+12"


def cul(telegram: bytes, frame_format: str, *, rssi: int | None = 0xB0) -> str:
    data = encode_format_a(telegram) if frame_format == "A" else encode_format_b(telegram)
    tail = b"" if rssi is None else bytes((0x68, rssi))
    return ("b" if frame_format == "A" else "bY") + (data + tail).hex().upper()


def crc_x25(data: bytes) -> bytes:
    value = 0xFFFF
    for octet in data:
        for bit in range(8):
            value = (value >> 1) ^ (0x8408 if (value ^ octet >> bit) & 1 else 0)
    return (value ^ 0xFFFF).to_bytes(2, "little")


def im871a(telegram: bytes, *, stamp: bool, rssi: int | None, crc: bool) -> bytes:
    flags = 0x20 * stamp | 0x40 * (rssi is not None) | 0x80 * crc
    frame = bytes((flags | 2, 3, telegram[0])) + telegram[1:] + (b"\x01\x02\x03\x04" if stamp else b"")
    frame += b"" if rssi is None else bytes((rssi,))
    return b"\xa5" + frame + (crc_x25(frame) if crc else b"")


def amber(telegram: bytes, rssi: int | None) -> bytes:
    payload = telegram[1:] + (b"" if rssi is None else bytes((rssi,)))
    frame = bytes((0xFF, 0x03, len(payload))) + payload
    return frame + bytes((reduce(xor, frame),))
