"""The octets of a LoRaWAN frame: header, MAC commands, payload, MIC."""

from __future__ import annotations

from collections.abc import Callable

from mbuscli.protocol.lorawan.fields import describe_dev_addr, from_air
from mbuscli.protocol.lorawan.mac_commands import MacCommand, parse_mac_commands
from mbuscli.protocol.lorawan.phy import MIC_SIZE, NAMES, Data, JoinAccept, JoinRequest, RejoinRequest
from mbuscli.telegram.explain_body import body
from mbuscli.telegram.explain_parts import APPLICATION, SECURITY, Dump
from mbuscli.telegram.explain_records import records
from mbuscli.telegram.lorawan import LorawanTelegram

MAC = "lorawan"
COMMANDS = "commands"

_PHY = "LoRaWAN 1.1, 4.1 and 4.2, PHYPayload and MHDR"
_FHDR = "LoRaWAN 1.1, 4.3.1, frame header"
_PORT = "LoRaWAN 1.1, 4.3.2, port field"
_PAYLOAD = "LoRaWAN 1.1, 4.3.3, FRMPayload encryption"
_MIC = "LoRaWAN 1.1, 4.4, message integrity code"
_COMMAND = "LoRaWAN 1.1, 5, MAC commands"
_JOIN = "LoRaWAN 1.1, 6.2, over-the-air activation"
_OWN = "the maker's own layout"
_MIC_WORDS = {
    "ok": "right: who made it has the keys",
    "half": "its second half is right; the first one takes SNwkSIntKey, data rate and channel",
    "wrong": "does not fit the keys at hand",
    "unchecked": "not checked",
}


def lorawan(dump: Dump) -> None:
    """All parts of the frame."""
    telegram = dump.telegram
    assert isinstance(telegram, LorawanTelegram)
    content = telegram.phy.content
    dump.layer = MAC
    dump.take(1, "MHDR", _PHY, f"{dump.peek(1)[0]:02X}: {NAMES[telegram.phy.m_type]}, LoRaWAN R1")
    if isinstance(content, Data):
        _data(dump, telegram, content)
    elif isinstance(content, JoinRequest):
        _eui(dump, "JoinEUI", "of the join server, AppEUI in LoRaWAN 1.0")
        _eui(dump, "DevEUI", "of the device")
        dump.take(2, "DevNonce", _JOIN, f"{content.dev_nonce}: no second time with this device")
    elif isinstance(content, RejoinRequest):
        _rejoin(dump, content)
    elif isinstance(content, JoinAccept):
        _accept(dump, telegram)
    dump.layer = MAC
    dump.end = len(telegram.raw)
    if dump.left == MIC_SIZE:
        words = _MIC_WORDS[telegram.mic.verdict]
        needed = "" if telegram.mic.verdict == "ok" else f"; {telegram.mic.needed}"
        dump.take(MIC_SIZE, "MIC", _MIC, f"message integrity code: {words}{needed}")


def _data(dump: Dump, telegram: LorawanTelegram, data: Data) -> None:
    dump.end = len(data.msg)
    address = data.dev_addr.hex().upper()
    dump.take(4, "DevAddr", _FHDR, f"{address}: the device, {describe_dev_addr(data.dev_addr)}")
    dump.take(1, "FCtrl", _FHDR, ", ".join(control_words(data)) or "nothing special, no FOpts")
    dump.take(2, "FCnt", _FHDR, _counter(telegram, data))
    if data.f_opts:
        if telegram.f_opts is None:
            dump.layer = SECURITY
            dump.take_encrypted(len(data.f_opts), _COMMAND)
        else:
            _commands(dump, telegram.f_opts, data.uplink)
        dump.layer = MAC
    if data.f_port is not None:
        dump.take(1, "FPort", _PORT, _port_words(data.f_port))
    if data.frm_payload:
        _payload(dump, telegram, data)


def control_words(data: Data) -> list[str]:
    """The bits of FCtrl that are set, in words."""
    low = "class B" if data.uplink else "FPending: more is waiting"
    bits = (
        (data.adr, "ADR: the network may choose data rate and power"),
        (data.adr_ack_req and data.uplink, "ADRACKReq: asks for a sign of the network"),
        (data.ack, "ACK: acknowledges a confirmed frame"),
        (data.low_bit, low),
        (bool(data.f_opts), f"{len(data.f_opts)} bytes of FOpts follow"),
    )
    return [word for is_set, word in bits if is_set]


def _counter(telegram: LorawanTelegram, data: Data) -> str:
    if telegram.f_cnt is None:
        return f"frame counter, low half: {data.f_cnt}"
    if not telegram.seal.checks:
        return f"frame counter: {data.f_cnt} on air, {telegram.f_cnt} assumed"
    return f"frame counter: {data.f_cnt} on air, {telegram.f_cnt} with the upper half that the MIC tells"


