"""Decoding with plans beside decoding without: the same telegrams, whatever is done to them.

Value mutations change data octets only, and repair every check sum and cipher around them, so that the shape
stays; structural ones change anything.
"""

from __future__ import annotations

import random
import tomllib
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from mbuscli.errors import DecodeError
from mbuscli.meters import drivers
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.ci_table import FROM_SLAVE, Content
from mbuscli.protocol.application.compact import Formats
from mbuscli.protocol.application.records import Record
from mbuscli.protocol.checksum import crc_en13757, sum8
from mbuscli.protocol.security.ciphers import aes_cbc_encrypt
from mbuscli.protocol.security.keys import Candidate, FixedKeys, parse_key
from mbuscli.protocol.security.tpl_modes import mode5_iv
from mbuscli.protocol.wired.frames import encode_long
from mbuscli.protocol.wireless.frame_format import encode_format_a, encode_format_b
from mbuscli.render.json import dump_line
from mbuscli.render.rows import UNKNOWN, Origin, telegram_row
from mbuscli.render.telegram_lines import TelegramLines
from mbuscli.services.readings import readings_of
from mbuscli.telegram import Telegram, decode
from mbuscli.telegram.plans import Plans
from tests.corpus import lines as corpus
from tests.fuzz.mutate import TELLING
from tests.telegram.samples import KEY, SAMPLES

_WIRED = 0x68
_TELLING_DATA = (b"\xff", b"\0", b"\x80\0", b"\xf0", b"\x0f\x99", b"\x7f\xff", b"\xaa", b"\x12\x34\xf5")
_LINES = TelegramLines(), TelegramLines(ascii_only=True)


class Seed(NamedTuple):
    """A telegram, and the key that opens it."""

    octets: bytes
    key: str | None = None

    @property
    def is_wired(self) -> bool:
        """True for a frame of the wire."""
        return self.octets[:1] == b"\x68" and self.octets[3:4] == b"\x68"


@cache
def seeds() -> tuple[Seed, ...]:
    """Of the samples, the meter drivers, a list of awkward records, and the larger collection if it is there."""
    found = [Seed(bytes.fromhex(sample.telegram), sample.key) for sample in SAMPLES.values()]
    for path in sorted(Path(str(drivers.__path__[0])).glob("*.toml")):
        for test in tomllib.loads(path.read_text("utf-8")).get("test", ()):
            if isinstance(test.get("telegram"), str):
                found.append(Seed(bytes.fromhex(test["telegram"]), test.get("key")))
    found += [Seed(octets) for octets in _awkward()]
    found += [Seed(bytes.fromhex(row["hex"])) for row in corpus("wired.jsonl")]
    for row in corpus("wireless.jsonl"):
        key = row.get("key")
        found.append(Seed(bytes.fromhex(row["telegram"]), key if key and len(key) == 32 else None))
    return tuple(dict.fromkeys(seed for seed in found if len(seed.octets) > 10))


def _awkward() -> Iterator[bytes]:
    """Lists of records with every kind of value, and what stands between records."""
    lists = (
        "0C1312345678 0C0612345678 0B3B123456 0A5A1234 0E780123456789AB 09FD0E12 0C13F2345678",
        "01FD1B01 02FD1712FF 03134C0000 04061234ABCD 0613010203040506 0713FFFFFFFFFFFFFF7F 04FF201234ABCD",
        "026C1F3C 046D0A0B3F3C 066D0A0B0C1F3C00 036D0A0B0C 42EC7E1F3C 0422FFFFFFFF 8C10131234567882 0000",
        "055B0000AA41 0513CDCCCC3D 05FF0100007A44 0DFD0B0548454C4C4F 0D13C412345678 0D13D412345678 0D13E40102 0304",
        "2F2F0C1312345678 2F 04131234ABCD 2F2F2F 02FD1712FF 0F0102030405",
        "0C1312345678 04FD100102030 41F1122334455",
        "02FC03482552740F00 027C034825520F00 0C137700000002FD0F12FF 0CFB0112345678 04859A000000AA42",
        "0C131234567808130800 7F 0C0612345678 02FF130102 848040130102ABCD 01FF0105",
        "0C931E12345678 04BE3B0102ABCD 02BD6B1234 0D931F0C61020304050607080910111200 4C1312345678",
        "0C1312345678 0C1312345678 4C1312345678 CC101312345678 0C1400000000 3F0102",
    )
    head = MeterAddress.parse("12345678.KAM.1B.16").octets() + bytes((1, 0, 0, 0))
    radio = bytes.fromhex("44") + head[4:6] + head[:4] + head[6:8]
    for text in lists:
        digits = text.replace(" ", "")
        records = bytes.fromhex(digits[: len(digits) & ~1])
        yield encode_long(8, 5, 0x72, head + records)
        for rest in (b"\x7a\x05\x04\0\0", b"\x78", b"\x72" + head, b"\x8c\x20\x07\x7a\x05\0\0\0"):
            telegram = radio + rest + records
            yield bytes((len(telegram),)) + telegram


