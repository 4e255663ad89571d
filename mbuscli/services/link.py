"""A wired bus ready to talk: port, level converter and session with the times that fit the port."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mbuscli.devices.converters.level_converter import LevelConverter
from mbuscli.errors import DecodeError
from mbuscli.ports.base import Port
from mbuscli.protocol.wired.frames import Frame, encode_long
from mbuscli.protocol.wired.session import Session, single_telegram
from mbuscli.protocol.wired.timing import DEFAULT_MARGIN_S, LATE_S, Timing, timing_for
from mbuscli.telegram import decode

_NETWORK_MARGIN_S = 0.25


class Link:
    """One open bus. `name` and `baud` are the port's; `clock` is the port's, in seconds.

    `timeout_s` replaces the standard's reply window, `margin_s` the converter's share of each wait. `swept`:
    the rate is not given, several are tried, and each result says which one it was.
    """

    def __init__(
        self,
        port: Port,
        *,
        timeout_s: float | None = None,
        margin_s: float | None = None,
        retries: int = 2,
        retries_silent: int = 0,
        more_follows: Callable[[Frame], bool] = single_telegram,
        swept: bool = False,
    ) -> None:
        if margin_s is None:
            margin_s = _NETWORK_MARGIN_S if port.is_remote else DEFAULT_MARGIN_S
        self.port = port
        self.swept = swept
        self._timeout_s = timeout_s
        self._margin_s = margin_s
        self.converter = LevelConverter(port)
        self.session = Session(
            self.timing_at(port.baud),
            retries=retries,
            retries_silent=retries_silent,
            more_follows=more_follows,
        )

    @property
    def name(self) -> str:
        """The port's name."""
        return self.port.name

    @property
    def baud(self) -> int:
        """The port's baud rate."""
        return self.port.baud

    def set_baud(self, baud: int) -> None:
        """Go on at another rate, where other meters listen. PortError if the port cannot."""
        self.port.set_baud(baud)
        self.session.change_rate(self.timing_at(baud))

    @contextmanager
    def patiently(self) -> Iterator[None]:
        """Inside, answers are waited for that come later than the standard allows."""
        timing = self.session.timing
        self.session.timing = timing._replace(reply_timeout_s=timing.reply_timeout_s + LATE_S)
        try:
            yield
        finally:
            self.session.timing = timing

    def timing_at(self, baud: int) -> Timing:
        """The waiting times of another rate on this port."""
        return timing_for(baud, margin_s=self._margin_s, timeout_s=self._timeout_s)

    def clock(self) -> float:
        """Seconds, virtual on a simulated port."""
        return self.port.now()


def more_follows(frame: Frame) -> bool:
    """True if the meter announces another telegram (DIF 1F)."""
    if frame.c_field is None or frame.a_field is None or frame.ci_field is None:
        return False
    try:
        return decode(encode_long(frame.c_field, frame.a_field, frame.ci_field, frame.data)).more_follows
    except DecodeError:
        return False
