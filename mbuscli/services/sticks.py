"""Radio sticks: the one way to open them."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from mbuscli.devices.sticks.base import Identity, Reception, Stick
from mbuscli.devices.sticks.registry import FAMILIES, PROGRAM, driver_of, family_of_text, find_family
from mbuscli.errors import DeviceError, PortError, Reason, UsageError
from mbuscli.ports.closing import Closing
from mbuscli.ports.kept import innermost, note_device
from mbuscli.ports.realtime import RealTimePort

if TYPE_CHECKING:
    from mbuscli.ports.base import Port
    from mbuscli.services.recorded import Piped, Recording

PIPE = "-"
FORMS = (
    "a path or COM3",
    "id:<usb serial>",
    "auto",
    "tcp://host:port",
    "rtl_wmbus",
    "rtl_433",
    "- (a receiver's output piped in)",
    "replay:FILE[?speed=10]",
    "sim:stick",
)
_REPLAY, _SIM_STICK = "replay:", "sim:stick"


class OpenStick(Closing):
    """A stick together with its port; a Stick itself. Closing puts back what was set, and releases the port.

    name      the port
    lasting   the text that finds the same stick again after it was plugged in anew, `family` being known
    ended     True once a recording or a pipe has nothing more to give
    """

    def __init__(self, stick: Stick, port: Port, name: str | None = None, lasting: str | None = None) -> None:
        self._stick = stick
        self._port = port
        self.name = name or port.name
        self.lasting = lasting or self.name
        self.family = stick.family
        self.hears = stick.hears
        self.ended = False
        self._opened_wall, self._opened = time.time(), port.now()

    def now(self) -> float:
        """The clock of `receive` and of the receptions, in seconds."""
        return self._port.now()

    def wall_time(self, moment: float) -> float:
        """Seconds since 1970 of a time of this stick's clock: as recorded, simulated or real."""
        if isinstance(innermost(self._port), RealTimePort):
            # Anew each time: the computer may have slept, or set its clock.
            return time.time() - (self.now() - moment)
        return self._opened_wall + moment - self._opened

    def identify(self) -> Identity:
        """As Stick says."""
        identity = self._stick.identify()
        self.hears = self._stick.hears  # some tell only now what they can hear
        self._note(device=identity.model)
        return identity

    def listen(self, modes: frozenset[str]) -> frozenset[str]:
        """As Stick says."""
        heard = self._stick.listen(modes)
        self.hears = self._stick.hears
        self._note(mode="+".join(sorted(heard)))
        return heard

    def _note(self, **words: str) -> None:
        note_device(self._port, **words)

    def receive(self, until: float) -> list[Reception]:
        """As Stick says; nothing, at once, when it has `ended`."""
        if self.ended:
            return []
        try:
            return self._stick.receive(until)
        except PortError as error:
            if self.name != PIPE or error.reason is not Reason.CLOSED:
                raise
            self.ended = True
            return []

    def is_alive(self) -> bool:
        """As Stick says."""
        return self._stick.is_alive()

    def restore(self) -> None:
        """As Stick says."""
        self._stick.restore()

    def close(self) -> None:
        """Put back what was set, and release the port; safe to call twice."""
        try:
            self._stick.restore()
        finally:
            self._port.close()


class OpenRecording(OpenStick):
    """A recording or a pipe, which has a clock of its own."""

    def __init__(self, stick: Recording | Piped, name: str) -> None:
        self._stick = self._timed = stick
        self.name = self.lasting = name
        self.family, self.hears = stick.family, stick.hears
        self.ended = False

    def now(self) -> float:
        return self._timed.now()

    def wall_time(self, moment: float) -> float:
        return self._timed.wall_time(moment)

    def receive(self, until: float) -> list[Reception]:
        heard = self._timed.receive(until)
        self.ended = self._timed.ended
        return heard

    def close(self) -> None:
        """Nothing is held."""

    def _note(self, **words: str) -> None:
        """It has no port."""


