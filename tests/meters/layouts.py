"""Telegrams in the makers' own layouts, put together from values: the inverse of the decoders, by the rules alone."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from mbuscli.protocol.address import encode_manufacturer
from mbuscli.protocol.application.date_types import encode_type_f, encode_type_g
from mbuscli.protocol.octets import encode_bcd
from mbuscli.protocol.security.ciphers import aes_cbc_encrypt

NUMBER = "11223344"
DIEHL_KEY = bytes.fromhex("39BC8A10E66D83F8")


def le(number: int, size: int) -> bytes:
    return number.to_bytes(size, "little", signed=number < 0)


def bcd(number: int, size: int) -> bytes:
    return encode_bcd(f"{number:0{2 * size}d}")


def radio(maker: str, version: int, device_type: int, body: bytes, *, number: str = NUMBER) -> bytes:
    """C 44, address, and `body` from the CI field on."""
    address = encode_bcd(number) + bytes((version, device_type))
    return framed(maker, address, body)


def framed(maker: str, address: bytes, body: bytes) -> bytes:
    code = maker if isinstance(maker, bytes) else le(encode_manufacturer(maker), 2)
    octets = b"\x44" + code + address + body
    return bytes((len(octets),)) + octets


def short(payload: bytes, *, acc: int = 7, status: int = 0, configuration: int = 0) -> bytes:
    """CI 7A with its header."""
    return bytes((0x7A, acc, status)) + le(configuration, 2) + payload


def packed(day: date) -> bytes:
    return le((day.year - 2000) << 9 | day.month << 5 | day.day, 2)


def day_and_month(day: date) -> bytes:
    return le(day.month << 9 | day.day << 4, 2)


def g(day: date) -> bytes:
    return encode_type_g(day.isoformat())


def f(moment: datetime) -> bytes:
    return encode_type_f(moment.isoformat(timespec="minutes"))


# -- Diehl


def shifted(octets: bytes, seed: bytes, key: bytes = DIEHL_KEY) -> bytes:
    """Written anew from the rule: a register of 32 bits, eight steps an octet, taps 1, 2, 11 and 31."""
    parts = [key[:4], key[4:], seed[:4], seed[4:8], seed[8:12]]
    bits = [0] * 32
    for part in parts:
        bits = [bit ^ (part[3 - n // 8] >> n % 8 & 1) for n, bit in enumerate(bits)]
    masked = []
    for octet in octets:
        for _ in range(8):
            bits = [bits[1] ^ bits[2] ^ bits[11] ^ bits[31], *bits[:31]]
        masked.append(octet ^ sum(bit << n for n, bit in enumerate(bits[:8])))
    return bytes(masked)


def diehl(
    maker: str, address: bytes, header: bytes, plain: bytes, *, ci: int = 0xA2, key: bytes = DIEHL_KEY
) -> bytes:
    """`address`: six octets as sent; `header`: the four behind the CI field."""
    seed = le(encode_manufacturer(maker), 2) + address + bytes((ci,)) + header[:3]
    return framed(maker, address, bytes((ci,)) + header + shifted(plain, seed, key))


def diehl_address(version: int, device_type: int, number: str = NUMBER) -> bytes:
    return bytes((version, device_type)) + encode_bcd(number)


def prios(total_l: int, target_l: int | None = None, day: date | None = None) -> bytes:
    plain = b"\x4b" + le(total_l, 4)
    if target_l is not None and day is not None:
        plain += le(target_l, 4) + g(day)
    return plain


# -- Techem


def techem(version: int, device_type: int, payload: bytes, *, ci: int = 0xA2) -> bytes:
    return radio("TCH", version, device_type, bytes((ci,)) + payload)


def allocator(past: date, previous: int, now: date, current: int, *tail: bytes, first: int = 0x11) -> bytes:
    return b"".join(
        (bytes((first,)), packed(past), le(previous, 2), day_and_month(now), le(current, 2), *tail)
    )


# -- Apator


def soft(letters: str) -> bytes:
    """A maker's code with the bit of a soft address."""
    return le(encode_manufacturer(letters) | 0x8000, 2)


