"""Rows of `mbuscli lora-join`: one object a step. What a modem says is no more to be trusted than a meter."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from mbuscli.devices.modems.base import Identity, Otaa, Settings
from mbuscli.protocol.lorawan.fields import describe_dev_addr
from mbuscli.protocol.octets import counted
from mbuscli.render.columns import Columns
from mbuscli.render.lists import named_columns
from mbuscli.render.rows import Row
from mbuscli.services.lora_steps import (
    Accepted,
    Advice,
    Checked,
    Configured,
    Found,
    Heard,
    JoinSent,
    Listened,
    Noted,
    NotJoined,
    NotSent,
    Planned,
    Step,
    UplinkSent,
)

COLUMNS: Columns = named_columns(
    {
        "time": "when",
        "event": "the step: modem, command, configured, join_sent, joined, join_failed, advice, link_check, "
        "uplink, uplink_failed, downlink, listened, note",
        "text": "the step in words",
        "dev_addr": "address in the network",
        "data_rate": "number of the data rate of a join-request",
        "f_port": "port of an uplink or downlink",
        "payload": "payload of a downlink in hexadecimal",
        "rssi_dbm": "how strong a downlink was heard",
        "snr_db": "how far above the noise",
        "margin_db": "of a link check: how far above the limit the best gateway heard",
        "gateways": "how many gateways heard",
        "acknowledged": "true if the network acknowledged the uplink",
        "cause": "of a failure, and of a piece of advice: one word",
    }
)
DEFAULT = tuple(COLUMNS)[:11]

_FAILURES: Final = {
    "no-answer": "nobody answered in either receive window",
    "denied": "refused",
    "bad-accept": "an answer was heard that the key does not fit",
    "duty-cycle": "the share of time on air is used up",
    "no-channel": "no channel is free",
    "busy": "the modem is busy",
    "not-joined": "the modem is in no network",
    "parameter": "the modem refuses a value",
    "region": "the modem does not serve this region",
    "payload-length": "too long for the data rate",
    "not-acknowledged": "no acknowledgement came",
    "counter": "the frame counter is used up",
    "modem": "the modem says",
}


def step_rows(step: Step) -> list[Row]:
    """The step as objects, without schema and time: a failure is followed by its advice."""
    label, text = step_words(step)
    row: Row = {"event": _EVENTS[type(step)], "text": text, **_details(step)}
    if isinstance(step, Planned):
        return [
            {"event": "command", "text": command.meaning, "shown": command.shown} for command in step.commands
        ]
    if isinstance(step, NotJoined | NotSent):
        return [row, *map(_advice_row, step.advice)]
    return [row] if label else []


_EVENTS: Final[dict[type, str]] = {
    Found: "modem",
    Planned: "command",
    Configured: "configured",
    JoinSent: "join_sent",
    Accepted: "joined",
    NotJoined: "join_failed",
    Checked: "link_check",
    UplinkSent: "uplink",
    NotSent: "uplink_failed",
    Heard: "downlink",
    Listened: "listened",
    Noted: "note",
}


def _details(step: Step) -> Row:
    if isinstance(step, Found):
        return {"port": step.port, **identity_row(step.identity), "classes": list(step.classes)}
    if isinstance(step, Configured):
        return configured_row(step)
    if isinstance(step, JoinSent):
        return {"number": step.number, "data_rate": step.data_rate, "frequency_hz": step.frequency_hz}
    if isinstance(step, Accepted):
        return {"dev_addr": _hex(step.dev_addr), "after_s": _number(step.after_s)}
    if isinstance(step, NotJoined):
        return {"cause": step.failed.cause, "wait_s": _number(step.failed.wait_s), "modem": step.failed.text}
    if isinstance(step, Checked | Listened | Noted):
        return {name: _plain(value) for name, value in step._asdict().items() if name != "text"}
    if isinstance(step, UplinkSent | NotSent):
        uplink = step.uplink
        row: Row = {"f_port": uplink.f_port, "octets": len(uplink.payload), "confirmed": uplink.confirmed}
        if isinstance(step, UplinkSent):
            return {**row, "acknowledged": step.acknowledged, "f_cnt": step.f_cnt}
        return {**row, "cause": step.failed.cause, "wait_s": _number(step.failed.wait_s)}
    if isinstance(step, Heard):
        downlink = step.downlink
        return {
            "f_port": downlink.f_port,
            "payload": _hex(downlink.payload),
            "rssi_dbm": _number(downlink.rssi_dbm),
            "snr_db": _number(downlink.snr_db),
        }
    return {}


def identity_row(identity: Identity) -> Row:
    """Who the modem is."""
    return {
        "family": identity.family,
        "model": identity.model,
        "firmware": identity.firmware or None,
        "own_dev_eui": _hex(identity.dev_eui),
    }


def configured_row(step: Configured) -> Row:
    """Settings and identifiers; never keys."""
    settings, activation = step
    row: Row = {
        "region": settings.region.name,
        "sub_band": settings.sub_band,
        "class": settings.device_class,
        "data_rate": settings.data_rate,
        "adr": settings.adr,
    }
    if isinstance(activation, Otaa):
        version = "1.0" if activation.nwk_key is None else "1.1"
        return {
            **row,
            "activation": "OTAA",
            "lorawan": version,
            "dev_eui": _hex(activation.dev_eui),
            "join_eui": _hex(activation.join_eui),
        }
    return {
        **row,
        "activation": "ABP",
        "lorawan": activation.keys.version,
        "dev_addr": _hex(activation.dev_addr),
        "f_cnt_up": activation.f_cnt_up,
    }


def _advice_row(advice: Advice) -> Row:
    return {
        "event": "advice",
        "text": f"{advice.text}; {'; '.join(advice.tries)}",
        "cause": advice.cause,
        "likely": advice.likely,
        "why": advice.text,
        "try": list(advice.tries),
    }


# -- words -----------------------------------------------------------------------------------------------


def step_words(step: Step) -> tuple[str, str]:
    """A step as label and sentence; two empty texts where there is nothing to say."""
    if isinstance(step, Found):
        return "modem", _modem_words(step)
    if isinstance(step, Configured):
        return "configured", _configured_words(step)
    if isinstance(step, JoinSent):
        return "join sent", _join_words(step)
    if isinstance(step, Accepted):
        return ("activated" if step.personalised else "joined"), _accepted_words(step)
    if isinstance(step, NotJoined):
        requests = counted(step.requests, "join-request")
        return "not joined", f"{failure_words(step)} (after {step.after_s:.1f} s, {requests})"
    if isinstance(step, Checked):
        return "link check", _check_words(step)
    if isinstance(step, UplinkSent):
        return "sent", f"{_uplink_words(step)}, {_ACKNOWLEDGED[step.acknowledged]}"
    if isinstance(step, NotSent):
        return "not sent" if step.failed.cause != "not-acknowledged" else "sent", (
            f"{_uplink_words(step)}: {failure_words(step)}"
        )
    if isinstance(step, Heard):
        return "downlink", _downlink_words(step)
    if isinstance(step, Listened):
        return "listened", f"{step.seconds:g} s, {counted(step.downlinks, 'downlink')}"
    if isinstance(step, Noted):
        return ("warning" if step.warning else "modem says"), step.text
    return "", ""


_ACKNOWLEDGED: Final = {None: "not to be acknowledged", True: "acknowledged", False: "not acknowledged"}


def failure_words(step: NotJoined | NotSent) -> str:
    """What failed, with the modem's own words and the time that it wants to wait."""
    failed = step.failed
    own = f": {failed.text}" if failed.text else ""
    wait = "" if failed.wait_s is None else f", wait {failed.wait_s:.0f} s"
    return f"{_FAILURES[failed.cause]}{own}{wait}"


