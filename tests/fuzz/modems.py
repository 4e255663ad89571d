"""Targets that are LoRaWAN modems: what they say in a conversation, and what cuts their lines."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from itertools import chain

from mbuscli.devices import gps
from mbuscli.devices.modems.line_cutter import LineCutter
from mbuscli.devices.modems.registry import FAMILIES, driver_of
from mbuscli.errors import MbuscliError
from mbuscli.ports.base import Received
from mbuscli.protocol.receivers import iu891a, wimod_lorawan
from mbuscli.simulator.port import SimPort
from tests.devices.modems.bench import ABP, OTAA, SIMULATED, Bench, driver, simulated
from tests.fuzz.campaign import Target
from tests.fuzz.conversation import Talker

_JOIN_S = 8.0
_LISTEN_S = 5.0
_LF, _SLIP = b"\n", b"\xc0"
_NMEA = b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n"
_GPSD = b'{"class":"TPV","mode":3,"lat":48.117,"lon":11.517}\n'


class _Recorder(SimPort):
    """Keeps what the modem said."""

    def __init__(self, port: SimPort) -> None:
        super().__init__(port.bus, port.name, port.baud)
        self.said = bytearray()

    def read(self, until: float) -> Received:
        received = super().read(until)
        self.said += received.data
        return received


@cache
def _seeds(family: str) -> tuple[bytes, ...]:
    """Whole conversations with the twins of a family: joined, personalised, refused."""
    names = [name for name, (module, _) in SIMULATED.items() if module == family]
    return tuple(
        _conversation(name, activation, asks)
        for name in names
        for activation in (OTAA, ABP)
        for asks in (1, 3)
    )


def _conversation(name: str, activation: object, asks: int) -> bytes:
    bench = simulated(name)
    assert isinstance(bench.port, SimPort)
    port = _Recorder(bench.port)
    bench = Bench(driver(SIMULATED[name][0], port), port, bench.settings, OTAA, bench.twin)
    with suppress(MbuscliError):
        bench.join(activation)  # type: ignore[arg-type]
        bench.listen(_JOIN_S)
        for payload in (b"\r\1\n", b"abc")[:asks]:
            bench.modem.start_send(5, payload, confirmed=True)
            bench.listen(_LISTEN_S)
        if asks > 1:
            bench.modem.start_link_check()
            bench.listen(_LISTEN_S)
    return bytes(port.said)


def _repair(family: str, data: bytes) -> bytes:
    """Whole lines, or frames whose check sums fit."""
    if family != "imst":
        return (
            bytes(
                octet if 0x20 <= octet < 0x7F or octet in (10, 13) else 0x20 + octet % 0x5F for octet in data
            )
            + b"\r\n"
        )
    bodies = [body for body in data.split(_SLIP) if len(body) > 2]
    return b"".join(iu891a.encode_frame(0x10 if body[0] & 1 else 1, body[1], body[2:-2]) for body in bodies)


def _act(family: str, case: bytes) -> Sequence[object]:
    """All that a user does with a modem; what it says is the case."""
    port = Talker(case, _SLIP if family == "imst" else _LF)
    modem = driver_of(family, port)
    name = next(name for name, (module, _) in SIMULATED.items() if module == family)
    with suppress(MbuscliError):
        modem.identify()
    with suppress(MbuscliError):
        modem.configure(simulated_settings(name).settings, ABP if zlib.crc32(case) & 2 else OTAA)
        modem.start_join()
    with suppress(MbuscliError):
        modem.events(port.now() + _LISTEN_S)
        modem.start_send(5, b"\r\1\n", confirmed=True)
    with suppress(MbuscliError):
        modem.start_link_check()
    while not port.is_done:
        with suppress(MbuscliError):
            modem.events(port.now() + _LISTEN_S)
    return ()


@cache
def simulated_settings(name: str) -> Bench:
    """The bench whose settings fit the hardware of a twin."""
    return simulated(name)


def _split(family: str, case: bytes) -> tuple[object, object]:
    if family == "imst":
        whole, octets = wimod_lorawan.framer(), wimod_lorawan.framer()
        first = [*whole.feed(case), *whole.flush()]
        second = [*chain(*(octets.feed(bytes((octet,))) for octet in case)), *octets.flush()]
        return [item[:3] if len(item) > 2 else item[0] for item in first], [
            item[:3] if len(item) > 2 else item[0] for item in second
        ]
    return _lines([case]), _lines([bytes((octet,)) for octet in case])


def _lines(pieces: list[bytes]) -> list[bytes]:
    cutter = LineCutter()
    lines = []
    for piece in pieces:
        cutter.feed(piece)
        while (line := cutter.next()) is not None:
            lines.append(line)
            if line.startswith(b"+RECV=") and line[-1:].isdigit():
                cutter.take(1 + line[-1] % 8, before=b"\n\r\n")
    return [*lines, cutter.flush()]


def _act_gps(case: bytes) -> Sequence[object]:
    for line in gps.Lines().feed(case):
        for fix in (gps.parse_nmea(line), gps.parse_gpsd(line)):
            assert fix is None or (abs(fix.latitude) <= 90 and abs(fix.longitude) <= 180), fix
    return ()


def _split_gps(case: bytes) -> tuple[object, object]:
    octets = gps.Lines()
    return gps.Lines().feed(case), [*chain(*(octets.feed(bytes((octet,))) for octet in case))]


def _repair_gps(data: bytes) -> bytes:
    """A sentence whose check sum fits."""
    content = bytes(octet for octet in data.strip(b"$\r\n").split(b"*")[0] if octet not in b"*$\r\n")
    checksum = 0
    for octet in content:
        checksum ^= octet
    return b"$%s*%02X\r\n" % (content, checksum)


def _target(family: str) -> Target:
    return Target(
        lambda: _seeds(family),
        lambda data: _repair(family, data),
        lambda case: _act(family, case),
        lambda case: _split(family, case),
        # A conversation of dozens of lines.
        4,
    )


TARGETS = {
    **{f"modems.{family}": _target(family) for family in FAMILIES},
    "modems.gps": Target(lambda: (_NMEA, _GPSD, _NMEA + _GPSD), _repair_gps, _act_gps, _split_gps),
}
