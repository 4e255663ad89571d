"""A key that is typed, in whatever way and place, comes out nowhere but in the ring.

Everything that a run writes is searched: both streams, tracebacks, and every file it leaves behind.
"""

from __future__ import annotations

import base64
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest

from mbuscli.cli import main as program
from tests.cli.program import Result, run
from tests.cli.terminal import run_at_terminal
from tests.settings.kem_files import OLD, PASSWORD, encrypt_kem

CANARY = "c0ffee15dead5ec4e7f00d1e55beefca"
OCTETS = bytes.fromhex(CANARY)
PAIRS = [CANARY[at : at + 2] for at in range(0, 32, 2)]
DIALECTS = [
    CANARY,
    CANARY.upper(),
    f"0x{CANARY}",
    *(separator.join(PAIRS) for separator in (" ", ":", "-", "_", "|", ",", ".", " 0x")),
    f" '{CANARY}' ",
]
# Part of a key is too much as well.
_PART = 12
_NOISE = re.compile(r"0x|[^0-9a-z]")
# Spellings of the octets that are no hexadecimal: base64, and Python's for octets and numbers.
_OTHER = [
    base64.b64encode(OCTETS)[:12].decode(),
    repr(OCTETS)[2:20],
    str(int(CANARY, 16))[:20],
    str(list(OCTETS))[1:30],
]


def shows_canary(text: str) -> bool:
    """True if a part of the key is in `text`, however it is written."""
    plain = _NOISE.sub("", text.lower())
    parts = {CANARY[at : at + _PART] for at in range(len(CANARY) - _PART + 1)}
    return any(part in plain for part in parts) or any(other in text for other in _OTHER)


def assert_clean(*texts: str) -> None:
    for text in texts:
        assert not shows_canary(text), text


