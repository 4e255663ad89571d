"""The LoRaWAN stack inside a simulated modem: what it sends and what it makes of an answer."""

from __future__ import annotations

from typing import NamedTuple

from mbuscli.protocol.lorawan import join
from mbuscli.protocol.lorawan.phy import Data, JoinAccept, decode_phy, encode_data
from mbuscli.protocol.lorawan.session import (
    SessionKeys,
    Transmission,
    crypt_f_opts,
    crypt_payload,
    mic_of,
    open_data,
)
from mbuscli.protocol.security.keys import Key

_MIC = bytes(4)
_REKEY_IND = bytes.fromhex("0B01")
_REKEY_CONF = 0x0B


class Session(NamedTuple):
    """An activated device: address and keys; it stands for ABP too."""

    dev_addr: bytes
    keys: SessionKeys


class Received(NamedTuple):
    """A downlink that is authentic; `commands` are MAC commands in clear."""

    ack: bool
    f_port: int | None
    payload: bytes
    commands: bytes
    confirmed: bool
    pending: bool


class Device:
    """One device. `nwk_key` makes it a 1.1 device. Counters are open to look at and to change."""

    def __init__(
        self, dev_eui: bytes, join_eui: bytes, app_key: Key, *, nwk_key: Key | None = None, dev_nonce: int = 0
    ) -> None:
        self.dev_eui = dev_eui
        self.join_eui = join_eui
        self.app_key = app_key
        self.nwk_key = nwk_key
        self.dev_nonce = dev_nonce
        self.session: Session | None = None
        self.f_cnt_up = 0
        self.f_cnt_down = 0
        self._app_f_cnt_down = 0
        self._sent = Transmission()
        self._acknowledge = False
        self._conf_f_cnt_down = 0
        self._rekeying = False

    @property
    def root_key(self) -> Key:
        """The key of join-requests."""
        return self.nwk_key or self.app_key

    def join_request(self) -> bytes:
        """The next join-request; DevNonce counts up."""
        self.dev_nonce = self.dev_nonce + 1 & 0xFFFF
        return join.encode_join_request(self.join_eui, self.dev_eui, self.dev_nonce, self.root_key)

    def activate(self, session: Session) -> None:
        """Begin a session with counters at zero."""
        self.session = session
        self.f_cnt_up = self.f_cnt_down = self._app_f_cnt_down = 0
        self._acknowledge = False
        self._rekeying = session.keys.is_1_1

    def accept(self, raw: bytes) -> join.Accept | None:
        """Join with this answer to the last request; None, and nothing changed, if it is not authentic."""
        sealed = decode_phy(raw).content
        if not isinstance(sealed, JoinAccept):
            return None
        accept = join.open_accept(sealed.sealed, self.root_key)
        if accept.opt_neg and self.nwk_key is not None:
            key = join.js_int_key(self.nwk_key, self.dev_eui)
            if not join.accept_is_authentic_1_1(accept, key, self.join_eui, self.dev_nonce):
                return None
            keys = join.session_keys_1_1(
                self.nwk_key, self.app_key, accept.join_nonce, self.join_eui, self.dev_nonce
            )
        elif not join.accept_is_authentic(accept, self.root_key):
            return None
        else:
            keys = join.session_keys_1_0(self.root_key, accept.join_nonce, accept.net_id, self.dev_nonce)
        self.activate(Session(accept.dev_addr, keys))
        return accept

    def uplink(
        self,
        f_port: int | None,
        payload: bytes = b"",
        *,
        confirmed: bool = False,
        f_opts: bytes = b"",
        adr: bool = False,
        sent: Transmission = Transmission(),  # noqa: B008 - immutable
    ) -> bytes:
        """The next data frame; MAC commands in clear. ValueError if not activated."""
        if self.session is None:
            raise ValueError("not activated")
        session, f_cnt = self.session, self.f_cnt_up
        if self._rekeying:
            f_opts = _REKEY_IND + f_opts
        key = session.keys.app_s if f_port else session.keys.nwk_s_enc
        if key is not None:
            payload = crypt_payload(key, payload, uplink=True, dev_addr=session.dev_addr, f_cnt=f_cnt)
        self._sent = sent._replace(conf_f_cnt=self._conf_f_cnt_down)
        body = _data_frame(
            session,
            f_cnt,
            uplink=True,
            confirmed=confirmed,
            ack=self._acknowledge,
            adr=adr,
            f_opts=f_opts,
            f_port=f_port,
            payload=payload,
        )
        self._acknowledge = False
        self.f_cnt_up += 1
        return body + mic_of(_content(body), session.keys, f_cnt, self._sent)

    def receive(self, raw: bytes) -> Received | None:
        """What an authentic, new downlink for this device says; None for any other frame."""
        data = decode_phy(raw).content
        session = self.session
        if session is None or not isinstance(data, Data) or data.uplink or data.dev_addr != session.dev_addr:
            return None
        application = session.keys.is_1_1 and bool(data.f_port)
        next_f_cnt = self._app_f_cnt_down if application else self.f_cnt_down
        known = Transmission(conf_f_cnt=self.f_cnt_up - 1 & 0xFFFF)
        upper = next_f_cnt >> 16
        opened = open_data(data, session.keys, uppers=(upper, upper + 1), known=known)
        if opened is None or opened.f_cnt < next_f_cnt:
            return None
        if application:
            self._app_f_cnt_down = opened.f_cnt + 1
        else:
            self.f_cnt_down = opened.f_cnt + 1
        self._acknowledge = data.confirmed
        self._conf_f_cnt_down = opened.f_cnt & 0xFFFF
        commands = (opened.payload if data.f_port == 0 else opened.f_opts) or b""
        if commands[:1] == bytes((_REKEY_CONF,)):
            self._rekeying = False
        payload = b"" if data.f_port == 0 else opened.payload or b""
        return Received(data.ack, data.f_port, payload, commands, data.confirmed, data.low_bit)


