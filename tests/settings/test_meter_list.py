"""Lists of meters: every form they come in, and lines that are wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbuscli.errors import InputError
from mbuscli.settings.meter_list import ListedMeter, MeterList, read_meter_list

CANARY = "c0ffee15dead5ec4e7f00d1e55beefca"
FULL = "12345678.KAM.1B.16"


def listed(folder: Path, text: str | bytes) -> MeterList:
    path = folder / "list"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_meter_list(path)


def meters(found: MeterList) -> list[tuple[str, int | None]]:
    return [(str(meter.address), meter.primary) for meter in found.meters]


def refused(found: MeterList) -> list[tuple[int, str, bool]]:
    return [tuple(line) for line in found.refused]


HEADINGS = [
    ("Meter number", "New address", "Name", "Location"),
    ("Zählernummer", "Neue Adresse", "Bezeichnung", "Einbauort"),
    ("Secondary address", "Primary address", "Customer", "Room"),
    ("Zaehler-Nr.", "Adresse", "Mieter", "Wohnung"),
    ("N° de série", "adresse primaire", "nom", "emplacement"),
    ("ID", "Target", "Label", "Place"),
]


@given(
    headings=st.sampled_from(HEADINGS),
    order=st.permutations(range(4)),
    delimiter=st.sampled_from(";,\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]),
    end=st.sampled_from(["\n", "\r\n"]),
    quoted=st.booleans(),
    above=st.sampled_from(["", "sep=", "Riser 2, delivered 31 January", "Meters\n\n60 pieces"]),
    ids=st.lists(st.from_regex(r"[0-9]{8}", fullmatch=True), min_size=1, max_size=6, unique=True),
)
@settings(max_examples=200, deadline=None)
def test_whatever_the_sheet_looks_like(
    headings: tuple[str, ...],
    order: list[int],
    delimiter: str,
    encoding: str,
    end: str,
    quoted: bool,
    above: str,
    ids: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    rows = [headings, *((number, str(at), f"flat {at}", f"Küche {at}") for at, number in enumerate(ids, 1))]
    lines = [delimiter.join(f'"{row[at]}"' if quoted else row[at] for at in order) for row in rows]
    if above == "sep=":
        above += delimiter
    elif delimiter in above:
        above = f'"{above}"'
    text = end.join(([above] if above else []) + lines) + end
    found = listed(tmp_path_factory.mktemp("list"), text.encode(encoding))
    assert meters(found) == [(number, at) for at, number in enumerate(ids, 1)]
    assert [(meter.name, meter.place) for meter in found.meters] == [
        (f"flat {at}", f"Küche {at}") for at in range(1, len(ids) + 1)
    ]
    assert refused(found) == []


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("12345678", "12345678"),
        (FULL, FULL),
        ("12345678.KAM", "12345678.KAM"),
        ("123456782D2C1B16", FULL),
        ("1234 5678", "12345678"),
        ("'12345678", "12345678"),
        ('"=""01345678"""', "01345678"),
        ("12345678.0", "12345678"),
        ("1234567A", "1234567A"),
        ("12345E07", "12345E07"),
    ],
)
def test_ways_to_write_a_number(text: str, address: str, tmp_path: Path) -> None:
    assert meters(listed(tmp_path, f"id;primary\n{text};5\n")) == [(address, 5)]
    assert meters(listed(tmp_path, f"# my meters\n\n{text}\n")) == [(address, None)]


def test_eaten_zeros_are_put_back_and_told(tmp_path: Path) -> None:
    found = listed(tmp_path, "meter number,new\n1234567,1\n42,2\n")
    assert meters(found) == [("01234567", 1), ("00000042", 2)]
    assert refused(found) == [
        (2, "the number 1234567 was filled up to 01234567", True),
        (3, "the number 42 was filled up to 00000042", True),
    ]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("1.23E+07;1", "1.23E+07"),
        ("1,23E+07;1", "1.23E+07"),
        (f"{CANARY};1", "a key stands"),
        ("123456789;1", "eight digits"),
        ("1234*;1", "several meters"),
        ("1234FFFF;1", "several meters"),
        (";5", "a primary address alone"),
        ("Total: 60;", "no meter address"),
        ("12345678\0;1", "no meter address"),
        ("x" * 41 + ";1", "too long"),
        ("x" * 200_000 + ";1", "it is too long"),
        ('"12345678;1', "quotes do not end"),
        ("x;12345678", "no meter address"),
    ],
)
def test_a_line_that_is_refused(row: str, why: str, tmp_path: Path) -> None:
    found = listed(tmp_path, f"id;primary\n{row}\n87654321;2\n")
    assert meters(found) == [("87654321", 2)]
    ((line, text, warning),) = refused(found)
    assert line == 2
    assert why in text
    assert len(text) < 150
    assert not warning
    assert CANARY[1:12] not in text


def test_a_primary_address_that_is_none_is_told(tmp_path: Path) -> None:
    found = listed(tmp_path, "id;primary\n12345678;five\n12345679;251\n12345680;5.0\n12345681;\n")
    assert [primary for _, primary in meters(found)] == [None, 251, 5, None]
    assert refused(found) == [(2, "'five' is no primary address", True)]


def test_a_meter_that_stands_there_twice(tmp_path: Path) -> None:
    found = listed(tmp_path, f"id;primary\n{FULL};5\n12345679;6\n{FULL};5\n12345679;7\n")
    assert meters(found) == [(FULL, 5), ("12345679", 6)]
    assert refused(found) == [
        (4, f"{FULL} stands in line 2 already", True),
        (5, "12345679 stands in line 3 already, with another address", False),
    ]


