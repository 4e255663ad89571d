"""A LoRaWAN frame as a telegram: what was found out about it, and its octets decrypted in place."""

from __future__ import annotations

from typing import Final, NamedTuple

from mbuscli.protocol.lorawan.join import Accept
from mbuscli.protocol.lorawan.mac_commands import MacCommand, parse_mac_commands
from mbuscli.protocol.lorawan.payloads import NO_PAYLOAD, MeterPayload
from mbuscli.protocol.lorawan.phy import MIC_SIZE, Data, PhyPayload, decode_phy
from mbuscli.protocol.lorawan.session import OpenedData, Transmission
from mbuscli.telegram.model import LORAWAN, Link, Security, Telegram

MIC_OK: Final = "ok"
MIC_HALF: Final = "half"
MIC_WRONG: Final = "wrong"
MIC_UNCHECKED: Final = "unchecked"

F_OPTS_AT: Final = 8


class Mic(NamedTuple):
    """What is known of the MIC: ok, half (only one half could be checked), wrong or unchecked.

    `needed` names the keys that it takes, and whose.
    """

    verdict: str
    needed: str


class LorawanTelegram(Telegram):
    """One PHYPayload. Offsets count octets of it; `clear` holds FOpts, FRMPayload and join-accept decrypted.

    seal        how LoRaWAN protects it; `security` tells of M-Bus security inside, where there is any
    f_cnt       all 32 bits, as found by the MIC; None where only the 16 bits on air are known
    f_opts, payload   in clear, None while they are closed
    session     role and check value of the keys that a join-accept leads to
    payload_at  offset of FRMPayload
    ci_payload  M-Bus application data from its CI field on stands in FRMPayload
    """

    f_cnt: int | None = None
    f_opts: bytes | None = None
    payload: bytes | None = None
    accept: Accept | None = None
    session: tuple[tuple[str, str], ...] = ()
    transmission: Transmission = Transmission()
    meter_payload: MeterPayload = NO_PAYLOAD
    ci_payload: bool = False

    def __init__(self, phy: PhyPayload) -> None:
        super().__init__(phy.raw, Link(LORAWAN))
        self.phy = phy
        self.seal = Security()
        self.mic = Mic(MIC_UNCHECKED, "")
        self.payload_at = len(phy.raw) - MIC_SIZE
        if isinstance(phy.content, Data):
            self.payload_at -= len(phy.content.frm_payload)

    @property
    def commands(self) -> list[MacCommand]:
        """MAC commands that could be read, of FOpts and of port 0."""
        content = self.phy.content
        if not isinstance(content, Data):
            return []
        found = parse_mac_commands(self.f_opts or b"", uplink=content.uplink)
        if content.f_port == 0:
            found += parse_mac_commands(self.payload or b"", uplink=content.uplink)
        return found

    def take_data(self, opened: OpenedData) -> None:
        """Put what was decrypted in its place."""
        self.f_cnt = opened.f_cnt
        self.transmission = opened.transmission
        self.f_opts, self.payload = opened.f_opts, opened.payload
        self._put(F_OPTS_AT, opened.f_opts)
        self._put(self.payload_at, opened.payload)

    def take_payload(self, payload: bytes) -> None:
        """Put FRMPayload, decrypted, in its place."""
        self.payload = payload
        self._put(self.payload_at, payload)

    def take_accept(self, accept: Accept) -> None:
        """Put the join-accept, decrypted, in the place of the closed one."""
        self.accept = accept
        self.clear = accept.clear + accept.mic

    def _put(self, at: int, octets: bytes | None) -> None:
        if octets:
            self.clear = self.clear[:at] + octets + self.clear[at + len(octets) :]


def decode_lorawan(raw: bytes) -> LorawanTelegram:
    """Take a PHYPayload apart, without keys; DecodeError as `decode_phy`.

    FOpts are read as 1.0 sends them, in clear, until keys tell that it is 1.1.
    """
    telegram = LorawanTelegram(decode_phy(raw))
    content = telegram.phy.content
    if isinstance(content, Data):
        telegram.f_opts = content.f_opts
        telegram.payload = None if content.frm_payload else b""
    return telegram
