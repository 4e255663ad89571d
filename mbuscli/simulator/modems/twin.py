"""What all simulated modems share: the serial line, the stack in the network, time, and what goes wrong."""

from __future__ import annotations

import heapq
import itertools
import random
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from mbuscli.errors import PortError, Reason
from mbuscli.protocol.lorawan.mac_commands import parse_mac_commands
from mbuscli.protocol.lorawan.region import JOIN_ACCEPT_DELAY_S, airtime_s, max_payload, sub_band_channels
from mbuscli.protocol.lorawan.session import SessionKeys
from mbuscli.protocol.receivers.lines import LineSplitter
from mbuscli.protocol.security.keys import Key
from mbuscli.simulator.lora.device import Device, Received, Session
from mbuscli.simulator.lora.network import Downlink, Network
from mbuscli.simulator.modems.faults import NO_FAULTS, ModemFaults
from mbuscli.simulator.waveform import Octet

OCTET_BITS = 10  # start, eight data bits, stop
ANSWER_S = 0.008
"""From the last octet of a command to the first of its answer."""
LATE_S = 0.4
ECHO_S = 0.06
SPLIT_S = (0.02, 0.3)
DUTY_WAIT_S = 13.469
"""How long a modem that tells so says that the duty cycle needs."""
WRONG_BAUD = 4800
_NOISE_CHANCE = 0.3
_MOST_NOISE = 6
_SEED = 6
_RX_DELAY_S = (1.0, 2.0)
# Until a modem gives up the second window, and tells so.
_WINDOW_S = 1.0
_UNPLUGGED_AFTER_S = 2.0
_CHANNELS = 72
# Coprime to the numbers of channels that there are, so that all of them have their turn.
_CHANNEL_STEP = 5
_LINK_CHECK = b"\x02"


class Joined(NamedTuple):
    """How a join ended. `heard`: there was an accept, if only one that is not authentic."""

    accepted: bool
    heard: bool


class Transmitted(NamedTuple):
    """How an uplink ended; `received` is None if nothing authentic came, `link` margin and gateways."""

    confirmed: bool
    acknowledged: bool
    window: int = 0
    received: Received | None = None
    rssi_dbm: int = 0
    snr_db: int = 0
    link: tuple[int, int] | None = None

    @property
    def payload(self) -> bool:
        """True if the application gets something."""
        return self.received is not None and bool(self.received.f_port)