def _data_frame(
    session: Session,
    f_cnt: int,
    *,
    uplink: bool,
    confirmed: bool,
    ack: bool,
    f_opts: bytes,
    f_port: int | None,
    payload: bytes,
    adr: bool = False,
    pending: bool = False,
) -> bytes:
    """MHDR to FRMPayload, FOpts encrypted where the version asks for it; `payload` as it goes on air."""

    def frame(options: bytes) -> bytes:
        return encode_data(
            session.dev_addr,
            f_cnt,
            uplink=uplink,
            confirmed=confirmed,
            ack=ack,
            adr=adr,
            low_bit=pending,
            f_opts=options,
            f_port=f_port,
            frm_payload=payload,
        )

    if session.keys.is_1_1 and f_opts and session.keys.nwk_s_enc is not None:
        f_opts = crypt_f_opts(session.keys.nwk_s_enc, f_opts, _content(frame(f_opts)), f_cnt)
    return frame(f_opts)


def _content(body: bytes) -> Data:
    data = decode_phy(body + _MIC).content
    assert isinstance(data, Data)
    return data


def downlink_frame(
    session: Session,
    f_cnt: int,
    *,
    ack: bool = False,
    confirmed: bool = False,
    f_opts: bytes = b"",
    f_port: int | None = None,
    payload: bytes = b"",
    pending: bool = False,
    conf_f_cnt: int = 0,
) -> bytes:
    """A whole downlink as a network sends it; `payload` and `f_opts` in clear."""
    key = session.keys.app_s if f_port else session.keys.nwk_s_enc
    if key is not None:
        payload = crypt_payload(key, payload, uplink=False, dev_addr=session.dev_addr, f_cnt=f_cnt)
    body = _data_frame(
        session,
        f_cnt,
        uplink=False,
        confirmed=confirmed,
        ack=ack,
        f_opts=f_opts,
        f_port=f_port,
        payload=payload,
        pending=pending,
    )
    return body + mic_of(_content(body), session.keys, f_cnt, Transmission(conf_f_cnt=conf_f_cnt))