def open_stick(
    text: str, *, family: str | None = None, baud: int | None = None, command: str | None = None
) -> OpenStick:
    """Open the stick that `text` names, in one of the FORMS.

    `family`, or the name of a stick: what it is, so that it is not asked. `baud`: of a line that is not
    asked. `command`: what to start for rtl_wmbus and rtl_433 instead of the usual pipeline. Raises
    UsageError, InputError, PortError; DeviceError `device.no-answer` if no stick answers.
    """
    wanted = None if family is None else find_family(family)
    if text.startswith(_REPLAY):
        return _open_replay(text)
    if text in FAMILIES and FAMILIES[text].kind == PROGRAM and not os.path.exists(text):
        return _open_program(text, command)
    if command is not None:
        raise UsageError(
            f"{text} is no program to be started by a command", reason=Reason.INVALID, hint=(_PROGRAMS,)
        )
    if text == PIPE:
        return _open_pipe(wanted)
    if text == "auto":
        from mbuscli.services.stick_list import choose_stick

        text = choose_stick()
    return _open_line(text, wanted or _family_in(text), baud)


_PROGRAMS = "programs are named rtl_wmbus or rtl_433"


def _open_line(text: str, family: str | None, baud: int | None) -> OpenStick:
    from mbuscli.devices.sticks.identify import identify, open_line, order_of_questions

    if family is not None and FAMILIES[family].kind == PROGRAM:
        raise UsageError(
            f"{text} is a port, and {family} a program", reason=Reason.INVALID, hint=(_PROGRAMS,)
        )
    first = family
    if first is None and not text.startswith(_SIM_STICK):
        from mbuscli.services.stick_list import usb_family

        first = usb_family(text)
    port = open_line(text, baud or FAMILIES[first or order_of_questions()[0]].baud, keep=True)
    try:
        if family is None and port.is_remote and text.startswith("tcp:"):
            from mbuscli.devices.sticks.text_tty import any_driver

            return OpenStick(any_driver(port), port)
        if family is None:
            identity = identify(port, first)
            if identity is None:
                raise _nobody(text)
            family = identity.family
        return OpenStick(driver_of(family, port), port, lasting=_lasting_name(text))
    except BaseException:
        port.close()
        raise


def _lasting_name(text: str) -> str | None:
    if text.startswith(_SIM_STICK):
        return None
    from mbuscli.services.stick_list import lasting_name

    return lasting_name(text)


def _open_program(family: str, command: str | None) -> OpenStick:
    from mbuscli.ports.child import ChildPort, split_pipeline

    if command is not None:
        split_pipeline(command)
    port = ChildPort(family, command)
    return OpenStick(driver_of(family, port), port)


def _open_pipe(family: str | None) -> OpenStick:
    from mbuscli.ports.feed import PipePort

    if family is not None:
        port = PipePort(PIPE, sys.stdin.fileno())
        return OpenStick(driver_of(family, port), port)
    from mbuscli.services.input import pieces_of_stream
    from mbuscli.services.recorded import Piped, moments_of

    pieces = pieces_of_stream(sys.stdin.buffer, "standard input")
    return OpenRecording(Piped(moments_of(pieces), "standard input"), PIPE)


def _open_replay(text: str) -> OpenStick:
    from mbuscli.services.recorded import Recording, read_recording

    path, speed = split_replay(text)
    return OpenRecording(Recording(read_recording(path), path, speed=speed), text)


def split_replay(text: str) -> tuple[str, float | None]:
    """File and speed of `replay:FILE?speed=10`; without a speed, or with `max`, None: all at once.

    Raises UsageError `usage.invalid`.
    """
    path = text.removeprefix(_REPLAY)
    if "?" not in path or os.path.exists(path):
        return path, None
    path, _, query = path.rpartition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    speed = options.pop("speed", "max")
    try:
        number = None if speed == "max" else float(speed)
    except ValueError:
        number = 0.0
    if options or (number is not None and not 0 < number < 1e6):
        raise UsageError(
            f"{text!r} is no recording to be replayed",
            reason=Reason.INVALID,
            hint=("write replay:walk.ndjson?speed=10; 1 is the recorded pace, max all at once",),
        )
    return path, number


def _family_in(text: str) -> str | None:
    """The family that `sim:stick?family=cul` names: a simulated stick need not be asked."""
    if not text.startswith(_SIM_STICK):
        return None
    name = dict(parse_qsl(text.partition("?")[2])).get("family", "im871a")
    # Twins have names of their own, such as amb8465-frames.
    return family_of_text(name) or find_family(name)


def _nobody(text: str) -> DeviceError:
    never_asked = "|".join(name for name, family in FAMILIES.items() if not family.is_probed and family.baud)
    return DeviceError(
        f"{text}: no radio stick answers",
        reason=Reason.NO_ANSWER,
        hint=(
            "plug it in again: sticks that were stopped in the middle of a message need that",
            f"a receiver that only hands over what it hears: --stick {never_asked}",
            "a level converter of a wired bus is for scan and read",
        ),
    )
