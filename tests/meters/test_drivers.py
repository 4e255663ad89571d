"""The drivers that come with the program: their own tests hold, the index is fresh, every kind is served."""

from __future__ import annotations

import pytest

from mbuscli.meters.build import index_text
from mbuscli.meters.registry import INDEX, Registry, drivers_in, read_toml
from mbuscli.meters.units import suffix_of
from mbuscli.protocol.address import MeterAddress, encode_manufacturer
from mbuscli.services.meter_drivers import driver_path, run_tests
from tests.corpus import FOLDER, needs_corpus

REGISTRY = Registry()
KINDS = FOLDER.parent / "facts" / "manufacturer_version_type.tsv"


def test_the_index_is_fresh() -> None:
    with open(INDEX, encoding="utf-8") as file:
        assert file.read() == index_text(), "run: python -m mbuscli.meters.build"


@pytest.mark.parametrize("name", REGISTRY.names())
def test_own_tests_hold(name: str) -> None:
    tests = [*run_tests(REGISTRY, name)]
    assert tests, "a driver brings at least one test telegram"
    assert [tested.wrong for tested in tests] == [()] * len(tests)


@pytest.mark.parametrize("name", REGISTRY.names())
def test_a_driver_says_what_it_reads(name: str) -> None:
    driver = REGISTRY.by_name(name)
    assert driver.title
    assert driver.serves
    missing = [field.name for field in driver.fields if not field.about and field.name != "status"]
    assert not missing
    if driver.main is not None:
        assert suffix_of(driver.main) is not None


def test_test_telegrams_are_our_own() -> None:
    """No telegram of the collection of real ones stands in the project."""
    real = set()
    for path in FOLDER.glob("*.jsonl") if FOLDER.is_dir() else ():
        real |= {word for word in path.read_text(encoding="utf-8").upper().split('"') if len(word) > 40}
    for name in REGISTRY.names():
        for test in read_toml(driver_path(REGISTRY, name)).get("test", []):
            assert str(test["telegram"]).upper() not in real, name


@needs_corpus
@pytest.mark.skipif(not KINDS.is_file(), reason="no list of kinds of meters here")
def test_every_known_kind_is_served() -> None:
    rows = [line.split("\t") for line in KINDS.read_text(encoding="utf-8").splitlines()[1:] if line]
    unserved = []
    for maker, version, device_type, family, *_ in rows:
        # A star stands for any: 55 is as good as any other number.
        kind = (int(part, 16) if part != "*" else 0x55 for part in (version, device_type))
        meter = MeterAddress("12345678", encode_manufacturer(maker), *kind)
        if REGISTRY.driver_for(meter) is None:
            unserved.append((maker, version, device_type, family))
    assert not unserved


def test_names_are_those_of_the_files() -> None:
    assert drivers_in(REGISTRY.user_folder or "/nowhere") == []
    for name in REGISTRY.names():
        assert REGISTRY.by_name(name).name == name
