"""Every command, with the canary key in the ring, in the environment and in all the wrong places: it comes out
nowhere, not even where the command breaks off with a bug. A new command is tried without being named here."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from mbuscli.cli.commands import COMMANDS
from mbuscli.protocol.address import MeterAddress
from tests.cli.program import Result
from tests.cli.terminal import run_at_terminal
from tests.cli.test_canary import (
    CANARY,
    PAIRS,
    assert_clean,
    assert_no_file_shows,
    inside,
    run_in,
)
from tests.cli.test_canary_decrypt import DOES_NOT, METER, OPENS

__all__ = ["inside"]

# What each command does when all is well; the words of others are only their names.
WORDS: dict[str, list[list[str]]] = {
    "scan": [["--port", "sim:", "--range", "1-3"], ["--port", "sim:", "--secondary", "--range", "1-1"]],
    "read": [["1", "--port", "sim:"], ["--all", "--port", "sim:"]],
    "sniff": [["--port", "sim:stick", "--for", "20s"], ["--port", "replay:walk.log"]],
    "decrypt": [[OPENS], [DOES_NOT], [OPENS, "--explain"], ["walk.log"]],
    "set-address": [["1", "9", "--port", "sim:", "--dry-run"]],
    "set-baud": [["1", "300", "--port", "sim:", "--dry-run"]],
    "set-clock": [["1", "--port", "sim:", "--dry-run"]],
    "reset": [["1", "--port", "sim:", "--dry-run"]],
    "send": [["snd-nke", "1", "--port", "sim:"]],
    "lora-join": [["--port", "sim:modem", "--dry-run"]],
    "keys": [["list"], ["check"], ["list", "-o", "json"]],
    "meters": [["list"], ["show", "iperl"], ["test", "iperl"]],
    "config": [["list", "--all"], ["get", "port"]],
    "profile": [["list"]],
    "doctor": [[]],
    "report": [["walk.log"]],
    "help": [[], ["keys"]],
    "completion": [["bash"]],
}
# They serve, or read what is typed, until they are ended.
_ENDLESS = ("simulate", "shell")
# They show the name of the port that they were asked for.
_SHOWS_PORTS = ("sticks", "doctor")
every = pytest.mark.parametrize("name", [name for name in COMMANDS if name not in _ENDLESS])


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    """A ring with the key, of a meter, of all and of a LoRaWAN device; and a log."""
    path = tmp_path / "keys.toml"
    path.write_text(
        f'[[key]]\nname = "a"\nmeters = "{METER}"\nkey = "{CANARY}"\n'
        f'[[key]]\nname = "b"\nmeters = "{MeterAddress.parse("11111111.KAM")}"\nkey = "{CANARY}"\n'
        f'[[key]]\ndevice = "0004A30B001A2B3C"\nrole = "AppKey"\nkey = "{CANARY}"\n'
    )
    path.chmod(0o600)
    (tmp_path / "walk.log").write_text(f"{OPENS}\n{DOES_NOT}\n40BC1A01260001000147904668901234\n")
    return path


@pytest.mark.timeout(120)
@every
@pytest.mark.parametrize("options", [(), ("--debug",), ("-o", "json")], ids=" ".join)
def test_in_the_ring_and_the_environment(
    name: str,
    options: tuple[str, ...],
    ring: Path,
    tmp_path: Path,
    inside: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MBUSCLI_KEY", CANARY)
    for words in WORDS.get(name, [[]]):
        if "-o" in words and "-o" in options:
            continue
        result = inside(name, *words, *options)
        assert_clean(result.out, result.err)
        assert result.code != 1, result
    assert_no_file_shows(tmp_path, ring)


@pytest.mark.timeout(120)
@every
def test_in_the_wrong_places(name: str, ring: Path, tmp_path: Path, inside: Callable[..., Result]) -> None:
    texts = [CANARY, " ".join(PAIRS), ":".join(PAIRS)]
    for text in texts:
        for words in (
            [text],
            ["--port", text],
            [f"--port={text}"],
            ["--output", text],
            [f"--{text}"],
            ["--list", text],
            ["--fields", text],
            ["--capture", f"{text}/x"],
            ["list", text],
            ["show", text],
            ["set", "port", text],
            ["add", "x", text],
        ):
            if name == "config" and words[:2] == ["set", "port"]:
                continue  # it keeps what it is told to keep
            if name in ("send", "decrypt") and len(text) > 40:
                continue  # octets are what it shows
            for options in ([], ["--debug"]):
                if (name == "send" and words == [text]) or (name in _SHOWS_PORTS and words[0] != "--output"):
                    continue
                result = inside(name, *words, *options)
                assert_clean(result.out, result.err)
    assert_no_file_shows(tmp_path, ring)


# Where a bug shall strike: everybody passes here.
PLACES = [
    "mbuscli.render.streams.Streams.data",
    "mbuscli.render.streams.Streams.talk",
    "mbuscli.settings.ring_file.load_ring",
    "mbuscli.settings.ring_file.read_contents",
    "mbuscli.settings.keystore.KeyRing.candidates",
    "mbuscli.protocol.security.ciphers.aes_cbc_decrypt",
    "mbuscli.telegram.model.Telegram.add_problem",
    "mbuscli.ports.opener.open_port",
    "mbuscli.settings.paths.state_folder",
]


def _failing(*args: object, **options: object) -> NoReturn:
    shown = [value for value in (*args, *options.values()) if not isinstance(value, str | bytes)]
    raise RuntimeError(f"failed with {shown!r}")


@pytest.mark.timeout(120)
@every
def test_a_bug_anywhere(
    name: str, ring: Path, tmp_path: Path, inside: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MBUSCLI_KEY", CANARY)
    for place in PLACES:
        with monkeypatch.context() as patch:
            patch.setattr(place, _failing)
            for words in WORDS.get(name, [[]])[:2]:
                result = inside(name, *words, "--debug")
                assert_clean(result.out, result.err)
    assert_no_file_shows(tmp_path, ring)


TYPED = [
    f"keys add 12345678 --key {CANARY}",
    f"keys add 87654321 --key={CANARY}",
    f"set key {CANARY}",
    f"decrypt {OPENS} --key {CANARY}",
    f"decrypt {OPENS} --key '{' '.join(PAIRS)}'",
    f"nonsense {CANARY}",
    CANARY,
    ":".join(PAIRS),
    f"lora-join --port sim:modem --app-key {CANARY} --dry-run",
    f"send {CANARY} | cat",
]


def test_in_a_script_of_the_shell(tmp_path: Path) -> None:
    for line in TYPED:
        result = run_in(tmp_path, "shell", stdin=f"{line}\nset\nhistory\n", MBUSCLI_DEBUG="1")
        assert_clean(result.out, result.err)
    assert_no_file_shows(tmp_path, tmp_path / "config" / "keys.toml")


@pytest.mark.timeout(180)
@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_in_the_history_of_the_shell(tmp_path: Path) -> None:
    """The terminal shows what is typed; the files that stay do not."""
    from mbuscli.repl.history import History

    place = {"HOME": str(tmp_path), "MBUSCLI_CONFIG_DIR": str(tmp_path), "MBUSCLI_STATE_DIR": str(tmp_path)}
    answers = [("> ?(\x1b[^\n]*)?", line) for line in (*TYPED[:2], TYPED[5], "exit")]
    run_at_terminal("shell", answers=answers, **place)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MBUSCLI_STATE_DIR", str(tmp_path))
        history = History()
        for line in TYPED:
            assert_clean(history.add(line))
        assert_clean(*history.lines)
    assert_no_file_shows(tmp_path, tmp_path / "keys.toml")
