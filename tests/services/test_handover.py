"""A handover out of what our own commands write, and out of what nobody should have written."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mbuscli.errors import InputError
from mbuscli.services.handover import Facts, Handover, ReportedMeter
from mbuscli.services.handover_build import Order, build
from mbuscli.services.handover_files import EventFile, exact
from mbuscli.settings.journal import Entry, Journal
from tests.cli.program import run

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


class Outputs:
    """What the commands wrote about the bus behind `sim:`, and a walk beside `sim:stick`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scan = self.write("scan.json", "scan", "-o", "json")
        self.scan_lines = self.write("scan.ndjson", "scan", "-o", "ndjson")
        self.read = self.write("read.json", "read", "--all", "-o", "json")
        self.read_lines = self.write("read.ndjson", "read", "--all", "-o", "ndjson")
        self.read_table = self.write("read.csv", "read", "--all", "-o", "csv")
        self.summary = self.write("summary.json", "read", "--all", "--summary", "-o", "json")
        self.summary_table = self.write("summary.csv", "read", "--all", "--summary", "-o", "csv")
        self.walk = folder / "walk.ndjson"
        self.state = folder / "state"
        done = run(
            "sniff", "--port", "sim:stick", "--for", "90s", "-o", "ndjson", MBUSCLI_STATE_DIR=str(self.state)
        )
        self.walk.write_text(done.out, encoding="utf-8")

    def write(self, name: str, *words: str) -> Path:
        path = self.folder / name
        path.write_text(run(*words, "--port", "sim:", "-q").out, encoding="utf-8")
        return path


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    return Outputs(tmp_path_factory.mktemp("outputs"))


def handover(**order: Any) -> Handover:
    return build(Order(Facts(), NOW, **order)).handover


def of_number(found: Handover, number: str) -> ReportedMeter:
    return next(meter for meter in found.meters if meter.number == number)


