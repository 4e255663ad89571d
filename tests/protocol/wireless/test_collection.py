from __future__ import annotations

import pytest

from mbuscli.protocol.wireless.frame_format import decode_link, encode_format_a, encode_format_b, strip_crcs
from tests.corpus import lines, needs_corpus

ENCODE = {"A": encode_format_a, "B": encode_format_b}
FRAMED = [line for line in lines("vectors_security.jsonl") if "telegram_with_crc" in line]
BARE = [line["telegram"] for line in lines("wireless.jsonl") if line["link"] == "wmbus"]


@needs_corpus
@pytest.mark.parametrize("line", FRAMED, ids=lambda line: line["name"])
def test_real_frames_come_apart_and_together(line: dict[str, str]) -> None:
    data = bytes.fromhex(line["telegram_with_crc"])
    frame = strip_crcs(data)
    assert (frame.crc, frame.telegram) == ("ok", bytes.fromhex(line["telegram"]))
    assert ENCODE[frame.frame_format or ""](frame.telegram) == data


@needs_corpus
def test_real_telegrams_without_crcs_stay_whole() -> None:
    for telegram in BARE:
        data = bytes.fromhex(telegram)
        frame = strip_crcs(data)
        assert frame.crc == "absent"
        assert decode_link(frame.telegram).c_field in (0x44, 0x46, 0x48, 0x08)
        assert frame.telegram[1:] in data
