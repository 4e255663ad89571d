"""A route: who was heard, who is missing."""

from __future__ import annotations

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.security.keys import Candidate, FixedKeys
from mbuscli.services.coverage import BothKeys, Route
from mbuscli.services.sniff import Walk
from mbuscli.settings.meter_list import ListedMeter
from tests.services.radio import KAM, heard, key, meter, short, volume

NOW = 1_800_000_000.0


def listed(text: str, line: int = 1, place: str = "", secret: str = "") -> ListedMeter:
    return ListedMeter(line, MeterAddress.parse(text), None, f"meter {line}", place, secret, "")


def test_a_number_alone_is_enough_and_the_fullest_entry_wins() -> None:
    by_number, full = listed("12345678"), listed(str(meter(12345678)), 2)
    route = Route([by_number, full])
    assert route.find(meter(12345678)) is full
    assert route.find(MeterAddress("12345678", 0x0442, 1, 2)) is by_number
    assert route.find(meter(12345679)) is None
    # Bit 15: the address is unique on its bus only; the maker is the same.
    assert route.find(meter(12345678)._replace(manufacturer=KAM | 0x8000)) is full


def test_coverage_counts_each_meter_once() -> None:
    route = Route([listed(f"{n:08d}", n, place) for n, place in ((1, "A"), (2, "B"), (3, "A"), (4, ""))])
    walk = Walk(listed=route.find)
    for step in range(3):
        for number, own in ((1, None), (2, key()), (9, None)):
            event = walk.take(heard(short(meter(number), step, volume(1), key=own)), NOW + step * 16)
            assert event.meter is not None
            route.note(event.meter)
    assert str(route.total) == "2 of 4 heard, 1 read"
    assert [(m.place, [x.line for x in m.meters]) for m in route.missing()] == [("A", [3]), ("", [4])]
    assert [meter.line for meter in route.unread()] == [2]
    assert not route.is_complete


def test_keys_of_the_list_open_its_meters() -> None:
    secret = key().octets.hex()
    route = Route([listed("00000001", 1, secret=secret), listed("00000002", 2)])
    keys = BothKeys(route.keys(), FixedKeys([Candidate("ring", key(2))]))
    walk = Walk(keys, listed=route.find)
    for number, own in ((1, key()), (2, key(2))):
        walk.take(heard(short(meter(number), 1, volume(1), key=own)), NOW)
    assert [m.key for m in walk.roster.meters.values()] == ["route list, line 1", "ring"]
    assert secret not in repr(route.keys())