class Twin(ABC):
    """A simulated modem. A Wire: octets of the program in, octets with their times out.

    A family says what it answers (`receive`) with `put`; `join` and `transmit` go through the network, and
    call back when the modem knows how they ended. `scale` stretches the times of the radio. `refuse` is the
    word with which the next join or uplink is refused. `is_tuned` is False while the modem is set to another
    region than the network's; `channels` are those that it may use, None for all, and `sub_band` is the one
    at which the network listens, None for all.
    """

    baud: int

    def __init__(
        self,
        device: Device,
        network: Network,
        faults: ModemFaults = NO_FAULTS,
        start_s: float = 0.0,
        *,
        scale: float = 1.0,
    ) -> None:
        self.device = device
        self.network = network
        self.faults = faults
        self.scale = scale
        self.refuse = ""
        self.data_rate = max(network.region.join_rates)
        self.transmitting = False
        self.link_check = False
        self.is_tuned = True
        self.channels: set[int] | None = None
        self.sub_band: int | None = None
        self._uplinks = 0
        if faults.wrong_baud:
            self.baud = WRONG_BAUD
        self._unplugged_at = None if faults.unplug_s is None else start_s + faults.unplug_s
        self._random = random.Random(_SEED)
        self._line: deque[Octet] = deque()
        self._line_free = start_s
        self._agenda: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = itertools.count()

    @abstractmethod
    def receive(self, data: bytes, now: float) -> None:
        """Octets of the program, the last of which has come at `now`."""

    @abstractmethod
    def hear_class_c(self, f_port: int, payload: bytes, at: float) -> None:
        """Tell a downlink that came without an uplink; the fault `between` does so too."""

    # -- the stack ---------------------------------------------------------------------------------------

    @property
    def is_joined(self) -> bool:
        """True with a session."""
        return self.device.session is not None

    @property
    def max_payload(self) -> int:
        """Octets that fit into an uplink at this data rate."""
        return max_payload(self.network.region, self.data_rate) or 0

    def activate(self, dev_addr: bytes, nwk_s_key: bytes, app_s_key: bytes) -> None:
        """Begin a session by personalisation (1.0)."""
        keys = SessionKeys.v1_0(Key(nwk_s_key), Key(app_s_key))
        self.device.activate(Session(dev_addr, keys))

    def join(self, now: float, done: Callable[[Joined, float], None]) -> None:
        """Send a join-request at `now`; `done` gets the end, and its time."""
        raw = self.device.join_request()
        self.transmitting = True
        if self.faults.unplug_join:
            self._unplugged_at = now + _UNPLUGGED_AFTER_S * self.scale
        answer = self._on_air(raw)

        def finish(at: float) -> None:
            self.transmitting = False
            accepted = answer is not None and self.device.accept(answer.raw) is not None
            done(Joined(accepted, answer is not None), at)

        delays = JOIN_ACCEPT_DELAY_S
        known = answer is not None and not self.network.behaviour.bad_mic
        self.after(now, self._radio_s(raw, answer if known else None, delays), finish)

    def transmit(
        self,
        f_port: int,
        payload: bytes,
        now: float,
        done: Callable[[Transmitted, float], None],
        *,
        confirmed: bool,
    ) -> None:
        """Send an uplink at `now`, with the link check asked for; `done` gets the end, and its time."""
        f_opts = _LINK_CHECK if self.link_check else b""
        raw = self.device.uplink(f_port, payload, confirmed=confirmed, f_opts=f_opts)
        self.transmitting = True
        self.link_check = False
        answer = self._on_air(raw)

        def finish(at: float) -> None:
            self.transmitting = False
            done(self._made_of(answer, confirmed), at)

        self.after(now, self._radio_s(raw, answer, _RX_DELAY_S), finish)

    def _on_air(self, raw: bytes) -> Downlink | None:
        """The answer of the network, if it hears the channel on which this goes out, one after the other."""
        self._uplinks += 1
        if not self.is_tuned:
            return None
        if self.sub_band is not None:
            heard = sub_band_channels(self.network.region, self.sub_band)
            used = sorted(range(_CHANNELS) if self.channels is None else self.channels)
            if not used or used[self._uplinks * _CHANNEL_STEP % len(used)] not in heard:
                return None
        return self.network.hear(raw)

    def after(self, now: float, seconds: float, action: Callable[[float], None]) -> None:
        """Call `action` with its time, so many seconds after `now`."""
        heapq.heappush(self._agenda, (now + seconds, next(self._order), action))

    def _made_of(self, answer: Downlink | None, confirmed: bool) -> Transmitted:
        received = None if answer is None else self.device.receive(answer.raw)
        if answer is None or received is None:
            return Transmitted(confirmed, False)
        link = None
        for command in parse_mac_commands(received.commands, uplink=False):
            if command.name == "LinkCheckAns":
                link = command.raw[0], command.raw[1]
        return Transmitted(
            confirmed, received.ack, answer.window, received, answer.rssi_dbm, answer.snr_db, link
        )

    def _radio_s(self, raw: bytes, answer: Downlink | None, delays: tuple[float, float]) -> float:
        """From the start of an uplink to the end of the window that ends it."""
        rate = self.network.region.rates[self.data_rate]
        assert rate is not None
        on_air = airtime_s(rate, len(raw))
        wait = delays[1] + _WINDOW_S
        if answer is not None:
            wait = delays[answer.window - 1] + airtime_s(rate, len(answer.raw), crc=False)
        return (on_air + wait) * self.scale

    # -- the line ----------------------------------------------------------------------------------------

    def reply(self, data: bytes, now: float) -> None:
        """Send the answer to a command that ended at `now`."""
        if self.faults.between:
            self.hear_class_c(7, b"\xbe\xef", now)
        self.put(data, now + ANSWER_S + (LATE_S if self.faults.late else 0.0))

    def put(self, data: bytes, at: float) -> None:
        """Queue a message on the line, not before `at`; the faults of the line happen here."""
        if self.faults.mute or not data:
            return
        octet_s = OCTET_BITS / self.baud
        now = max(at, self._line_free)
        if self.faults.noise and self._random.random() < _NOISE_CHANCE:
            data = self._random.randbytes(self._random.randint(1, _MOST_NOISE)) + data
        pause_at = self._random.randrange(1, len(data)) if self.faults.split and len(data) > 1 else 0
        for index, value in enumerate(data):
            if pause_at and index == pause_at:
                now += self._random.uniform(*SPLIT_S)
            now += octet_s
            self._line.append(Octet(now, value, False))
        self._line_free = now

    def send(self, data: bytes, at: float, baud: int) -> float:
        """As Wire says."""
        self._check_plugged(at)
        end = at + len(data) * OCTET_BITS / baud
        self._advance(end)
        if data and baud == self.baud:
            if self.faults.echo:
                self.put(data, end + ECHO_S)
            self.receive(data, end)
        return end

    def hear(self, until: float, baud: int) -> list[Octet]:
        """As Wire says."""
        self._advance(until)
        heard = []
        last = until if self._unplugged_at is None else min(until, self._unplugged_at)
        while self._line and self._line[0].time_s <= last:
            octet = self._line.popleft()
            if baud != self.baud:
                octet = octet._replace(value=self._random.getrandbits(8), bad=True)
            heard.append(octet)
        if not heard:
            self._check_plugged(until)
        return heard

    def next_arrival(self, baud: int) -> float | None:
        """As Wire says; what the modem does by itself counts although it may say nothing then."""
        times = [self._line[0].time_s] if self._line else []
        if self._agenda:
            times.append(self._agenda[0][0])
        if self._unplugged_at is not None:
            times.append(self._unplugged_at)
        return min(times) if times else None

    def _advance(self, until: float) -> None:
        while self._agenda and self._agenda[0][0] <= until:
            at, _, action = heapq.heappop(self._agenda)
            action(at)

    def _check_plugged(self, now: float) -> None:
        if self._unplugged_at is not None and now >= self._unplugged_at:
            raise PortError("the simulated port was unplugged", reason=Reason.UNPLUGGED)


class LineTwin(Twin):
    """A modem whose commands are lines; CR, LF or both end one, and empty ones are ignored."""

    def __init__(
        self,
        device: Device,
        network: Network,
        faults: ModemFaults = NO_FAULTS,
        start_s: float = 0.0,
        *,
        scale: float = 1.0,
    ) -> None:
        super().__init__(device, network, faults, start_s, scale=scale)
        self._splitter = LineSplitter()

    @abstractmethod
    def command(self, line: str, now: float) -> None:
        """Carry out a command whose end has come at `now`; answers with `answer`."""

    def frame(self, line: str) -> bytes:
        """A line as it goes on the wire."""
        return line.encode("ascii") + b"\r\n"

    def answer(self, now: float, *lines: str) -> None:
        """The answer to a command that ended at `now`."""
        self.reply(b"".join(map(self.frame, lines)), now)

    def tell(self, at: float, *lines: str) -> None:
        """Lines that come by themselves."""
        for line in lines:
            self.put(self.frame(line), at)

    def receive(self, data: bytes, now: float) -> None:
        """As Twin says: a command a line."""
        for line in self._splitter.feed(data):
            self.command(line.decode("ascii", "replace"), now)
