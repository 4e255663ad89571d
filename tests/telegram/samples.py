"""Telegrams to be explained: published examples, and ones that are sealed here."""

from __future__ import annotations

from typing import NamedTuple

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.compact_table import KNOWN_FORMATS
from mbuscli.protocol.application.encode import encode_record
from mbuscli.protocol.application.records import parse_headers
from mbuscli.protocol.checksum import crc_en13757
from mbuscli.protocol.security.keys import Candidate, FixedKeys, Key, parse_key
from mbuscli.protocol.security.sealed import Extension, Sealed, SealedEll
from mbuscli.protocol.security.sealing import seal_ell, seal_payload
from mbuscli.protocol.wired.frames import encode_long
from mbuscli.protocol.wireless.ell import encode_ell
from mbuscli.telegram import Telegram, decode

KEY = "000102030405060708090A0B0C0D0E0F"
METER = MeterAddress.parse("12345678.KAM.1B.16")
_ADDRESS = METER.octets()
_LINK = _ADDRESS[4:6] + _ADDRESS[:4] + _ADDRESS[6:]


class Sample(NamedTuple):
    """A telegram in hexadecimal, and the key that opens it."""

    telegram: str
    key: str | None = None

    def decode(self, *, with_key: bool = True) -> Telegram:
        """The telegram, opened if its key is used."""
        keys = None
        if self.key is not None and with_key:
            keys = FixedKeys([Candidate("sample", parse_key(self.key))])
        return decode(bytes.fromhex(self.telegram), keys=keys)


def radio(rest: bytes) -> str:
    """`rest`, from the first CI field on, in a telegram of METER."""
    octets = b"\x44" + _LINK + rest
    return (bytes((len(octets),)) + octets).hex()


def _ell_ctr() -> str:
    content = (
        b"\x78"
        + encode_record(bytes.fromhex("0413"), "6.408")
        + encode_record(bytes.fromhex("4413"), "6.408")
    )
    content += encode_record(bytes.fromhex("615B"), 19) + encode_record(bytes.fromhex("426C"), "2026-01-31")
    session = 1 << 29 | 301_234 << 4 | 2
    sealed = SealedEll(_ADDRESS, 0x20, session.to_bytes(4, "little"), content)
    layer = encode_ell(0x8D, 0x20, 0x91, sn=session)[:-2]
    return radio(layer + seal_ell(sealed, Key(bytes.fromhex(KEY))))


def _compact() -> str:
    headers = bytes.fromhex(KNOWN_FORMATS[0])
    values: list[int | str] = [0, "6.408", "6.318", 22, 19]
    octets = [raw for _, raw in parse_headers(headers) or []]
    full = [encode_record(header, value) for header, value in zip(octets, values, strict=True)]
    data = b"".join(record[len(header) :] for record, header in zip(full, octets, strict=True))
    crcs = [crc_en13757(headers), crc_en13757(b"".join(full))]
    return radio(b"\x8c\x20\x27\x79" + b"".join(crc.to_bytes(2, "little") for crc in crcs) + data)


def ccm(count: int = 0x0D2EDC) -> str:
    """Security mode 10 with this message counter."""
    header = bytes.fromhex("7A8010FF2A1001")
    counter = count.to_bytes(4, "little")
    content = encode_record(bytes.fromhex("0413"), "6.408")
    extension = Extension(6, header[-2:], kdf=1, counter=counter, tag_size=8)
    sealed = Sealed(0x2AFF, content, lla=_ADDRESS, acc=0x80, extension=extension, header=header)
    return radio(header + counter + seal_payload(sealed, Key(bytes.fromhex(KEY))))


_MODE_7 = "7A75002007109058475F4BC91DF878B80A1B0F98B629024AAC727942BFC549233C0140829B93"

# The five that golden transcripts show.
SHOWN = {
    "wired": Sample("6820206808FD7278563412931533032A0000000C1427048502046D32371F1502FD1700008916"),
    "mode_5": Sample(
        "2E4493157856341233037A2A0020255923C95AAA26D1B2E7493B013EC4A6F6D3529B520EDFF0EA6DEFC99D6D69EBF3",
        "0102030405060708090A0B0C0D0E0F11",
    ),
    "mode_7": Sample("434493157856341233038C2075900F002C25B30A000021924D4F2FB66E01" + _MODE_7, KEY),
    "ell_ctr": Sample(_ell_ctr(), KEY),
    "compact": Sample(_compact()),
}

OTHERS = {
    "ack": Sample("E5"),
    "short": Sample("105B015C16"),
    "select": Sample(encode_long(0x73, 253, 0x52, bytes.fromhex("78563412FFFFFFFF")).hex()),
    "fixed": Sample(encode_long(8, 5, 0x73, bytes.fromhex("785634120A00E97E0100000035010000")).hex()),
    "application error": Sample(encode_long(8, 5, 0x70, b"\x08").hex()),
    "alarm": Sample("7105"),
    "format frame": Sample("6908313B02020215022A"),
    "unknown compact frame": Sample("79313B42A6D2042E163423"),
    "plain text": Sample("7802FC0348522574440D81037C034C412300"),
    "compact profile": Sample("7884046D002041118B04150030128D04951F056901030211"),
    "manufacturer data": Sample("780C13674523010F0102030405"),
    "only announced": Sample("780C13674523011F"),
    "bare records": Sample("0C1367452301426C3F3C"),
    "cut record": Sample("780C13674523010C1367"),
    "reserved DIF": Sample("780C13674523013F0102"),
    "format A": Sample("0F44AE0C785634120107 4447 780B13436587 1E6D".replace(" ", "")),
    "cut off": Sample("0F44AE0C785634120107780B13"),
    "maker's CI": Sample("1144AE0C785634120107A100010203040506"),
    "adapter": Sample(
        "530824484433221103378E80753A63665544330A31900F002C25B30A0000AF5D74DF73A600D9727856341293153303"
        + _MODE_7[2:],
        KEY,
    ),
    "partly encrypted": Sample(
        "304493444433221155378C00757288776655934455080004100500DFE2A782146D1513581CD2F83F39040CFD1078563412",
        KEY,
    ),
    "CCM": Sample(ccm(), KEY),
}
SAMPLES = {**SHOWN, **OTHERS}
