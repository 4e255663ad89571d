"""LoRaWAN frames for people and as rows of the schema."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from mbuscli.protocol.lorawan.fields import describe_dev_addr
from mbuscli.protocol.lorawan.phy import NAMES, Data, JoinRequest, RejoinRequest
from mbuscli.protocol.octets import hex_text, spaced_hex
from mbuscli.telegram.explain_lorawan import channel_words, command_words, control_words
from mbuscli.telegram.lorawan import MIC_HALF, MIC_OK, MIC_WRONG, LorawanTelegram

if TYPE_CHECKING:
    from mbuscli.protocol.lorawan.mac_commands import MacCommand
    from mbuscli.render.rows import Row
    from mbuscli.telegram import Telegram

_CELLS = ("m_type", "dev_addr", "dev_eui", "join_eui", "dev_nonce", "join_nonce", "net_id", "f_cnt", "f_port")


def lorawan_row(telegram: Telegram) -> Row:
    """The object `lorawan` of a telegram; EUIs and addresses most significant octet first."""
    assert isinstance(telegram, LorawanTelegram)
    content = telegram.phy.content
    row: Row = {"m_type": NAMES[telegram.phy.m_type]}
    if isinstance(content, Data):
        row |= _data_row(telegram, content)
    elif isinstance(content, JoinRequest):
        row |= {
            "join_eui": hex_text(content.join_eui),
            "dev_eui": hex_text(content.dev_eui),
            "dev_nonce": content.dev_nonce,
        }
    elif isinstance(content, RejoinRequest):
        row |= {
            "rejoin_type": content.kind,
            "net_id": None if content.net_id is None else hex_text(content.net_id),
            "join_eui": None if content.join_eui is None else hex_text(content.join_eui),
            "dev_eui": hex_text(content.dev_eui),
            "rj_count": content.rj_count,
        }
    elif telegram.accept is not None:
        row |= _accept_row(telegram)
    seal = telegram.seal
    mic = telegram.clear[-4:] if telegram.accept is not None else telegram.raw[-4:]
    row["mic"] = {"value": hex_text(mic), "verdict": telegram.mic.verdict, "needs": telegram.mic.needed}
    row["security"] = {"state": seal.state, "key": seal.key, "checks": list(seal.checks)}
    return row


def _data_row(telegram: LorawanTelegram, data: Data) -> Row:
    sent = telegram.transmission
    low = "class_b" if data.uplink else "f_pending"
    return {
        "direction": "up" if data.uplink else "down",
        "confirmed": data.confirmed,
        "dev_addr": hex_text(data.dev_addr),
        "network": describe_dev_addr(data.dev_addr),
        "f_ctrl": {
            "adr": data.adr,
            "adr_ack_req": data.adr_ack_req,
            "ack": data.ack,
            low: data.low_bit,
            "f_opts_size": len(data.f_opts),
        },
        "f_cnt": telegram.f_cnt,
        "f_cnt_on_air": data.f_cnt,
        "f_opts": None if telegram.f_opts is None else hex_text(telegram.f_opts),
        "f_port": data.f_port,
        "payload": None if telegram.payload is None else hex_text(telegram.payload),
        "looks_like": telegram.meter_payload.title or None,
        "mac_commands": [_command_row(command) for command in telegram.commands],
        **({} if sent.data_rate is None else {"data_rate": sent.data_rate}),
        **({} if sent.channel is None else {"channel": sent.channel}),
    }


def _command_row(command: MacCommand) -> Row:
    return {
        "cid": command.cid,
        "name": command.name or None,
        "raw": hex_text(command.raw),
        "fields": dict(command.fields),
    }


def _accept_row(telegram: LorawanTelegram) -> Row:
    accept = telegram.accept
    if accept is None:
        return {}
    found = accept.cf_list
    channels: Row | None = None
    if found is not None:
        channels = {
            "raw": hex_text(found.raw),
            "type": found.kind,
            "frequencies_mhz": [Decimal(hz).scaleb(-6).normalize() for hz in found.frequencies_hz if hz],
            "channels": list(found.channels),
        }
    return {
        "join_nonce": accept.join_nonce,
        "net_id": hex_text(accept.net_id),
        "dev_addr": hex_text(accept.dev_addr),
        "network": describe_dev_addr(accept.dev_addr),
        "opt_neg": accept.opt_neg,
        "rx1_offset": accept.rx1_offset,
        "rx2_data_rate": accept.rx2_data_rate,
        "rx_delay_s": accept.rx_delay_s,
        "cf_list": channels,
        "session_keys": dict(telegram.session),
    }


def cells_of(row: Row) -> list[Row]:
    """A frame without records and readings, in the columns of records: its fields by name."""
    found = [{"reading": name, "value": row[name]} for name in _CELLS if row.get(name) is not None]
    if row.get("payload"):
        found.append({"reading": "payload", "value": row["payload"]})
    commands = [f"{each['name'] or 'unknown'} {each['raw']}".rstrip() for each in row.get("mac_commands", ())]
    if commands:
        found.append({"reading": "mac_commands", "value": ", ".join(commands)})
    if row.get("cf_list"):
        found.append({"reading": "cf_list", "value": row["cf_list"]["raw"]})
    return [*found, {"reading": "mic", "value": row["mic"]["verdict"]}]


def facts(telegram: Telegram) -> list[tuple[str, str]]:
    """Label and sentence for people, the same for table and dump."""
    assert isinstance(telegram, LorawanTelegram)
    content = telegram.phy.content
    lines = [("frame", f"LoRaWAN {NAMES[telegram.phy.m_type]}, {len(telegram.raw)} bytes")]
    if isinstance(content, Data):
        lines += _data_facts(telegram, content)
    elif isinstance(content, JoinRequest):
        lines.append(("device", f"DevEUI {hex_text(content.dev_eui)}, JoinEUI {hex_text(content.join_eui)}"))
        lines.append(("nonce", f"DevNonce {content.dev_nonce} ({content.dev_nonce:04X})"))
    elif isinstance(content, RejoinRequest):
        lines.append(("device", f"DevEUI {hex_text(content.dev_eui)}, rejoin type {content.kind}"))
        lines.append(("nonce", f"RJcount {content.rj_count}"))
    elif telegram.accept is not None:
        lines += _accept_facts(telegram)
    lines.append(("MIC", _mic_words(telegram)))
    return lines


def _data_facts(telegram: LorawanTelegram, data: Data) -> list[tuple[str, str]]:
    f_cnt = f"{data.f_cnt} (low half)" if telegram.f_cnt is None else str(telegram.f_cnt)
    port = "no port" if data.f_port is None else f"port {data.f_port}"
    lines = [
        ("device", f"{hex_text(data.dev_addr)}, {describe_dev_addr(data.dev_addr)}"),
        ("counter", f"{f_cnt}, {port}"),
    ]
    words = control_words(data)
    if words:
        lines.append(("control", "; ".join(words)))
    lines += [("command", f"{each.name or 'unknown'} {command_words(each)}") for each in telegram.commands]
    if telegram.payload and data.f_port:
        lines.append(("payload", spaced_hex(telegram.payload)))
    if telegram.meter_payload.title:
        lines.append(("contents", f"looks like {telegram.meter_payload.title}"))
    return lines


def _accept_facts(telegram: LorawanTelegram) -> list[tuple[str, str]]:
    accept = telegram.accept
    if accept is None:
        return []
    version = "1.1" if accept.opt_neg else "1.0"
    lines = [
        ("device", f"{hex_text(accept.dev_addr)} from now on, {describe_dev_addr(accept.dev_addr)}"),
        ("network", f"NetID {hex_text(accept.net_id)}, JoinNonce {accept.join_nonce}, LoRaWAN {version}"),
        (
            "windows",
            f"first after {accept.rx_delay_s} s, data rate offset {accept.rx1_offset}; second at data rate "
            f"{accept.rx2_data_rate}",
        ),
    ]
    if accept.cf_list is not None:
        lines.append(("channels", channel_words(telegram)))
    if telegram.session:
        keys = ", ".join(f"{role} {check}" for role, check in telegram.session)
        lines.append(("keys", f"of the session, by check value: {keys}"))
    return lines


def _mic_words(telegram: LorawanTelegram) -> str:
    verdict = telegram.mic.verdict
    if verdict == MIC_OK:
        return f"ok, key {telegram.seal.key!r}"
    if verdict == MIC_HALF:
        return f"its half fits key {telegram.seal.key!r}; {telegram.mic.needed}"
    return "wrong" if verdict == MIC_WRONG else "not checked"