def _port_words(f_port: int) -> str:
    if f_port == 0:
        return "0: MAC commands instead of data"
    if f_port <= 223:
        return f"{f_port}: the application's, whose meaning the maker gives it"
    return f"{f_port}: " + ("test protocol of the certification" if f_port == 224 else "reserved")


def _payload(dump: Dump, telegram: LorawanTelegram, data: Data) -> None:
    if telegram.payload is None:
        dump.layer = SECURITY
        dump.take_encrypted(len(data.frm_payload), _PAYLOAD)
    elif data.f_port == 0:
        _commands(dump, telegram.payload, data.uplink)
    elif telegram.ci_payload:
        body(dump, dump.end)
    else:
        dump.layer = APPLICATION
        found = telegram.meter_payload
        if found.head and telegram.records:
            dump.take(found.head, "format", _OWN, f"looks like {found.title}")
        if telegram.records:
            records(dump, from_master=False, mode2=False)
        _values(dump, telegram)
        if dump.left:
            dump.take(dump.left, "payload", _OWN, "bytes of the application; no layout is known for them")


def _values(dump: Dump, telegram: LorawanTelegram) -> None:
    """The values of a maker's layout, and what stands between them."""
    start = telegram.payload_at
    found = telegram.meter_payload
    for value in sorted(found.values):
        gap = start + value.at - dump.at
        if not value.size or gap < 0:
            continue
        if gap:
            name = "format" if dump.at == start else "not known"
            dump.take(gap, name, _OWN, f"looks like {found.title}")
        unit = f" {value.unit}" if value.unit else ""
        dump.take(value.size, value.name, _OWN, f"{value.value}{unit}")


def _commands(dump: Dump, octets: bytes, uplink: bool) -> None:
    dump.layer = COMMANDS
    for command in parse_mac_commands(octets, uplink=uplink):
        name = command.name or "unknown"
        dump.take(1 + len(command.raw), name, _COMMAND, command_words(command))


def command_words(command: MacCommand) -> str:
    """Identifier and fields of a MAC command."""
    if not command.name:
        return f"{command.cid:02X}: no known command, or cut; nothing behind it can be read"
    fields = [f"{name.replace('_', ' ')} {_plain(value)}" for name, value in command.fields.items()]
    return f"{command.cid:02X}: " + (", ".join(fields) or "no fields")


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "not told" if value is None else str(value)


def _eui(dump: Dump, name: str, whose: str) -> None:
    dump.take(8, name, _JOIN, f"{from_air(dump.peek(8)).hex().upper()} {whose}, lowest byte first on air")


def _rejoin(dump: Dump, content: RejoinRequest) -> None:
    dump.take(1, "rejoin type", _JOIN, f"{content.kind}")
    if content.net_id is not None:
        dump.take(3, "NetID", _JOIN, f"{content.net_id.hex().upper()}: the network")
    else:
        _eui(dump, "JoinEUI", "of the join server")
    _eui(dump, "DevEUI", "of the device")
    dump.take(2, "RJcount", _JOIN, f"{content.rj_count}: counts rejoin-requests")


def _accept(dump: Dump, telegram: LorawanTelegram) -> None:
    accept = telegram.accept
    if accept is None:
        dump.layer = SECURITY
        dump.take_encrypted(dump.left, _JOIN)
        return
    take: Callable[[int, str, str, str], None] = dump.take
    settings = f"RX1 offset {accept.rx1_offset}, RX2 data rate {accept.rx2_data_rate}"
    version = "OptNeg: LoRaWAN 1.1" if accept.opt_neg else "no OptNeg: LoRaWAN 1.0"
    take(3, "JoinNonce", _JOIN, f"{accept.join_nonce}, AppNonce in LoRaWAN 1.0")
    take(3, "NetID", _JOIN, f"{accept.net_id.hex().upper()}: the network")
    address = accept.dev_addr.hex().upper()
    take(4, "DevAddr", _JOIN, f"{address}: the device from now on, {describe_dev_addr(accept.dev_addr)}")
    take(1, "DLSettings", _JOIN, f"{settings}, {version}")
    take(1, "RxDelay", _JOIN, f"the first receive window opens {accept.rx_delay_s} s after an uplink")
    if accept.cf_list is not None:
        take(len(accept.cf_list.raw), "CFList", _JOIN, channel_words(telegram))


def channel_words(telegram: LorawanTelegram) -> str:
    """The channels that a join-accept adds, or switches on."""
    found = telegram.accept.cf_list if telegram.accept is not None else None
    if found is None:
        return ""
    if found.frequencies_hz:
        megahertz = ", ".join(f"{hz / 1e6:g}" for hz in found.frequencies_hz if hz)
        return f"more channels at {megahertz} MHz"
    if found.masks:
        return f"channels in use: {_ranges(found.channels)}"
    return f"type {found.kind}, which is not known"


def _ranges(numbers: tuple[int, ...]) -> str:
    """`8-15, 65`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs) or "none"
