"""The wired bus of a command: its port as the options name it, with trace and capture on top."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mbuscli.ports.base import Port
    from mbuscli.ports.tap import Sink, Transfer
    from mbuscli.render.report import Output

AUTO = "auto"


class Bus(NamedTuple):
    """How the user wants the bus to be reached."""

    port: str
    baud: int
    timeout_s: float | None
    trace: bool
    capture: str | None


@contextmanager
def open_bus(bus: Bus, output: Output) -> Iterator[Port]:
    """The open port. `--port auto` is settled here, with the reason on stderr.

    Raises UsageError, PortError, and InputError where the capture cannot be written.
    """
    from mbuscli.ports.opener import open_port

    name = _chosen(output) if bus.port == AUTO else bus.port
    with ExitStack() as stack:
        port = stack.enter_context(open_port(name, baud=bus.baud))
        sinks = [*_capture(bus.capture, stack), *_trace(bus.trace, output, stack)]
        yield _tapped(port, sinks) if sinks else port


def _chosen(output: Output) -> str:
    from mbuscli.render.text import inert
    from mbuscli.services.ports import choose_port

    choice = choose_port()
    output.streams.talk(inert(f"--port auto takes {choice.name}: {choice.why}"))
    return choice.name


def _capture(path: str | None, stack: ExitStack) -> Iterator[Sink]:
    if path is not None:
        from mbuscli.ports.tap import CaptureWriter

        yield stack.enter_context(CaptureWriter(path))


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
