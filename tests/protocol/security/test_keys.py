"""Keys as people write them, and as nobody may see them."""

from __future__ import annotations

import pickle
import subprocess
import sys
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.errors import UsageError
from mbuscli.protocol.security.ciphers import aes_cmac
from mbuscli.protocol.security.keys import FACTORY_KEYS, Candidate, FixedKeys, Key, parse_key

_OCTETS = bytes(range(16))
_HEX = _OCTETS.hex()


@pytest.mark.parametrize(
    "text",
    [
        _HEX,
        _HEX.upper(),
        f"  {_HEX}\n",
        f"0x{_HEX}",
        f"0X{_HEX.upper()}",
        _OCTETS.hex(" "),
        _OCTETS.hex(":"),
        _OCTETS.hex("-"),
        _OCTETS.hex("_", 4),
        _OCTETS.hex("|", 2),
        ", ".join(f"0x{octet:02X}" for octet in _OCTETS),
        f'"{_HEX}"',
        f"\t{_HEX[:16]} {_HEX[16:]}",
    ],
)
def test_dialects(text: str) -> None:
    assert parse_key(text).octets == _OCTETS


def test_des_key() -> None:
    assert len(parse_key("0102030405060708")) == 8


@pytest.mark.parametrize(
    ("text", "name", "says"),
    [
        ("", "usage.empty", "empty"),
        (" : ", "usage.empty", "empty"),
        (_HEX[:-1], "usage.key-length", "31 hexadecimal digits"),
        (_HEX + "00", "usage.key-length", "34 hexadecimal digits"),
        (_HEX[:-1] + "O", "usage.not-hex", "character 32"),
        ("0x" + _HEX[:-1] + "g", "usage.not-hex", "character 34"),
        ("1,23E+31", "usage.not-hex", "character 6"),
    ],
)
def test_refused(text: str, name: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_key(text)
    assert caught.value.name == name
    assert says in caught.value.text
    assert caught.value.hint


@given(st.text(alphabet="0123456789abcdefxX:- ,gO", max_size=40))
def test_any_text_is_a_key_or_a_usage_error(text: str) -> None:
    try:
        assert len(parse_key(text)) in (8, 16)
    except UsageError as error:
        digits = [part for part in text.split() if len(part) > 4 and set(part) <= set("0123456789abcdef")]
        assert not any(part in error.text + " ".join(error.hint) for part in digits)


@given(st.one_of(st.binary(min_size=16, max_size=16), st.binary(min_size=8, max_size=8)))
def test_hex_returns(octets: bytes) -> None:
    key = parse_key(octets.hex())
    assert key == Key(octets)
    assert hash(key) == hash(Key(octets))
    assert pickle.loads(pickle.dumps(key)) == key


@pytest.mark.parametrize("size", [0, 1, 7, 9, 15, 17, 24, 32])
def test_other_lengths_are_no_keys(size: int) -> None:
    with pytest.raises(ValueError, match=f"not {size}"):
        Key(bytes(size))


def test_check_value_is_the_start_of_a_cmac_over_zeros() -> None:
    key = Key(_OCTETS)
    assert key.check_value == aes_cmac(_OCTETS, bytes(16)).hex()[:4]
    assert repr(key) == f"Key(..check {key.check_value})"
    # A DES key is too short for AES: it counts twice.
    assert Key(_OCTETS[:8]).check_value == Key(_OCTETS[:8] * 2).check_value


def test_keys_differ_from_each_other_and_from_anything_else() -> None:
    assert Key(_OCTETS) != Key(_OCTETS[::-1])
    assert Key(_OCTETS[:8]) != Key(_OCTETS[:8] * 2)
    assert Key(_OCTETS) != _OCTETS


def test_octets_show_nowhere() -> None:
    secret = Key(bytes.fromhex("C0FFEE00C0FFEE11C0FFEE22C0FFEE33"))
    candidate = Candidate("name", secret)
    try:
        raise RuntimeError(candidate, [secret], {"key": secret})
    except RuntimeError as error:
        shown = "".join(traceback.format_exception(error)) + repr(candidate) + f"{secret}" + str(secret)
    assert "c0ffee" not in shown.lower()
    assert "\\xc0\\xff" not in shown


def test_fixed_keys_serve_every_meter() -> None:
    source = FixedKeys([Candidate("a", Key(_OCTETS))])
    assert [c.name for c in source.candidates([])] == ["a"]


def test_factory_keys_are_marked_and_distinct() -> None:
    assert all(c.factory and not c.exact and c.name.startswith("factory key") for c in FACTORY_KEYS)
    assert len({c.key for c in FACTORY_KEYS}) == len(FACTORY_KEYS)


def test_loads_without_the_cipher_library() -> None:
    code = (
        "import sys; from mbuscli.protocol.security.keys import parse_key; parse_key('00' * 16); "
        "sys.exit('cryptography' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
