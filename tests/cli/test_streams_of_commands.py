"""Pipes, encodings, interruptions: what the world does to a running command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbuscli.cli.main import main
from mbuscli.protocol.wired.frames import encode_long
from mbuscli.render.text import UNSAFE
from tests.cli.program import COMMAND, GOLDEN, environment, run

SLOW_BUS = "sim:bus.toml?pace=real"
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals and pseudo-terminals of POSIX")


def start(*args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        cwd=GOLDEN,
        env=environment(),
    )


@posix_only
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_scan_shows_what_it_found(number: signal.Signals, code: int) -> None:
    with start("scan", "--port", SLOW_BUS, "-o", "ndjson", "--range", "1-250") as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert process.returncode == code
    assert first["meter"]["address"] == "12345678.KAM.1B.16"
    summary = json.loads(out.splitlines()[-1])
    assert summary["event"] == "summary"
    assert 1 <= summary["found"] <= summary["addresses_asked"] < 250
    assert err.strip() == ""


@posix_only
@pytest.mark.parametrize("args", [["scan", "--port", SLOW_BUS], ["decrypt", "-"]])
def test_a_reader_who_goes_away_is_no_error(args: list[str]) -> None:
    read_end, write_end = os.pipe()
    with subprocess.Popen(
        [*COMMAND, *args, "-o", "plain"],
        stdin=subprocess.PIPE,
        stdout=write_end,
        stderr=subprocess.PIPE,
        cwd=GOLDEN,
        env=environment(),
    ) as process:
        os.close(write_end)
        os.close(read_end)
        _, err = process.communicate(b"68070768080578025AD200B316\n", timeout=20)
    assert process.returncode == 0
    assert b"Traceback" not in err
    assert b"Broken" not in err


@pytest.mark.parametrize("form", ["table", "plain", "csv", "json"])
@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_console_that_is_not_utf_8(form: str, encoding: str) -> None:
    done = subprocess.run(
        [*COMMAND, "read", "1", "--port", "sim:bus.toml", "-o", form],
        capture_output=True,
        cwd=GOLDEN,
        env=environment(PYTHONIOENCODING=encoding),
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode("ascii")
    assert ("\\u00b3" if form == "json" else "m3") in text


@given(
    st.text(alphabet=st.characters(max_codepoint=0xFF), max_size=60),
    st.sampled_from(["plain", "csv", "tsv", "table", "json", "ndjson"]),
)
@settings(max_examples=150, deadline=None)
def test_no_text_of_a_meter_reaches_the_terminal_raw(text: str, form: str) -> None:
    import contextlib
    import io

    octets = text.encode("latin-1")[::-1]
    frame = encode_long(0x08, 5, 0x78, b"\x0d\xfd\x11" + bytes((len(octets),)) + octets)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(["decrypt", frame.hex(), "-o", form]) == 0
    shown = out.getvalue().replace("\n", "")
    assert not UNSAFE.search(shown.replace("\t", "") if form in ("plain", "tsv") else shown)


def test_numbers_keep_their_digits() -> None:
    # 12 digits of BCD at 10^-6: more than a float shows, and zeros at the end that count.
    result = run("decrypt", encode_long(8, 5, 0x78, bytes.fromhex("0E10 000045896745")).hex(), "-o", "json")
    assert '"value": 456789.450000' in result.out


def test_stdin_line_by_line() -> None:
    with subprocess.Popen(
        [*COMMAND, "decrypt", "-", "--fields", "value"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=GOLDEN,
        env=environment(),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("68 07 07 68 08 05 78 02 5A D2 00 B3 16\n")
        process.stdin.flush()
        assert process.stdout.readline() == "21.0\n"
        process.stdin.close()


@pytest.fixture
def simulator() -> Iterator[subprocess.Popen[str]]:
    with start("simulate", "bus.toml", "--tcp", "0", "--pace", "fast") as process:
        yield process
        process.kill()


@posix_only
def test_simulate_on_tcp(simulator: subprocess.Popen[str]) -> None:
    assert simulator.stdout is not None
    port = simulator.stdout.readline().strip()
    assert port.startswith("tcp://127.0.0.1:")
    result = run("read", "1", "--port", port, "-q", "-o", "plain", "--fields", "value")
    assert (result.out.splitlines()[0], result.code) == ("1234.567", 0), result.err
    simulator.send_signal(signal.SIGINT)
    assert simulator.wait(20) == 0


@posix_only
def test_simulate_on_a_terminal(tmp_path: Path) -> None:
    link = tmp_path / "bus"
    with start("simulate", "bus.toml", "--link", str(link), "--pace", "fast") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{link}\n"
        result = run("scan", "--port", str(link), "--range", "1-2", "-q", "-o", "plain", "--fields", "id")
        assert (result.out, result.code) == ("12345678\n87654321\n", 0), result.err
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143
    assert not link.exists()
    assert not link.is_symlink()


@posix_only
def test_progress_on_a_terminal() -> None:
    """On a terminal: a table, a progress line that is taken away again, and colour unless NO_COLOR."""
    import pty

    for extra in ({}, {"NO_COLOR": "1"}):
        master, slave = pty.openpty()
        with subprocess.Popen(
            [*COMMAND, "scan", "--port", "sim:bus.toml", "--range", "0-9"],
            stdout=slave,
            stderr=slave,
            cwd=GOLDEN,
            env=environment(TERM="xterm", **extra),
        ) as process:
            os.close(slave)
            shown = b""
            while True:
                try:
                    chunk = os.read(master, 4096)
                except OSError:
                    break
                if not chunk:
                    break
                shown += chunk
        os.close(master)
        assert process.returncode == 8
        assert b"%  address 3, found 2" in shown
        assert "─".encode() in shown
        assert (b"\x1b[" in shown) is not bool(extra)
