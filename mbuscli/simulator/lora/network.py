"""A join and network server: checks what devices send, and answers in one of the two receive windows."""

from __future__ import annotations

import random
from collections import deque
from typing import NamedTuple

from mbuscli.errors import DecodeError
from mbuscli.protocol.lorawan import join
from mbuscli.protocol.lorawan.mac_commands import MacCommand, parse_mac_commands
from mbuscli.protocol.lorawan.phy import Data, JoinRequest, decode_phy
from mbuscli.protocol.lorawan.region_table import EU868, Region
from mbuscli.protocol.lorawan.session import MAX_UPPER, Transmission, open_data
from mbuscli.protocol.security.keys import Key
from mbuscli.simulator.lora.device import Session, downlink_frame

_GPS_SECONDS = 1_450_000_000


class Registration(NamedTuple):
    """A device as the network's operator knows it. `nwk_key` makes it a 1.1 device."""

    dev_eui: bytes
    join_eui: bytes
    app_key: Key
    nwk_key: Key | None = None


class Behaviour(NamedTuple):
    """How the network treats devices, beyond the rules.

    silent: answers nothing; window: 1 or 2; loss: share of uplinks that nobody hears; bad_mic: accepts are
    not authentic; margin_db and gateways: of link checks; counting: DevNonce must count up (1.0.4, 1.1).
    """

    silent: bool = False
    window: int = 1
    loss: float = 0.0
    bad_mic: bool = False
    margin_db: int = 20
    gateways: int = 2
    counting: bool = True
    cf_list: bytes = b""
    rssi_dbm: int = -60
    snr_db: int = 9
    seed: int = 1


class Downlink(NamedTuple):
    """An answer: in which window, and how well the device hears it."""

    raw: bytes
    window: int
    rssi_dbm: int
    snr_db: int


class Uplink(NamedTuple):
    """What the network understood of an uplink, for tests and for people."""

    dev_eui: bytes
    f_cnt: int
    f_port: int | None
    payload: bytes
    confirmed: bool
    commands: tuple[MacCommand, ...]


class _UnheardError(Exception):
    """Why a frame gets no answer and changes nothing."""


class _Active:
    """The session of one device, at the network."""

    def __init__(self, dev_eui: bytes, session: Session) -> None:
        self.dev_eui = dev_eui
        self.session = session
        self.next_up = 0
        self.f_cnt_down = 0
        self.app_f_cnt_down = 0
        self.queue: deque[tuple[int, bytes, bool]] = deque()


