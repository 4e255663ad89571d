"""The state of one meter that is heard by radio."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.device_types import describe_device_type
from mbuscli.protocol.application.records import Blob, Record
from mbuscli.protocol.security.keys import FACTORY_KEYS
from mbuscli.services.freshness import History
from mbuscli.telegram import Telegram

if TYPE_CHECKING:
    from mbuscli.settings.meter_list import ListedMeter

_HEAT = frozenset((0x04, 0x0A, 0x0B, 0x0C, 0x0D))
_VOLUMES = frozenset((0x03, 0x05, 0x06, 0x07, 0x10, 0x11, 0x12, 0x13, 0x15, 0x16, 0x17, 0x28))
_DEFAULT = (
    "energy",
    "volume",
    "hca",
    "mass",
    "reactive_energy",
    "external_temperature",
    "flow_temperature",
    "relative_humidity",
    "pressure",
    "power",
    "volume_flow",
    "dimensionless",
)


def _ranks(*first: str) -> dict[str, int]:
    return {name: rank for rank, name in enumerate(dict.fromkeys((*first, *_DEFAULT)))}


_USUAL = _ranks()
_RANKS = {
    **{device_type: _ranks("energy") for device_type in _HEAT},
    **{device_type: _ranks("volume") for device_type in _VOLUMES},
    0x08: _ranks("hca"),
    0x18: _ranks("pressure"),
    0x1B: _ranks("external_temperature", "relative_humidity"),
}
# What else a header may say of the value that the meter is there for.
_HARMLESS = frozenset(("uncorrected", "legacy_code"))
_FACTORY = frozenset(candidate.name for candidate in FACTORY_KEYS)


class Reading(NamedTuple):
    """What the meter has counted: exact value in the base unit, the exponent of its last digit, and when it
    was heard."""

    quantity: str
    value: Decimal | int
    unit: str
    exponent: int
    time: float


def main_reading(records: list[Record], device_type: int, time: float) -> Reading | None:
    """The present value that a meter of this type is there for; None if the telegram has none."""
    ranks = _RANKS.get(device_type, _USUAL)
    best: Record | None = None
    least = len(ranks) + 1
    for record in records:
        header = record.header
        rank = ranks.get(header.quantity)
        if rank is None or rank >= least or record.storage or header.tariff or header.subunit:
            continue
        if header.function != "instantaneous" or record.time is not None:
            continue
        if header.qualifiers and not _HARMLESS.issuperset(header.qualifiers):
            continue
        if isinstance(record.value, int | Decimal):
            best, least = record, rank
    if best is None or not isinstance(best.value, int | Decimal):
        return None
    header = best.header
    return Reading(header.quantity, best.value, header.unit, header.exponent, time)


def _reading_of_driver(telegram: Telegram, time: float) -> Reading | None:
    """For meters whose telegrams are no records, or whose main record is not the usual one."""
    from mbuscli.services.readings import readings_of

    main = readings_of(telegram).main
    if main is None or not isinstance(main.value, int | Decimal):
        return None
    exponent = main.value.as_tuple().exponent if isinstance(main.value, Decimal) else 0
    return Reading(main.name, main.value, main.unit, exponent if isinstance(exponent, int) else 0, time)


def is_readable(telegram: Telegram) -> bool:
    """True if it holds at least one value that anybody can read; the maker's own octets are none."""
    return any(not isinstance(record, Blob) and record.error is None for record in telegram.records)


