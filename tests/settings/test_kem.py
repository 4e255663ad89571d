"""Kamstrup KEM files, the hostile ones included."""

from __future__ import annotations

import contextlib
import io
import warnings
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbuscli.errors import InputError, KeyProblemError, MbuscliError
from mbuscli.settings.kem import is_kem, open_kem
from tests.settings.kem_files import KEYS, NEW, OLD, PASSWORD, encrypt_kem


def zipped(*members: tuple[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of a name that comes twice
        for name, data in members:
            archive.writestr(name, data)
    return sink.getvalue()


def test_the_old_form() -> None:
    first, second = open_kem(encrypt_kem(OLD), PASSWORD)
    assert first == {
        "serial": "12345678",
        "number": "777",
        "manufacturer": "KAM",
        "type": "MULTICAL® 21",
        "note": "MULTICAL® 21, number 777",
        "key": KEYS[0],
    }
    assert (second["serial"], second["key"], second["note"]) == ("7654321", KEYS[1], "MULTICAL 302")


def test_the_new_form() -> None:
    (only,) = open_kem(encrypt_kem(NEW), PASSWORD)
    assert (only["serial"], only["manufacturer"], only["key"]) == ("12345678", "KAM", KEYS[0])


def test_in_a_zip() -> None:
    data = zipped(("a/b.kem", encrypt_kem(OLD)), ("../../c.KEM2", encrypt_kem(NEW)), ("read.me", b"hello"))
    assert is_kem(data)
    assert [meter["serial"] for meter in open_kem(data, f" {PASSWORD}\n")] == [
        "12345678",
        "7654321",
        "12345678",
    ]


@pytest.mark.parametrize("password", ["1234568", "", "x" * 16, "x" * 17, "é" * 9, "\udcff"])
@pytest.mark.parametrize("inner", [OLD, NEW])
def test_a_wrong_password_gives_nothing(password: str, inner: str) -> None:
    with pytest.raises(KeyProblemError) as caught:
        open_kem(encrypt_kem(inner), password)
    assert caught.value.name == "input.passphrase"


@pytest.mark.parametrize(
    "inner", ["<Other/>", "<Devices/>", OLD.replace(KEYS[0], "").replace(KEYS[1], "00"), "no xml"]
)
def test_what_holds_no_key_was_opened_wrongly(inner: str) -> None:
    with pytest.raises(KeyProblemError):
        open_kem(encrypt_kem(inner), PASSWORD)


BOMB = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]>"
FILE = "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"
VALUE = "<x><CipherValue>{}</CipherValue></x>"


@pytest.mark.parametrize(
    "document",
    [
        b"<",
        b"<x/>",
        b"<x><CipherValue/></x>",
        VALUE.format("!!!!").encode(),
        VALUE.format("AAAA").encode(),
        (BOMB + VALUE.format("&b;")).encode(),
        (FILE + VALUE.format("&a;")).encode(),
        ("<?xml version='1.0' encoding='utf-16'?>" + BOMB + VALUE.format("&b;")).encode("utf-16"),
        b"<?xml version='1.0' encoding='klingon'?><x/>",
        b"<x>" * 100_000,
        b"<x>" + b"<y/>" * 400_000 + b"</x>",
        VALUE.format("A" * 64).encode() * 2,
        b"PK\x03\x04",
        b"PK\x03\x04" + bytes(100),
        zipped(("xl/workbook.bin", b"")),
        zipped(("a.kem", b"<x/>")),
        zipped(*(("a.kem", b"<x/>"),) * 101),
        zipped(("a.kem", bytes(17 << 20))),
    ],
    ids=range(18),
)
def test_hostile(document: bytes) -> None:
    with pytest.raises(InputError):
        open_kem(document, PASSWORD)


def test_a_document_type_inside() -> None:
    with pytest.raises(KeyProblemError):
        open_kem(encrypt_kem(FILE + OLD.split("?>")[1].replace("777", "&a;")), PASSWORD)


def test_a_zip_that_lies_or_is_encrypted() -> None:
    good = zipped(("a.kem", encrypt_kem(NEW)))
    for place in range(0, len(good), 7):
        damaged = bytearray(good)
        damaged[place] ^= 0xFF
        with contextlib.suppress(MbuscliError):
            open_kem(bytes(damaged), PASSWORD)
    marked = bytearray(good)
    marked[6] |= 1  # general purpose bit 0 in both headers: encrypted
    marked[good.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(InputError, match="itself is encrypted"):
        open_kem(bytes(marked), PASSWORD)


@given(st.binary(max_size=200) | st.binary(max_size=100).map(encrypt_kem), st.text(max_size=5))
@settings(deadline=None)
def test_any_octets(data: bytes, password: str) -> None:
    with contextlib.suppress(MbuscliError):
        open_kem(data, password)


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    list(open_kem(zipped(("../x.kem", encrypt_kem(OLD))), PASSWORD))
    assert list(tmp_path.iterdir()) == []
    assert not (tmp_path.parent / "x.kem").exists()
