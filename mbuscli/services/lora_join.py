"""Join a LoRaWAN network with a modem, and prove the link: link check, uplinks, downlinks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NoReturn

from mbuscli.devices.modems.base import (
    Abp,
    Downlink,
    Event,
    Failed,
    Identity,
    Joined,
    Joining,
    LinkCheck,
    Modem,
    Otaa,
    Remark,
    Sent,
)
from mbuscli.errors import MbuscliError, Reason, RefusedError, UsageError
from mbuscli.protocol.lorawan.region import JOIN_ACCEPT_DELAY_S, airtime_s, max_payload
from mbuscli.services.lora_advice import Observed, reversed_euis, why_not_joined, why_not_sent
from mbuscli.services.lora_steps import (
    CHECK_PAYLOAD,
    CHECK_PORT,
    Accepted,
    Checked,
    Configured,
    Found,
    Heard,
    Job,
    JoinSent,
    Listened,
    Noted,
    NotJoined,
    NotSent,
    Planned,
    Step,
    Uplink,
    UplinkSent,
    Waiting,
    error_of,
)
from mbuscli.settings.journal import local_time
from mbuscli.settings.lora_state import DeviceState, load_state, update_state

# One wait before the countdown is shown anew.
_TICK_S: Final = 0.2
# A personalised device is activated at once; a modem may have to begin anew for it.
_ACTIVATION_S: Final = 15.0
# Both windows of the slowest data rate; a confirmed uplink is repeated up to eight times.
_SEND_S: Final = 20.0
_CONFIRMED_S: Final = 120.0
# What belongs to an uplink may be told after its end.
_AFTERMATH_S: Final = 1.5
_JOIN_REQUEST_SIZE: Final = 23
# A modem that tells data rate and channel of a request does so by then.
_TELLS_S: Final = 1.5


def plan(modem: Modem, name: str, job: Job, identity: Identity) -> Iterator[Step]:
    """What `run` would send to configure and to join, without sending it. RefusedError as `run`."""
    yield Found(name, identity, modem.classes)
    _require_class(modem, job)
    yield Planned(() if job.activation is None else tuple(modem.plan(job.settings, job.activation)))


def run(modem: Modem, name: str, job: Job, identity: Identity, now: Callable[[], float]) -> Iterator[Step]:
    """Configure, join, check, send, listen; every step as it happens.

    `now` is the clock of the port, `name` that of the user for it. A failure is told by a step before it is
    raised: PortError, RefusedError, NoAnswerError, KeyProblemError; InputError where the state of the
    device cannot be kept.
    """
    yield from _Run(modem, name, job, identity, now).steps()


class _Run:
    """One command on one modem."""

    def __init__(
        self, modem: Modem, name: str, job: Job, identity: Identity, now: Callable[[], float]
    ) -> None:
        self.modem = modem
        self.name = name
        self.job = job
        self.identity = identity
        self.now = now
        self.start = now()
        self.before = load_state(job.device)
        self.requests = 0
        self.sent: JoinSent | None = None
        self.sent_at = 0.0
        self.vague_since: float | None = None  # a request went out, of which the modem may tell more
        self.remarks: list[str] = []
        self.f_cnt = self.before.f_cnt_up
        if isinstance(job.activation, Abp):
            self.f_cnt = job.activation.f_cnt_up
        self.downlinks = 0
        self.checked = False
        self.failure: MbuscliError | None = None

    def steps(self) -> Iterator[Step]:
        job = self.job
        yield Found(self.name, self.identity, self.modem.classes)
        _require_class(self.modem, job)
        if job.activation is None:
            yield self._resumed()
        else:
            yield from self._warnings()
            self.modem.configure(job.settings, job.activation)
            yield Configured(job.settings, job.activation)
            yield from self._join()
        yield from self._uplinks()
        if job.listen_s:
            yield from self._listen()
        if self.failure is not None:
            raise self.failure

    def _resumed(self) -> Noted:
        before = self.before
        text = f"going on with the session of {before.joined[:16]}, DevAddr {before.dev_addr or 'unknown'}"
        if before.modem == self.identity.model:
            return Noted(text)
        return Noted(f"{text}; that was another modem ({before.modem})", warning=True)

    def _warnings(self) -> Iterator[Step]:
        activation, settings = self.job.activation, self.job.settings
        if isinstance(activation, Otaa) and (names := reversed_euis(activation, self.identity)):
            yield Noted(f"{' and '.join(names)} may stand in the wrong order of octets", warning=True)
        if settings.region.has_sub_bands and settings.sub_band is None:
            text = f"no sub-band: most gateways of {settings.region.name} hear 8 of the 64 channels"
            yield Noted(text, warning=True)

    # -- join --------------------------------------------------------------------------------------------

    def _join(self) -> Iterator[Step]:
        """Wait until the modem says how it ended; what it says before is shown."""
        personalised = self.job.is_personalised
        if not personalised:
            update_state(self.job.device, _one_more_request)
        began = self.now()
        ends = began + (_ACTIVATION_S if personalised else self.job.join_s)
        events = self.modem.start_join()
        if not personalised and not any(isinstance(event, Joining | Failed) for event in events):
            self.vague_since = began
        while True:
            for index, event in enumerate(events):
                if isinstance(event, Joined | Failed):
                    yield from self._vague(0.0)
                if isinstance(event, Joined):
                    yield self._accepted(event, began, personalised)
                    yield from self._rest(events[index + 1 :])
                    return
                if isinstance(event, Failed):
                    yield from self._not_joined(event, began)
                yield from self._meanwhile(event)
            yield from self._vague(_TELLS_S)
            if self.now() >= ends:
                yield from self._not_joined(Failed("no-answer", ""), began)
            if not personalised:
                yield self._countdown(began)
            events = self.modem.events(min(ends, self.now() + _TICK_S))

    def _countdown(self, began: float) -> Waiting:
        passed = self.now() - self.sent_at
        sent = self.sent
        if sent is None:
            return Waiting("join", self.now() - began)
        return Waiting("join", self.now() - began, sent.rx1_s - passed, sent.rx2_s - passed)

    def _meanwhile(self, event: Event) -> Iterator[Step]:
        """What may come at any time."""
        if isinstance(event, Joining):
            if self.requests == 0 and event == Joining():
                self.vague_since = self.now()
            else:
                yield self._join_sent(event, self.now())
        elif isinstance(event, Downlink):
            yield self._heard(event)
        elif isinstance(event, LinkCheck):
            yield self._check(event)
        elif isinstance(event, Remark):
            self.remarks.append(event.text)
            yield Noted(event.text)

    def _vague(self, patience_s: float) -> Iterator[Step]:
        """The request of which the modem tells no more, once it has had its time to."""
        since = self.vague_since
        if since is not None and self.now() >= since + patience_s:
            yield self._join_sent(Joining(), since)

    def _join_sent(self, event: Joining, at: float) -> JoinSent:
        settings = self.job.settings
        number = settings.data_rate if event.data_rate is None else event.data_rate
        rates = settings.region.rates
        rate = rates[number] if number is not None and 0 <= number < len(rates) else None
        on_air_s = 0.0 if rate is None else airtime_s(rate, _JOIN_REQUEST_SIZE)
        rx1_s, rx2_s = (on_air_s + delay for delay in JOIN_ACCEPT_DELAY_S)
        if self.requests:
            update_state(self.job.device, _one_more_request)
        self.requests += 1
        self.sent_at, self.vague_since = at, None
        self.sent = JoinSent(
            self.requests, number, "" if rate is None else str(rate), event.frequency_hz, rx1_s, rx2_s
        )
        return self.sent

    def _accepted(self, event: Joined, began: float, personalised: bool) -> Accepted:
        activation = self.job.activation
        dev_addr = activation.dev_addr if isinstance(activation, Abp) else event.dev_addr

        def change(state: DeviceState) -> DeviceState:
            return state._replace(
                f_cnt_up=self.f_cnt,
                dev_addr=(dev_addr or b"").hex().upper(),
                joined=local_time(),
                modem=self.identity.model,
                region=self.job.settings.region.name,
            )

        update_state(self.job.device, change)
        return Accepted(dev_addr, self.now() - began, personalised)

    def _not_joined(self, failed: Failed, began: float) -> Iterator[Step]:
        """Tells why, and raises."""
        advice = why_not_joined(self._observed(failed))
        yield NotJoined(failed, self.now() - began, self.requests, advice)
        raise error_of(failed, "not joined", advice)

    # -- afterwards --------------------------------------------------------------------------------------

    def _uplinks(self) -> Iterator[Step]:
        uplinks = self.job.uplinks
        if self.job.link_check:
            uplinks = uplinks or (Uplink(CHECK_PORT, CHECK_PAYLOAD, False),)
            try:
                events = self.modem.start_link_check()
            except RefusedError as error:  # the rest of the job can still be done
                events = []
                yield from self._no_check(error)
            for event in events:
                if isinstance(event, Failed):
                    yield from self._no_check(error_of(event, "no link check"))
                yield from self._meanwhile(event)
            if self.checked:
                uplinks = self.job.uplinks
        for uplink in uplinks:
            yield from self._send(uplink)
        if self.job.link_check and not self.checked:
            yield Checked(None, None)
            self._fail(error_of(Failed("no-answer", ""), "link check"))

    def _no_check(self, error: MbuscliError) -> Iterator[Step]:
        self.checked = True
        self._fail(error)
        yield Noted(error.text, warning=True)

    def _send(self, uplink: Uplink) -> Iterator[Step]:
        self._require_room(uplink)
        f_cnt = self._reserve()
        began = self.now()
        ends = began + (_CONFIRMED_S if uplink.confirmed else _SEND_S)
        events = self.modem.start_send(uplink.f_port, uplink.payload, confirmed=uplink.confirmed)
        while True:
            for index, event in enumerate(events):
                if isinstance(event, Sent | Failed):
                    if isinstance(event, Sent):
                        yield from self._sent(uplink, event, began, f_cnt)
                    else:
                        yield from self._not_sent(uplink, event)
                    yield from self._aftermath(events[index + 1 :])
                    return
                yield from self._meanwhile(event)
            if self.now() >= ends:
                yield from self._not_sent(uplink, Failed("no-answer", "the modem does not say how it ended"))
                return
            yield Waiting("uplink", self.now() - began)
            events = self.modem.events(min(ends, self.now() + _TICK_S))

    def _sent(self, uplink: Uplink, event: Sent, began: float, f_cnt: int | None) -> Iterator[Step]:
        if uplink.confirmed and event.acknowledged is False:
            yield from self._not_sent(uplink, Failed("not-acknowledged", ""))
        else:
            yield UplinkSent(uplink, event.acknowledged, self.now() - began, f_cnt)

    def _aftermath(self, events: list[Event]) -> Iterator[Step]:
        """A modem may tell of a downlink after it has said that the uplink is done."""
        yield from self._rest(events)
        ends = self.now() + _AFTERMATH_S
        while self.now() < ends:
            yield from self._rest(self.modem.events(ends))

    def _rest(self, events: list[Event]) -> Iterator[Step]:
        for event in events:
            yield from self._meanwhile(event)

    def _not_sent(self, uplink: Uplink, failed: Failed) -> Iterator[Step]:
        advice = why_not_sent(self._observed(failed))
        yield NotSent(uplink, failed, advice)
        self._fail(error_of(failed, f"uplink to port {uplink.f_port}", advice))

    def _listen(self) -> Iterator[Step]:
        began = self.now()
        before = self.downlinks
        ends = began + self.job.listen_s
        while self.now() < ends:
            yield from self._rest(self.modem.events(min(ends, self.now() + _TICK_S)))
            yield Waiting("listen", self.now() - began)
        yield Listened(self.job.listen_s, self.downlinks - before)

    def _heard(self, downlink: Downlink) -> Heard:
        self.downlinks += 1
        # A stack may acknowledge by an uplink of its own, which counts.
        self._reserve()
        return Heard(downlink, self.now() - self.start)

    def _check(self, check: LinkCheck) -> Checked:
        self.checked = True
        if check.gateways is None:
            self._fail(error_of(Failed("no-answer", ""), "link check"))
        return Checked(check.margin_db, check.gateways)

    def _reserve(self) -> int | None:
        """The counter of the next uplink of a personalised device, stored as used; None of others."""
        if not self.job.is_personalised:
            return None
        f_cnt, self.f_cnt = self.f_cnt, self.f_cnt + 1
        update_state(self.job.device, lambda state: state._replace(f_cnt_up=max(state.f_cnt_up, self.f_cnt)))
        return f_cnt

    def _require_room(self, uplink: Uplink) -> None:
        """UsageError for what no uplink of this data rate holds, where it is known."""
        settings = self.job.settings
        if settings.data_rate is None or settings.adr:
            return
        room = max_payload(settings.region, settings.data_rate)
        if room is not None and len(uplink.payload) > room:
            raise UsageError(
                f"DR{settings.data_rate} of {settings.region.name} carries {room} octets, "
                f"not {len(uplink.payload)}",
                reason=Reason.TOO_LONG,
                hint=("send less at once", "or faster: --dr with a higher number"),
            )

    def _fail(self, error: MbuscliError) -> None:
        """The first failure is the one that the command ends with."""
        self.failure = self.failure or error

    def _observed(self, failed: Failed) -> Observed:
        rate = self.sent.data_rate if self.sent else None
        return Observed(
            failed, self.identity, self.job, self.before, self.requests, rate, tuple(self.remarks)
        )


def _one_more_request(state: DeviceState) -> DeviceState:
    return state._replace(join_requests=state.join_requests + 1)


def _require_class(modem: Modem, job: Job) -> None:
    wanted = job.settings.device_class
    if wanted not in modem.classes:
        _refuse_class(modem, wanted)


def _refuse_class(modem: Modem, wanted: str) -> NoReturn:
    needs = (
        "class B needs a stack that follows the network's beacons"
        if wanted == "B"
        else "its firmware has none"
    )
    raise RefusedError(
        f"class {wanted} cannot be had with this modem ({modem.family}): {needs}",
        reason=Reason.UNSUPPORTED,
        layer="device",
        hint=(f"it can be of class {', '.join(modem.classes)}: --class {modem.classes[0]}",),
    )
