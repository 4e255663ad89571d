"""Targets that are telegrams: wired frames, radio telegrams, LoRaWAN frames."""

from __future__ import annotations

import tomllib
import zlib
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from mbuscli.errors import DecodeError
from mbuscli.meters import drivers
from mbuscli.protocol.application.compact import Formats
from mbuscli.protocol.application.records import Record, joined_headers
from mbuscli.protocol.checksum import sum8
from mbuscli.protocol.lorawan.session import SessionKeys, mic_of
from mbuscli.protocol.security.keys import Candidate, FixedKeys, Key, parse_key
from mbuscli.protocol.wired.framer import Found, Framer
from mbuscli.protocol.wired.frames import MAX_FRAME, encode_long
from mbuscli.protocol.wireless.frame_format import encode_format_a, encode_format_b
from mbuscli.services.decrypt import Decoded, Lorawan, decrypt
from mbuscli.services.input import Piece
from mbuscli.services.lorawan_keys import given_devices
from mbuscli.services.readings import readings_of
from mbuscli.telegram import Telegram
from tests.corpus import lines as corpus
from tests.fuzz.campaign import Target
from tests.services import lorawan_frames
from tests.telegram.samples import KEY, SAMPLES

_START = 0x68
_CRC_LIMIT = 250
_MIC = 4
_LORAWAN = Lorawan(given_devices(lorawan_frames.TEXT_1_0), only=True)


class _Formats(Formats):
    """Knows the same shapes before each case."""

    def learn_records(self, records: list[Record]) -> None:
        joined_headers(records)


def decode_all(
    pieces: Iterable[Piece], *, keyed: bool = True, lorawan: Lorawan | None = None
) -> list[Telegram]:
    """The telegrams and their readings; raises the error where nothing came out."""
    telegrams = []
    error = None
    source = keys() if keyed else None
    for event in decrypt(pieces, keys=source, formats=formats(), lorawan=lorawan or Lorawan()):
        if isinstance(event, Decoded):
            telegrams.append(event.telegram)
            readings_of(event.telegram)
        else:
            error = event.error
    if error is not None and not telegrams:
        raise error
    return telegrams


@cache
def keys() -> FixedKeys:
    """Keys of the samples, for every telegram."""
    texts = {sample.key for sample in SAMPLES.values() if sample.key} | {KEY}
    return FixedKeys([Candidate(f"key {n}", parse_key(text)) for n, text in enumerate(sorted(texts))])


@cache
def formats() -> Formats:
    """Those that are always known."""
    return _Formats()


# -- wired ---------------------------------------------------------------------------------------------------


@cache
def wired_seeds() -> tuple[bytes, ...]:
    """Frames; radio telegrams' content goes over the wire as well."""
    frames = [octets for octets in _all_telegrams() if octets[0] in (0xE5, 0x10, _START)]
    bodies = [octets[10:] for octets in _all_telegrams() if octets[0] not in (0xE5, 0x10, _START)]
    framed = [encode_long(8, 5, body[0], body[1:]) for body in bodies if 1 < len(body) < 252]
    return (*frames, *framed[::4])


def repair_wired(data: bytes) -> bytes:
    """A long frame around the octets, whose L and check sum fit."""
    content = data[4:-2] if data[:1] == b"\x68" else data
    content = (content + b"\x08\x05\x72")[: max(3, min(len(content), MAX_FRAME - 6))]
    head = bytes((_START, len(content), len(content), _START))
    return head + content + bytes((sum8(content), 0x16))


def _act_wired(case: bytes) -> Sequence[Telegram]:
    return decode_all([Piece(case)], keyed=False)


def _split_wired(case: bytes) -> tuple[object, object]:
    whole, octets = Framer(), Framer()
    bad = frozenset(index for index, octet in enumerate(case) if octet == 0x0F)
    first = [*whole.feed(case, bad), *whole.flush()]
    second = [
        item
        for index in range(len(case))
        for item in octets.feed(case[index : index + 1], frozenset((0,)) if index in bad else frozenset())
    ]
    return _told(first), _told([*second, *octets.flush()])


def _told(found: Iterable[Found]) -> list[object]:
    return [(item.offset, item.raw, item.error and (item.error.name, item.error.offset)) for item in found]


# -- wireless ------------------------------------------------------------------------------------------------


