"""The clock of a simulated meter: it runs with the bus's time from the moment to which it was set."""

from __future__ import annotations

from datetime import datetime, timedelta

from mbuscli.protocol.application.date_types import (
    decode_type_f,
    decode_type_i,
    encode_type_f,
    encode_type_i,
    is_summer_time,
)

HEADERS = {b"\x04\x6d": 4, b"\x06\x6d": 6}


class RunningClock:
    """`octets`, of type F or I, is what it was set to; it begins to run at the first time that it is told."""

    def __init__(self, octets: bytes, now: float | None = None) -> None:
        decode = decode_type_f if len(octets) == 4 else decode_type_i
        self._set_to = datetime.fromisoformat(decode(octets))
        self._summer_time = is_summer_time(octets)
        self._since = now

    def octets(self, size: int, now: float) -> bytes:
        """What it shows now, in so many octets."""
        if self._since is None:
            self._since = now
        shown = (self._set_to + timedelta(seconds=now - self._since)).isoformat(timespec="seconds")[:19]
        encode = encode_type_f if size == 4 else encode_type_i
        return encode(shown, summer_time=self._summer_time)