def assert_no_file_shows(folder: Path, *allowed: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file() and path not in allowed:
            data = path.read_bytes()
            assert OCTETS not in data, path
            assert not shows_canary(data.decode("latin-1")), path


def run_in(folder: Path, *args: str, stdin: str = "", **environ: str) -> Result:
    """A run whose every folder is `folder`."""
    places = {
        "HOME": str(folder),
        "MBUSCLI_CONFIG_DIR": str(folder / "config"),
        "MBUSCLI_STATE_DIR": str(folder / "state"),
    }
    return run(*args, stdin=stdin.encode(), cwd=folder, TMPDIR=str(folder), **places, **environ)


@pytest.fixture
def inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Result]:
    """Runs in this process, which is much faster; every folder is `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "MBUSCLI_CONFIG_DIR", "MBUSCLI_STATE_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("MBUSCLI_PASSPHRASE", "open sesame")

    def one(*args: str) -> Result:
        code = program.main(list(args))
        shown = capsys.readouterr()
        return Result(shown.out, shown.err, code)

    return one


def test_the_search_finds() -> None:
    for text in [*DIALECTS, *(f"x{other}" for other in _OTHER), f"Key({OCTETS!r})", f"half {CANARY[9:23]}"]:
        assert shows_canary(text), text
    assert not shows_canary("check value be7e, 12345678.KAM")


@pytest.mark.parametrize(("text", "debug"), [(CANARY, ()), *((text, ("--debug",)) for text in DIALECTS)])
def test_the_right_places(text: str, debug: tuple[str, ...], tmp_path: Path) -> None:
    ring = tmp_path / "config" / "keys.toml"
    file = tmp_path / "key"
    file.write_text(text)
    file.chmod(0o600)
    results = [
        run_in(tmp_path, "keys", "add", "12345678", "--key", text, *debug),
        run_in(tmp_path, "keys", "add", "12345678.KAM", "--key", "-", "-o", "json", *debug, stdin=text),
        run_in(tmp_path, "keys", "add", "12345678.ELS", "--key-file", str(file), "-o", "ndjson", *debug),
        run_in(tmp_path, "keys", "list", "-o", "table", *debug, MBUSCLI_KEY=text),
        run_in(tmp_path, "keys", "list", "-o", "csv", *debug),
        run_in(tmp_path, "keys", "check", "-o", "json", *debug),
        run_in(tmp_path, "keys", "add", "12345678", "--key", "11" * 16, *debug),
        run_in(tmp_path, "keys", "remove", "12345678", *debug),
    ]
    assert [result.code for result in results] == [0, 0, 0, 0, 0, 0, 10, 9]
    for result in results:
        assert_clean(result.out, result.err)
    assert shows_canary(ring.read_text())
    assert_no_file_shows(tmp_path, ring, file)


WRONG_PLACES: list[tuple[str, ...]] = [
    ("keys", "{}"),
    ("keys", "--{}"),
    ("keys", "add", "{}"),
    ("keys", "add", "12345678", "{}"),
    ("keys", "add", "12345678.{}"),
    ("keys", "add", "12345678", "--{}"),
    ("keys", "add", "12345678", "--key"),
    ("keys", "add", "12345678", "--key", "{}00"),
    ("keys", "add", "12345678", "--key", "{}g"),
    ("keys", "add", "12345678", "--key", "z{}"),
    ("keys", "add", "12345678", "--key-file", "{}"),
    ("keys", "add", "12345678", "--keys", "{}", "--key", "00" * 16),
    ("keys", "add", "12345678", "--name", "{}", "--key", "00" * 16),
    ("keys", "add", "12345678", "--note", "my {} key", "--key", "00" * 16),
    ("keys", "list", "{}"),
    ("keys", "list", "--keys", "{}"),
    ("keys", "list", "-o", "{}"),
    ("keys", "list", "--fields", "{}"),
    ("keys", "list", "--keys={}"),
    ("keys", "remove", "{}", "-y"),
    ("keys", "import", "{}"),
    ("keys", "import", "x", "--password-file", "{}"),
    ("keys", "check", "--keys", "{}"),
    ("keys", "encrypt", "{}"),
    ("keys", "import", "--dry-run={}", "x"),
]


@pytest.mark.parametrize("words", WRONG_PLACES, ids=" ".join)
@pytest.mark.parametrize("text", [CANARY, CANARY.upper(), " ".join(PAIRS), ":".join(PAIRS)])
def test_the_wrong_places(
    words: Sequence[str], text: str, tmp_path: Path, inside: Callable[..., Result]
) -> None:
    for options in ((), ("--debug",), ("-o", "json")):
        if "-o" in words and options == ("-o", "json"):
            continue
        result = inside(*(word.format(text) for word in words), *options)
        assert result.code in (2, 10), (result, words)
        assert_clean(result.out, result.err)
    assert_no_file_shows(tmp_path)


def test_octets_typed_without_quotes(tmp_path: Path) -> None:
    result = run_in(tmp_path, "keys", "add", "12345678", "--key", *PAIRS)
    assert result.code == 2
    assert_clean(result.out, result.err)


RINGS = [
    f"[[key]]\nmeters = '12345678'\nkey = {CANARY}\n",
    f"[[key]]\nmeters = '12345678'\nkey = '{CANARY}00'\n",
    f"[[key]]\nmeters = '{CANARY}'\nkey = '{CANARY}'\nname = '{CANARY}'\nnote = '{CANARY}'\n",
    f"'{CANARY}' = 1\n",
    f"{CANARY}\n",
]


@pytest.mark.parametrize("text", RINGS)
@pytest.mark.parametrize(
    "command", [("list",), ("check",), ("remove", "x", "-y"), ("encrypt",)], ids=" ".join
)
def test_a_broken_ring(
    text: str, command: tuple[str, ...], tmp_path: Path, inside: Callable[..., Result]
) -> None:
    ring = tmp_path / "ring.toml"
    ring.write_text(text)
    ring.chmod(0o600)
    for debug in ((), ("--debug",), ("-o", "json")):
        result = inside("keys", *command, "--keys", str(ring), *debug)
        assert result.code == 10
        assert_clean(result.out, result.err)
    assert_no_file_shows(tmp_path, ring)


LISTS = [
    f"id;key\n12345678;{CANARY}\n",
    f"id;key\n{CANARY};12345678\n",
    f"id;key;name;note\n12345678;{CANARY};{CANARY};{CANARY}\n",
    f"id;key;manufacturer\n12345678;{CANARY}0;{CANARY}\n",
    f"12345678,{CANARY},{CANARY}\n",
    f"{CANARY}\n",
    f"name={CANARY}\nid={CANARY}\nkey={CANARY}\ndriver={CANARY}\n",
    f"name=x\nid=12345678\nkey={CANARY}\ndriver={CANARY}\n",
    f"<x>{CANARY}</x>",
]


@pytest.mark.parametrize("text", [*LISTS, encrypt_kem(OLD).decode()])
def test_imports(text: str, tmp_path: Path, inside: Callable[..., Result]) -> None:
    file = tmp_path / "list"
    file.write_text(text)
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    ring = tmp_path / "keys.toml"
    for options in (("--dry-run",), ("--debug",), ("-o", "json")):
        result = inside("keys", "import", str(file), "--password-file", str(password), *options)
        assert_clean(result.out, result.err)
        assert "unexpected" not in result.err
    assert_no_file_shows(tmp_path, ring, file)


def test_an_encrypted_ring_shows_nothing_at_all(tmp_path: Path) -> None:
    run_in(tmp_path, "keys", "add", "12345678", "--key", "-", stdin=CANARY)
    result = run_in(tmp_path, "keys", "encrypt", MBUSCLI_PASSPHRASE="open sesame")
    assert result.code == 0
    assert_no_file_shows(tmp_path)
    assert not any(b"sesame" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_at_a_terminal(tmp_path: Path) -> None:
    place = {"MBUSCLI_CONFIG_DIR": str(tmp_path), "HOME": str(tmp_path)}
    typed = run_at_terminal("keys", "add", "12345678", answers=[("not shown\\): ", CANARY)], **place)
    piped = run_at_terminal(
        "keys", "add", "12345678", "--key", "-", answers=[("not shown\\): ", CANARY)], **place
    )
    wrong = run_at_terminal("keys", "add", "12345678", answers=[("not shown\\): ", CANARY + "0")], **place)
    listed = run_at_terminal("keys", "list", **place)
    assert [screen.code for screen in (typed, piped, wrong, listed)] == [0, 0, 2, 0]
    assert_clean(typed.text, piped.text, wrong.text, listed.text)
    assert_no_file_shows(tmp_path, tmp_path / "keys.toml")


PLACES_OF_FAILURE = [
    "mbuscli.protocol.address.MeterAddress.parse",
    "mbuscli.protocol.security.keys.Key.check_value",
    "mbuscli.services.keys.parse_key",
    "mbuscli.settings.keystore.KeyRing.put",
    "mbuscli.settings.ring_file._ring_text",
    "mbuscli.settings.ring_file.write_private",
    "mbuscli.settings.ring_file.seal",
    "mbuscli.settings.files.os.fsync",
    "mbuscli.settings.files.os.replace",
    "mbuscli.render.key_rows.key_row",
    "mbuscli.render.streams.Streams.data",
]


def _failing(*args: Any, **options: Any) -> NoReturn:
    """Fails with all that it was given in its message, but for plain text and octets."""
    shown = [value for value in (*args, *options.values()) if not isinstance(value, str | bytes)]
    raise RuntimeError(f"failed with {shown!r}")


@pytest.mark.parametrize("place", PLACES_OF_FAILURE)
@pytest.mark.parametrize("encrypted", [False, True])
def test_a_bug_in_any_layer(
    place: str,
    encrypted: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    inside: Callable[..., Result],
) -> None:
    assert inside("keys", "add", "11111111", "--key", "22" * 16).code == 0
    if encrypted:
        assert inside("keys", "encrypt").code == 0
    monkeypatch.setattr(place, _property_or(_failing, place))
    result = inside("keys", "add", "12345678", "--key", CANARY, "--debug")
    assert result.code == 1 or (place.endswith(".seal") and not encrypted)
    assert "Traceback" in result.err or result.code == 0
    assert_clean(result.out, result.err)
    assert_no_file_shows(tmp_path, tmp_path / "keys.toml")


def _property_or(function: Callable[..., NoReturn], place: str) -> object:
    return property(function) if place.endswith("check_value") else function


def test_a_key_shows_itself_nowhere() -> None:
    from mbuscli.protocol.security.keys import Candidate, parse_key
    from mbuscli.services.keys import Put
    from mbuscli.settings.keystore import Entry

    key = parse_key(CANARY)
    from mbuscli.protocol.address import MeterAddress

    entry = Entry("name", MeterAddress.parse("12345678"), key)
    for thing in (key, entry, Candidate("name", key), Put(entry, "added"), [key], {"key": key}):
        assert_clean(repr(thing), str(thing), f"{thing}")
