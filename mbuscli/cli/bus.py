"""The wired bus of a command: its port as the options name it, with trace and capture on top."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from mbuscli.errors import InputError, Reason, UsageError
from mbuscli.ports.closing import Closing
from mbuscli.render.text import inert

if TYPE_CHECKING:
    from mbuscli.ports.base import Port
    from mbuscli.ports.tap import Sink, Transfer
    from mbuscli.render.report import Output
    from mbuscli.services.link import Link

AUTO = "auto"
DEFAULT_BAUD = 2400
DEFAULT_RETRIES = 2
_ECHO = "the converter echoes what it is sent; the echo is left out"


class Bus(NamedTuple):
    """How the user wants the bus to be reached; None leaves it to the command.

    `any_baud`: the meters' rates are to be found out (--baud auto); `baud` is then the first one to try.
    """

    port: str
    baud: int
    timeout_s: float | None
    trace: bool
    capture: str | None
    any_baud: bool = False
    retries: int | None = None
    margin_s: float | None = None


def bus_of(
    port: str,
    *,
    baud: str | None,
    timeout_s: float | None,
    retries: int | None,
    margin_s: float | None,
    trace: bool,
    capture: str | None,
) -> Bus:
    """The bus that the options name; `port` may be a profile, whose other settings are in the options.

    Raises UsageError for a misspelt profile, InputError where the file of settings is invalid.
    """
    from mbuscli.settings.profiles import port_of

    rate = baud or str(DEFAULT_BAUD)
    return Bus(
        port_of(port),
        DEFAULT_BAUD if rate == AUTO else int(rate),
        timeout_s,
        trace,
        capture,
        rate == AUTO,
        retries,
        margin_s,
    )


@contextmanager
def open_link(
    bus: Bus, output: Output, *, retries: int = DEFAULT_RETRIES, retries_silent: int = 0, sweeps: bool = False
) -> Iterator[Link]:
    """The bus ready to talk. `retries` and `retries_silent` hold where the user has not said how many.

    `sweeps`: the command knows how to try one baud rate after the other. Tells, once, of a converter that
    echoes. Raises as `open_bus`.
    """
    from mbuscli.services.link import Link, more_follows

    with open_bus(bus, output, sweeps=sweeps) as port:
        link = Link(
            port,
            timeout_s=bus.timeout_s,
            margin_s=bus.margin_s,
            retries=retries if bus.retries is None else bus.retries,
            retries_silent=retries_silent if bus.retries is None else bus.retries,
            more_follows=more_follows,
            swept=bus.any_baud,
        )
        link.converter.on_echo = lambda: output.streams.talk(_ECHO)
        yield link


def _check_wired(port: str) -> None:
    """UsageError for a simulated stick or modem: what it says would read as collisions and noise."""
    command = {"sim:stick": "sniff", "sim:modem": "lora-join"}.get(port.partition("?")[0])
    if command is not None:
        raise UsageError(
            f"{port} is no wired bus",
            reason=Reason.INVALID,
            hint=(f"it is for mbuscli {command}", "a simulated bus: --port sim:"),
        )


@contextmanager
def open_bus(bus: Bus, output: Output, *, sweeps: bool = False) -> Iterator[Port]:
    """The open port. `--port auto` is settled here, with the reason on stderr.

    Raises UsageError (also for --baud auto, unless the command `sweeps`), PortError, and InputError where
    the capture cannot be written: at once, or, where the disk fills up later, at the end of the block.
    """
    from mbuscli.ports.opener import open_port

    if bus.any_baud:
        _check_sweep(bus.port, sweeps)
    name = _chosen(output) if bus.port == AUTO else bus.port
    _check_wired(name)
    with ExitStack() as stack:
        port = stack.enter_context(open_port(name, baud=bus.baud, keep=True))
        captures = [] if bus.capture is None else [stack.enter_context(_Capture(bus.capture, output))]
        sinks: list[Sink] = [*captures, *_trace(bus.trace, output, stack)]
        yield _tapped(port, sinks) if sinks else port
        for capture in captures:
            capture.raise_failure()


def _check_sweep(port: str, sweeps: bool) -> None:
    if not sweeps:
        raise UsageError(
            "--baud auto goes with scan and read only",
            reason=Reason.INVALID,
            hint=("find the meter's rate: mbuscli scan --baud auto",),
        )
    if port.startswith("tcp:"):
        raise UsageError(
            "--baud auto cannot change the rate of a TCP gateway",
            reason=Reason.UNSUPPORTED,
            hint=("name the rate that the gateway is set to: --baud 2400",),
        )


def _chosen(output: Output) -> str:
    from mbuscli.services.ports import choose_port

    choice = choose_port()
    output.streams.talk(inert(f"--port auto takes {choice.name}: {choice.why}"))
    return choice.name


class _Capture(Closing):
    """The capture as a sink. One that fails later than at its first line ends, but not the command, which may
    have written half of what it wants to write into a meter."""

    def __init__(self, path: str, output: Output) -> None:
        from mbuscli.ports.tap import CaptureWriter

        self._writer = CaptureWriter(path)
        self._output = output
        self._has_begun = False
        self._failure: InputError | None = None

    def __call__(self, transfer: Transfer) -> None:
        if self._failure is not None:
            return
        try:
            self._writer(transfer)
        except InputError as error:
            if not self._has_begun:
                raise
            self._failure = error
            self._output.streams.talk(f"{inert(error.text)}; the command goes on without")
        self._has_begun = True

    def raise_failure(self) -> None:
        """InputError if the capture is not whole."""
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        self._writer.close()


def _trace(wanted: bool, output: Output, stack: ExitStack) -> Iterator[Sink]:
    if wanted:
        from mbuscli.render.trace import Trace

        trace = Trace(output.streams)
        stack.callback(trace.flush)
        yield trace


def _tapped(port: Port, sinks: list[Callable[[Transfer], None]]) -> Port:
    from mbuscli.ports.tap import Tap

    def all_sinks(transfer: Transfer) -> None:
        for sink in sinks:
            sink(transfer)

    return Tap(port, all_sinks)
