"""Payloads of meters that are no M-Bus records, and the format octets in front of those that are.

Which maker's payload it is, nothing in a frame tells: port, length and consistent contents make it likely.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, NamedTuple, TypeAlias

PayloadNumber: TypeAlias = Decimal | int | str


class PayloadValue(NamedTuple):
    """One value: `at` and `size` in octets of the payload; size 0 where it was computed from others."""

    at: int
    size: int
    name: str
    value: PayloadNumber
    unit: str = ""


class MeterPayload(NamedTuple):
    """What a payload looks like, in words, a short name, and its values.

    `head`: octets in front of M-Bus records.
    """

    name: str
    title: str
    values: tuple[PayloadValue, ...] = ()
    head: int = 0


NO_PAYLOAD: Final = MeterPayload("", "")
TEXT: Final = "text"

# -- Elvaco CMi41xx: a format octet, then records ----------------------------------------------------------

_ELVACO_PORT: Final = 2
_ELVACO_CLOCK: Final = 0xFA
_ELVACO_FORMATS = ("standard", "compact", "JSON", "scheduled daily", "scheduled extended")
_ELVACO_FIRST = {0x00: "CMi4110", 0x05: "CMi4111", 0x0F: "CMi4130", 0x15: "CMi4140", 0x1E: "CMi4160"}
_ELVACO_MORE = {
    0x14: "CMi4130, combined heat and cooling",
    0x1A: "CMi4140, combined heat and cooling",
    0x1B: "CMi4140, heat intelligence",
    0x23: "CMi4160, combined heat and cooling",
    _ELVACO_CLOCK: "CMi41xx, clock",
}


def elvaco_format(payload: bytes, f_port: int) -> MeterPayload | None:
    """The format that the first octet names, None for none; its records, or its JSON text, follow."""
    if f_port != _ELVACO_PORT or len(payload) < 2:
        return None
    code = payload[0]
    title = _ELVACO_MORE.get(code)
    for first, model in _ELVACO_FIRST.items():
        if 0 <= code - first < len(_ELVACO_FORMATS):
            title = f"{model}, {_ELVACO_FORMATS[code - first]}"
    return MeterPayload("elvaco_cmi", f"Elvaco {title}", head=1) if title else None


# -- Axioma ------------------------------------------------------------------------------------------------

_AXIOMA_DATA_PORT: Final = 100
_AXIOMA_ALARM_PORT: Final = 103
_DAILY_SIZE: Final = 51
_DAILY_VERSION: Final = 1
_DELTAS: Final = 23
_DELTA_BITS: Final = 14
_EXTENDED_SIZE: Final = 48
_EXTENDED_DELTAS: Final = 15
_FILLER: Final = 0x2F
_EPOCH_2015, _EPOCH_2100 = 1_420_070_400, 4_102_444_800
_LONGEST_LOG_S: Final = 3 * 86_400
_AXIOMA_STATES = {
    0x10: "dry or temporary error",
    0x20: "leakage",
    0x30: "leakage",
    0x60: "backflow",
    0x70: "backflow",
    0x80: "low temperature",
    0x90: "low temperature",
    0xA0: "burst",
    0xB0: "burst",
    0xD0: "manipulation",
}


def axioma(payload: bytes, f_port: int) -> MeterPayload | None:
    """Qalcosonic W1: 24 hours, extended, and alarm; None for whatever does not agree in itself."""
    if f_port == _AXIOMA_ALARM_PORT and len(payload) == 5 and _is_moment(payload[:4]):
        title = "Axioma Qalcosonic, alarm"
        return MeterPayload("axioma", title, (_moment("time", payload, 0), _axioma_status(payload, 4)))
    if f_port != _AXIOMA_DATA_PORT:
        return None
    if len(payload) == _DAILY_SIZE and payload[0] == _DAILY_VERSION and _is_moment(payload[1:5]):
        return _axioma_daily(payload)
    return _axioma_extended(payload) if len(payload) == _EXTENDED_SIZE else None


def _axioma_daily(payload: bytes) -> MeterPayload:
    bits = int.from_bytes(payload[10:], "little")
    mask = (1 << _DELTA_BITS) - 1
    deltas = [bits >> _DELTA_BITS * n & mask for n in range(_DELTAS)]
    multiplier = bits >> _DELTA_BITS * _DELTAS
    log_l = _u32(payload, 6)
    values = [
        _moment("time", payload, 1),
        _axioma_status(payload, 5),
        PayloadValue(6, 4, "log_volume_m3", _m3(log_l), "m³"),
        PayloadValue(10, len(payload) - 10, "deltas_l", ",".join(map(str, deltas)), "l"),
    ]
    if multiplier == 0:  # what other multipliers do is not known
        values.append(PayloadValue(10, 0, "total_m3", _m3(log_l + sum(deltas)), "m³"))
    return MeterPayload("axioma_w1", "Axioma Qalcosonic W1, 24 hours", tuple(values))


def _axioma_extended(payload: bytes) -> MeterPayload | None:
    """Heat meters send as many octets: only what agrees in itself is taken for a water meter."""
    volume_l, log_volume_l = _u32(payload, 5), _u32(payload, 13)
    deltas = [int.from_bytes(payload[at : at + 2], "little") for at in range(17, 47, 2)]
    moments = _is_moment(payload[:4]) and _is_moment(payload[9:13])
    agrees = (
        moments
        and 0 <= _u32(payload, 0) - _u32(payload, 9) <= _LONGEST_LOG_S
        and log_volume_l + sum(deltas) <= volume_l
        and payload[-1] == _FILLER
        and payload[-3:-1] != bytes((_FILLER, _FILLER))
    )
    if not agrees:
        return None
    values = (
        _moment("time", payload, 0),
        _axioma_status(payload, 4),
        PayloadValue(5, 4, "total_m3", _m3(volume_l), "m³"),
        _moment("log_time", payload, 9),
        PayloadValue(13, 4, "log_volume_m3", _m3(log_volume_l), "m³"),
        PayloadValue(17, 2 * _EXTENDED_DELTAS, "deltas_l", ",".join(map(str, deltas)), "l"),
    )
    return MeterPayload("axioma_w1", "Axioma Qalcosonic W1, extended", values)


def _axioma_status(payload: bytes, at: int) -> PayloadValue:
    status = payload[at]
    words = [word for mask, word in ((0x04, "low battery"), (0x08, "permanent error")) if status & mask]
    if status & 0xF0:
        words.append(_AXIOMA_STATES.get(status & 0xF0, f"unknown {status & 0xF0:02X}"))
    return PayloadValue(at, 1, "status", ", ".join(words) or "ok")


# -- B Meters ----------------------------------------------------------------------------------------------

_B_METERS_PORT: Final = 1
_B_METERS_CODE: Final = 0x2C
_B_METERS_SIZES: Final = (13, 14)
_LITRES: Final = 0x0D


def b_meters(payload: bytes, f_port: int) -> MeterPayload | None:
    """IWM-LR3 and LR4 that count litres, as their K and VIF say; None for anything else."""
    fits = f_port == _B_METERS_PORT and len(payload) in _B_METERS_SIZES and payload[0] == _B_METERS_CODE
    if not fits or payload[9] != 0 or payload[11] != _LITRES:
        return None
    values = (
        PayloadValue(1, 4, "total_m3", _m3(_u32(payload, 1)), "m³"),
        PayloadValue(5, 4, "reverse_m3", _m3(_u32(payload, 5)), "m³"),
        PayloadValue(10, 1, "medium", payload[10]),
        PayloadValue(12, 1, "alarms", f"{payload[12]:02X}"),
    )
    return MeterPayload("bmeters_iwm", "B Meters IWM-LR3 or LR4", values)


def plain_text(payload: bytes) -> MeterPayload | None:
    """Printable ASCII of some length."""
    if len(payload) < 4 or not all(0x20 <= octet < 0x7F or octet in (0x0A, 0x0D) for octet in payload):
        return None
    return MeterPayload(TEXT, "text", (PayloadValue(0, len(payload), TEXT, payload.decode("ascii")),))


def _u32(payload: bytes, at: int) -> int:
    return int.from_bytes(payload[at : at + 4], "little")


def _m3(litres: int) -> Decimal:
    return Decimal(litres).scaleb(-3)


def _is_moment(octets: bytes) -> bool:
    return _EPOCH_2015 <= int.from_bytes(octets, "little") < _EPOCH_2100


def _moment(name: str, payload: bytes, at: int) -> PayloadValue:
    return PayloadValue(at, 4, name, datetime.fromtimestamp(_u32(payload, at), UTC).isoformat())


# -- Lobaro bridge: wireless M-Bus telegrams in parts --------------------------------------------------------

_TIMED, _TIMED_WITH_RSSI = 101, 102
_TIME_SIZE: Final = 5
_FIRST, _LAST = 0x01, 0x02
_FIRST_PART_PORT, _LAST_PART_PORT = 11, 99


class BridgedTelegram(NamedTuple):
    """Octets of a telegram that came in one or several uplinks; `time_s` is Unix time, None if not told."""

    data: bytes
    time_s: int | None = None
    rssi_dbm: int | None = None


class Bridge:
    """Parts of one device, put together; frames must follow one another without a gap."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._port = 0
        self._f_cnt = -1

    def add(self, payload: bytes, f_port: int, f_cnt: int) -> BridgedTelegram | None:
        """The telegram that this part completes, if it does."""
        if f_port in (_TIMED, _TIMED_WITH_RSSI):
            return self._add_timed(payload, f_port, f_cnt)
        part, total = divmod(f_port, 10)
        if not _FIRST_PART_PORT <= f_port <= _LAST_PART_PORT or not part <= total:
            return None
        if not self._follows(part == 1, f_port - 10, f_cnt):
            return None
        self._keep(payload, f_port, f_cnt)
        if part < total or len(self._parts) != total:
            return None
        return BridgedTelegram(self._taken())

    def _add_timed(self, payload: bytes, f_port: int, f_cnt: int) -> BridgedTelegram | None:
        if not payload or payload[0] & ~(_FIRST | _LAST):
            return None
        if not self._follows(bool(payload[0] & _FIRST), f_port, f_cnt):
            return None
        self._keep(payload[1:], f_port, f_cnt)
        if not payload[0] & _LAST:
            return None
        message = self._taken()
        at = _TIME_SIZE + (f_port == _TIMED_WITH_RSSI)
        rssi_dbm = -message[_TIME_SIZE] if at > _TIME_SIZE and len(message) > _TIME_SIZE else None
        return BridgedTelegram(message[at:], int.from_bytes(message[:_TIME_SIZE], "big"), rssi_dbm)

    def _follows(self, is_first: bool, port_before: int, f_cnt: int) -> bool:
        if is_first:
            self._parts = []
            return True
        good = bool(self._parts) and f_cnt == self._f_cnt + 1 and port_before == self._port
        if not good:
            self._parts = []
        return good

    def _keep(self, octets: bytes, f_port: int, f_cnt: int) -> None:
        self._parts.append(octets)
        self._port, self._f_cnt = f_port, f_cnt

    def _taken(self) -> bytes:
        whole, self._parts = b"".join(self._parts), []
        return whole
