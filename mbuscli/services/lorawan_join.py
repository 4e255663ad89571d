"""Join-requests, join-accepts, rejoin-requests with the keys at hand, and the sessions they lead to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeAlias

from mbuscli.errors import Reason
from mbuscli.protocol.lorawan.join import (
    Accept,
    accept_is_authentic,
    accept_is_authentic_1_1,
    js_int_key,
    open_accept,
    request_is_authentic,
    session_keys_1_0,
    session_keys_1_1,
)
from mbuscli.protocol.lorawan.phy import MIC_SIZE, JoinAccept, JoinRequest, RejoinRequest
from mbuscli.protocol.lorawan.session import SessionKeys
from mbuscli.protocol.security.keys import Candidate, Key
from mbuscli.services.lorawan_keys import Device
from mbuscli.settings.lora_keys import APP_KEY, NWK_KEY, S_NWK_S_INT_KEY
from mbuscli.telegram.lorawan import MIC_OK, MIC_UNCHECKED, MIC_WRONG, LorawanTelegram, Mic
from mbuscli.telegram.model import Security

# Join-requests of a log that a join-accept may answer.
_MOST_REQUESTS = 256

FreeKeys: TypeAlias = Callable[[], Iterator[Candidate]]
Session: TypeAlias = tuple[bytes, str, SessionKeys]


class _Root(NamedTuple):
    """A key of a device; `role` is empty where nobody told it."""

    name: str
    role: str
    key: Key
    device: Device

    @property
    def may_be_1_1(self) -> bool:
        return self.role != APP_KEY


class Joins:
    """What the joins of one run told. `sessions` by DevAddr: a name, and the keys."""

    def __init__(self) -> None:
        self.sessions: dict[bytes, tuple[str, SessionKeys]] = {}
        self._requests: list[JoinRequest] = []

    def open(
        self, telegram: LorawanTelegram, devices: Iterable[Device], free_keys: FreeKeys
    ) -> Session | None:
        """Judge the MIC, decrypt a join-accept; the session that it leads to, if DevNonce is known."""
        content = telegram.phy.content
        if isinstance(content, JoinAccept):
            return self._accept(telegram, content, _roots(devices, None, free_keys))
        if isinstance(content, JoinRequest):
            self._requests = [*self._requests[1 - _MOST_REQUESTS :], content]
            tried = _roots(devices, content.dev_eui, free_keys)
            _judge(telegram, ((root.name, root.key) for root in tried), "AppKey (NwkKey of 1.1)")
        elif isinstance(content, RejoinRequest):
            role = "JSIntKey, which NwkKey leads to," if content.kind == 1 else S_NWK_S_INT_KEY
            _judge(telegram, _rejoin_keys(content, devices), role)
        return None

    def _accept(
        self, telegram: LorawanTelegram, content: JoinAccept, roots: Iterator[_Root]
    ) -> Session | None:
        telegram.mic = Mic(MIC_UNCHECKED, "the MIC takes AppKey (NwkKey of 1.1) of the device")
        tried, unproved = [], False
        for root in roots:
            accept = open_accept(content.sealed, root.key)
            request = self._request_of(accept, root)
            if request is not None or accept_is_authentic(accept, root.key):
                telegram.take_accept(accept)
                telegram.mic = telegram.mic._replace(verdict=MIC_OK)
                telegram.seal = Security(state="decrypted", key=root.name, checks=("MIC",))
                return self._session(telegram, accept, root, request)
            tried.append(root.name)
            unproved |= accept.opt_neg and root.role == NWK_KEY and not self._questions(root)
        _accept_fails(telegram, tried, unproved)
        return None

    def _questions(self, root: _Root) -> list[JoinRequest]:
        """Join-requests that an accept with this key may answer: the one that was told, then heard ones."""
        device = root.device
        told = []
        if device.dev_nonce is not None:
            unknown = bytes(8)
            told = [JoinRequest(device.join_eui or unknown, device.dev_eui or unknown, device.dev_nonce, b"")]
        return told + [
            heard
            for heard in reversed(self._requests)
            if device.dev_eui in (None, heard.dev_eui) and device.join_eui in (None, heard.join_eui)
        ]

    def _request_of(self, accept: Accept, root: _Root) -> JoinRequest | None:
        """The request that the MIC of 1.1 covers."""
        if not (accept.opt_neg and root.may_be_1_1):
            return None
        for asked in self._questions(root):
            key = js_int_key(root.key, asked.dev_eui)
            if accept_is_authentic_1_1(accept, key, asked.join_eui, asked.dev_nonce):
                return asked
        return None

    def _session(
        self, telegram: LorawanTelegram, accept: Accept, root: _Root, request: JoinRequest | None
    ) -> Session | None:
        name = f"{root.name}, session of the join"
        if request is not None:
            app_key = root.device.keys.get(APP_KEY)
            keys = session_keys_1_1(
                root.key, app_key or root.key, accept.join_nonce, request.join_eui, request.dev_nonce
            )
            if app_key is None:
                keys = keys._replace(app_s=None)
        else:
            asked = next(iter(self._questions(root)), None)
            if asked is None:
                text = "without the DevNonce of the join-request the keys of the session cannot be told"
                telegram.add_problem("security", 1, Reason.KEY_MISSING, text, warning=True)
                return None
            keys = session_keys_1_0(root.key, accept.join_nonce, accept.net_id, asked.dev_nonce)
        telegram.session = tuple(_check_values(keys))
        return accept.dev_addr, name, keys


def _roots(devices: Iterable[Device], dev_eui: bytes | None, free_keys: FreeKeys) -> Iterator[_Root]:
    """Keys that may be behind a join, those of known roles first."""
    for device in devices:
        if dev_eui is None or device.dev_eui in (None, dev_eui):
            for role, key in device.roots:
                yield _Root(f"{device.name} ({role})", role, key, device)
    for found in free_keys():
        yield _Root(found.name, "", found.key, Device(found.name, {APP_KEY: found.key}))


def _rejoin_keys(content: RejoinRequest, devices: Iterable[Device]) -> Iterator[tuple[str, Key]]:
    for device in devices:
        if device.dev_eui not in (None, content.dev_eui):
            continue
        if content.kind == 1 and NWK_KEY in device.keys:
            yield device.name, js_int_key(device.keys[NWK_KEY], content.dev_eui)
        elif content.kind != 1 and S_NWK_S_INT_KEY in device.keys:
            yield device.name, device.keys[S_NWK_S_INT_KEY]


def _judge(telegram: LorawanTelegram, keys: Iterable[tuple[str, Key]], role: str) -> None:
    """The MIC of a request, which is never encrypted."""
    content = telegram.phy.content
    assert isinstance(content, JoinRequest | RejoinRequest)
    needed = f"the MIC takes {role} of device {content.dev_eui.hex().upper()}"
    at = len(telegram.raw) - MIC_SIZE
    tried = []
    for name, key in keys:
        if request_is_authentic(telegram.raw, key):
            telegram.mic = Mic(MIC_OK, needed)
            telegram.seal = Security(key=name, checks=("MIC",))
            return
        tried.append(name)
    if not tried:
        telegram.mic = Mic(MIC_UNCHECKED, needed)
        text = f"the MIC is not checked: {needed}"
        telegram.add_problem("security", at, Reason.KEY_MISSING, text, warning=True)
        return
    telegram.mic = Mic(MIC_WRONG, needed)
    names = ", ".join(repr(name) for name in tried)
    text = f"the MIC does not fit {names}: another device's key, or a damaged frame; {needed}"
    telegram.add_problem("security", at, Reason.KEY_WRONG, text)
    telegram.seal = Security(state="key_wrong", diagnosis=(text,))


def _accept_fails(telegram: LorawanTelegram, tried: list[str], unproved: bool) -> None:
    state, reason = "key_wrong", Reason.KEY_WRONG
    if unproved:
        state, reason = "key_missing", Reason.KEY_MISSING
        text = (
            "the join-accept may be one of LoRaWAN 1.1, whose MIC also takes DevEUI, JoinEUI and DevNonce: "
            "give them, or the join-request in front of it"
        )
    elif tried:
        names = ", ".join(repr(name) for name in tried)
        text = f"the join-accept does not open with {names}: another device's key, or a damaged frame"
        telegram.mic = telegram.mic._replace(verdict=MIC_WRONG)
    else:
        state, reason = "key_missing", Reason.KEY_MISSING
        text = "the join-accept is encrypted: AppKey (NwkKey of 1.1) of the device is needed"
    telegram.add_problem("security", 1, reason, text)
    telegram.seal = Security(state=state, diagnosis=(text,))


def _check_values(keys: SessionKeys) -> Iterator[tuple[str, str]]:
    """Roles and check values; the keys themselves are never shown."""
    if keys.is_1_1:
        roles = ("FNwkSIntKey", keys.f_nwk_s_int), ("SNwkSIntKey", keys.s_nwk_s_int)
        named: tuple[tuple[str, Key | None], ...] = (*roles, ("NwkSEncKey", keys.nwk_s_enc))
    else:
        named = (("NwkSKey", keys.f_nwk_s_int),)
    for role, key in (*named, ("AppSKey", keys.app_s)):
        if key is not None:
            yield role, key.check_value