@cache
def wireless_seeds() -> tuple[bytes, ...]:
    """Telegrams with and without the CRCs of the radio."""
    bare = [octets for octets in _all_telegrams() if octets[0] not in (0xE5, 0x10, _START)]
    whole = [octets for octets in bare if octets[0] + 1 == len(octets) and 10 < len(octets) < _CRC_LIMIT]
    crcs = [encode_format_a(octets) for octets in whole[::3]] + [
        encode_format_b(octets) for octets in whole[::5]
    ]
    return (*bare, *crcs)


def repair_wireless(data: bytes) -> bytes:
    """L fits; every third time there are CRCs, of either format."""
    data = (data + bytes(11))[: max(11, min(len(data), _CRC_LIMIT))]
    data = bytes((len(data) - 1,)) + data[1:]
    kind = zlib.crc32(data) % 6
    if kind > 1:
        return data
    return encode_format_a(data) if kind else encode_format_b(data)


def _act_wireless(case: bytes) -> Sequence[Telegram]:
    return decode_all([Piece(case)], keyed=bool(zlib.crc32(case) & 0x100))


# -- LoRaWAN -------------------------------------------------------------------------------------------------


@cache
def lorawan_seeds() -> tuple[bytes, ...]:
    """Frames of every type, with payloads of every layout that is known."""
    payloads = [octets[10:] for octets in _all_telegrams() if octets[0] > 0x68 and len(octets) < 200][:40]
    payloads += [b"", b"\x78\x0c\x13\x67\x45\x23\x01", bytes(12), b"hello", b"\x02\x30\x01\x03\x07\x50\x02"]
    frames = [
        lorawan_frames.frame(payload, f_port, uplink=uplink, f_opts=f_opts if f_port else b"")
        for payload in payloads
        for f_port in (0, 1, 2, 11, 100, 101, 102, 103)[:: 1 + len(payload) // 20]
        for uplink, f_opts in ((True, b""), (False, b"\x03\x51\x07\x00\x01"))
    ]
    joins = [
        bytes(range(23)),
        b"\x20" + bytes(16),
        b"\x20" + bytes(32),
        b"\xc0" + bytes(19),
        b"\xe0" + bytes(20),
    ]
    too_long = b"\x40" + lorawan_frames.DEV_ADDR[::-1] + b"\0\1\0\1" + bytes(300)
    return (*frames, *joins, too_long)


def repair_lorawan(data: bytes) -> bytes:
    """The MIC of the device whose keys are given, and its address."""
    data = (data + bytes(12))[: max(12, min(len(data), 250))]
    data = bytes((0x40 | data[0] & 0xA0,)) + lorawan_frames.DEV_ADDR[::-1] + data[5:-_MIC]
    try:
        content = lorawan_frames.content(data + bytes(_MIC))
    except (DecodeError, AssertionError):
        return data + bytes(_MIC)
    return data + mic_of(content, SessionKeys.v1_0(lorawan_frames.NWK, lorawan_frames.APP), content.f_cnt)


def _act_lorawan(case: bytes) -> Sequence[Telegram]:
    return decode_all([Piece(case)], keyed=False, lorawan=_LORAWAN)


# -- where good ones come from -------------------------------------------------------------------------------


@cache
def _all_telegrams() -> tuple[bytes, ...]:
    """Of the samples, the meter drivers, and the larger collection where it is present."""
    texts = [sample.telegram for sample in SAMPLES.values()]
    for path in sorted(Path(str(drivers.__path__[0])).glob("*.toml")):
        table = tomllib.loads(path.read_text("utf-8"))
        texts += [test["telegram"] for test in table.get("test", ()) if isinstance(test.get("telegram"), str)]
    for name in ("wired.jsonl", "wireless.jsonl", "vectors_manufacturer.jsonl", "vectors_security.jsonl"):
        texts += [row["telegram"] for row in corpus(name) if isinstance(row.get("telegram"), str)]
    return tuple(dict.fromkeys(octets for text in texts if (octets := bytes.fromhex(text))))


def telegrams() -> list[bytes]:
    """Radio telegrams without CRCs, for what hands them over."""
    return [octets for octets in _all_telegrams() if 10 < octets[0] + 1 == len(octets) < _CRC_LIMIT]


def key() -> Key:
    """One that opens some samples."""
    return parse_key(KEY)


TARGETS = {
    "wired": Target(wired_seeds, repair_wired, _act_wired, _split_wired),
    "wireless": Target(wireless_seeds, repair_wireless, _act_wireless),
    "lorawan": Target(lorawan_seeds, repair_lorawan, _act_lorawan),
}
