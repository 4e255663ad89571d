"""A modem that does as it is told, on a clock of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from mbuscli.devices.modems.base import (
    Activation,
    Command,
    DeviceClass,
    Event,
    Identity,
    Joined,
    Joining,
    Otaa,
    Sent,
    Settings,
)
from mbuscli.errors import (
    MbuscliError,
    PortError,
    Reason,
)
from mbuscli.protocol.lorawan.region_table import EU868, Region
from mbuscli.protocol.security.keys import Key
from mbuscli.services.lora_join import run
from mbuscli.services.lora_steps import (
    Advice,
    Job,
    NotJoined,
    NotSent,
    Step,
    Waiting,
)
from mbuscli.settings.lora_state import load_state

KEY = Key(bytes(range(16)))
DEV_EUI = bytes.fromhex("0004A30B001A2B3C")
JOIN_EUI = bytes.fromhex("70B3D57ED0000001")
DEV_ADDR = bytes.fromhex("26011BDA")
OTAA = Otaa(DEV_EUI, JOIN_EUI, KEY)
ME = Identity("fake", "Fake 1")

# (after so many seconds, what happens)
Script = Sequence[tuple[float, Event]]


class FakeModem:
    """A modem whose every reaction is written down beforehand, on a clock of its own."""

    family = "fake"
    classes: tuple[DeviceClass, ...] = ("A", "C")

    def __init__(
        self, join: Script = (), sends: Sequence[Script] = (), check: Script = (), later: Script = ()
    ) -> None:
        self.clock = 100.0
        self.join, self.check, self.later = join, check, later
        self.sends = deque(sends)
        self.agenda: deque[tuple[float, Event]] = deque()
        self.said: list[str] = []
        self.lost_at: float | None = None
        self.counters: list[int] = []
        self.device = DEV_EUI

    def now(self) -> float:
        return self.clock

    def identify(self) -> Identity:
        return ME

    def plan(self, settings: Settings, activation: Activation) -> list[Command]:
        return [Command(b"key 00010203", "key <AppKey>", "AppKey")]

    def configure(self, settings: Settings, activation: Activation) -> None:
        self.said.append("configure")

    def start_join(self) -> list[Event]:
        self.said.append("join")
        return self._start(self.join)

    def start_send(self, f_port: int, payload: bytes, *, confirmed: bool) -> list[Event]:
        self.said.append(f"send {f_port}")
        self.counters.append(load_state(self.device).f_cnt_up)
        return self._start(
            self.sends.popleft() if self.sends else ((2.0, Sent(True if confirmed else None)),)
        )

    def start_link_check(self) -> list[Event]:
        self.said.append("check")
        return self._start(self.check)

    def events(self, until: float) -> list[Event]:
        at = self.agenda[0][0] if self.agenda else until
        if self.lost_at is not None and min(at, until) >= self.lost_at:
            raise PortError("unplugged", reason=Reason.UNPLUGGED)
        self.clock = max(self.clock, min(at, until))
        return self._due()

    def _start(self, script: Script) -> list[Event]:
        self.agenda = deque(
            sorted(
                [*self.agenda, *((self.clock + after, event) for after, event in script)], key=lambda e: e[0]
            )
        )
        return self._due()

    def _due(self) -> list[Event]:
        found = []
        while self.agenda and self.agenda[0][0] <= self.clock:
            found.append(self.agenda.popleft()[1])
        return found


JOINS: Script = ((0.0, Joining(5, 868_100_000)), (5.1, Joined(DEV_ADDR)))


def job(
    activation: Activation | None = OTAA,
    region: Region = EU868,
    device: bytes = DEV_EUI,
    settings: Settings | None = None,
    **more: object,
) -> Job:
    return Job(settings or Settings(region), device, activation, **more)  # type: ignore[arg-type]


def go(modem: FakeModem, wanted: Job, identity: Identity = ME) -> tuple[list[Step], MbuscliError | None]:
    """The steps without those that only pass the time, and the error at the end."""
    modem.device = wanted.device
    steps: list[Step] = []
    error = None
    try:
        for step in run(modem, "port", wanted, identity, modem.now):
            steps.append(step)
    except MbuscliError as caught:
        error = caught
    return [step for step in steps if not isinstance(step, Waiting)], error


def advice_of(steps: list[Step]) -> tuple[Advice, ...]:
    return next(step.advice for step in steps if isinstance(step, NotJoined | NotSent))
