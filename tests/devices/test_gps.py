"""Satellite receivers: NMEA sentences and gpsd's reports, by port and by network."""

from __future__ import annotations

import json
import os
import pty
import socket
import threading
import time
import tty

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.devices.gps import GPSD_WATCH, Fix, Lines, parse_gpsd, parse_nmea
from mbuscli.errors import PortError
from mbuscli.services.positions import Positions
from mbuscli.services.recorder import Position

# Examples that stand in every description of NMEA 0183.
GGA = "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47"
RMC = "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A"
MUNICH = Fix(48.1173, 11.5166667)


def sentence(body: str) -> str:
    checksum = 0
    for character in body:
        checksum ^= ord(character)
    return f"${body}*{checksum:02X}"


def test_sentences_with_a_fix() -> None:
    assert parse_nmea(GGA) == parse_nmea(RMC) == MUNICH
    south_west = sentence("GNRMC,1,A,3351.500,S,15112.600,W,,,,,")
    assert parse_nmea(south_west) == Fix(-33.8583333, -151.21)


@pytest.mark.parametrize(
    "line",
    [
        GGA.replace("*47", "*48"),
        GGA.replace("4807", "4808"),
        sentence("GPGGA,1,4807.038,N,01131.000,E,0,,,,,,,,"),
        sentence("GPRMC,1,V,4807.038,N,01131.000,E,,,,,"),
        sentence("GPGGA,1,,,,,1,,,"),
        sentence("GPGGA,1,4807.038,E,01131.000,N,1,,"),
        sentence("GPGGA,1,9907.038,N,01131.000,E,1,,"),
        sentence("GPGSV,1,2,3"),
        "$GPGGA",
        "",
    ],
)
def test_sentences_without_a_fix(line: str) -> None:
    assert parse_nmea(line) is None


def test_reports_of_gpsd() -> None:
    report = {"class": "TPV", "mode": 3, "lat": 48.1173, "lon": 11.5166667}
    assert parse_gpsd(json.dumps(report)) == MUNICH
    for other in ({"mode": 1}, {"lat": None}, {"class": "SKY"}, {"lat": 91.0}, {"lon": "east"}):
        assert parse_gpsd(json.dumps(report | other)) is None
    for line in ("", "[1]", "{", "[" * 100_000):
        assert parse_gpsd(line) is None


@given(st.text())
def test_any_line_is_survived(line: str) -> None:
    parse_nmea(line)
    parse_gpsd(line)
    parse_nmea(sentence(f"GPGGA{line}".replace("*", "")))


@given(st.lists(st.integers(1, 40), max_size=30))
def test_lines_are_the_same_however_they_arrive(sizes: list[int]) -> None:
    data = f"{GGA}\r\n{RMC}\r\n".encode()
    lines, found = Lines(), []
    for size in [*sizes, len(data)]:
        found += lines.feed(data[:size])
        data = data[size:]
    assert found == [GGA, RMC]


def test_an_endless_line_is_given_up() -> None:
    lines = Lines()
    assert lines.feed(b"x" * 100_000) == []
    assert lines.feed(b"\n" + GGA.encode() + b"\n") == ["", GGA]


def wait_for(positions: Positions, wanted: Position) -> None:
    deadline = time.monotonic() + 20
    while positions.current() != wanted:
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def test_a_receiver_on_a_port() -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    with Positions(os.ttyname(slave)) as positions:
        assert positions.current() is None
        os.write(master, f"{GGA[:20]}\r\n{RMC}\r\n".encode())
        wait_for(positions, Position(*MUNICH))
    os.close(master)
    os.close(slave)


def test_gpsd_is_asked_to_report() -> None:
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            asked = b""
            while GPSD_WATCH not in asked:
                asked += connection.recv(100)
            report = {"class": "TPV", "mode": 2, "lat": 1.5, "lon": -2.5}
            connection.sendall(b'{"class":"VERSION"}\n' + json.dumps(report).encode() + b"\n")
            connection.recv(1)

    thread = threading.Thread(target=serve)
    thread.start()
    with Positions(f"gpsd://127.0.0.1:{server.getsockname()[1]}") as positions:
        wait_for(positions, Position(1.5, -2.5))
    thread.join()
    server.close()


def test_no_receiver_is_an_error_before_the_walk_begins() -> None:
    with pytest.raises(PortError):
        Positions("/dev/no-such-receiver")
