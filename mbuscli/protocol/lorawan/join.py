"""Joining: MICs, the join-accept, the keys of the session (LoRaWAN 1.0.2 clause 6.2, 1.1 clause 6.2)."""

from __future__ import annotations

from typing import Final, NamedTuple

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.lorawan.fields import FREQUENCY_STEP_HZ, encode_frequency, frequency_hz, from_air
from mbuscli.protocol.lorawan.phy import MIC_SIZE, JoinRequest, MType, RejoinRequest
from mbuscli.protocol.lorawan.session import SessionKeys
from mbuscli.protocol.security.ciphers import AES_BLOCK, aes_cmac, aes_ecb_decrypt, aes_ecb_encrypt
from mbuscli.protocol.security.keys import Key

JOIN_REQUEST_TYPE: Final = 0xFF
_OPT_NEG: Final = 0x80
_FIXED: Final = 12
_CF_LIST_SIZE: Final = 16
_CF_FREQUENCIES, _CF_MASKS = 0, 1
_MASKS: Final = 5


class ChannelList(NamedTuple):
    """CFList: `frequencies_hz` of type 0 (0: not used), `masks` of type 1; `kind` the type."""

    kind: int
    frequencies_hz: tuple[int, ...]
    masks: tuple[int, ...]
    raw: bytes

    @property
    def channels(self) -> tuple[int, ...]:
        """The channels that the masks of type 1 switch on."""
        return tuple(
            16 * n + bit for n, mask in enumerate(self.masks) for bit in range(16) if mask >> bit & 1
        )


class Accept(NamedTuple):
    """A join-accept in clear; `net_id` and `dev_addr` most significant octet first.

    `clear` is MHDR to the end of CFList, which the MIC covers.
    """

    join_nonce: int
    net_id: bytes
    dev_addr: bytes
    opt_neg: bool
    rx1_offset: int
    rx2_data_rate: int
    rx_delay_s: int
    cf_list: ChannelList | None
    clear: bytes
    mic: bytes


def encode_join_request(join_eui: bytes, dev_eui: bytes, dev_nonce: int, key: Key) -> bytes:
    """The whole frame; EUIs most significant octet first; AppKey of 1.0.x, NwkKey of 1.1."""
    head = bytes((MType.JOIN_REQUEST << 5,))
    body = head + from_air(join_eui) + from_air(dev_eui) + dev_nonce.to_bytes(2, "little")
    return body + _mic(key, body)


def request_is_authentic(raw: bytes, key: Key) -> bool:
    """True if the MIC of a join- or rejoin-request fits this key."""
    return _mic(key, raw[:-MIC_SIZE]) == raw[-MIC_SIZE:]


def open_accept(sealed: bytes, key: Key) -> Accept:
    """Decrypt and take apart; the MIC is not judged here. DecodeError for a length that is none.

    `key`: AppKey of 1.0.x, NwkKey of 1.1, JSEncKey in answer to a rejoin-request.
    """
    if len(sealed) not in (AES_BLOCK, 2 * AES_BLOCK):
        text = f"a join-accept has 16 or 32 octets behind MHDR, not {len(sealed)}"
        raise DecodeError(text, reason=Reason.LENGTH_MISMATCH, offset=1)
    # The server uses decryption to encrypt, so that a device needs one direction only.
    body = aes_ecb_encrypt(key.octets, sealed)
    clear = bytes((MType.JOIN_ACCEPT << 5,)) + body[:-MIC_SIZE]
    settings, delay = body[10], body[11] & 0x0F
    return Accept(
        join_nonce=int.from_bytes(body[:3], "little"),
        net_id=from_air(body[3:6]),
        dev_addr=from_air(body[6:10]),
        opt_neg=bool(settings & _OPT_NEG),
        rx1_offset=settings >> 4 & 7,
        rx2_data_rate=settings & 0x0F,
        rx_delay_s=delay or 1,
        cf_list=parse_cf_list(body[_FIXED:-MIC_SIZE]) if len(sealed) > AES_BLOCK else None,
        clear=clear,
        mic=body[-MIC_SIZE:],
    )


def accept_is_authentic(accept: Accept, key: Key) -> bool:
    """The MIC as 1.0.x makes it, and 1.1 without OptNeg: AppKey, or NwkKey."""
    return _mic(key, accept.clear) == accept.mic


def accept_is_authentic_1_1(
    accept: Accept, js_int_key: Key, join_eui: bytes, dev_nonce: int, *, request_type: int = JOIN_REQUEST_TYPE
) -> bool:
    """The MIC of 1.1 with OptNeg, which covers the request; `dev_nonce` is RJcount after a rejoin."""
    return _mic_1_1(accept.clear, js_int_key, join_eui, dev_nonce, request_type) == accept.mic


def _mic_1_1(clear: bytes, key: Key, join_eui: bytes, dev_nonce: int, request_type: int) -> bytes:
    asked = bytes((request_type,)) + from_air(join_eui) + dev_nonce.to_bytes(2, "little")
    return _mic(key, asked + clear)


