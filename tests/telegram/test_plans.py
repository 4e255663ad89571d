"""Telegrams decoded with plans and without are the same in everything that can be seen of them."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys

import pytest

from mbuscli.errors import DecodeError
from mbuscli.protocol.application.compact import Formats
from mbuscli.protocol.security.keys import Candidate, FixedKeys, parse_key
from mbuscli.protocol.wired.frames import encode_long
from mbuscli.services.decrypt import Decoded, decrypt
from mbuscli.services.input import Piece
from mbuscli.telegram import Telegram, decode
from mbuscli.telegram.plans import Plans
from tests.telegram import equality
from tests.telegram.samples import METER, SAMPLES, Sample

CASES = 2500


@pytest.fixture(scope="module")
def beside() -> equality.Beside:
    stream = equality.Beside()
    for seed in equality.seeds():
        for _ in range(3):
            assert stream.difference(seed.octets, seed.key) is None, seed.octets.hex()
    return stream


def test_other_values_in_known_shapes(beside: equality.Beside) -> None:
    rng = random.Random("values")
    seeds = equality.seeds()
    beside.laid = done = 0
    while done < CASES:
        seed = rng.choice(seeds)
        octets = equality.values_changed(rng, seed)
        if octets is not None:
            done += 1
            assert beside.difference(octets, seed.key) is None, (octets.hex(), seed.key)
    assert beside.laid > CASES // 3


def test_damaged_structure(beside: equality.Beside) -> None:
    rng = random.Random("structure")
    for _ in range(CASES):
        seed = rng.choice(equality.seeds())
        octets = equality.structure_changed(rng, seed)
        if octets:
            assert beside.difference(octets, seed.key) is None, (octets.hex(), seed.key)


@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if sample.key is not None])
@pytest.mark.parametrize("exact", [True, False])
def test_keys_of_all_kinds_do_what_they_do_without_plans(name: str, exact: bool) -> None:
    sample = SAMPLES[name]
    assert sample.key is not None
    octets, plans = bytes.fromhex(sample.telegram), Plans()
    right = Candidate("right", parse_key(sample.key), exact=exact)
    wrong = Candidate("wrong", parse_key("FF" * 16), exact=True)
    short = Candidate("short", parse_key("FF" * 8))
    for keys in ((right,), (wrong, right), (wrong,), (short, right), (), (right._replace(factory=True),)):
        for _ in range(3):
            plain = decode(octets, keys=FixedKeys(keys), formats=Formats())
            planned = decode(octets, keys=FixedKeys(keys), formats=Formats(), plans=plans)
            assert planned.security == plain.security
            assert planned.problems == plain.problems
            assert planned.clear == plain.clear


def test_a_format_source_learns_from_laid_telegrams_too() -> None:
    plans = Plans()
    for octets in [seed.octets for seed in equality.seeds() if seed.key is None][:60]:
        for _ in range(4):
            plain, planned = Formats(), Formats()
            decode_quietly(octets, plain, None)
            decode_quietly(octets, planned, plans)
            assert planned.known() == plain.known()


def decode_quietly(octets: bytes, formats: Formats, plans: Plans | None) -> None:
    with contextlib.suppress(DecodeError):
        decode(octets, formats=formats, plans=plans)


def test_one_telegram_alone_loads_none_of_this() -> None:
    script = (
        "import sys\nsys.argv = ['mbuscli', 'decrypt', sys.argv[1], '-o', 'json']\n"
        "from mbuscli.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "late = ('telegram.plans', 'telegram.quick', 'application.layout', 'meters.plan', 'telegram_lines')\n"
        "print([name for name in sys.modules if name.endswith(late)], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, SAMPLES[next(iter(SAMPLES))].telegram], capture_output=True, text=True
    )
    assert done.stderr.splitlines()[-1] == "[]"


def test_a_log_is_decoded_with_plans() -> None:
    octets = next(seed.octets for seed in equality.seeds() if seed.is_wired)
    events = list(decrypt(Piece(octets, number) for number in range(40)))
    telegrams = [event.telegram for event in events if isinstance(event, Decoded)]
    assert len(telegrams) == 40
    assert telegrams[0].laid is None
    assert telegrams[-1].laid is not None
    assert [record.value for record in telegrams[-1].records] == [r.value for r in telegrams[0].records]


def test_another_key_source_is_asked_anew() -> None:
    plans, sample = (
        Plans(),
        next(s for s in SAMPLES.values() if s.key is not None and "decrypted" in opened(s)),
    )
    octets = bytes.fromhex(sample.telegram)
    for name in ("first", "second") * 3:
        keys = FixedKeys([Candidate(name, parse_key(sample.key or ""), exact=True)])
        for _ in range(4):
            telegram = decode(octets, keys=keys, plans=plans)
            assert telegram.security == decode(octets, keys=keys).security
            assert telegram.security.key == name


def opened(sample: Sample) -> str:
    return sample.decode().security.state


def shown(telegram: Telegram) -> tuple[object, ...]:
    values = [(record.offset, record.value) for record in telegram.records]
    return telegram.problems, telegram.security, values


def test_a_compact_frame_of_a_known_shape_needs_its_format_and_its_crc() -> None:
    octets = bytearray.fromhex(SAMPLES["compact"].telegram)
    plans = Plans()
    for _ in range(3):
        telegram = decode(bytes(octets), plans=plans)
    assert telegram.laid is not None
    octets[-1] ^= 1
    assert shown(decode(bytes(octets), plans=plans)) == shown(decode(bytes(octets)))
    assert decode(bytes(octets), plans=plans).problems
    octets[-1] ^= 1
    assert shown(decode(bytes(octets), formats=NoFormats(), plans=plans)) == shown(
        decode(bytes(octets), formats=NoFormats())
    )


class NoFormats(Formats):
    """Knows none."""

    def find(self, signature: int) -> None:
        return None


@pytest.mark.parametrize("configuration", [0x0000, 0x0510, 0x0100, 0x05F0, 0x0710, 0x0D00, 0x1F00, 0x0210])
def test_a_configuration_field_that_may_be_meant_is_not_ignored(configuration: int) -> None:
    plans = Plans()
    records = bytes.fromhex("0C1367452301 046D0A0B3F3C 426C1F3C 02FD171200 0406E8030000")
    header = METER.octets() + b"\x01\0"
    for field in (0, 0, 0, configuration, configuration):
        frame = encode_long(8, 5, 0x72, header + field.to_bytes(2, "little") + records)
        assert shown(decode(frame, plans=plans)) == shown(decode(frame))


def test_heads_do_not_keep_what_plans_drop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mbuscli.telegram.quick._MOST_LAYOUTS", 8)
    plans = Plans()
    for number in range(40):
        content = bytes.fromhex("0C13") + bytes(4) + bytes.fromhex("0259B005") * number
        frame = encode_long(8, 1, 0x72, METER.octets() + bytes(4) + content)
        for _ in range(4):
            telegram = decode(frame, plans=plans)
            assert len(plans.quick._held) <= 8
        assert telegram.laid is not None
        assert [record.raw for record in telegram.records] == [r.raw for r in decode(frame).records]
