"""LoRaWAN frames for tests, sealed here with invented keys, and what `decrypt` makes of them."""

from __future__ import annotations

from mbuscli.protocol.lorawan.phy import Data, decode_phy, encode_data
from mbuscli.protocol.lorawan.session import SessionKeys, Transmission, crypt_f_opts, crypt_payload, mic_of
from mbuscli.protocol.security.keys import Candidate, FixedKeys, Key
from mbuscli.services.decrypt import Decoded, DecryptEvent, Lorawan, decrypt
from mbuscli.services.input import Piece
from mbuscli.services.lorawan_keys import given_devices
from mbuscli.telegram.lorawan import LorawanTelegram

DEV_ADDR = bytes.fromhex("26011ABC")
NWK, S_INT, ENC, APP = (Key(bytes(range(n, n + 16))) for n in (1, 33, 65, 97))
V1_0 = SessionKeys.v1_0(NWK, APP)
V1_1 = SessionKeys("1.1", NWK, S_INT, ENC, APP)
TEXT_1_0 = f"NwkSKey={NWK.octets.hex()},AppSKey={APP.octets.hex()}"
TEXT_1_1 = (
    f"FNwkSIntKey={NWK.octets.hex()},SNwkSIntKey={S_INT.octets.hex()},"
    f"NwkSEncKey={ENC.octets.hex()},AppSKey={APP.octets.hex()}"
)


def frame(
    payload: bytes = b"",
    f_port: int | None = None,
    f_cnt: int = 1,
    *,
    keys: SessionKeys = V1_0,
    uplink: bool = True,
    confirmed: bool = False,
    ack: bool = False,
    f_opts: bytes = b"",
    sent: Transmission = Transmission(),  # noqa: B008
    dev_addr: bytes = DEV_ADDR,
) -> bytes:
    """A data frame as it goes on air."""
    key = keys.app_s if f_port else keys.nwk_s_enc
    assert key is not None
    sealed = crypt_payload(key, payload, uplink=uplink, dev_addr=dev_addr, f_cnt=f_cnt)

    def body(options: bytes) -> bytes:
        return encode_data(
            dev_addr,
            f_cnt,
            uplink=uplink,
            confirmed=confirmed,
            ack=ack,
            f_opts=options,
            f_port=f_port,
            frm_payload=sealed,
        )

    if keys.is_1_1 and f_opts:
        assert keys.nwk_s_enc is not None
        f_opts = crypt_f_opts(keys.nwk_s_enc, f_opts, content(body(f_opts) + bytes(4)), f_cnt)
    whole = body(f_opts)
    return whole + mic_of(content(whole + bytes(4)), keys, f_cnt, sent)


def content(raw: bytes) -> Data:
    """The frame taken apart."""
    data = decode_phy(raw).content
    assert isinstance(data, Data)
    return data


def events(
    *frames: bytes, text: str = "", keys: tuple[Key, ...] = (), lorawan: Lorawan | None = None
) -> list[DecryptEvent]:
    """What `decrypt` says of frames, with the keys in `text` and those of unknown role."""
    said = lorawan or Lorawan(given_devices(text) if text else (), only=True)
    source = FixedKeys([Candidate(f"key {n}", key) for n, key in enumerate(keys, 1)])
    return list(decrypt([Piece(raw) for raw in frames], keys=source, lorawan=said))


def opened(*frames: bytes, text: str = "", keys: tuple[Key, ...] = ()) -> list[LorawanTelegram]:
    """The LoRaWAN frames among the events."""
    found = [event.telegram for event in events(*frames, text=text, keys=keys) if isinstance(event, Decoded)]
    return [telegram for telegram in found if isinstance(telegram, LorawanTelegram)]
