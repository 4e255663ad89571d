"""A simulated radio meter: its telegrams, encoded and encrypted as real ones are."""

from __future__ import annotations

from typing import NamedTuple

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.ci_table import CI_ELL_I, CI_ELL_II
from mbuscli.protocol.checksum import crc_en13757
from mbuscli.protocol.security.keys import Key
from mbuscli.protocol.security.modes_table import AES_CBC_DERIVED, AES_CBC_IV
from mbuscli.protocol.security.sealed import Extension, Mac, Sealed, SealedEll
from mbuscli.protocol.wireless.ell import CC_HOP, CC_SYNCHRONOUS, ENC_AES_CTR, encode_ell

SECURITY = ("none", "mode5", "mode7", "ell")

_SND_NR = 0x44
_CI_NO_HEADER, _CI_COMPACT, _CI_SHORT, _CI_AFL = 0x78, 0x79, 0x7A, 0x90
# Configuration field: number of encrypted blocks, and the bit of a relayed telegram.
_BLOCKS_SHIFT, _HOP = 4, 0x01
# Fragmentation layer of security profile B: its length, then what it holds (MCL, MCR, MAC); counter and CMAC
# of eight octets.
_AFL_HEADER, _MCL, _CMAC_8 = bytes((0x0F, 0x00, 0x2C)), bytes((0x25,)), 5
_KDF_A = 0x10
_MINUTES_OF_LIFE = 301_234


class Record(NamedTuple):
    """One encoded record, cut into its header and the rest."""

    header: bytes
    data: bytes


class RadioMeter(NamedTuple):
    """A meter and how it sends.

    telegrams     sent as they are, in turn, instead of what the other fields would give
    security      one of SECURITY; all but none need `key`
    full_every    of so many telegrams one is full, the others are compact frames; 1: all are full
    interval_s    from one telegram to the next, the first at `phase_s`
    limit         so many telegrams in all, 0 without end
    broken        chance, 0..1, that a telegram arrives with damage which its CRC shows
    repeated_after_s   a repeater sends each telegram again after this time, at `repeated_rssi_dbm`
    """

    name: str = ""
    address: MeterAddress = MeterAddress("00000000", 0, 0, 0)
    telegrams: tuple[bytes, ...] = ()
    records: tuple[Record, ...] = ()
    security: str = SECURITY[0]
    key: Key | None = None
    status: int = 0
    acc: int = 0
    full_every: int = 1
    mode: str = "T1"
    frame_format: str = "A"
    rssi_dbm: float = -70.0
    rssi_spread_db: float = 0.0
    interval_s: float = 16.0
    phase_s: float = 0.0
    limit: int = 0
    broken: float = 0.0
    repeated_after_s: float | None = None
    repeated_rssi_dbm: float = -60.0

    def telegram(self, number: int, time_s: float, *, relayed: bool = False) -> bytes:
        """The telegram `number`, from 0, L first, without CRCs; `time_s` since the meter began to send."""
        if self.telegrams:
            return self.telegrams[number % len(self.telegrams)]
        acc = self.acc + number & 0xFF
        octets = self.address.octets()
        rest = self._layers(octets, acc, number, time_s, relayed)
        link = bytes((_SND_NR,)) + octets[4:6] + octets[:4] + octets[6:] + rest
        return bytes((len(link),)) + link

    def _layers(self, address: bytes, acc: int, number: int, time_s: float, relayed: bool) -> bytes:
        cc = CC_SYNCHRONOUS | CC_HOP * relayed
        compact = number % self.full_every != 0
        if self.security == "mode5":
            return self._mode_5(address, acc, relayed)
        if self.security == "mode7":
            return encode_ell(CI_ELL_I, cc, acc) + self._mode_7(address, acc, number)
        if self.security == "ell":
            return self._ell(address, cc, acc, time_s, self._application(compact))
        if self.full_every > 1:
            return encode_ell(CI_ELL_I, cc, acc) + self._application(compact)
        header = bytes((_CI_SHORT, acc, self.status, _HOP * relayed, 0))
        return header + self._records()

    def _records(self) -> bytes:
        return b"".join(record.header + record.data for record in self.records)

    def _application(self, compact: bool) -> bytes:
        """CI field and records, or a compact frame (EN 13757-3 annex G)."""
        if not compact:
            return bytes((_CI_NO_HEADER,)) + self._records()
        signature = crc_en13757(b"".join(record.header for record in self.records))
        full = crc_en13757(self._records())
        data = b"".join(record.data for record in self.records)
        return bytes((_CI_COMPACT,)) + signature.to_bytes(2, "little") + full.to_bytes(2, "little") + data

    def _mode_5(self, address: bytes, acc: int, relayed: bool) -> bytes:
        from mbuscli.protocol.security.sealing import fill_blocks, seal_payload

        payload = fill_blocks(self._records())
        configuration = AES_CBC_IV << 8 | len(payload) // 16 << _BLOCKS_SHIFT | _HOP * relayed
        header = bytes((_CI_SHORT, acc, self.status)) + configuration.to_bytes(2, "little")
        return header + seal_payload(Sealed(configuration, payload, lla=address, acc=acc), self._secret())

    def _mode_7(self, address: bytes, acc: int, number: int) -> bytes:
        from mbuscli.protocol.security.sealing import fill_blocks, seal_mac, seal_payload

        key = self._secret()
        counter = (1 + number).to_bytes(4, "little")
        payload = fill_blocks(self._records())
        configuration = AES_CBC_DERIVED << 8 | len(payload) // 16 << _BLOCKS_SHIFT
        extension = Extension(1, bytes((_KDF_A,)), kdf=1)
        mac = Mac(_CMAC_8, b"", b"", counter)
        sealed = Sealed(configuration, payload, lla=address, acc=acc, extension=extension, mac=mac)
        header = bytes((_CI_SHORT, acc, self.status)) + configuration.to_bytes(2, "little")
        transport = header + extension.cfe + seal_payload(sealed, key)
        code = seal_mac(key, _CMAC_8, _MCL + counter + transport, counter, address[:4], from_meter=True)
        return bytes((_CI_AFL,)) + _AFL_HEADER + _MCL + counter + code + transport

    def _ell(self, address: bytes, cc: int, acc: int, time_s: float, content: bytes) -> bytes:
        from mbuscli.protocol.security.sealing import seal_ell

        session = ENC_AES_CTR << 29 | (_MINUTES_OF_LIFE + int(time_s / 60)) << 4 | acc & 0x0F
        layer = encode_ell(CI_ELL_II, cc, acc, sn=session)[:-2]
        return layer + seal_ell(
            SealedEll(address, cc, session.to_bytes(4, "little"), content), self._secret()
        )

    def _secret(self) -> Key:
        if self.key is None:
            raise ValueError(f"{self.security} needs a key")
        return self.key
