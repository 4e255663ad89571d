"""Keys of a session, the MIC of data frames and their encryption (LoRaWAN 1.1, clauses 4.3 and 4.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from mbuscli.protocol.lorawan.fields import from_air
from mbuscli.protocol.lorawan.phy import MIC_SIZE, Data
from mbuscli.protocol.security.ciphers import AES_BLOCK, aes_cmac, aes_ecb_encrypt
from mbuscli.protocol.security.keys import Key

# Upper halves of the frame counter that are tried, low ones first: 16 million frames.
MAX_UPPER: Final = 256
# With only half of the MIC to check by, every further try is a chance in 65,536 to believe a wrong one.
MAX_UPPER_BY_HALF: Final = 4
DATA_RATES: Final = range(16)
CHANNELS: Final = range(72)

FULL_MIC: Final = "MIC"
HALF_MIC: Final = "half of the MIC"
UNCHECKED: Final = ""

_PAYLOAD_BLOCK, _MIC_BLOCK = 0x01, 0x49
# Where the upper half of the counter stands in the block of the MIC.
_UPPER_AT: Final = 12
# The octet at index 4 of the block that encrypts FOpts (LoRaWAN 1.1, erratum on FCntDwn).
_FOPTS_UP_OR_NETWORK, _FOPTS_APPLICATION = 0x01, 0x02


class SessionKeys(NamedTuple):
    """The keys of one session, by role; None where one is not known.

    In 1.0.x the network session key stands in all three network roles, and FOpts are clear.
    """

    version: str
    f_nwk_s_int: Key | None
    s_nwk_s_int: Key | None
    nwk_s_enc: Key | None
    app_s: Key | None

    @classmethod
    def v1_0(cls, nwk_s: Key | None, app_s: Key | None) -> SessionKeys:
        """The two keys of LoRaWAN 1.0.x."""
        return cls("1.0", nwk_s, nwk_s, nwk_s, app_s)

    @property
    def is_1_1(self) -> bool:
        """True if the network keys have roles of their own."""
        return self.version == "1.1"


class Transmission(NamedTuple):
    """What the MIC of 1.1 covers beside the frame; None where it is not known.

    `conf_f_cnt`: counter of the confirmed frame that this one acknowledges, modulo 65536.
    """

    data_rate: int | None = None
    channel: int | None = None
    conf_f_cnt: int | None = None


class OpenedData(NamedTuple):
    """A data frame after decryption. `f_opts` and `payload` are None where the key for them is missing.

    `check` is FULL_MIC, HALF_MIC, or UNCHECKED if no key could check it; `transmission` holds what was found
    by trying.
    """

    f_cnt: int
    check: str
    transmission: Transmission
    f_opts: bytes | None
    payload: bytes | None


def open_data(
    data: Data,
    keys: SessionKeys,
    *,
    uppers: Sequence[int] = range(MAX_UPPER),
    known: Transmission = Transmission(),  # noqa: B008 - immutable
) -> OpenedData | None:
    """Find the counter whose MIC fits and decrypt; None if none does or no key can check it.

    `uppers`: candidates for the upper 16 bits of the counter, the likeliest first.
    """
    if not keys.is_1_1:
        uppers = _upper_of_1_0(data, keys, uppers)
    for upper in uppers:
        f_cnt = upper << 16 | data.f_cnt
        found = _fits(data, keys, f_cnt, known, upper < MAX_UPPER_BY_HALF)
        if found is not None:
            check, transmission = found
            return OpenedData(
                f_cnt,
                check,
                transmission,
                _clear_f_opts(data, keys, f_cnt),
                _clear_payload(data, keys, f_cnt),
            )
    return None


def open_unchecked(data: Data, keys: SessionKeys, f_cnt: int) -> OpenedData:
    """Decrypt without proof, for who has the application key only: a wrong key gives garbage."""
    return OpenedData(
        f_cnt,
        UNCHECKED,
        Transmission(),
        _clear_f_opts(data, keys, f_cnt),
        _clear_payload(data, keys, f_cnt),
    )


def _fits(
    data: Data, keys: SessionKeys, f_cnt: int, known: Transmission, may_be_half: bool
) -> tuple[str, Transmission] | None:
    if not keys.is_1_1:
        good = keys.f_nwk_s_int and _mic(keys.f_nwk_s_int, _b0(data, f_cnt, 0), data) == data.mic
        return (FULL_MIC, known) if good else None
    if not data.uplink:
        return _fits_down(data, keys, f_cnt, known)
    half = MIC_SIZE // 2
    if keys.f_nwk_s_int is not None:
        low = _mic(keys.f_nwk_s_int, _b0(data, f_cnt, 0), data)[:half]
        if low != data.mic[half:]:
            return None
        if keys.s_nwk_s_int is None:
            return (HALF_MIC, known) if may_be_half else None
    elif keys.s_nwk_s_int is None or None in (known.data_rate, known.channel):
        return None
    for tried in _transmissions(data, known):
        block = _b1(data, f_cnt, tried)
        if _mic(keys.s_nwk_s_int, block, data)[:half] == data.mic[:half]:
            return (FULL_MIC if keys.f_nwk_s_int else HALF_MIC), tried
    return None


def _upper_of_1_0(data: Data, keys: SessionKeys, uppers: Sequence[int]) -> Sequence[int]:
    """The one upper half of the counter whose MIC fits, if there is one. Hundreds are tried for a wrong key:
    of the block only the two octets that differ are made anew."""
    if keys.f_nwk_s_int is None:
        return ()
    block, key = _b0(data, data.f_cnt, 0), keys.f_nwk_s_int.octets
    before, after = block[:_UPPER_AT], block[_UPPER_AT + 2 :] + data.msg
    for upper in uppers:
        if aes_cmac(key, before + (upper & 0xFFFF).to_bytes(2, "little") + after)[:MIC_SIZE] == data.mic:
            return (upper,)
    return ()


def _fits_down(
    data: Data, keys: SessionKeys, f_cnt: int, known: Transmission
) -> tuple[str, Transmission] | None:
    """The counter of the acknowledged uplink is in the MIC: without it an ACK cannot be checked."""
    if keys.s_nwk_s_int is None or (data.ack and known.conf_f_cnt is None):
        return None
    conf_f_cnt = (known.conf_f_cnt or 0) if data.ack else 0
    good = _mic(keys.s_nwk_s_int, _b0(data, f_cnt, conf_f_cnt), data) == data.mic
    return (FULL_MIC, known) if good else None


def _transmissions(data: Data, known: Transmission) -> Iterator[Transmission]:
    rates = DATA_RATES if known.data_rate is None else (known.data_rate,)
    channels = CHANNELS if known.channel is None else (known.channel,)
    for rate in rates:
        for channel in channels:
            yield Transmission(rate, channel, known.conf_f_cnt)


def mic_of(data: Data, keys: SessionKeys, f_cnt: int, sent: Transmission = Transmission()) -> bytes:  # noqa: B008
    """The four octets of the MIC of a frame to be sent; ValueError if a key for it is missing."""
    if keys.f_nwk_s_int is None or keys.s_nwk_s_int is None:
        raise ValueError("a network session key is missing")
    if not keys.is_1_1:
        return _mic(keys.f_nwk_s_int, _b0(data, f_cnt, 0), data)
    if not data.uplink:
        conf_f_cnt = (sent.conf_f_cnt or 0) if data.ack else 0
        return _mic(keys.s_nwk_s_int, _b0(data, f_cnt, conf_f_cnt), data)
    half = MIC_SIZE // 2
    first = _mic(keys.s_nwk_s_int, _b1(data, f_cnt, sent), data)[:half]
    return first + _mic(keys.f_nwk_s_int, _b0(data, f_cnt, 0), data)[:half]


def _mic(key: Key, block: bytes, data: Data) -> bytes:
    return aes_cmac(key.octets, block + data.msg)[:MIC_SIZE]


def _b0(data: Data, f_cnt: int, conf_f_cnt: int) -> bytes:
    start = bytes((_MIC_BLOCK,)) + (conf_f_cnt & 0xFFFF).to_bytes(2, "little") + b"\0\0"
    return start + _tail(data.uplink, data.dev_addr, f_cnt, len(data.msg))


def _b1(data: Data, f_cnt: int, sent: Transmission) -> bytes:
    conf_f_cnt = (sent.conf_f_cnt or 0) if data.ack else 0
    start = bytes((_MIC_BLOCK,)) + (conf_f_cnt & 0xFFFF).to_bytes(2, "little")
    rest = bytes((sent.data_rate or 0, sent.channel or 0))
    return start + rest + _tail(data.uplink, data.dev_addr, f_cnt, len(data.msg))


def _tail(uplink: bool, dev_addr: bytes, f_cnt: int, last: int) -> bytes:
    """What all blocks end with: direction, address, counter, 0, and a length or a number."""
    counter = (f_cnt & 0xFFFFFFFF).to_bytes(4, "little")
    return bytes((0 if uplink else 1,)) + from_air(dev_addr) + counter + bytes((0, last))


# -- encryption ------------------------------------------------------------------------------------------


def crypt_payload(key: Key, payload: bytes, *, uplink: bool, dev_addr: bytes, f_cnt: int) -> bytes:
    """FRMPayload encrypted, or decrypted: it is the same."""
    start = bytes((_PAYLOAD_BLOCK, 0, 0, 0, 0))
    blocks = range(1, -(-len(payload) // AES_BLOCK) + 1)
    stream = aes_ecb_encrypt(
        key.octets, b"".join(start + _tail(uplink, dev_addr, f_cnt, index) for index in blocks)
    )
    return _xor(payload, stream)


def crypt_f_opts(key: Key, f_opts: bytes, data: Data, f_cnt: int) -> bytes:
    """FOpts of 1.1 encrypted, or decrypted."""
    application = not data.uplink and bool(data.f_port)
    kind = _FOPTS_APPLICATION if application else _FOPTS_UP_OR_NETWORK
    block = bytes((_PAYLOAD_BLOCK, 0, 0, 0, kind)) + _tail(data.uplink, data.dev_addr, f_cnt, 1)
    return _xor(f_opts, aes_ecb_encrypt(key.octets, block))


def _clear_f_opts(data: Data, keys: SessionKeys, f_cnt: int) -> bytes | None:
    if not keys.is_1_1 or not data.f_opts:
        return data.f_opts
    return None if keys.nwk_s_enc is None else crypt_f_opts(keys.nwk_s_enc, data.f_opts, data, f_cnt)


def _clear_payload(data: Data, keys: SessionKeys, f_cnt: int) -> bytes | None:
    key = keys.app_s if data.f_port else keys.nwk_s_enc
    if not data.frm_payload:
        return b""
    if key is None:
        return None
    return crypt_payload(key, data.frm_payload, uplink=data.uplink, dev_addr=data.dev_addr, f_cnt=f_cnt)


def _xor(left: bytes, stream: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, stream, strict=False))
