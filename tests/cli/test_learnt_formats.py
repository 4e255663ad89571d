"""A full frame heard in one run opens the compact frames of the next."""

from __future__ import annotations

import json
from pathlib import Path

from mbuscli.protocol.application.records import parse_records
from mbuscli.protocol.checksum import crc_en13757
from mbuscli.protocol.wired.frames import encode_long
from tests.cli.program import run
from tests.telegram.samples import radio

RECORDS = bytes.fromhex("041301000000" + "0259D200" + "02FD170000" + "426C3F3C")


def compact() -> str:
    records = parse_records(RECORDS).records
    headers = b"".join(record.header.raw for record in records)
    checks = b"".join(crc_en13757(octets).to_bytes(2, "little") for octets in (headers, RECORDS))
    return radio(b"\x79" + checks + b"".join(record.raw for record in records))


def values(text: str, folder: Path) -> list[object]:
    result = run("decrypt", text, "-o", "json", MBUSCLI_STATE_DIR=str(folder), HOME=str(folder))
    return [record["value"] for record in json.loads(result.out)["records"]]


def test_formats_are_kept_between_runs(tmp_path: Path) -> None:
    assert values(compact(), tmp_path) == []
    expected = values(radio(b"\x78" + RECORDS), tmp_path)
    assert expected == [0.001, 2.1, 0, "2025-12-31"]
    assert values(compact(), tmp_path) == expected


def test_a_wired_frame_leaves_no_file_behind(tmp_path: Path) -> None:
    values(encode_long(8, 1, 0x78, RECORDS).hex(), tmp_path)
    assert list(tmp_path.rglob("*formats*")) == []
