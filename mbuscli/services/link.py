"""A wired bus ready to talk: port, level converter and session with the times that fit the port."""

from __future__ import annotations

from collections.abc import Callable

from mbuscli.devices.converters.level_converter import LevelConverter
from mbuscli.errors import DecodeError
from mbuscli.ports.base import Port
from mbuscli.protocol.wired.frames import Frame, encode_long
from mbuscli.protocol.wired.session import Session, single_telegram
from mbuscli.protocol.wired.timing import DEFAULT_MARGIN_S, timing_for
from mbuscli.telegram import decode

_NETWORK_MARGIN_S = 0.25
_NETWORK_SCHEMES = ("tcp:", "rfc2217:")


class Link:
    """One open bus. `name` and `baud` are the port's; `clock` is the port's, in seconds."""

    def __init__(
        self,
        port: Port,
        *,
        timeout_s: float | None = None,
        retries: int = 2,
        retries_silent: int = 0,
        more_follows: Callable[[Frame], bool] = single_telegram,
    ) -> None:
        margin_s = _NETWORK_MARGIN_S if port.name.startswith(_NETWORK_SCHEMES) else DEFAULT_MARGIN_S
        self.port = port
        self.converter = LevelConverter(port)
        self.session = Session(
            timing_for(port.baud, margin_s=margin_s, timeout_s=timeout_s),
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