def _modem_words(step: Found) -> str:
    identity = step.identity
    own = f", DevEUI {_hex(identity.dev_eui)}" if identity.dev_eui else ""
    firmware = f" {identity.firmware}" if identity.firmware else ""
    return f"{identity.model}{firmware} on {step.port}{own}"


def _configured_words(step: Configured) -> str:
    row = configured_row(step)
    parts = [_settings_words(step.settings)]
    if row["activation"] == "OTAA":
        parts.append(f"DevEUI {row['dev_eui']}, JoinEUI {row['join_eui']}")
    else:
        parts.append(f"DevAddr {row['dev_addr']}, next uplink {row['f_cnt_up']}")
    return f"{', '.join(parts)}, LoRaWAN {row['lorawan']}"


def _settings_words(settings: Settings) -> str:
    parts = [settings.region.name]
    if settings.sub_band is not None:
        parts.append(f"sub-band {settings.sub_band}")
    parts.append(f"class {settings.device_class}")
    if settings.data_rate is not None:
        parts.append(f"DR{settings.data_rate}")
    if settings.adr is not None:
        parts.append("ADR on" if settings.adr else "ADR off")
    return ", ".join(parts)


def _join_words(step: JoinSent) -> str:
    parts = []
    if step.data_rate is None:
        parts.append("at the modem's own data rate")
    else:
        parts.append(f"DR{step.data_rate}{step.rate and f' ({step.rate})'}")
    if step.frequency_hz is not None:
        parts.append(f"{step.frequency_hz / 1e6:g} MHz")
    number = f"no. {step.number}, " if step.number > 1 else ""
    return f"{number}{', '.join(parts)}; an answer is due in {step.rx1_s:.1f} s or {step.rx2_s:.1f} s"


def _accepted_words(step: Accepted) -> str:
    if step.dev_addr is None:
        return f"after {step.after_s:.1f} s; the modem does not tell the DevAddr"
    whose = describe_dev_addr(step.dev_addr)
    if step.personalised:
        return f"DevAddr {_hex(step.dev_addr)} ({whose}); only an answer will prove that the keys are right"
    return f"DevAddr {_hex(step.dev_addr)} ({whose}) after {step.after_s:.1f} s"


def _check_words(step: Checked) -> str:
    if step.gateways is None:
        return "nobody answered"
    margin = "" if step.margin_db is None else f"margin {step.margin_db} dB, "
    return f"{margin}heard by {counted(step.gateways, 'gateway')}"


def _uplink_words(step: UplinkSent | NotSent) -> str:
    uplink = step.uplink
    count = f", counter {step.f_cnt}" if isinstance(step, UplinkSent) and step.f_cnt is not None else ""
    return f"port {uplink.f_port}, {counted(len(uplink.payload), 'octet')}{count}"


def _downlink_words(step: Heard) -> str:
    downlink = step.downlink
    what = "no payload" if downlink.f_port is None else f"port {downlink.f_port}, {_hex(downlink.payload)}"
    rssi = "" if downlink.rssi_dbm is None else f", RSSI {downlink.rssi_dbm:g} dBm"
    snr = "" if downlink.snr_db is None else f", SNR {downlink.snr_db:g} dB"
    return f"{what}{rssi}{snr}"


def _hex(octets: bytes | None) -> str | None:
    return None if octets is None else octets.hex().upper()


def _number(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(f"{value:.1f}")


def _plain(value: object) -> object:
    return _number(value) if isinstance(value, float) else value