class HeardMeter:
    """One meter: what is known of it after each telegram.

    text        the address as text
    count       telegrams, without copies; `copies` counts those, `relayed` what repeaters sent
    security    state of the last telegram, as in `Security`; `mode` its security mode, 0 also if encrypted by
                the extended link layer
    suspicions  telegrams that may be old ones sent again; `suspicion` says why of the last one
    last_read   when the last readable telegram was heard
    marked      the user says that it is done
    known       telegrams that earlier sessions have heard, up to `known_until`
    """

    __slots__ = (
        "address",
        "best_rssi_dbm",
        "copies",
        "count",
        "first",
        "history",
        "key",
        "known",
        "known_until",
        "last",
        "last_read",
        "listed",
        "marked",
        "mode",
        "port",
        "radio_mode",
        "reading",
        "relayed",
        "rssi_dbm",
        "security",
        "status",
        "suspicion",
        "suspicions",
        "text",
    )

    def __init__(self, address: MeterAddress, time: float, listed: ListedMeter | None = None) -> None:
        self.address = address
        self.text = str(address)
        self.listed = listed
        self.first = self.last = time
        self.count = self.copies = self.relayed = self.suspicions = 0
        self.suspicion = ""
        self.best_rssi_dbm: float | None = None
        self.rssi_dbm: float | None = None
        self.radio_mode: str | None = None
        self.port = ""
        self.security = "none"
        self.mode = 0
        self.key: str | None = None
        self.status: int | None = None
        self.reading: Reading | None = None
        self.last_read: float | None = None
        self.marked = False
        self.known = 0
        self.known_until = float("-inf")
        self.history = History()

    @property
    def name(self) -> str:
        """As the route list calls it."""
        return self.listed.name if self.listed is not None else ""

    @property
    def place(self) -> str:
        """Where it is, by the route list."""
        return self.listed.place if self.listed is not None else ""

    @property
    def device_type_name(self) -> str:
        """The device type in words."""
        return describe_device_type(self.address.device_type)

    @property
    def is_pinned(self) -> bool:
        """True for meters that are never forgotten: listed, or opened by a key of the user. Anybody can send
        in clear, or with a published key, under any number."""
        return self.listed is not None or (self.key is not None and self.key not in _FACTORY)

    @property
    def read(self) -> bool:
        """True if a telegram was readable."""
        return self.last_read is not None

    @property
    def key_state(self) -> str:
        """In words: does a key fit, or what is needed."""
        state = self.security
        if state == "none":
            return "not encrypted"
        if state == "decrypted":
            return "decrypted"
        if state == "key_missing":
            return "key needed"
        if state == "key_wrong":
            return "key wrong"
        return f"mode {self.mode} unsupported" if state == "unsupported" else "not authentic"

    @property
    def need(self) -> str:
        """What it takes to read the meter; "" if nothing is missing."""
        if self.security == "key_missing":
            return f"needs its key: mbuscli keys add {self.text}"
        if self.security == "key_wrong":
            return "no key on hand fits: ask the maker or the owner for the key of this meter"
        if self.security == "unauthentic":
            return "the key opens it, but the telegram is not authentic: forged, damaged, or another key"
        if self.security == "unsupported":
            return f"security mode {self.mode} cannot be opened"
        return ""

    def take(self, telegram: Telegram, time: float, suspicion: str) -> None:
        """One more telegram of this meter, which is no copy of another one; a suspect one changes nothing
        but the count."""
        self.count += 1
        if suspicion:
            self.suspicions += 1
            self.suspicion = suspicion
            return
        security = telegram.security
        self.security, self.mode, self.key = security.state, security.mode, security.key
        if telegram.status is not None:
            self.status = telegram.status
        if security.state not in ("none", "decrypted"):
            return
        reading = main_reading(telegram.records, self.address.device_type, time)
        if reading is None:
            reading = _reading_of_driver(telegram, time)
        if reading is not None or is_readable(telegram):
            self.last_read = time
            self.reading = reading or self.reading

    def note_signal(
        self, time: float, rssi_dbm: float | None, radio_mode: str | None, port: str, *, relayed: bool
    ) -> None:
        """When and how strongly it was heard, copies included; a relayed telegram tells how near the repeater
        is."""
        self.last = max(self.last, time)
        self.port = port
        self.radio_mode = radio_mode or self.radio_mode
        if rssi_dbm is not None and not relayed:
            self.rssi_dbm = rssi_dbm
            if self.best_rssi_dbm is None or rssi_dbm > self.best_rssi_dbm:
                self.best_rssi_dbm = rssi_dbm
