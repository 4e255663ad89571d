"""Keys out of lists and meter files."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbuscli.errors import InputError, KeyProblemError, MbuscliError
from mbuscli.settings.key_import import Imported, Refused, import_keys
from mbuscli.settings.keystore import Entry
from tests.settings.kem_files import KEYS, OLD, PASSWORD, encrypt_kem

CANARY = "c0ffee15dead5ec4e7f00d1e55beefca"
OTHER = "00112233445566778899aabbccddeeff"


def imported(folder: Path, text: str | bytes, password: str | None = None) -> list[Imported]:
    path = folder / "delivered"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return import_keys(path, lambda _prompt: password)


def keys(items: list[Imported]) -> list[tuple[str, str]]:
    return [(str(item.meters), item.key.octets.hex()) for item in items if isinstance(item, Entry)]


def refused(items: list[Imported]) -> list[tuple[int | None, str, bool]]:
    return [tuple(item) for item in items if isinstance(item, Refused)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "headings",
    [("Zählernummer", "Schlüssel"), ("Gerätenummer", "AES key"), ("Serial Number", "AES-128"), ("id", "DEK")],
)
def test_a_list(encoding: str, delimiter: str, end: str, headings: tuple[str, str], tmp_path: Path) -> None:
    rows = [
        (headings[0], "Ort", headings[1]),
        ("12345678", "Keller, ö", CANARY),
        ("87654321", "", f"0x{OTHER.upper()}"),
    ]
    text = end.join(delimiter.join(f'"{cell}"' for cell in row) for row in rows) + end
    items = imported(tmp_path, text.encode(encoding))
    assert keys(items) == [("12345678", CANARY), ("87654321", OTHER)]
    assert refused(items) == []


def test_columns_that_say_more(tmp_path: Path) -> None:
    text = (
        f"Customer list 2026\n\nname;serial no.;manufacturer;key;comment\nflat 3;12345678;KAM;{CANARY};top\n"
    )
    (entry,) = imported(tmp_path, text)
    assert isinstance(entry, Entry)
    assert (entry.name, str(entry.meters), entry.note) == ("flat 3", "12345678.KAM", "top")


@pytest.mark.parametrize(
    ("serial", "pattern"),
    [
        ("12345678.KAM.1B.16", "12345678.KAM.1B.16"),
        ("123456782D2C1B16", "12345678.KAM.1B.16"),
        ("1234 5678", "12345678"),
        ('"=""12345678"""', "12345678"),
        ("'12345678", "12345678"),
        ("1234*", "1234FFFF"),
        ("*", "FFFFFFFF"),
    ],
)
def test_ways_to_write_a_number(serial: str, pattern: str, tmp_path: Path) -> None:
    assert keys(imported(tmp_path, f"id;key\n{serial};{CANARY}\n")) == [(pattern, CANARY)]


def test_without_headings(tmp_path: Path) -> None:
    items = imported(tmp_path, f"sep=;\nx;12345678;{CANARY}\ny;87654321;{OTHER}\n")
    assert keys(items) == [("12345678", CANARY), ("87654321", OTHER)]


def test_eaten_zeros_are_put_back_and_told(tmp_path: Path) -> None:
    items = imported(tmp_path, f"id,key\n1234567,{CANARY}\n")
    assert keys(items) == [("01234567", CANARY)]
    assert refused(items) == [(2, "the number 1234567 was filled up to 01234567", True)]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("12345678;1,23E+31", "1.23E+31"),
        ("12345678;1.23E+31", "1.23E+31"),
        (f"1,23E+07;{CANARY}", "1.23E+07"),
        (f"12345678;{CANARY[1:]}", "31 hexadecimal digits"),
        (f"12345678;{CANARY[1:]}g", "not hexadecimal"),
        (f"{CANARY};12345678", "a key stands"),
        (f"123456789;{CANARY}", "eight digits"),
        (f";{CANARY}", "eight digits"),
        (f"12*34;{CANARY}", "no number with a *"),
        ("12345678", "too few columns"),
    ],
)
def test_refused_with_the_reason(row: str, why: str, tmp_path: Path) -> None:
    items = imported(tmp_path, f"id;key\n{row}\n87654321;{OTHER}\n")
    assert keys(items) == [("87654321", OTHER)]
    ((line, text, warning),) = refused(items)
    assert line == 2
    assert why in text
    assert not warning
    assert CANARY[1:12] not in text


def test_a_meter_without_key_is_no_error(tmp_path: Path) -> None:
    assert refused(imported(tmp_path, "id;key\n12345678;\n")) == [(2, "this meter has no key", True)]


def test_a_wmbusmeters_file(tmp_path: Path) -> None:
    text = f"# mine\nname=Cold water\nid=12345678, 8765*\nkey={CANARY.upper()}\ndriver=multical21\n"
    items = imported(tmp_path, text)
    assert keys(items) == [("12345678", CANARY), ("8765FFFF", CANARY)]
    assert {(item.name, item.note) for item in items if isinstance(item, Entry)} == {
        ("Cold water", "driver multical21")
    }


@pytest.mark.parametrize("key", ["", "NOKEY"])
def test_a_wmbusmeters_file_without_key(key: str, tmp_path: Path) -> None:
    assert refused(imported(tmp_path, f"name=x\nid=12345678\nkey={key}\n")) == [
        (3, "this meter has no key", True)
    ]


def test_a_kem_file(tmp_path: Path) -> None:
    items = imported(tmp_path, encrypt_kem(OLD), PASSWORD)
    assert keys(items) == [("12345678.KAM", KEYS[0]), ("07654321.KAM", KEYS[1].lower())]
    with pytest.raises(KeyProblemError):
        imported(tmp_path, encrypt_kem(OLD), "wrong")
    with pytest.raises(KeyProblemError, match="no password"):
        imported(tmp_path, encrypt_kem(OLD), None)


@pytest.mark.parametrize(
    "text", ["", "\n", "hello\n", "a;b\n1;2\n", f"{CANARY}\n", bytes(300), "id;key\n" + '"' + "x" * 200_000]
)
def test_no_list(text: str | bytes, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        imported(tmp_path, text)
    assert caught.value.name in ("input.unrecognised", "input.invalid")
    assert CANARY not in caught.value.text


def test_text_from_a_list_is_harmless(tmp_path: Path) -> None:
    (entry,) = imported(
        tmp_path, f"name;id;key;note\n\x1b]52;12345678;{CANARY};{CANARY}\n".replace("52;", "52 ;")
    )
    assert isinstance(entry, Entry)
    assert "\x1b" not in entry.name
    assert CANARY not in entry.note


@given(st.binary(max_size=120).map(lambda tail: b"id;key\n" + tail) | st.binary(max_size=120))
@settings(deadline=None)
def test_any_octets(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    with contextlib.suppress(MbuscliError):
        imported(tmp_path_factory.mktemp("any"), data, PASSWORD)
