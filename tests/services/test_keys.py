"""The order in which keys are looked up, and what the ring's check finds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mbuscli.errors import InputError, KeyProblemError, UsageError
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.security.keys import Key
from mbuscli.services.keys import KeyChain, check_ring, collect_keys
from mbuscli.settings.keystore import Entry
from mbuscli.settings.ring_file import write_contents

METER = MeterAddress.parse("12345678.KAM.1B.16")


def hex_key(number: int) -> str:
    return f"{number:032x}"


def entry(number: int, name: str, pattern: str = "12345678") -> Entry:
    return Entry(name, MeterAddress.parse(pattern), Key(bytes.fromhex(hex_key(number))))


class Asked:
    """Answers in turn, and what was asked."""

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)
        self.prompts: list[str] = []

    @staticmethod
    def nobody(prompt: str) -> None:
        raise AssertionError(f"asked {prompt!r}")

    def __call__(self, prompt: str) -> str | None:
        self.prompts.append(prompt)
        return self.answers.pop(0)


def chain(
    folder: Path,
    texts: tuple[str, ...] = (),
    file: str | None = None,
    *,
    ring: Path | None = None,
    environ: dict[str, str] | None = None,
    line: str = "",
    passphrase: Callable[[str], str | None] = Asked.nobody,
    ask: Asked | None = None,
) -> KeyChain:
    return collect_keys(
        texts,
        file,
        ring,
        default_ring=lambda: folder / "keys.toml",
        environ=environ or {},
        read_line=lambda: line,
        ask_passphrase=passphrase,
        ask_key=ask,
    )


def numbers(keys: KeyChain) -> list[int]:
    return [int(found.key.octets.hex(), 16) for found in keys.candidates([METER])]


def test_the_order(tmp_path: Path) -> None:
    write_contents(tmp_path / "keys.toml", [entry(5, "ring")], None)
    file = tmp_path / "file"
    file.write_text(f"# two\n\n{hex_key(3)}\n{hex_key(13)}\n")
    file.chmod(0o600)
    keys = chain(
        tmp_path, (hex_key(1), "-"), str(file), environ={"MBUSCLI_KEY": hex_key(4)}, line=hex_key(2) + "\n"
    )
    found = list(keys.candidates([METER]))
    assert [int(one.key.octets.hex(), 16) for one in found] == [1, 2, 3, 13, 4, 5]
    assert [one.name for one in found] == [
        "--key",
        "key from standard input",
        f"key file {file}",
        f"key file {file}",
        "MBUSCLI_KEY",
        "ring",
    ]


def test_the_user_is_asked_last_and_once(tmp_path: Path) -> None:
    write_contents(tmp_path / "keys.toml", [entry(5, "ring")], None)
    ask = Asked("12", "x", hex_key(9))
    keys = chain(tmp_path, ask=ask)
    assert next(keys.candidates([METER])).name == "ring"
    assert ask.prompts == []
    assert numbers(keys) == [5, 9]
    assert numbers(keys) == [5, 9]
    assert len(ask.prompts) == 3
    assert str(METER) in ask.prompts[0]
    assert "2 hexadecimal digits, not 32" in ask.prompts[1]


@pytest.mark.parametrize("answer", [None, ""])
def test_no_answer(answer: str | None, tmp_path: Path) -> None:
    ask = Asked(answer)
    keys = chain(tmp_path, ask=ask)
    assert numbers(keys) == numbers(keys) == []
    assert len(ask.prompts) == 1


def test_nobody_is_asked_where_a_key_was_given(tmp_path: Path) -> None:
    assert numbers(chain(tmp_path, (hex_key(1),), ask=Asked())) == [1]


def test_the_ring_is_unlocked_when_it_is_needed_and_once(tmp_path: Path) -> None:
    write_contents(tmp_path / "keys.toml", [entry(5, "ring")], "secret")
    passphrase = Asked("secret")
    keys = chain(tmp_path, (hex_key(1),), passphrase=passphrase)
    assert next(keys.candidates([METER])).name == "--key"
    assert passphrase.prompts == []
    assert numbers(keys) == numbers(keys) == [1, 5]
    assert len(passphrase.prompts) == 1
    with pytest.raises(KeyProblemError):
        numbers(chain(tmp_path, passphrase=Asked(None)))


def test_a_ring_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        chain(tmp_path, ring=tmp_path / "absent.toml")
    assert numbers(chain(tmp_path)) == []


@pytest.mark.parametrize(
    ("texts", "environ", "where"),
    [(("12",), {}, "--key"), (("-",), {}, "standard input"), ((), {"MBUSCLI_KEY": "xyz"}, "MBUSCLI_KEY")],
)
def test_a_bad_key_says_where_it_came_from(
    texts: tuple[str, ...], environ: dict[str, str], where: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        chain(tmp_path, texts, environ=environ)
    assert caught.value.text.startswith(f"{where}: ")


def test_key_files(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("# nothing\n")
    file.chmod(0o600)
    with pytest.raises(InputError, match="no key"):
        chain(tmp_path, file=str(file))
    file.write_text(f"{hex_key(1)}\n123\n")
    with pytest.raises(UsageError, match="line 2"):
        chain(tmp_path, file=str(file))
    if sys.platform != "win32":
        file.chmod(0o644)
        with pytest.raises(InputError, match="opened by others"):
            chain(tmp_path, file=str(file))


def test_check(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    entries = [
        entry(1, "a"),
        entry(2, "b"),
        entry(3, "c", "11111111"),
        entry(3, "d", "22222222"),
        entry(4, "e", "33333333"),
        entry(4, "e", "33333333"),
        entry(0, "f", "44444444"),
        entry(6, "g", "55555555"),
        entry(7, "g", "66666666"),
        entry(8, "good", "77777777"),
    ]
    write_contents(path, entries, None)
    with path.open("a") as stream:
        stream.write('[[key]]\nmeters = "88888888"\nkey = "1234"\n')
    path.chmod(0o644)
    contents, findings = check_ring(path, Asked())
    assert len(contents.entries) == len(entries)
    texts = [f"{found.severity} {found.entry}: {found.text}" for found in findings]
    expected = [
        "error key 11: the key has 4 hexadecimal digits, not 32",
        "note a: 12345678 has 2 keys: all are tried",
        "note b: 12345678 has 2 keys: all are tried",
        "note c: other meters have the same key",
        "note d: other meters have the same key",
        "note e: the same key stands more than once for 33333333",
        "note e: the same key stands more than once for 33333333",
        "note f: this is the factory key: all zero: it keeps nothing secret",
        "note g: other keys have the same name",
        "note g: other keys have the same name",
    ]
    if sys.platform != "win32":
        expected.insert(0, "error None: others can open the file (mode 644)")
    assert texts == expected
