"""Targets that are files of telegrams and what people paste: logs of all receivers, our captures, gzip."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import islice

from mbuscli.capture.dialects import unframe
from mbuscli.capture.gzip_stream import GzipReader, GzipStream, finish_gzip
from mbuscli.errors import MbuscliError
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.words import parse_value
from mbuscli.protocol.security.keys import parse_key
from mbuscli.protocol.wired.frames import encode_long
from mbuscli.services.hex_text import longest_run, octets_of
from mbuscli.services.input import Piece, pieces_of_arguments, pieces_of_stream
from mbuscli.settings.lora_keys import parse_device, parse_role
from mbuscli.settings.lora_qr import parse_qr
from mbuscli.telegram import Telegram
from tests.capture import telegrams as written
from tests.fuzz.campaign import Target
from tests.fuzz.telegrams import decode_all, telegrams
from tests.services.lorawan_frames import frame

# Of the pieces of a case so many are decoded: other targets are there for telegrams.
_DECODED = 2
_QR = "LW:D0:70B3D57ED0000001:0004A30B001A2B3C:AABB1122:OTOKEN:SSERIAL:PMINE:C1234"
_WALK = '{{"time": "2026-01-31T10:00:00.123456+01:00", "raw": "{}", "rssi_dbm": -71.5, "mode": "T1", "frame_format": "none"}}'
_DAMAGE = (
    '{"time": "2026-01-31T10:00:00+01:00", "event": "damage", "error": "link.crc", "text": "a", "line": "00"}'
)


def _gateway(telegram: bytes) -> str:
    packet = {"time": "2026-01-31T10:00:00.123Z", "datr": "SF7BW125", "stat": 1, "rssi": -71}
    data = b64encode(frame(telegram[:40], 7)).decode()
    return json.dumps({"rxpk": [{**packet, "data": data}, {**packet, "stat": -1}]})


def _chirpstack(telegram: bytes) -> str:
    data = b64encode(frame(telegram[:40], 7)).decode()
    return json.dumps(
        {"phyPayload": data, "rxInfo": [{"rssi": -71}], "data": {"message": {"raw_payload": data}}}
    )


def _pairs(octets: bytes, before: str) -> str:
    return f"10:00:0{len(octets) % 10} {before} {octets.hex(' ')}"


# One line of each dialect.
DIALECTS: dict[str, Callable[[bytes], str]] = {
    "rtl_wmbus": written.rtl_wmbus,
    "rtl_433": lambda telegram: written.rtl_433_json(telegram, "T"),
    "rtl_433_rows": lambda telegram: f"{written.RTL_433_HEADER}\n{written.rtl_433_row(telegram, 'C')}",
    "wmbusmeters": written.wmbusmeters,
    "cul": lambda telegram: written.cul(telegram, "A"),
    "cul_b": lambda telegram: written.cul(telegram, "B"),
    "im871a": lambda telegram: written.im871a(telegram, stamp=True, rssi=70, crc=True).hex(),
    "amber": lambda telegram: written.amber(telegram, 70).hex(" "),
    "walk": lambda telegram: f"{_WALK.format(telegram.hex())}\n{_DAMAGE}",
    "own": lambda telegram: json.dumps({"raw": telegram.hex(), "link": {"layer": "wireless", "mode": "T1"}}),
    "gateway": _gateway,
    "chirpstack": _chirpstack,
    "hex": lambda telegram: telegram.hex(),
    "words": lambda telegram: _pairs(encode_long(8, 5, 0x72, telegram[11:]), "RX"),
    "spread": lambda telegram: "\n".join(
        _pairs(part, "TX")
        for part in (encode_long(8, 5, 0x72, telegram[11:])[:20], encode_long(8, 5, 0x72, telegram[11:])[20:])
    ),
    "base64": lambda telegram: b64encode(frame(telegram[:40], 7)).decode(),
}


@cache
def _log_seeds() -> tuple[bytes, ...]:
    good = telegrams()
    lines = [
        write(telegram).encode()
        for number, write in enumerate(DIALECTS.values())
        for telegram in good[number : 12 * len(DIALECTS) : len(DIALECTS)]
    ]
    mixed = [b"\n".join(lines[number::37][:3]) + b"\r\n" for number in range(20)]
    wide = [(b"\n".join(lines[number::41][:2])).decode().encode("utf-16") for number in range(5)]
    binary = [b"\x00" + encode_long(8, 5, 0x72, telegram[11:]) + b"\xe5" for telegram in good[:20]]
    return (*lines, *mixed, *wide, *binary)


def _repair_log(data: bytes) -> bytes:
    """The octets as a telegram, in a line of any dialect."""
    content = (data + bytes(12))[: max(12, min(len(data), 230))]
    names = tuple(DIALECTS)
    write = DIALECTS[names[zlib.crc32(data) % len(names)]]
    return write(bytes((len(content) - 1,)) + content[1:]).encode()


def _act_log(case: bytes) -> Sequence[Telegram]:
    return _decoded(pieces_of_stream(io.BytesIO(case), "fuzz", lorawan=bool(zlib.crc32(case) & 0x400)))


def _decoded(pieces: Iterable[Piece]) -> Sequence[Telegram]:
    taken = list(pieces)
    return decode_all(islice(taken, _DECODED), keyed=False)


# -- gzip ----------------------------------------------------------------------------------------------------


@cache
def _gzip_seeds() -> tuple[bytes, ...]:
    seeds = []
    for number in range(20):
        stream = GzipStream()
        lines = [(_WALK.format(telegram.hex()) + "\n").encode() for telegram in telegrams()[number::20][:4]]
        seeds += [b"".join(map(stream.line, lines)) + stream.end(), gzip.compress(b"".join(lines), mtime=0)]
    return tuple(seeds)


def _repair_gzip(data: bytes) -> bytes:
    """The octets zipped, the end left out."""
    stream = GzipStream()
    return stream.line(b'{"time"' + data + b"\n")


def _act_gzip(case: bytes) -> Sequence[Telegram]:
    with io.BufferedReader(GzipReader(io.BytesIO(case))) as stream:
        whole = stream.read()
    file = io.BytesIO(case)
    if finish_gzip(file, b'{"time"') and file.getvalue():
        with io.BufferedReader(GzipReader(io.BytesIO(file.getvalue()))) as again:
            mended = again.read()
        assert whole.startswith(mended) or mended.startswith(whole[: whole.rfind(b"\n") + 1]), (
            "another content"
        )
    return ()


# -- what is typed -------------------------------------------------------------------------------------------


@cache
def _text_seeds() -> tuple[bytes, ...]:
    some = telegrams()[::12]
    hexes = [octets.hex(separator) for octets in some[:4] for separator in (" ", ":", "-", "_", ",")]
    lines = [write(octets) for write, octets in zip(DIALECTS.values(), some, strict=False)]
    return tuple(
        text.encode()
        for text in (
            *hexes,
            *lines,
            "0x68 0x07 0x07 0x68 08 05 78 02 5A D2 00 B3 16",
            "12345678.KAM.1B.16",
            "1234FFFF.KAM",
            "000102030405060708090A0B0C0D0E0F",
            "26011ABC",
            "NwkSKey",
            _QR,
            "2026-01-31T10:00",
            "1234.567",
        )
    )


def _repair_text(data: bytes) -> bytes:
    return data.hex(" " if len(data) % 2 else ":").encode()


def _act_text(case: bytes) -> Sequence[Telegram]:
    text = case.decode("utf-8", "surrogateescape")
    for parse in (MeterAddress.parse, parse_key, parse_device, parse_role, parse_qr, parse_value):
        try:
            parse(text)
        except MbuscliError:
            continue
    longest_run(text)
    try:
        octets = octets_of(text, "argument 1")
    except MbuscliError:
        octets = b""
    if octets:
        unframe(octets)
    return _decoded(pieces_of_arguments(text.split() or [text]))


TARGETS = {
    # A file of several lines.
    "captures.logs": Target(_log_seeds, _repair_log, _act_log, slow=2),
    "captures.gzip": Target(_gzip_seeds, _repair_gzip, _act_gzip),
    "text": Target(_text_seeds, _repair_text, _act_text, slow=2),
}
