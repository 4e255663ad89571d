"""LoRaWAN frames with the keys at hand: which one fits, what it opens, and what would be needed if none does.

Frames of one run teach each other: a join-request tells the DevNonce of the join-accept behind it, which
leads to the keys of the data frames; a counter tells the upper half of those that follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.lorawan.payloads import Bridge, BridgedTelegram
from mbuscli.protocol.lorawan.phy import MAX_PHY_SIZE, MIC_SIZE, Data, Proprietary, decode_phy
from mbuscli.protocol.lorawan.session import (
    FULL_MIC,
    MAX_UPPER,
    OpenedData,
    SessionKeys,
    Transmission,
    crypt_payload,
    open_data,
    open_unchecked,
)
from mbuscli.protocol.security.keys import AES_KEY_SIZE, Candidate, Key
from mbuscli.services.lorawan_keys import Device
from mbuscli.telegram.lorawan import (
    F_OPTS_AT,
    MIC_HALF,
    MIC_OK,
    MIC_UNCHECKED,
    MIC_WRONG,
    LorawanTelegram,
    Mic,
    decode_lorawan,
)
from mbuscli.telegram.lorawan_payload import is_meter_data, read_payload
from mbuscli.telegram.model import Context, Security

if TYPE_CHECKING:
    from mbuscli.protocol.security.keys import KeySource

# Bits of MHDR that are reserved, and zero in every frame of today.
_RESERVED = 0x1C
_MIC = "MIC"


class _Tried(NamedTuple):
    """Session keys, and who they belong to."""

    name: str
    keys: SessionKeys
    known: Transmission


def may_be_lorawan(data: bytes) -> bool:
    """True if MHDR and length fit; proprietary frames, which fit everything, are left out."""
    if not data or len(data) > MAX_PHY_SIZE or data[0] & _RESERVED:
        return False
    try:
        return not isinstance(decode_phy(data).content, Proprietary)
    except DecodeError:
        return False


class LorawanDecoder:
    """Opens the frames of one run. `filed` gives the devices of the key ring when they are first needed."""

    def __init__(
        self,
        given: Sequence[Device] = (),
        source: KeySource | None = None,
        filed: Callable[[], Sequence[Device]] = tuple,
    ) -> None:
        from mbuscli.services.lorawan_join import Joins

        self._given = tuple(given)
        self._source = source
        self._filed: Callable[[], Sequence[Device]] | None = filed
        self._ring: tuple[Device, ...] = ()
        self._joins = Joins()
        self._proved: dict[bytes, _Tried] = {}
        self._counters: dict[tuple[bytes, bool], int] = {}
        self._confirmed: dict[tuple[bytes, bool], int] = {}
        self._bridges: dict[bytes, Bridge] = {}

    def decode(self, data: bytes, context: Context) -> tuple[LorawanTelegram, BridgedTelegram | None]:
        """The frame, opened as far as the keys go, and a wireless telegram that it completes.

        DecodeError where the octets are no LoRaWAN frame.
        """
        telegram = decode_lorawan(data)
        content = telegram.phy.content
        bridged = None
        if isinstance(content, Data):
            self._open_data(telegram, content)
            telegram.security = telegram.seal
            read_payload(telegram, context)
            if content.f_port and telegram.payload:
                f_cnt = content.f_cnt if telegram.f_cnt is None else telegram.f_cnt
                bridge = self._bridges.setdefault(content.dev_addr, Bridge())
                bridged = bridge.add(telegram.payload, content.f_port, f_cnt)
        elif not isinstance(content, Proprietary):
            session = self._joins.open(telegram, self._devices(), self._free_keys)
            if session is not None:
                dev_addr, name, keys = session
                self._proved.pop(dev_addr, None)
                self._joined(dev_addr, _Tried(name, keys, Transmission()))
            telegram.security = telegram.seal
        return telegram, bridged

    def _joined(self, dev_addr: bytes, tried: _Tried) -> None:
        self._joins.sessions[dev_addr] = tried.name, tried.keys
        for uplink in (True, False):  # counters begin anew
            self._counters.pop((dev_addr, uplink), None)

    def _devices(self) -> Iterator[Device]:
        """Those given for this command, then those of the key ring, which is read if need be."""
        yield from self._given
        if self._filed is not None:
            filed, self._filed = self._filed, None
            self._ring = tuple(filed())
        yield from self._ring

    def _free_keys(self) -> Iterator[Candidate]:
        """Keys whose role nobody told: of --key and its like. Without an address nobody is asked for one."""
        for candidate in self._source.candidates([]) if self._source is not None else ():
            if len(candidate.key) == AES_KEY_SIZE:
                yield candidate

    # -- data frames ---------------------------------------------------------------------------------------

    def _open_data(self, telegram: LorawanTelegram, data: Data) -> None:
        tried: list[str] = []
        unchecked: _Tried | None = None
        for attempt in self._sessions(data):
            known = self._known(data, attempt.known)
            if not _can_check(data, attempt.keys, known):
                unchecked = unchecked or attempt._replace(known=known)
                continue
            if attempt.name not in tried:
                tried.append(attempt.name)
            opened = open_data(data, attempt.keys, uppers=self._uppers(data), known=known)
            if opened is not None:
                self._accept(telegram, data, attempt, opened)
                return
            half = self._half(data, attempt.keys, known)
            if half is not None:
                self._accept_half(telegram, data, attempt, half)
                return
        if unchecked is not None and not tried:
            self._take_unchecked(telegram, data, unchecked)
        elif tried:
            self._refuse(telegram, data, tried)
        else:
            self._close(telegram, data)

    def _sessions(self, data: Data) -> Iterator[_Tried]:
        """Session keys that may fit, the likeliest first."""
        if data.dev_addr in self._proved:
            yield self._proved[data.dev_addr]
        if data.dev_addr in self._joins.sessions:
            yield _Tried(*self._joins.sessions[data.dev_addr], Transmission())
        app_s = None
        for device in self._devices():
            session = device.session()
            fits = device.dev_addr == data.dev_addr or (device.dev_addr is None and device in self._given)
            if session is not None and fits:
                app_s = app_s or session.app_s
                yield _Tried(device.name, session, device.sent)
        for candidate in self._free_keys():
            keys = SessionKeys.v1_0(candidate.key, app_s)
            yield _Tried(candidate.name, keys, Transmission())

    def _known(self, data: Data, told: Transmission) -> Transmission:
        """With the counter of the confirmed frame that this one acknowledges, if it was heard."""
        if not data.ack or told.conf_f_cnt is not None:
            return told
        return told._replace(conf_f_cnt=self._confirmed.get((data.dev_addr, not data.uplink)))

    def _uppers(self, data: Data) -> list[int]:
        """Upper halves of the counter: as heard before, as told, then low ones."""
        first = [device.f_cnt >> 16 for device in self._given if device.f_cnt is not None]
        heard = self._counters.get((data.dev_addr, data.uplink))
        if heard is not None:
            last = heard >> 16
            first = [last + 1, last] if data.f_cnt < heard & 0xFFFF else [last, last + 1]
        return list(dict.fromkeys((*first, *range(MAX_UPPER))))

    def _half(self, data: Data, keys: SessionKeys, known: Transmission) -> OpenedData | None:
        """What one half of the MIC of 1.1 proves, where the other one does not fit."""
        if not (keys.is_1_1 and data.uplink and keys.f_nwk_s_int and keys.s_nwk_s_int):
            return None
        return open_data(data, keys._replace(s_nwk_s_int=None), uppers=self._uppers(data), known=known)

    def _accept(self, telegram: LorawanTelegram, data: Data, tried: _Tried, opened: OpenedData) -> None:
        """The MIC fits: remember that, and decrypt what can be decrypted."""
        full = opened.check == FULL_MIC
        self._proved[data.dev_addr] = tried
        self._counters[data.dev_addr, data.uplink] = opened.f_cnt
        if data.confirmed:
            self._confirmed[data.dev_addr, data.uplink] = opened.f_cnt & 0xFFFF
        telegram.mic = Mic(MIC_OK if full else MIC_HALF, _needed(data, tried.keys))
        check = _MIC if full else "half of the MIC"
        self._opened(telegram, data, tried, opened, (check,))

    def _accept_half(self, telegram: LorawanTelegram, data: Data, tried: _Tried, half: OpenedData) -> None:
        if data.ack and self._known(data, tried.known).conf_f_cnt is None:
            self._accept(telegram, data, tried, half)
            return
        telegram.mic = Mic(MIC_WRONG, _needed(data, tried.keys))
        text = (
            f"the half of the MIC that FNwkSIntKey makes fits {tried.name!r}, that of SNwkSIntKey does not: "
            "another SNwkSIntKey, or somebody changed the frame"
        )
        _fail(telegram, "unauthentic", Reason.UNAUTHENTIC, text)

    def _take_unchecked(self, telegram: LorawanTelegram, data: Data, tried: _Tried) -> None:
        """Keys, but none for the MIC: decrypted without proof, which is said."""
        f_cnt = self._uppers(data)[0] << 16 | data.f_cnt
        opened = open_unchecked(data, tried.keys, f_cnt)
        telegram.mic = Mic(MIC_UNCHECKED, _needed(data, tried.keys))
        if opened.payload and is_meter_data(opened.payload):
            self._opened(telegram, data, tried, opened, ("records",))
        else:
            self._opened(telegram, data, tried, opened, ())
        text = f"the MIC is not checked, so nothing proves key or counter: {telegram.mic.needed}"
        telegram.add_problem("security", len(data.msg), Reason.KEY_MISSING, text, warning=True)

    def _opened(
        self,
        telegram: LorawanTelegram,
        data: Data,
        tried: _Tried,
        opened: OpenedData,
        checks: tuple[str, ...],
    ) -> None:
        telegram.take_data(opened)
        closed = bool(data.frm_payload) and opened.payload is None
        if closed and data.f_port:
            closed = not self._try_free_keys(telegram, data, tried, opened)
        encrypted = bool(data.frm_payload) or (tried.keys.is_1_1 and bool(data.f_opts))
        state = "decrypted" if encrypted else "none"
        device = data.dev_addr.hex().upper()
        if closed:
            state = "key_missing"
            role = "AppSKey" if data.f_port else ("NwkSEncKey" if tried.keys.is_1_1 else "NwkSKey")
            text = f"the payload on port {data.f_port} needs {role} of device {device}"
            telegram.add_problem("security", telegram.payload_at, Reason.KEY_MISSING, text)
        if opened.f_opts is None:
            if not data.frm_payload:
                state = "key_missing"
            text = f"the MAC commands in FOpts need NwkSEncKey of device {device}"
            telegram.add_problem(
                "security", F_OPTS_AT, Reason.KEY_MISSING, text, warning=state == "decrypted"
            )
        telegram.seal = Security(state=state, key=tried.name, checks=checks)

    def _try_free_keys(
        self, telegram: LorawanTelegram, data: Data, tried: _Tried, opened: OpenedData
    ) -> bool:
        """The AppSKey among the other keys: one that makes meter data of the payload, or the only one."""
        network = {tried.keys.f_nwk_s_int, tried.keys.s_nwk_s_int, tried.keys.nwk_s_enc}
        left = [found for found in self._free_keys() if found.key not in network]
        clear = [_with_app_key(found.key, data, opened.f_cnt) for found in left]
        good = [at for at, payload in enumerate(clear) if is_meter_data(payload)]
        if not good and len(left) == 1:
            text = f"key {left[0].name!r} is taken for AppSKey: it is the only other one, nothing proves it"
            telegram.add_problem("security", telegram.payload_at, Reason.KEY_MISSING, text, warning=True)
            good = [0]
        if not good:
            return False
        telegram.take_payload(clear[good[0]])
        self._proved[data.dev_addr] = tried._replace(keys=tried.keys._replace(app_s=left[good[0]].key))
        return True

    def _refuse(self, telegram: LorawanTelegram, data: Data, tried: list[str]) -> None:
        needed = _needed(data, None)
        telegram.mic = Mic(MIC_WRONG, needed)
        names = ", ".join(repr(name) for name in tried)
        if data.dev_addr in self._proved:
            text = (
                f"the MIC does not fit {names}, which opened frames of this device before: the frame was "
                "damaged or changed, or its counter jumped by more than 16 million"
            )
            _fail(telegram, "unauthentic", Reason.UNAUTHENTIC, text)
            return
        text = f"the MIC does not fit {names}: another device's key or session, or a damaged frame; {needed}"
        _fail(telegram, "key_wrong", Reason.KEY_WRONG, text)

    def _close(self, telegram: LorawanTelegram, data: Data) -> None:
        """No key at all: what is not encrypted can be read."""
        telegram.mic = Mic(MIC_UNCHECKED, _needed(data, None))
        if not data.frm_payload:
            text = f"the MIC is not checked: {telegram.mic.needed}"
            telegram.add_problem("security", len(data.msg), Reason.KEY_MISSING, text, warning=True)
            return
        role = "AppSKey" if data.f_port else "NwkSKey (NwkSEncKey of 1.1)"
        text = f"the payload on port {data.f_port} needs {role}; {telegram.mic.needed}"
        _fail(telegram, "key_missing", Reason.KEY_MISSING, text, telegram.payload_at)


def _with_app_key(key: Key, data: Data, f_cnt: int) -> bytes:
    return crypt_payload(key, data.frm_payload, uplink=data.uplink, dev_addr=data.dev_addr, f_cnt=f_cnt)


def _can_check(data: Data, keys: SessionKeys, known: Transmission) -> bool:
    if not keys.is_1_1:
        return keys.f_nwk_s_int is not None
    if not data.uplink:
        return keys.s_nwk_s_int is not None and (not data.ack or known.conf_f_cnt is not None)
    told = known.data_rate is not None and known.channel is not None
    return keys.f_nwk_s_int is not None or (keys.s_nwk_s_int is not None and told)


def _needed(data: Data, keys: SessionKeys | None) -> str:
    """Which keys the MIC takes."""
    device = data.dev_addr.hex().upper()
    counter = " and the counter of the acknowledged frame (ConfFCnt)" if data.ack else ""
    new = ("SNwkSIntKey and FNwkSIntKey" if data.uplink else "SNwkSIntKey") + counter
    if keys is not None and keys.is_1_1:
        return f"the MIC takes {new} of device {device}"
    if keys is not None and keys.f_nwk_s_int is not None:
        return f"the MIC takes NwkSKey of device {device}"
    return f"the MIC takes NwkSKey of device {device} (of 1.1: {new})"


def _fail(telegram: LorawanTelegram, state: str, reason: Reason, text: str, at: int | None = None) -> None:
    """Why it stays closed."""
    offset = len(telegram.raw) - MIC_SIZE if at is None else at
    telegram.add_problem("security", offset, reason, text)
    telegram.seal = Security(state=state, diagnosis=(text,))