class Network:
    """The server of one network. `log` tells in words what became of every frame, `uplinks` what it held."""

    def __init__(
        self,
        registrations: tuple[Registration, ...] = (),
        *,
        net_id: bytes = b"\x00\x00\x13",
        region: Region = EU868,
        behaviour: Behaviour = Behaviour(),  # noqa: B008 - immutable
    ) -> None:
        self.behaviour = behaviour
        self.region = region
        self.log: list[str] = []
        self.uplinks: list[Uplink] = []
        self._net_id = net_id
        self._registered = {each.dev_eui: each for each in registrations}
        self._nonces: dict[bytes, list[int]] = {}
        self._active: dict[bytes, _Active] = {}
        self._join_nonce = 0
        self._random = random.Random(behaviour.seed)

    def activate(self, dev_eui: bytes, session: Session) -> None:
        """Know a device's session: after a join, or of one that is activated by personalisation."""
        self._active[session.dev_addr] = _Active(dev_eui, session)

    def queue(self, dev_addr: bytes, f_port: int, payload: bytes, *, confirmed: bool = False) -> None:
        """Send this to the device after its next uplink. KeyError if it is not active."""
        self._active[dev_addr].queue.append((f_port, payload, confirmed))

    def hear(self, raw: bytes, sent: Transmission = Transmission()) -> Downlink | None:  # noqa: B008
        """An uplink arrived; the answer, None for silence, which is also the answer to anything wrong."""
        try:
            answer = self._answer_frame(raw, sent)
        except DecodeError as error:
            self.log.append(error.text)
            return None
        except _UnheardError as why:
            self.log.append(str(why))
            return None
        if answer is None or self.behaviour.silent:
            return None
        behaviour = self.behaviour
        return Downlink(answer, behaviour.window, behaviour.rssi_dbm, behaviour.snr_db)

    def _answer_frame(self, raw: bytes, sent: Transmission) -> bytes | None:
        if self._random.random() < self.behaviour.loss:
            raise _UnheardError("lost on air")
        content = decode_phy(raw).content
        if isinstance(content, JoinRequest):
            return self._join(raw, content)
        if isinstance(content, Data) and content.uplink:
            return self._data(content, sent)
        raise _UnheardError("no uplink")

    def _join(self, raw: bytes, request: JoinRequest) -> bytes:
        device = self._registered.get(request.dev_eui)
        if device is None:
            raise _UnheardError(f"unknown DevEUI {request.dev_eui.hex().upper()}")
        if request.join_eui != device.join_eui:
            raise _UnheardError(f"wrong JoinEUI {request.join_eui.hex().upper()}")
        root = device.nwk_key or device.app_key
        if not join.request_is_authentic(raw, root):
            raise _UnheardError("join-request: wrong MIC")
        used = self._nonces.setdefault(request.dev_eui, [])
        if request.dev_nonce in used or (self.behaviour.counting and used and request.dev_nonce < used[-1]):
            raise _UnheardError(f"DevNonce {request.dev_nonce} was used")
        used.append(request.dev_nonce)
        self._join_nonce += 1
        dev_addr = bytes((0x26, 0x01)) + self._join_nonce.to_bytes(2, "big")
        clear = join.encode_accept(
            self._join_nonce,
            self._net_id,
            dev_addr,
            opt_neg=device.nwk_key is not None,
            rx2_data_rate=self.region.rx2_rate,
            cf_list=self.behaviour.cf_list,
        )
        self.log.append("joined")
        return self._accept(device, clear, dev_addr, request)

    def _accept(self, device: Registration, clear: bytes, dev_addr: bytes, request: JoinRequest) -> bytes:
        nonce, dev_nonce, join_eui = self._join_nonce, request.dev_nonce, device.join_eui
        if device.nwk_key is None:
            keys = join.session_keys_1_0(device.app_key, nonce, self._net_id, dev_nonce)
            mic = None
        else:
            keys = join.session_keys_1_1(device.nwk_key, device.app_key, nonce, join_eui, dev_nonce)
            key = join.js_int_key(device.nwk_key, device.dev_eui)
            mic = join.accept_mic_1_1(clear, key, join_eui, dev_nonce)
        self.activate(device.dev_eui, Session(dev_addr, keys))
        if self.behaviour.bad_mic:
            mic = bytes(4)
        return join.seal_accept(clear, device.nwk_key or device.app_key, mic)

    def _data(self, data: Data, sent: Transmission) -> bytes | None:
        active = self._active.get(data.dev_addr)
        if active is None:
            raise _UnheardError(f"unknown DevAddr {data.dev_addr.hex().upper()}")
        upper = active.next_up >> 16
        uppers = range(upper, min(upper + 2, MAX_UPPER))
        opened = open_data(data, active.session.keys, uppers=uppers, known=sent)
        if opened is None:
            raise _UnheardError("data: wrong MIC")
        if opened.f_cnt < active.next_up:
            raise _UnheardError(f"FCnt {opened.f_cnt} came before")
        active.next_up = opened.f_cnt + 1
        octets = (opened.payload if data.f_port == 0 else opened.f_opts) or b""
        commands = tuple(parse_mac_commands(octets, uplink=True))
        payload = b"" if data.f_port == 0 else opened.payload or b""
        uplink = Uplink(active.dev_eui, opened.f_cnt, data.f_port, payload, data.confirmed, commands)
        self.uplinks.append(uplink)
        self.log.append(f"uplink {opened.f_cnt}, port {data.f_port}")
        return self._answer(active, uplink)

    def _answer(self, active: _Active, uplink: Uplink) -> bytes | None:
        f_opts = b"".join(map(self._answer_to, uplink.commands))
        f_port, payload, confirmed = active.queue.popleft() if active.queue else (None, b"", False)
        if not (f_opts or uplink.confirmed or f_port is not None):
            return None
        application = active.session.keys.is_1_1 and bool(f_port)
        f_cnt = active.app_f_cnt_down if application else active.f_cnt_down
        if application:
            active.app_f_cnt_down += 1
        else:
            active.f_cnt_down += 1
        return downlink_frame(
            active.session,
            f_cnt,
            ack=uplink.confirmed,
            confirmed=confirmed,
            f_opts=f_opts,
            f_port=f_port,
            payload=payload,
            pending=bool(active.queue),
            conf_f_cnt=uplink.f_cnt & 0xFFFF,
        )

    def _answer_to(self, command: MacCommand) -> bytes:
        if command.name == "LinkCheckReq":
            return bytes((0x02, self.behaviour.margin_db, self.behaviour.gateways))
        if command.name == "DeviceTimeReq":
            return b"\x0d" + _GPS_SECONDS.to_bytes(4, "little") + b"\0"
        if command.name == "RekeyInd":
            return b"\x0b\x01"
        return b""
