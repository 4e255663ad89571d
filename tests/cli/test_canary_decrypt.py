"""A key given to `decrypt`, right or wrong, in whatever way, comes out nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.encode import encode_record
from mbuscli.protocol.security.keys import Key
from mbuscli.protocol.security.sealed import Sealed
from mbuscli.protocol.security.sealing import fill_blocks, seal_payload
from tests.cli.test_canary import CANARY, OCTETS, assert_clean, assert_no_file_shows, run_in

METER = MeterAddress("12345678", 0x2C2D, 0x1B, 0x07)
ACC = 42


def telegram(key: bytes) -> str:
    """A radio telegram in security mode 5."""
    octets = METER.octets()
    body = fill_blocks(encode_record(bytes.fromhex("0C13"), "1234.567"))
    configuration = 0x0500 | len(body) // 16 << 4
    sealed = seal_payload(Sealed(configuration, body, lla=octets, acc=ACC), Key(key))
    link = bytes((0x44,)) + octets[4:6] + octets[:4] + octets[6:8]
    data = link + bytes((0x7A, ACC, 0)) + configuration.to_bytes(2, "little") + sealed
    return (bytes((len(data),)) + data).hex()


OPENS = telegram(OCTETS)
DOES_NOT = telegram(bytes(range(16)))
OUTPUTS = [["-o", name] for name in ("table", "plain", "json", "ndjson", "csv", "tsv")]
OUTPUTS += [["--explain", "-o", name] for name in ("table", "json")]


@pytest.mark.parametrize("output", OUTPUTS, ids=" ".join)
@pytest.mark.parametrize(("text", "code"), [(OPENS, 0), (DOES_NOT, 6)])
def test_every_way_to_give_a_key(output: list[str], text: str, code: int, tmp_path: Path) -> None:
    file = tmp_path / "key.txt"
    file.write_text(CANARY)
    file.chmod(0o600)
    ring = tmp_path / "config" / "keys.toml"
    words = ["decrypt", text, *output, "--debug"]
    runs = [
        run_in(tmp_path, *words, "--key", CANARY),
        run_in(tmp_path, *words, "--key", "-", stdin=CANARY + "\n"),
        run_in(tmp_path, *words, "--key-file", str(file)),
        run_in(tmp_path, *words, MBUSCLI_KEY=CANARY),
        run_in(tmp_path, "keys", "add", str(METER), "--key", "-", stdin=CANARY),
        run_in(tmp_path, *words),
    ]
    for number, result in enumerate(runs):
        assert_clean(result.out, result.err)
        assert result.code == (0 if number == 4 else code), result.err
    if code == 0:
        assert all("1234" in result.out or "1 234" in result.out for result in runs[:4])
    file.unlink()
    assert_no_file_shows(tmp_path, ring)


@pytest.mark.parametrize(
    "words",
    [
        [CANARY],
        ["decrypt", OPENS, "--kex", CANARY],
        ["decrypt", OPENS, "--key", CANARY + "0"],
        ["decrypt", OPENS, "--key", "x" + CANARY],
        ["decrypt", OPENS, "--keys", CANARY],
        ["decrypt", OPENS, "--key-file", CANARY],
        ["decrypt", OPENS, "-o", CANARY],
        ["scan", "--port", "sim:", CANARY],
    ],
    ids=lambda words: " ".join(words)[:40],
)
@pytest.mark.parametrize("debug", [[], ["--debug"]])
def test_a_key_in_the_wrong_place(words: list[str], debug: list[str], tmp_path: Path) -> None:
    result = run_in(tmp_path, *debug, *words)
    assert result.code != 0
    assert_clean(result.out, result.err)
    assert_no_file_shows(tmp_path)
