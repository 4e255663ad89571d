"""Real and published telegrams with their keys reach the plaintext that is on record for them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from mbuscli.protocol.security.ell_ctr import open_ell
from mbuscli.protocol.security.keys import Candidate, parse_key
from mbuscli.protocol.security.opening import open_sealed
from mbuscli.protocol.security.sealed import Mac, Sealed, SealedEll, read_extension
from mbuscli.protocol.security.verdict import Opened
from mbuscli.protocol.transport.afl import decode_afl, join
from mbuscli.protocol.wireless.ell import ELL_CI_FIELDS, decode_ell
from tests.corpus import lines

from .helpers import nothing, reads_as_records

_WITH_KEY = [
    entry
    for entry in lines("vectors_security.jsonl")
    if entry.get("key") and entry.get("telegram") and entry["mode"].startswith(("TPL", "ELL", "wired"))
]
_LONG_HEADER = 0x72


def _tpl(data: bytes, lla: bytes | None, mac: Mac | None, day: date | None) -> Sealed:
    """The transport layer that begins `data` with its CI field."""
    ala, at = (data[1:9], 9) if data[0] == _LONG_HEADER else (None, 1)
    configuration = int.from_bytes(data[at + 2 : at + 4], "little")
    extension = read_extension(configuration >> 8 & 0x1F, configuration, data[at + 4 :])
    body = at + 4 + extension.size
    header = data[: body - len(extension.counter or b"")]
    return Sealed(configuration, data[body:], lla, ala, data[at], extension, header, mac, received_on=day)


def _open(entry: dict[str, Any], candidates: list[Candidate]) -> tuple[Opened, bytes]:
    """The outcome, and what of it the record shows as plaintext."""
    raw = bytes.fromhex(entry["telegram"])
    day = date(2024, 3, 17) if "2024-03-17" in entry["name"] else None
    if raw[0] == 0x68:
        opened = open_sealed(_tpl(raw[6:-2], None, None, day), candidates, nothing)
        return opened, opened.plaintext or b""
    lla, at, mac = raw[4:8] + raw[2:4] + raw[8:10], 10, None
    if raw[at] in ELL_CI_FIELDS:
        ell = decode_ell(raw, at)
        at += ell.size
        if ell.encryption:
            assert ell.sn is not None
            sealed = SealedEll(lla, ell.cc, ell.sn.to_bytes(4, "little"), raw[at - 2 :])
            opened = open_ell(sealed, candidates, nothing)
            return opened, (opened.plaintext or b"")[3:]
    if raw[at] == 0x90:
        afl = decode_afl(raw, at)
        at += afl.size
        assert afl.mcl is not None
        assert afl.mac is not None
        mac = Mac(afl.mcl & 0x0F, afl.mac, join([(afl, raw[at:])]).mac_input, afl.mcr)
    plausible = nothing if day is None else reads_as_records  # the check octets do not prove the date
    opened = open_sealed(_tpl(raw[at:], lla, mac, day), candidates, plausible)
    return opened, opened.plaintext or b""


@pytest.mark.skipif(not _WITH_KEY, reason="no collection of real telegrams here")
@pytest.mark.parametrize("entry", _WITH_KEY, ids=[entry["name"] for entry in _WITH_KEY])
def test_reaches_its_plaintext(entry: dict[str, Any]) -> None:
    opened, plaintext = _open(entry, [Candidate("its own", parse_key(entry["key"]), exact=True)])
    assert opened.state == "decrypted"
    assert plaintext.hex().upper() == entry["plaintext"]