@cache
def source(key: str | None, *, exact: bool = True) -> FixedKeys | None:
    """The key, filed under the telegram's meter or given for any."""
    return None if key is None else FixedKeys([Candidate("own", parse_key(key), exact=exact)])


def values_changed(rng: random.Random, seed: Seed) -> bytes | None:
    """The telegram with other data octets, check sums and cipher repaired; None where there are none."""
    try:
        telegram = decode(seed.octets, keys=source(seed.key), formats=Formats())
    except DecodeError:
        return None
    clear = bytearray(telegram.clear)
    spans = [span for record in telegram.records if (span := _span(record, telegram.clear)) is not None]
    if not spans:
        return None
    for start, stop in rng.sample(spans, k=rng.randint(1, min(4, len(spans)))):
        size = stop - start
        if rng.random() < 0.4:
            clear[start:stop] = (rng.choice(_TELLING_DATA) * size)[:size][:: rng.choice((1, -1))]
        elif rng.random() < 0.5:
            clear[start:stop] = bytes.fromhex("".join(rng.choices("0123456789", k=2 * size)))
        else:
            clear[start:stop] = rng.randbytes(size)
    return _repaired(rng, seed, telegram, clear)


def _span(record: Record, clear: bytes) -> tuple[int, int] | None:
    """Where its data octets stand, without the LVAR octet."""
    for start in (record.offset + len(record.header.raw), record.offset):
        stop = start + len(record.raw)
        if record.raw and clear[start:stop] == record.raw:
            start += record.header.data_length is None
            return (start, stop) if stop > start else None
    return None


def _repaired(rng: random.Random, seed: Seed, telegram: Telegram, clear: bytearray) -> bytes | None:
    if seed.is_wired:
        clear[15] = rng.randrange(256)
        clear[5] = rng.randrange(251)
        if rng.random() < 0.05:
            clear[17:19] = rng.randbytes(2)
        clear[-2] = sum8(clear[4:-2])
        return bytes(clear)
    if telegram.link.layer != "wireless":
        return bytes(clear)
    ci = FROM_SLAVE.get(clear[10])
    if ci is not None and ci.content is Content.COMPACT and telegram.records:
        first = telegram.records[0].offset
        full = b""
        for record in telegram.records:
            span = _span(record, telegram.clear) or (record.offset, record.offset)
            start = span[0] - (record.header.data_length is None)
            full += record.header.raw + bytes(clear[start : span[1]])
        if rng.random() < 0.9:
            clear[first - 2 : first] = crc_en13757(full).to_bytes(2, "little")
    state = telegram.security
    if state.state == "decrypted":
        if state.mode != 5 or telegram.meter is None or telegram.sender is None or telegram.ell is not None:
            return None
        begin = {0x7A: 15, 0x72: 23, 0x7B: 15}.get(clear[10])
        if begin is None or telegram.configuration is None:
            return None
        hidden = (telegram.configuration >> 4 & 0x0F) * 16
        address = telegram.meter if state.address == "ALA" else telegram.sender
        iv = mode5_iv(address.octets(), telegram.acc or 0)
        sealed = aes_cbc_encrypt(parse_key(seed.key or KEY).octets, iv, bytes(clear[begin : begin + hidden]))
        clear[begin : begin + hidden] = sealed
    elif rng.random() < 0.5 and clear[10] in (0x7A, 0x78, 0x8C):
        clear[4:8] = bytes.fromhex(f"{rng.randrange(10**8):08d}")
    octets = bytes(clear)
    kind = rng.random()
    if kind < 0.1:
        return encode_format_a(octets)
    return encode_format_b(octets) if kind < 0.2 and len(octets) < 250 else octets


