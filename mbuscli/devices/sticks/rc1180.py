"""Radiocrafts RC1180-MBUS modules."""

from __future__ import annotations

from mbuscli.devices.sticks.base import Identity, Reception, Stick
from mbuscli.devices.sticks.serial_stick import HALF_BARE_TELEGRAM_S, SerialStick
from mbuscli.ports.base import Port
from mbuscli.protocol.receivers import rc1180
from mbuscli.protocol.receivers.bare_stream import BareStream
from mbuscli.protocol.receivers.rc1180 import BAUD as BAUD
from mbuscli.protocol.receivers.rc1180 import Settings
from mbuscli.protocol.receivers.stream import StreamTelegram, split_rssi

FAMILY = "rc1180"
_STEP = "memory in configuration mode at 19200 baud, answered"
# The module wants so much time for each command.
_COMMAND_S = 0.2
# So long the line is silent behind an answer.
_QUIET_S = 0.1
_MOST_OCTETS = 1024


class Rc1180(SerialStick[StreamTelegram]):
    """An RC1180-MBUS. It listens in the mode that its memory says; nothing is changed in it.

    While it is asked something it hears nothing.
    """

    family = FAMILY
    half_message_s = HALF_BARE_TELEGRAM_S
    hears: tuple[frozenset[str], ...] = (frozenset(("T1",)),)

    def __init__(self, port: Port) -> None:
        super().__init__(port, BareStream())
        self._settings: Settings | None = None

    def is_alive(self) -> bool:
        """As Stick says."""
        answered = self._enter()
        self._leave()
        return answered

    def _identify(self) -> Identity | None:
        for _ in range(self.tries):
            # A module that already was in configuration mode does not answer to entering it.
            entered = self._enter()
            came = self._command(rc1180.DUMP, rc1180.MEMORY_SIZE + 1)
            self._leave()
            settings = _settings_in(came)
            if not entered and not came:
                return None
            if settings is not None:
                self._settings = settings
                self.hears = (settings.listening,)
                return Identity(FAMILY, "RC1180-MBUS", serial=settings.identification, step=_STEP)
        return None

    def _tune(self, modes: frozenset[str]) -> bool:
        return True

    def _undo(self) -> None:
        """Nothing was changed."""

    def _enter(self) -> bool:
        """True if the prompt came. Telegrams in front of it are kept."""
        came = self._command(rc1180.ENTER, 1)
        answered = came.endswith(rc1180.PROMPT)
        self._feed(came[:-1] if answered else came)
        return answered

    def _leave(self) -> None:
        self._feed(self._command(rc1180.LEAVE, 0))

    def _command(self, command: bytes, least: int) -> bytes:
        """What comes up to a prompt with a pause behind it, at least so many octets; 0: no prompt comes."""
        port = self._port
        port.write(command)
        came = b""
        end = port.now() + (self.answer_s if least else _COMMAND_S)
        while port.now() < end:
            is_whole = bool(least) and len(came) >= least and came.endswith(rc1180.PROMPT)
            data = port.read(min(end, port.now() + _QUIET_S) if is_whole else end).data
            if is_whole and not data:
                break
            came += data
            # A dump of the memory takes longer than its first octet.
            if least and data and len(came) <= _MOST_OCTETS:
                end = max(end, port.now() + 2 * _QUIET_S)
        return came

    def _feed(self, data: bytes) -> None:
        if data:
            self._last_octet, self._paused = self._port.now(), True
            self._keep([*self._line.feed(data), *self._line.pause()])

    def _reception(self, message: StreamTelegram, time: float) -> Reception | None:
        telegram, strength = message.telegram, None
        if self._settings is not None and self._settings.rssi_appended:
            telegram, octet = split_rssi(telegram)
            strength = rc1180.rssi_dbm(octet)
        return Reception(telegram, time, strength, frame_format="none", raw=message.raw)


def _settings_in(came: bytes) -> Settings | None:
    if len(came) <= rc1180.MEMORY_SIZE or not came.endswith(rc1180.PROMPT):
        return None
    return rc1180.decode_settings(came[-rc1180.MEMORY_SIZE - 1 : -1])


def probe(port: Port) -> Identity | None:
    """Who answers there, at the usual rate of these modules; None if nobody does."""
    return Rc1180(port).probe()


def driver(port: Port) -> Stick:
    """The driver on an open port."""
    return Rc1180(port)
