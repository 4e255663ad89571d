"""No key stays in a line that is kept; what the user wants to recall does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbuscli.repl.masking import MASK, without_secrets

KEY = "0102030405060708090A0B0C0D0E0F10"
TELEGRAM = "2E4493157856341233037A2A0020255923C95AAA26D1B2E7493B013EC4A6F6D3529B520EDFF0EA6DEFC99D6D69EBF3"


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (f"decrypt {TELEGRAM} --key {KEY}", f"decrypt {TELEGRAM} --key {MASK}"),
        (f"decrypt {TELEGRAM} --key={KEY}", f"decrypt {TELEGRAM} --key={MASK}"),
        (f"lora-join --app-key {KEY} -p COM3", f"lora-join --app-key {MASK} -p COM3"),
        ("decrypt 00 --key 0011223344556677", f"decrypt 00 --key {MASK}"),
        ("decrypt 00 --key -", "decrypt 00 --key -"),
        ("decrypt 00 --key --quiet", "decrypt 00 --key --quiet"),
        (f"set key {KEY}", f"set key {MASK}"),
        ("set key short", f"set key {MASK}"),
        ("sniff --passphrase 'correct horse'", f"sniff --passphrase {MASK}"),
        (KEY, MASK),
        (f"read {KEY.lower()}", f"read {MASK}"),
        (f"decrypt '{KEY[:16]} {KEY[16:]}'", f"decrypt {MASK}"),
        ("x 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F 10 y", f"x {MASK} y"),
        ("decrypt 00 --key-file site.key --keys ring.toml", None),
        ("read 12345678.KAM.1B.16 87654321 12345678", None),
        ("lora-join --id 0004A30B001A2B3C --region EU868", None),
        ("set-address 12345678 5 --port /dev/ttyUSB0 --yes", None),
        ("keys import keys.csv", None),
        (f"decrypt {TELEGRAM}", None),
        ("decrypt 68 19 19 68 08 01 72 80 17 27 85 63 41 29 37 C0 12 70 42 A0 00 00 00 C1 36 74 52 30 10 40 60 00 00 00 16", None),
    ],
)  # fmt: skip
def test_lines(line: str, kept: str | None) -> None:
    assert without_secrets(line) == (line if kept is None else kept)


_HEX = st.binary(min_size=16, max_size=16).map(lambda octets: octets.hex().upper())
_WORDS = st.lists(
    st.sampled_from(["decrypt", "read", "--quiet", "keys", "add", "-o", "json", TELEGRAM, "'a b'"])
)


@given(_WORDS, _HEX, _WORDS, st.sampled_from(["", "--key ", "--key=", "--nwk-key '", '"']))
def test_a_key_never_stays(before: list[str], key: str, after: list[str], how: str) -> None:
    closing = how[-1] if how[-1:] in ("'", '"') else ""
    line = " ".join([*before, how + key + closing, *after])
    assert key not in without_secrets(line)


@given(st.text())
def test_any_line_can_be_looked_at(line: str) -> None:
    without_secrets(line)