def structure_changed(rng: random.Random, seed: Seed) -> bytes:
    """The telegram damaged in some way; half of them with lengths and check sums repaired."""
    octets = bytearray(seed.octets)
    kind = rng.randrange(5)
    at = rng.randrange(len(octets))
    if kind == 0:
        for _ in range(rng.randint(1, 6)):
            octets[rng.randrange(len(octets))] ^= 1 << rng.randrange(8)
    elif kind == 1:
        del octets[at:]
    elif kind == 2:
        octets[at:at] = bytes(rng.choices(TELLING, k=rng.randint(1, 5)))
    elif kind == 3:
        octets[at : at + rng.randint(1, 4)] = bytes(rng.choices(TELLING, k=rng.randint(1, 4)))
    else:
        octets[min(20, at) :] = rng.randbytes(rng.randint(0, 60))
    if rng.random() < 0.5 and len(octets) > 12:
        del octets[250:]
        if seed.is_wired:
            octets[:4] = bytes((_WIRED, len(octets) - 6 & 0xFF, len(octets) - 6 & 0xFF, _WIRED))
            octets[-2:] = bytes((sum8(octets[4:-2]), 0x16))
        else:
            octets[0] = len(octets) - 1
    return bytes(octets)


class Beside:
    """Two streams of the same telegrams, one decoded with plans."""

    def __init__(self) -> None:
        self.plans = Plans()
        self.formats = Formats(), Formats()
        self.laid = 0
        """How many telegrams had a layout."""

    def difference(self, octets: bytes, key: str | None) -> str | None:
        """What differs; None if nothing does."""
        plain = seen(octets, key, self.formats[0], None)
        planned = seen(octets, key, self.formats[1], self.plans, self)
        if plain == planned:
            return None
        return "\n".join(
            f"{name}: {value!r} | {planned.get(name)!r}"
            for name, value in plain.items()
            if planned.get(name) != value
        )


def seen(
    octets: bytes, key: str | None, formats: Formats, plans: Plans | None, beside: Beside | None = None
) -> dict[str, Any]:
    """All that is to be seen of a telegram."""
    try:
        keys = source(key, exact=zlib.crc32(octets) & 3 != 0)
        telegram = decode(octets, keys=keys, formats=formats, plans=plans)
    except DecodeError as error:
        return {"error": (error.name, error.layer, error.offset, error.text, error.hint)}
    if beside is not None and telegram.laid is not None:
        beside.laid += 1
    names = ("raw", "received", "clear", "link", "meter", "sender", "acc", "status", "configuration")
    more = ("security", "ell", "application_error", "alarm", "command", "medium", "more_follows", "own_from")
    told = {name: getattr(telegram, name) for name in (*names, *more, "is_real_data", "problems")}
    told["records"] = [_record(record) for record in telegram.records]
    told["readings"] = _readings(telegram)
    origin = Origin(None, "port", "T1", -71.5) if telegram.acc else UNKNOWN
    plain_lines = [
        dump_line(telegram_row(telegram, origin), ascii_only=ascii_only) for ascii_only in (False, True)
    ]
    told["lines"] = plain_lines
    if plans is not None:
        told["lines"] = [writer.line(telegram, origin) for writer in _LINES]
    told["shape"] = formats.known()
    return told


def _readings(telegram: Telegram) -> tuple[object, ...]:
    readings = readings_of(telegram)
    return (
        readings.driver,
        [(reading, type(reading.value), str(reading.value)) for reading in readings.values],
    )


def _record(record: Record) -> tuple[object, ...]:
    value, header = record.value, record.header
    exact = value.as_tuple() if hasattr(value, "as_tuple") else value
    kind = Record if type(record).__name__ == "LaidRecord" else type(record)
    return (
        kind,
        record.offset,
        header.raw,
        header.quantity,
        record.raw,
        type(value),
        exact,
        record.error,
        record.qualifiers,
        record.storage,
        record.time,
    )
