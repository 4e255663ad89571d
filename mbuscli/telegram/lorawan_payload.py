"""What stands in FRMPayload: M-Bus application data, bare records, or a layout of one of the known makers."""

from __future__ import annotations

from mbuscli.errors import Reason
from mbuscli.protocol.application.profiles import expand_profiles
from mbuscli.protocol.application.records import parse_records
from mbuscli.protocol.lorawan.payloads import (
    NO_PAYLOAD,
    MeterPayload,
    axioma,
    b_meters,
    elvaco_format,
    plain_text,
)
from mbuscli.protocol.lorawan.phy import MIC_SIZE, Data
from mbuscli.telegram.body import is_credible, read_body, take_records
from mbuscli.telegram.lorawan import LorawanTelegram
from mbuscli.telegram.model import APPLICATION, Context, Link, Lower, Telegram

# CI fields in front of records, without header, with the short and long one, and of a compact frame.
_CI_FIELDS = frozenset((0x78, 0x7A, 0x72, 0x7B))
# Fewer octets than this read as records by chance.
_LEAST_BARE = 6
# A telegram that is closed, or compact in a format that is not known, is M-Bus all the same.
_STILL_M_BUS = (Reason.SIGNATURE_UNKNOWN,)


def read_payload(telegram: LorawanTelegram, context: Context) -> None:
    """Find out what the decrypted payload is; octets that fit nothing stay octets."""
    content = telegram.phy.content
    payload = telegram.payload
    if not isinstance(content, Data) or not content.f_port or not payload:
        return
    if payload[0] in _CI_FIELDS and _application_data(telegram, context):
        telegram.ci_payload = True
        telegram.meter_payload = MeterPayload("mbus", "M-Bus application data")
        return
    elvaco = elvaco_format(payload, content.f_port)
    if elvaco is not None:
        text = plain_text(payload[1:])
        if text is not None:
            values = tuple(value._replace(at=1) for value in text.values)
            telegram.meter_payload = elvaco._replace(values=values)
            return
        if _records(telegram, elvaco.head):
            telegram.meter_payload = elvaco
            return
    found = axioma(payload, content.f_port) or b_meters(payload, content.f_port)
    if found is None and len(payload) >= _LEAST_BARE and _records(telegram, 0):
        found = MeterPayload("mbus", "M-Bus records")
    telegram.meter_payload = found or plain_text(payload) or NO_PAYLOAD


def is_meter_data(payload: bytes) -> bool:
    """True if octets read as M-Bus data so well that the key behind them must be right."""
    if len(payload) < _LEAST_BARE:
        return False
    if payload[0] in _CI_FIELDS:
        trial = Telegram(payload, Link(APPLICATION, ci_field=payload[0]))
        read_body(trial, 0, len(payload), Lower(APPLICATION), Context())
        return bool(trial.records) and not trial.is_damaged
    return any(is_credible(parse_records(payload, head)) for head in (0, 1))


def _application_data(telegram: LorawanTelegram, context: Context) -> bool:
    """Read from the CI field on; False, and nothing is changed, if that leads nowhere."""
    start, end = telegram.payload_at, len(telegram.clear) - MIC_SIZE
    trial = Telegram(telegram.raw, Link(APPLICATION, ci_field=telegram.clear[start]))
    trial.clear = telegram.clear
    read_body(trial, start, end, Lower(APPLICATION, intact="MIC" in telegram.seal.checks), context)
    grave = [p for p in trial.problems if not p.warning and p.layer != "security"]
    closed = trial.security.mode != 0
    if any(p.reason not in _STILL_M_BUS for p in grave) or not (trial.records or closed or grave):
        return False
    telegram.clear = trial.clear
    telegram.meter, telegram.acc, telegram.status = trial.meter, trial.acc, trial.status
    telegram.configuration = trial.configuration
    telegram.records = expand_profiles(trial.records)
    telegram.problems += trial.problems
    if closed:
        telegram.security = trial.security
    return True


def _records(telegram: LorawanTelegram, head: int) -> bool:
    """Take records behind `head` octets, if all of it reads as such."""
    end = len(telegram.clear) - MIC_SIZE
    parsed = parse_records(telegram.clear[:end], telegram.payload_at + head)
    if not is_credible(parsed):
        return False
    take_records(telegram, parsed)
    telegram.records = expand_profiles(telegram.records)
    return True