def na1(
    litres: int,
    moment: datetime,
    age_h: int,
    added: int,
    states: tuple[int, int, int],
    *,
    ci: int = 0xA0,
    key: bytes = bytes(16),
    exponent: int = 0,
) -> bytes:
    """`states`: of the frame, the present, the earlier moment."""
    raw = (litres >> 4) << 8 | exponent << 4 | litres & 0x0F
    seconds = (moment - datetime(2000, 1, 1)) // timedelta(seconds=1)
    plain = b"\x2f" + le(raw, 4) + le(seconds, 4)
    plain += bytes((age_h & 0xFF, (age_h >> 8) << 2 | added & 3)) + le(added >> 2, 3) + bytes(states[1:])
    acc = 9
    address = encode_bcd(NUMBER) + b"\x14\x07"
    iv = le(encode_manufacturer("APA"), 2) + address + bytes((acc,)) * 8
    return framed("APA", address, bytes((ci, acc, states[0])) + aes_cbc_encrypt(key, iv, plain))


def registers(*pairs: tuple[int, bytes]) -> bytes:
    """The block of the Apator 162, as behind DIF 0F."""
    return (
        bytes(7) + b"".join(bytes((register,)) + data for register, data in pairs) + b"\xff\xff\xff\x12\x34"
    )


# -- Qundis


def data_set(
    kind: int,
    vif: int,
    values: tuple[int, int, int],
    days: tuple[date, date],
    differences: list[int | None],
    error_day: date | None = None,
) -> bytes:
    """The record of 53 octets; `values`: now, at the yearly due date, at the month's end."""
    now, year, month = (bcd(value, 4) for value in values)
    octets = b"\x00\x82\x11\x00\x00\x22\x00\x07" + bytes((kind, vif))
    octets += b"\xff\xff" if error_day is None else g(error_day)
    octets += now + g(days[0]) + year + g(days[1]) + month
    octets += b"".join(le(-0x8000 if each is None else each, 2) for each in differences) + b"\x2f"
    return b"\x0d\xff\x5f\x35" + octets


# -- BMeters, BFW

RFM_TABLE = (
    (122, 112, 185, 121, 7, 50, 156, 180, 10, 240, 22, 12, 74, 119, 189, 57),
    (16, 19, 11, 7, 154, 161, 126, 196, 206, 5, 152, 201, 72, 46, 120, 111),
    (26, 34, 142, 74, 203, 57, 96, 128, 25, 165, 17, 125, 228, 138, 87, 40),
    (10, 19, 153, 22, 105, 14, 153, 163, 3, 134, 94, 162, 31, 232, 140, 5),
)


def rfm_tx1(litres: int, moment: datetime, acc: int = 0x5A) -> bytes:
    digits = bytes(d ^ acc ^ row[acc & 15] for d, row in zip(bcd(litres, 4), RFM_TABLE, strict=True))
    clock = bytes.fromhex(moment.strftime("%S%M%H%d%m%y"))
    return radio(
        "BMT", 5, 7, short(bytes(2) + digits + bytes(7) + clock + bytes(4), acc=acc, configuration=0x1006)
    )


def bfw(current: int, previous: int, months: list[int], day: date) -> bytes:
    groups = b""
    for n in range(0, 18, 2):
        newer, older = months[n], months[n + 1]
        group = bytes((older & 0xFF, (older >> 8) << 4 | newer >> 8, newer & 0xFF))
        groups = group + groups
    payload = b"\x2f\x2f\x11\x22" + previous.to_bytes(2, "big") + current.to_bytes(2, "big") + b"\x33\x44"
    return radio("BFW", 2, 8, short(payload + groups + bytes.fromhex(day.strftime("%d%m%y")), status=0))
