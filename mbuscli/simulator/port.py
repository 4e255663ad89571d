"""A simulated bus, stick or modem as a port: no device, no waiting, the time that a wire would have taken."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl

from mbuscli.errors import PortError, Reason, UsageError
from mbuscli.ports.base import Received
from mbuscli.simulator.bus import Bus
from mbuscli.simulator.scenario import load_scenario
from mbuscli.simulator.waveform import OCTET_BITS, Octet, bit_ticks
from mbuscli.simulator.wire import Wire

SCHEME = "sim:"
_STICK, _MODEM = "stick", "modem"


class SimPort:
    """A Port on a Wire with a virtual clock that starts at 0 and jumps to the next event.

    With `sleep` it really waits, in step with `clock`, for demonstrations.
    """

    is_remote = False

    def __init__(
        self,
        bus: Wire,
        name: str = SCHEME,
        baud: int = 2400,
        *,
        sleep: Callable[[float], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """UsageError `usage.invalid` for a rate that is not standard."""
        self.bus = bus
        self.name = name
        self.baud = _checked(baud)
        self._sleep = sleep
        self._clock = clock
        self._started = clock()
        self._now = 0.0
        self._received: list[Octet] = []
        self._closed = False

    def now(self) -> float:
        """Simulated seconds since the port was opened."""
        return self._now

    def write(self, data: bytes) -> None:
        """Send all of `data`; the clock then stands at the end of its last stop bit."""
        self._check_open()
        self._advance(self.bus.send(data, self._now, self.baud))

    def read(self, until: float) -> Received:
        """Octets that follow each other without a pause, or nothing at `until`."""
        self._check_open()
        octets, self._received = self._received, []
        octets = octets or self.bus.hear(self._now, self.baud)
        limit = max(until, self._now)
        pause_s = 1.5 * OCTET_BITS / self.baud
        while (arrival := self.bus.next_arrival(self.baud)) is not None and arrival <= limit:
            if octets and arrival > octets[-1].time_s + pause_s:
                break
            self._advance(arrival)
            octets += self.bus.hear(arrival, self.baud)
        if not octets:
            self._advance(limit)
        return Received(
            bytes(octet.value for octet in octets),
            frozenset(index for index, octet in enumerate(octets) if octet.bad),
        )

    def set_baud(self, baud: int) -> None:
        """Change the rate; what came in before was received at the old one."""
        self._check_open()
        checked = _checked(baud)
        self._received += self.bus.hear(self._now, self.baud)
        self.baud = checked

    def close(self) -> None:
        """Release the port; safe to call twice."""
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _advance(self, to: float) -> None:
        self._now = max(self._now, to)
        if self._sleep is not None:
            behind = self._now - (self._clock() - self._started)
            if behind > 0:
                self._sleep(behind)

    def _check_open(self) -> None:
        if self._closed:
            raise PortError(f"{self.name} is closed", reason=Reason.UNPLUGGED)


def open_sim_port(
    spec: str,
    baud: int = 2400,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> SimPort:
    """The port that `sim:`, `sim:FILE.toml`, `sim:stick`, `sim:modem` or any with `?pace=real` names.

    `sim:stick` takes family, scenario and fault, such as `sim:stick?family=amb8465&fault=noise`; `sim:modem`
    what `open_twin_by_options` of the modems says. Raises UsageError for a spec that is none of these,
    InputError for an unusable scenario file.
    """
    path, _, query = spec.removeprefix(SCHEME).partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    pace = options.pop("pace", "virtual")
    has_options = path in (_STICK, _MODEM)
    if not spec.startswith(SCHEME) or (options and not has_options) or pace not in ("virtual", "real"):
        raise UsageError(
            f"{spec!r} is no simulated port",
            reason=Reason.INVALID,
            hint=("write sim:, sim:SCENARIO.toml, sim:stick or sim:modem, or any of them with ?pace=real",),
        )
    wire = _device(path, options) if has_options else Bus(load_scenario(path or None))
    return SimPort(wire, spec, baud, sleep=sleep if pace == "real" else None, clock=clock)


def _device(kind: str, options: dict[str, str]) -> Wire:
    if kind == _STICK:
        from mbuscli.simulator.sticks.opener import open_twin_by_options

        return open_twin_by_options(options)
    from mbuscli.simulator.modems.opener import open_twin_by_options as open_modem_by_options

    return open_modem_by_options(options)


def _checked(baud: int) -> int:
    try:
        bit_ticks(baud)
    except ValueError as error:
        raise UsageError(str(error), reason=Reason.INVALID) from None
    return baud
