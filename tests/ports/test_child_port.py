"""Real child processes: pipelines, ends of every kind, nothing left behind."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mbuscli.errors import PortError, UsageError
from mbuscli.ports.child import ChildPort, split_pipeline
from mbuscli.ports.feed import PipePort

ROOT = str(Path(__file__).parents[2])
PATIENCE_S = 20.0


def python(code: str) -> str:
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}"


def lines_of(port: ChildPort, count: int) -> list[bytes]:
    data = b""
    limit = port.now() + PATIENCE_S
    while data.count(b"\n") < count and port.now() < limit:
        data += port.read(limit).data
    return data.splitlines()


def read_to_the_end(port: ChildPort) -> None:
    while port.read(port.now() + PATIENCE_S).data:
        pass


def failure(port: ChildPort) -> PortError:
    with pytest.raises(PortError) as caught:
        read_to_the_end(port)
    return caught.value


def is_gone(pid: int) -> bool:
    """No process of that number, not even a zombie, within the patience."""
    limit = time.monotonic() + PATIENCE_S
    while time.monotonic() < limit:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


SLEEPER = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"


def test_output_comes_as_it_is_written() -> None:
    with ChildPort("echo") as port:
        port.start(python("import time; print('one', flush=True); time.sleep(600)"))
        assert lines_of(port, 1) == [b"one"]
        assert port.is_running
        start = port.now()
        assert port.read(start + 0.05).data == b""
        assert port.now() >= start + 0.05


def test_a_pipeline_is_joined_and_nothing_of_it_stays() -> None:
    second = (
        "import os, sys\nprint(os.getpid(), flush=True)\nfor l in sys.stdin: print(l, end='', flush=True)"
    )
    with ChildPort("pair") as port:
        port.start(f"{python(SLEEPER)} | {python(second)}")
        pids = [int(line) for line in lines_of(port, 2)]
        assert len(set(pids)) == 2
    assert all(is_gone(pid) for pid in pids)
    port.close()
    with pytest.raises(PortError, match="closed"):
        port.read(0)


def test_helpers_of_a_program_end_with_it() -> None:
    code = (
        "import subprocess, sys, time\n"
        f"p = subprocess.Popen([sys.executable, '-c', {SLEEPER!r}])\ntime.sleep(600)"
    )
    with ChildPort("parent") as port:
        port.start(python(code))
        helper = int(lines_of(port, 1)[0])
    limit = time.monotonic() + PATIENCE_S
    while _state(helper) not in ("", "Z"):  # a zombie of init's, where init does not collect
        assert time.monotonic() < limit
        time.sleep(0.01)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def test_a_program_that_ignores_the_request_to_end_is_killed(monkeypatch) -> None:
    monkeypatch.setattr("mbuscli.ports.child.END_PATIENCE_S", 0.2)
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEPER
    with ChildPort("deaf") as port:
        port.start(python(code))
        pid = int(lines_of(port, 1)[0])
    assert is_gone(pid)


def test_the_last_output_comes_before_the_error_and_the_error_names_the_program() -> None:
    first = python("import sys; print('No supported devices found.', file=sys.stderr); sys.exit(1)")
    second = python("import sys; print('x' + sys.stdin.read())")
    with ChildPort("rtl") as port:
        port.start(f"{first} | {second}")
        assert lines_of(port, 1) == [b"x"]
        error = failure(port)
        assert error.name == "port.closed"
        assert "ended with exit code 1: No supported devices found." in error.text
        assert [end.code for end in port.ended()] == [1, 0]
        assert not port.is_running
        assert failure(port).text == error.text


def test_a_killed_program_is_told_by_its_signal() -> None:
    with ChildPort("rtl") as port:
        port.start(python(SLEEPER))
        os.kill(int(lines_of(port, 1)[0]), signal.SIGSEGV)
        assert "was ended by signal 11" in failure(port).text


def test_what_is_not_installed_or_no_program(tmp_path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("no program")
    for command, name, text in (
        ("no-such-receiver -f 1", "port.missing", "no-such-receiver is not installed"),
        (f"{python(SLEEPER)} | no-such-receiver", "port.missing", "no-such-receiver is not installed"),
        (str(plain), "port.permission", "may not be run"),
        (f"{plain}\0", "port.failed", "cannot be started"),
    ):
        with ChildPort("rtl") as port, pytest.raises(PortError) as caught:
            port.start(command)
        assert caught.value.name == name
        assert text in caught.value.text


def test_words_of_stderr_are_kept_but_not_without_end() -> None:
    code = "import sys\nfor n in range(1000): print('w', n, file=sys.stderr)\nprint('done', flush=True)"
    with ChildPort("rtl") as port:
        port.start(python(code))
        failure(port)
        assert port.words()[-1] == "w 999"
        assert len(port.words()) == 20


def test_a_flood_that_nobody_reads_takes_no_memory() -> None:
    code = "import sys\nwhile True: sys.stdout.write('x' * 65536)"
    with ChildPort("rtl") as port:
        port.start(python(code))
        assert port.read(port.now() + PATIENCE_S).data
        feed = port._feed
        limit = time.monotonic() + PATIENCE_S
        while len(feed._data) < 1 << 20:
            assert time.monotonic() < limit
            time.sleep(0.01)
        assert len(feed._data) <= (1 << 20) + 4096
    assert not feed.thread.is_alive()


def test_starting_anew_ends_the_first() -> None:
    with ChildPort("rtl") as port:
        port.start(python(SLEEPER))
        first = int(lines_of(port, 1)[0])
        port.start(python(SLEEPER))
        assert is_gone(first)
        assert int(lines_of(port, 1)[0]) != first


def test_no_descriptor_and_no_thread_is_left() -> None:
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("no /proc")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with ChildPort("rtl") as port:
            port.start(f"{python(SLEEPER)} | cat")
            lines_of(port, 1)
        with ChildPort("rtl") as port, pytest.raises(PortError):
            port.start("cat | no-such-receiver")
    assert len(os.listdir("/proc/self/fd")) == before


def test_when_we_are_killed_the_child_ends_at_its_next_line(tmp_path) -> None:
    """SIGKILL cannot be handled: the pipe that nobody reads any more ends the program."""
    code = "import os, time\nwhile True: print(os.getpid(), flush=True); time.sleep(0.02)"
    holder = (
        "import sys, time\nfrom mbuscli.ports.child import ChildPort\n"
        f"port = ChildPort('x')\nport.start({python(code)!r})\n"
        "print(port.read(port.now() + 20).data.split()[0].decode(), flush=True)\ntime.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", holder], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.kill()
    limit = time.monotonic() + PATIENCE_S
    while _state(child) not in ("", "Z"):
        assert time.monotonic() < limit
        time.sleep(0.01)


@pytest.mark.parametrize("command", ["", "| x", "x |", "x || y", "x 'y"])
def test_what_is_no_command_line(command: str) -> None:
    with pytest.raises(UsageError) as caught:
        split_pipeline(command)
    assert caught.value.name == "usage.invalid"


def test_words_and_quotes_of_a_command_line() -> None:
    assert split_pipeline("rtl_sdr -f 868.95M -|rtl_wmbus -p 'a | b' # -s") == [
        ["rtl_sdr", "-f", "868.95M", "-"],
        ["rtl_wmbus", "-p", "a | b", "#", "-s"],
    ]


def test_a_pipe_is_read_to_its_end() -> None:
    source, sink = os.pipe()
    with PipePort("-", source) as port:
        os.write(sink, b"44")
        assert port.read(port.now() + PATIENCE_S).data == b"44"
        until = port.now() + 0.05
        assert port.read(until).data == b""
        assert port.now() >= until
        os.write(sink, b"55")
        os.close(sink)
        assert port.read(port.now() + PATIENCE_S).data == b"55"
        with pytest.raises(PortError, match="the input has ended"):
            port.read(port.now() + PATIENCE_S)
        with pytest.raises(PortError, match="nothing can be sent"):
            port.write(b"1")
    os.close(source)
