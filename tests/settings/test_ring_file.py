"""The ring's file: what is written comes back, what is wrong is told without a key."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbuscli.errors import InputError, KeyProblemError, MbuscliError
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.security.keys import Key
from mbuscli.settings import ring_file
from mbuscli.settings.files import write_private
from mbuscli.settings.keystore import Entry, KeyRing, clean_text
from mbuscli.settings.redact import looks_like_key
from mbuscli.settings.ring_file import editing, load_ring, read_contents, reseal, write_contents
from mbuscli.settings.vault import Vault, seal

CANARY = "c0ffee15dead5ec4e7f00d1e55beefca"
ENTRY = Entry("flat 3", MeterAddress.parse("12345678.KAM"), Key(bytes.fromhex(CANARY)), "a note")


def nobody(_prompt: str) -> None:
    return None


def says(text: str) -> ring_file.Ask:
    return lambda _prompt: text


TEXTS = st.text(max_size=40).map(clean_text).filter(lambda text: not looks_like_key(text))


@given(st.lists(st.tuples(TEXTS, st.binary(min_size=16, max_size=16), TEXTS), max_size=5))
@settings(max_examples=40)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[str, bytes, str]]) -> None:
    path = tmp_path_factory.mktemp("ring") / "keys.toml"
    entries = [
        Entry(name or f"{n:08d}.KAM", MeterAddress.parse(f"{n:08d}.KAM"), Key(octets), note)
        for n, (name, octets, note) in enumerate(texts)
    ]
    write_contents(path, entries, None)
    assert list(load_ring(path, nobody)) == entries


def test_a_hand_written_ring(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    write_private(
        path, b'# mine\n[[key]]\nmeters = "12345678"\nkey = "C0FFEE15 DEAD5EC4 E7F00D1E 55BEEFCA"\n'
    )
    (entry,) = load_ring(path, nobody)
    assert (entry.name, entry.key) == ("12345678", ENTRY.key)


FAULTY = [
    f"[[key]]\nmeters = '12345678'\nkey = {CANARY}\n",
    f"[[key]]\nmeters = '12345678'\nkey = '{CANARY}00'\n",
    f"[[key]]\nmeters = '12345678'\nkey = '{CANARY[:-1]}x'\n",
    f"[[key]]\nmeters = '{CANARY}'\nkey = '{CANARY}'\n",
    f"[[key]]\nmeters = '12345678'\n'{CANARY}' = '1'\n",
    f"[[key]]\nmeters = '12345678'\nname = '{CANARY}'\nkey = '{CANARY}'\n",
    f"[[key]]\nkey = '{CANARY}'\n",
    "[[key]]\nmeters = '12345678'\n",
    f"[[key]]\nmeters = '12345678'\nkey = '{CANARY}'\nkey = '{CANARY}'\n",
    f"[[key]]\nmeters = '12345678'\nkey = ['{CANARY}']\n",
    "[[key]]\nmeters = '12345678'\nkey = 12345678901234567890123456789012\n",
    f"[key]\nmeters = '12345678'\nkey = '{CANARY}'\n",
    f"key = ['{CANARY}']\n",
    f"'{CANARY}' = 1\n",
    f"[{CANARY}]\n",
    f"x = {'[' * 5000}\n",
    f"x = {'1' * 5000}\n",
    f"version = 2\n[[key]]\nkey = '{CANARY}'\n",
    "\ud800",
    "vault = 1",
    "[vault]\nkdf = 'scrypt'\n",
]


@pytest.mark.parametrize("text", FAULTY)
def test_a_faulty_ring_is_refused_without_showing_keys(text: str, tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    write_private(path, text.encode("utf-8", "surrogatepass"))
    with pytest.raises(InputError) as caught:
        load_ring(path, nobody)
    error = caught.value
    shown = "".join(traceback.format_exception(error)) + repr(error) + error.text + "".join(error.hint)
    assert CANARY[:12] not in shown.lower()
    assert "1234567890123" not in shown


def test_encrypted(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    write_contents(path, [ENTRY], "öffne dich")
    text = path.read_text()
    assert CANARY not in text
    assert "12345678" not in text
    # The same letters, decomposed as another keyboard writes them.
    assert list(load_ring(path, says("o\u0308ffne dich"))) == [ENTRY]
    for passphrase in ("offne dich", "x"):
        with pytest.raises(KeyProblemError) as caught:
            load_ring(path, says(passphrase))
        assert caught.value.name == "input.passphrase"
    with pytest.raises(KeyProblemError, match="no passphrase"):
        load_ring(path, nobody)


def test_an_encrypted_ring_stays_encrypted(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    write_contents(path, [ENTRY], "one")
    before = path.read_bytes()
    with editing(path, says("one")) as ring:
        ring.remove(list(ring))
    assert b"[vault]" in path.read_bytes()
    assert path.read_bytes() != before
    reseal(path, says("one"), lambda encrypted: "two" if encrypted else None)
    assert read_contents(path, says("two")).passphrase == "two"
    reseal(path, says("two"), lambda _encrypted: None)
    assert list(load_ring(path, nobody)) == []


def test_a_failed_edit_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    write_contents(path, [ENTRY], None)
    before = path.read_bytes()

    def edit(ring: KeyRing) -> None:
        ring.remove([ENTRY])
        raise InputError("no", reason=ring_file.Reason.INVALID)

    with pytest.raises(InputError), editing(path, nobody) as ring:
        edit(ring)
    with editing(path, nobody, save=False) as ring:
        ring.remove([ENTRY])
    assert path.read_bytes() == before


SEALED = seal(b"the text", "passphrase")


@given(st.data())
@settings(max_examples=8, deadline=None)
def test_no_changed_bit_opens(data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(["salt", "nonce", "data"]))
    octets = bytearray(getattr(SEALED, field))
    octets[data.draw(st.integers(0, len(octets) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(KeyProblemError):
        SEALED._replace(**{field: bytes(octets)}).open("passphrase")


def test_the_vault_table_round_trip() -> None:
    again = Vault.from_table(SEALED.table())
    assert again == SEALED
    assert again.open("passphrase") == b"the text"
    assert seal(b"the text", "passphrase").data != SEALED.data


@pytest.mark.parametrize(
    "change",
    [
        {"kdf": "none"},
        {"n": 1 << 30},
        {"n": 3},
        {"n": 0},
        {"n": "x"},
        {"r": 1000},
        {"p": 0},
        {"p": 99},
        {"salt": "!"},
        {"salt": ""},
        {"nonce": "AAAA"},
        {"data": 5},
        {"data": "AAAA"},
    ],
)
def test_a_hostile_vault_is_refused_before_it_takes_memory(change: dict[str, object]) -> None:
    with pytest.raises(MbuscliError, match="cannot be opened"):
        Vault.from_table({**SEALED.table(), **change})