def written(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


# -- what the commands write -------------------------------------------------------------------------------


def test_a_scan_alone(outputs: Outputs) -> None:
    found = handover(scans=(outputs.scan,))
    assert len(found.meters) == 9
    assert not found.was_read
    assert [(each.primary, each.state) for each in found.disturbed] == [(20, "collision")]
    assert [(bus.port, bus.baud, bus.asked) for bus in found.buses] == [("sim:", "2400", 251)]
    assert of_number(found, "21873365").status == ["power low"]
    assert found.problems == 2


def test_lines_tell_the_same_as_a_document(outputs: Outputs) -> None:
    first, second = (handover(scans=(path,)) for path in (outputs.scan, outputs.scan_lines))
    assert [meter.address_text for meter in first.meters] == [meter.address_text for meter in second.meters]
    assert first.buses == second.buses


@pytest.mark.parametrize("name", ["read", "read_lines", "read_table", "summary", "summary_table"])
def test_readings_are_exact_in_every_format(outputs: Outputs, name: str) -> None:
    found = handover(scans=(outputs.scan,), readings=(getattr(outputs, name),))
    assert (len(found.meters), found.read) == (9, 9)
    energy = of_number(found, "67284105").value
    assert energy is not None
    assert (energy.number, energy.unit) in ((482175, "kWh"), (482175000, "Wh"))
    water = of_number(found, "30551276").value
    assert water is not None
    assert (str(water.number), water.unit) == ("402.166", "m³")
    units = of_number(found, "77310548").value
    assert units is not None
    assert units.number == 1432


def test_digits_behind_the_point_are_kept(tmp_path: Path, outputs: Outputs) -> None:
    document = json.loads(outputs.summary.read_text(encoding="utf-8"))
    document["meters"] = [{**document["meters"][0], "value": None}]
    text = json.dumps(document).replace('"value": null', '"value": 3.500')
    found = handover(readings=(written(tmp_path, "r.json", text),))
    value = found.meters[0].value
    assert value is not None
    assert str(value.number) == "3.500"


def test_due_values(outputs: Outputs) -> None:
    for path in (outputs.read, outputs.summary):
        due = of_number(handover(readings=(path,)), "30551276").due
        assert due is not None
        assert (due.date, str(due.value.number), due.value.unit) == ("2025-12-31", "389.540", "m³")


def test_a_failed_reading_joins_what_the_scan_saw_there(outputs: Outputs) -> None:
    found = handover(scans=(outputs.scan,), readings=(outputs.summary,))
    assert [each.primary for each in found.disturbed] == [20]
    assert found.disturbed[0].note == "parity errors in 1 of 1 byte"
    assert all(meter.primary != 20 for meter in found.meters)


def test_a_failed_reading_without_a_scan_says_why(outputs: Outputs) -> None:
    found = handover(readings=(outputs.summary,))
    (meter,) = [meter for meter in found.meters if meter.value is None]
    assert meter.primary == 20
    assert meter.attention[0].startswith("not read: several meters seem to share the address")


def test_who_was_found_and_never_read_is_told(tmp_path: Path, outputs: Outputs) -> None:
    document = json.loads(outputs.summary.read_text(encoding="utf-8"))
    document["meters"] = document["meters"][:2]
    found = handover(scans=(outputs.scan,), readings=(written(tmp_path, "few.json", document),))
    assert found.read == 2
    assert of_number(found, "77310548").unread == "found, and not among the readings"


def test_a_walk(outputs: Outputs) -> None:
    found = handover(readings=(outputs.walk,))
    assert len(found.meters) == 11
    closed = of_number(found, "90210417")
    assert closed.value is None
    assert closed.attention == ["not read: encrypted, and there is no key for it"]
    water = of_number(found, "33225544")
    assert water.value is not None
    assert str(water.value.number) == "123.529"
    assert water.signal_dbm is not None
    assert water.heard > 5
    (walk,) = found.walks
    assert walk.port == "sim:stick"
    assert sum(count for _, count in found.hours) == sum(meter.heard for meter in found.meters)


def test_a_walk_out_of_the_inventory(outputs: Outputs) -> None:
    inventory = outputs.state / "inventory.sqlite3"
    found = handover(inventory=inventory, walk=True)
    assert len(found.meters) == 11
    assert of_number(found, "90210417").attention == ["not read: encrypted, and there is no key for it"]
    value = of_number(found, "33225544").value
    assert value is not None
    assert str(value.number) == "123.529"
    assert found.sources[0].sha256 == ""
    (walk,) = found.walks
    assert walk.port == "sim:stick"
    assert walk.began is not None
    assert walk.ended is not None
    assert 60 < (walk.ended - walk.began).total_seconds() < 91


def test_the_inventory_adds_no_meters_to_a_bus(outputs: Outputs) -> None:
    inventory = outputs.state / "inventory.sqlite3"
    found = handover(inventory=inventory, scans=(outputs.scan,))
    assert len(found.meters) == 9
    assert [source.kind for source in found.sources] == ["scan"]


def test_a_missing_meter_tells_when_it_was_heard_last(tmp_path: Path, outputs: Outputs) -> None:
    path = written(tmp_path, "list.csv", "meter number;place\n33225544;cellar\n11111111;attic\n")
    inventory = outputs.state / "inventory.sqlite3"
    later = datetime(2199, 1, 1, tzinfo=UTC)
    found = handover(inventory=inventory, walk=True, heard_since=later, lists=(path,))
    notes = {each.address.id: each.note for each in found.missing}
    assert notes["11111111"] == ""
    assert notes["33225544"].startswith("last heard on 20")


def test_a_walk_since_a_moment(outputs: Outputs) -> None:
    inventory = outputs.state / "inventory.sqlite3"
    found = handover(inventory=inventory, walk=True, heard_since=datetime(2199, 1, 1, tzinfo=UTC))
    assert found.meters == []


# -- the list ----------------------------------------------------------------------------------------------

LIST = """meter number;manufacturer;name;place
67284105;KAM;boiler room;cellar
30551276;;flat 2, warm water;first floor
99999999;HYD;flat 3, warm water;first floor
21873364;KAM;another maker;attic
"""


def test_missing_and_strangers(tmp_path: Path, outputs: Outputs) -> None:
    path = written(tmp_path, "list.csv", LIST)
    found = handover(scans=(outputs.scan,), readings=(outputs.read,), lists=(path,))
    assert [(each.address.id, each.place) for each in found.missing] == [
        ("21873364", "attic"),
        ("99999999", "first floor"),
    ]
    assert [(meter.number, meter.name) for meter in found.meters] == [
        ("67284105", "boiler room"),
        ("30551276", "flat 2, warm water"),
    ]
    assert len(found.strangers) == 7
    assert found.expected == 4
    assert found.places == {"cellar": (1, 1), "first floor": (1, 2), "attic": (0, 1)}


def test_what_a_scan_by_list_has_missed(tmp_path: Path) -> None:
    path = written(tmp_path, "list.csv", "meter number\n67284105\n99999999\n")
    done = run("scan", "--port", "sim:", "--secondary", "--list", str(path), "-o", "json", "-q")
    found = handover(scans=(written(tmp_path, "found.json", done.out),))
    assert [each.address.id for each in found.missing] == ["99999999"]
    assert found.expected is None


def test_a_listed_meter_that_did_not_answer_is_missing(tmp_path: Path) -> None:
    path = written(tmp_path, "list.csv", "meter number;place\n67284105;cellar\n99999999;attic\n")
    done = run("read", "--port", "sim:", "--list", str(path), "--summary", "-o", "json", "-q")
    found = handover(readings=(written(tmp_path, "read.json", done.out),), lists=(path,))
    assert [meter.number for meter in found.meters] == ["67284105"]
    (missing,) = found.missing
    assert missing.place == "attic"
    assert missing.note.startswith("no answer")


# -- the journal -------------------------------------------------------------------------------------------


def journal_of(path: Path, *entries: tuple[str, Entry]) -> Path:
    for time, entry in entries:
        journal = Journal(path, now=lambda time=time: time)  # type: ignore[misc]
        with journal.begin(entry) as writing:
            writing.end("written")
    return path


def entry(meter: str | None, port: str) -> Entry:
    return Entry("set-address", port, 2400, meter, "3", "3", "33", (), ("mbuscli", "set-address"))


def test_changes_of_the_day_and_the_bus(tmp_path: Path, outputs: Outputs) -> None:
    path = journal_of(
        tmp_path / "journal.ndjson",
        ("2026-01-30T10:00:00+00:00", entry("21873365.LUG.04.04", "sim:")),
        ("2026-01-31T10:00:00+00:00", entry("21873365.LUG.04.04", "another port")),
        ("2026-01-31T10:01:00+00:00", entry(None, "sim:")),
        ("2026-01-31T10:02:00+00:00", entry("55555555.LUG.04.04", "another port")),
    )
    order = Order(Facts(), NOW, scans=(outputs.scan,), journal=path, changes_since=NOW.replace(hour=0))
    built = build(order)
    assert [line.time[11:16] for line in built.handover.changes] == ["10:00", "10:01"]
    assert built.handover.changed == 2
    assert any("1 write" in remark for remark in built.remarks)
    assert len(built.handover.sources[-1].sha256) == 64


# -- files that are wrong ----------------------------------------------------------------------------------


def test_a_cut_line_is_left_out_and_told(tmp_path: Path, outputs: Outputs) -> None:
    text = outputs.read_lines.read_text(encoding="utf-8")
    whole = handover(readings=(outputs.read_lines,))
    found = build(Order(Facts(), NOW, readings=(written(tmp_path, "cut.ndjson", text[:-200]),)))
    assert found.handover.read == whole.read - 1
    assert found.remarks == ("cut.ndjson: its last line is cut off and was left out",)
    assert found.handover.sources[0].note == "its last line is cut off and was left out"


def test_a_cut_document_is_refused(tmp_path: Path, outputs: Outputs) -> None:
    text = outputs.scan.read_text(encoding="utf-8")
    with pytest.raises(InputError, match="no whole JSON document") as caught:
        handover(scans=(written(tmp_path, "cut.json", text[:-40]),))
    assert caught.value.name == "input.invalid"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("", "input.empty"),
        ("\n \n", "input.empty"),
        ("67284105.KAM.19.04\t1\t\t0\n", "input.unrecognised"),
        ("a,b,c\n1,2,3\n", "input.unrecognised"),
        ("[" * 100_000, "input.invalid"),
        ('{"name": "of another program"}', "input.unrecognised"),
        ("[1, 2]", "input.invalid"),
        ('{"value": NaN, "list": [\n1]}', "input.invalid"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, content: str, name: str) -> None:
    with pytest.raises(InputError) as caught:
        handover(readings=(written(tmp_path, "file", content),))
    assert caught.value.name == name


@pytest.mark.parametrize("name", ["scan", "scan_lines", "read_table", "summary_table", "summary"])
def test_every_beginning_of_a_file(tmp_path: Path, outputs: Outputs, name: str) -> None:
    octets = getattr(outputs, name).read_bytes()
    path = tmp_path / "beginning"
    for end in range(0, len(octets), 97):
        path.write_bytes(octets[:end])
        try:
            handover(readings=(path,))
        except InputError:
            continue


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (3, 3),
        (Decimal("-1.50"), Decimal("-1.50")),
        (Decimal("1E+900000000"), None),
        (Decimal("1E-900000000"), None),
        (10**60, None),
        (Decimal("Infinity"), None),
        (Decimal("NaN"), None),
        (True, None),
        ("3", None),
        (None, None),
    ],
)
def test_numbers_that_a_meter_can_show(value: object, wanted: object) -> None:
    assert exact(value) == wanted