def test_an_address_may_be_a_street(tmp_path: Path) -> None:
    (meter,) = listed(tmp_path, "Adresse;Serien-Nr;neu\nHauptstr. 5;12345678;7\n").meters
    assert (meter.primary, meter.place) == (7, "Hauptstr. 5")


def test_an_address_may_be_the_meter(tmp_path: Path) -> None:
    assert meters(listed(tmp_path, f"address;new address\n{FULL};7\n")) == [(FULL, 7)]


def test_the_new_address_counts(tmp_path: Path) -> None:
    assert meters(listed(tmp_path, "primary;new;id;nr\n0;7;12345678;1\n")) == [("12345678", 7)]


def test_a_running_number_is_no_meter(tmp_path: Path) -> None:
    found = listed(tmp_path, "ID,Serial,New\n1,12345678,11\n2,12345679,12\n")
    assert meters(found) == [("12345678", 11), ("12345679", 12)]


def test_without_headings(tmp_path: Path) -> None:
    found = listed(tmp_path, "flat 1;12345678;5\nflat 2;1234567;6\n")
    assert meters(found) == [("12345678", 5), ("01234567", 6)]


def test_cells_of_several_lines(tmp_path: Path) -> None:
    (meter,) = listed(tmp_path, 'place;id\n"Main Street 1\nFlat 3";12345678\n').meters
    assert (meter.line, meter.place) == (3, "Main Street 1 Flat 3")


def test_a_key_is_taken_and_never_shown(tmp_path: Path) -> None:
    found = listed(tmp_path, f"id;AES-Schlüssel;note\n12345678;{CANARY.upper()};my {CANARY}\n12345679;xyz;\n")
    assert [meter.key for meter in found.meters] == [CANARY, ""]
    assert CANARY not in repr(found)
    assert CANARY not in found.meters[0].note
    assert [(line, warning) for line, _, warning in refused(found)] == [(3, True)]


METER = {"address": FULL, "id": "12345678", "primary_address": None}
HITS = [
    {"address": 5, "state": "meter", "meter": METER, "note": ""},
    {"address": 6, "state": "collision", "meter": None, "note": "x"},
    {"address": 7, "state": "meter", "meter": None, "note": "it has nothing to send"},
]


def test_our_own_scan(tmp_path: Path) -> None:
    document = json.dumps({"schema": "mbuscli/1", "event": "scan", "port": "x", "found": HITS}, indent=2)
    found = listed(tmp_path, document)
    assert meters(found) == [(FULL, 5)]
    assert refused(found) == [
        (2, "collision at address 6", False),
        (3, "the meter at address 7 has not told its number", False),
    ]


def test_our_own_scan_as_lines_that_were_cut(tmp_path: Path) -> None:
    lines = [json.dumps({"event": "found", **hit}) for hit in HITS[:1]]
    lines += [json.dumps({"event": "summary", "found": 1}), '{"event": "fou']
    found = listed(tmp_path, "\n".join(lines))
    assert meters(found) == [(FULL, 5)]
    assert refused(found) == [(3, "no whole JSON object", False)]


def test_our_own_readings(tmp_path: Path) -> None:
    telegram = {"event": "telegram", "meter": {**METER, "primary_address": 9}, "records": []}
    assert meters(listed(tmp_path, json.dumps(telegram))) == [(FULL, 9)]
    assert meters(listed(tmp_path, json.dumps({"event": "telegrams", "telegrams": [telegram]}))) == [
        (FULL, 9)
    ]


def test_our_own_summary(tmp_path: Path) -> None:
    row = {"address": FULL, "id": "12345678", "primary_address": 9, "name": "flat 1", "place": "Bad"}
    for text in (json.dumps({"event": "meters", "meters": [row]}), json.dumps({"event": "meter", **row})):
        found = listed(tmp_path, text)
        assert meters(found) == [(FULL, 9)]
        assert (found.meters[0].name, found.meters[0].place) == ("flat 1", "Bad")


def test_our_own_csv(tmp_path: Path) -> None:
    head = "address,state,meter,id,manufacturer,version,device_type,device_type_name,status,status_flags,note"
    found = listed(
        tmp_path, f"{head}\n0,meter,{FULL},12345678,KAM,27,22,cold water,0,,\n6,collision,,,,,,,,,x\n"
    )
    assert meters(found) == [(FULL, 0)]
    assert [line for line, *_ in refused(found)] == [3]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "hello\n",
        "a;b\n1;2\n",
        f"{CANARY}\n",
        bytes(300),
        "5\n6\n",
        "{}",
        "[1, 2]",
        '{"found": []}',
        "[" * 100_000,
        "PK\x03\x04\x14" + "\xff" * 50,
        "DECADE\nFACADE\n",
        '"' + "x" * 200_000,
    ],
)
def test_no_list(text: str | bytes, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        listed(tmp_path, text)
    assert caught.value.name == "input.unrecognised"


@given(data=st.binary(max_size=300) | st.text(alphabet="id;,\t\"'=\n0123456789.EFx{}[]:*", max_size=200))
@settings(max_examples=300, deadline=None)
def test_nothing_breaks_it(data: bytes | str, tmp_path_factory: pytest.TempPathFactory) -> None:
    text = data if isinstance(data, bytes) else ("id;primary\n" + data).encode()
    try:
        found = listed(tmp_path_factory.mktemp("list"), text)
    except InputError as error:
        assert error.name == "input.unrecognised"
        return
    for meter in found.meters:
        assert isinstance(meter, ListedMeter)
        assert "F" not in meter.address.id
    assert len({meter.address for meter in found.meters}) == len(found.meters)