def encode_accept(
    join_nonce: int,
    net_id: bytes,
    dev_addr: bytes,
    *,
    opt_neg: bool = False,
    rx1_offset: int = 0,
    rx2_data_rate: int = 0,
    rx_delay_s: int = 1,
    cf_list: bytes = b"",
) -> bytes:
    """MHDR to CFList in clear, what `seal_accept` takes."""
    settings = _OPT_NEG * opt_neg | rx1_offset << 4 | rx2_data_rate
    head = bytes((MType.JOIN_ACCEPT << 5,)) + join_nonce.to_bytes(3, "little")
    return head + from_air(net_id) + from_air(dev_addr) + bytes((settings, rx_delay_s)) + cf_list


def seal_accept(clear: bytes, key: Key, mic: bytes | None = None) -> bytes:
    """The frame as it goes on air; `mic` replaces that of 1.0.x."""
    body = clear[1:] + (_mic(key, clear) if mic is None else mic)
    return clear[:1] + aes_ecb_decrypt(key.octets, body)


def accept_mic_1_1(clear: bytes, js_int_key: Key, join_eui: bytes, dev_nonce: int) -> bytes:
    """The MIC of 1.1 with OptNeg in answer to a join-request."""
    return _mic_1_1(clear, js_int_key, join_eui, dev_nonce, JOIN_REQUEST_TYPE)


def parse_cf_list(raw: bytes) -> ChannelList:
    """The 16 octets of CFList; other types than 0 and 1 hold nothing that is known here."""
    kind = raw[-1]
    if kind == _CF_FREQUENCIES:
        return ChannelList(kind, tuple(frequency_hz(raw[at : at + 3]) for at in range(0, 15, 3)), (), raw)
    if kind == _CF_MASKS:
        masks = tuple(int.from_bytes(raw[at : at + 2], "little") for at in range(0, 2 * _MASKS, 2))
        return ChannelList(kind, (), masks, raw)
    return ChannelList(kind, (), (), raw)


def encode_frequency_list(frequencies_hz: tuple[int, ...]) -> bytes:
    """CFList of type 0 from up to five frequencies, multiples of 100 Hz."""
    if len(frequencies_hz) > 5 or any(hz % FREQUENCY_STEP_HZ for hz in frequencies_hz):
        raise ValueError("a channel list has up to five frequencies in steps of 100 Hz")
    body = b"".join(map(encode_frequency, frequencies_hz))
    return body.ljust(_CF_LIST_SIZE - 1, b"\0") + bytes((_CF_FREQUENCIES,))


def encode_mask_list(masks: tuple[int, ...]) -> bytes:
    """CFList of type 1 from five masks of 16 channels each."""
    body = b"".join(mask.to_bytes(2, "little") for mask in masks)
    return body.ljust(_CF_LIST_SIZE - 1, b"\0") + bytes((_CF_MASKS,))


# -- keys ------------------------------------------------------------------------------------------------


def session_keys_1_0(app_key: Key, join_nonce: int, net_id: bytes, dev_nonce: int) -> SessionKeys:
    """NwkSKey and AppSKey; of a 1.1 device without OptNeg with its NwkKey in place of AppKey."""
    tail = join_nonce.to_bytes(3, "little") + from_air(net_id) + dev_nonce.to_bytes(2, "little")
    return SessionKeys.v1_0(_derive(app_key, 0x01, tail), _derive(app_key, 0x02, tail))


def session_keys_1_1(
    nwk_key: Key, app_key: Key, join_nonce: int, join_eui: bytes, dev_nonce: int
) -> SessionKeys:
    """The four keys after a join with OptNeg; `dev_nonce` is RJcount after a rejoin."""
    tail = join_nonce.to_bytes(3, "little") + from_air(join_eui) + dev_nonce.to_bytes(2, "little")
    return SessionKeys(
        "1.1",
        f_nwk_s_int=_derive(nwk_key, 0x01, tail),
        s_nwk_s_int=_derive(nwk_key, 0x03, tail),
        nwk_s_enc=_derive(nwk_key, 0x04, tail),
        app_s=_derive(app_key, 0x02, tail),
    )


def js_int_key(nwk_key: Key, dev_eui: bytes) -> Key:
    """The key of the MIC of join-accepts with OptNeg."""
    return _derive(nwk_key, 0x06, from_air(dev_eui))


def js_enc_key(nwk_key: Key, dev_eui: bytes) -> Key:
    """The key that encrypts join-accepts in answer to a rejoin-request."""
    return _derive(nwk_key, 0x05, from_air(dev_eui))


def _derive(key: Key, tag: int, tail: bytes) -> Key:
    return Key(aes_ecb_encrypt(key.octets, (bytes((tag,)) + tail).ljust(AES_BLOCK, b"\0")))


def _mic(key: Key, data: bytes) -> bytes:
    return aes_cmac(key.octets, data)[:MIC_SIZE]


def nonce_of(request: JoinRequest | RejoinRequest) -> int:
    """What enters the derivation of keys: DevNonce, or RJcount of a rejoin-request."""
    return request.dev_nonce if isinstance(request, JoinRequest) else request.rj_count