def test_what_a_spreadsheet_has_changed_is_no_reading(tmp_path: Path) -> None:
    rows = 'address,value,unit,due_value,status\n67284105.KAM.19.04,"4,8E+08",Wh,,ok\n'
    found = handover(readings=(written(tmp_path, "billing.csv", rows),))
    (meter,) = found.meters
    assert meter.value is None
    assert meter.unread == "'4,8E+08' is no number: a spreadsheet has changed it"


_TEXT = st.one_of(
    st.sampled_from(
        ["67284105.KAM.19.04", "6728F105", "meter", "collision", "none", "2026-01-31T10:00+01:00"]
    ),
    st.text(max_size=20),
)
_LEAF = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), _TEXT
)
_NAMES = st.sampled_from(
    [
        "address",
        "state",
        "meter",
        "note",
        "status",
        "flags",
        "value",
        "unit",
        "quantity",
        "header",
        "records",
        "readings",
        "driver",
        "security",
        "link",
        "layer",
        "rssi_dbm",
        "primary_address",
        "time",
        "found",
        "telegrams",
        "baud",
        "bauds",
        "addresses_asked",
        "wire_time_s",
        "heard",
        "due_value",
        "last_heard",
        "telegrams",
        "storage",
        "problems",
        "text",
        "application_error",
        "alarm",
        "exponent",
    ]
)
_VALUE = st.recursive(
    _LEAF,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_NAMES, inner, max_size=6)),
    max_leaves=20,
)
_EVENT = st.builds(
    lambda kind, rest: {**rest, "event": kind, "schema": "mbuscli/1"},
    st.sampled_from(["found", "telegram", "meter", "record", "summary", "scan", "other", 3]),
    st.dictionaries(_NAMES, _VALUE, max_size=10),
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_EVENT, min_size=1, max_size=6))
def test_whatever_stands_in_a_file_a_handover_comes_of_it(tmp_path: Path, events: list[Any]) -> None:
    from mbuscli.render.handover.page import page

    path = written(tmp_path, "any.ndjson", "\n".join(map(json.dumps, events)) + "\n")
    assert page(handover(readings=(path,))).endswith("</html>\n")


def test_a_checksum_is_of_the_whole_file(outputs: Outputs) -> None:
    import hashlib

    for path in (outputs.scan, outputs.scan_lines, outputs.summary_table):
        file = EventFile(path)
        assert list(file.events())
        assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
