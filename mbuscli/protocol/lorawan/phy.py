"""PHYPayload: MHDR, MACPayload, MIC (LoRaWAN 1.1, clause 4). No keys here."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias

from mbuscli.errors import DecodeError, Reason
from mbuscli.protocol.lorawan.fields import from_air

MIC_SIZE: Final = 4
# The length in the LoRa header is one octet.
MAX_PHY_SIZE: Final = 255
_MAJOR: Final = 0x03
_MIN_DATA: Final = 12
_JOIN_REQUEST: Final = 23
_JOIN_ACCEPT = (17, 33)
_REJOIN = {0: 19, 1: 24, 2: 19}
_FOPTS_LENGTH: Final = 0x0F
_ADR, _ADR_ACK_REQ, _ACK, _LOW = 0x80, 0x40, 0x20, 0x10


class MType(IntEnum):
    """Message types, bits 7 to 5 of MHDR."""

    JOIN_REQUEST = 0
    JOIN_ACCEPT = 1
    UNCONFIRMED_UP = 2
    UNCONFIRMED_DOWN = 3
    CONFIRMED_UP = 4
    CONFIRMED_DOWN = 5
    REJOIN_REQUEST = 6
    PROPRIETARY = 7


NAMES = {
    MType.JOIN_REQUEST: "join-request",
    MType.JOIN_ACCEPT: "join-accept",
    MType.UNCONFIRMED_UP: "unconfirmed data up",
    MType.UNCONFIRMED_DOWN: "unconfirmed data down",
    MType.CONFIRMED_UP: "confirmed data up",
    MType.CONFIRMED_DOWN: "confirmed data down",
    MType.REJOIN_REQUEST: "rejoin-request",
    MType.PROPRIETARY: "proprietary",
}


class JoinRequest(NamedTuple):
    """EUIs and nonce as people write them, most significant octet first."""

    join_eui: bytes
    dev_eui: bytes
    dev_nonce: int
    mic: bytes


class JoinAccept(NamedTuple):
    """A join-accept as it is on air: everything behind MHDR is encrypted, the MIC too."""

    sealed: bytes


class RejoinRequest(NamedTuple):
    """`kind` 0, 1 or 2; `net_id` of kinds 0 and 2, `join_eui` of kind 1, most significant octet first."""

    kind: int
    net_id: bytes | None
    join_eui: bytes | None
    dev_eui: bytes
    rj_count: int
    mic: bytes


class Data(NamedTuple):
    """A data frame. `dev_addr` most significant octet first; `f_cnt` its low 16 bits, as on air.

    `low_bit`: class B of an uplink, FPending of a downlink. `f_port` None: no port and no payload.
    `fhdr` and `msg` are octets of the frame: the MIC is over `msg`, which is all but itself.
    """

    uplink: bool
    confirmed: bool
    dev_addr: bytes
    adr: bool
    adr_ack_req: bool
    ack: bool
    low_bit: bool
    f_cnt: int
    f_opts: bytes
    f_port: int | None
    frm_payload: bytes
    msg: bytes
    mic: bytes


class Proprietary(NamedTuple):
    """Octets between MHDR and the end."""

    payload: bytes


Content: TypeAlias = JoinRequest | JoinAccept | RejoinRequest | Data | Proprietary


class PhyPayload(NamedTuple):
    """One frame: its type and what is in it."""

    m_type: MType
    content: Content
    raw: bytes


def decode_phy(raw: bytes) -> PhyPayload:
    """Take a PHYPayload apart.

    Raises DecodeError of the link layer: `link.too-short`, `link.too-long`, `link.length-mismatch`,
    `link.unexpected` (a major version that is not LoRaWAN R1, MAC commands in FOpts beside port 0).
    """
    if not raw:
        raise _too_short(0, 1)
    if len(raw) > MAX_PHY_SIZE:
        text = f"a LoRaWAN frame has at most {MAX_PHY_SIZE} octets, not {len(raw)}"
        raise DecodeError(text, reason=Reason.TOO_LONG, offset=MAX_PHY_SIZE)
    if raw[0] & _MAJOR:
        text = f"MHDR {raw[0]:02X} has major version {raw[0] & _MAJOR}, not LoRaWAN R1"
        raise DecodeError(text, reason=Reason.UNEXPECTED, offset=0)
    m_type = MType(raw[0] >> 5)
    if m_type is MType.JOIN_REQUEST:
        return PhyPayload(m_type, _join_request(raw), raw)
    if m_type is MType.JOIN_ACCEPT:
        if len(raw) not in _JOIN_ACCEPT:
            raise _wrong_length(raw, m_type, "17, or 33 with a channel list")
        return PhyPayload(m_type, JoinAccept(raw[1:]), raw)
    if m_type is MType.REJOIN_REQUEST:
        return PhyPayload(m_type, _rejoin_request(raw), raw)
    if m_type is MType.PROPRIETARY:
        return PhyPayload(m_type, Proprietary(raw[1:]), raw)
    return PhyPayload(m_type, _data(raw, m_type), raw)


def _join_request(raw: bytes) -> JoinRequest:
    if len(raw) != _JOIN_REQUEST:
        raise _wrong_length(raw, MType.JOIN_REQUEST, str(_JOIN_REQUEST))
    return JoinRequest(
        from_air(raw[1:9]), from_air(raw[9:17]), int.from_bytes(raw[17:19], "little"), raw[19:]
    )


def _rejoin_request(raw: bytes) -> RejoinRequest:
    if len(raw) < 2:
        raise _too_short(len(raw), 2)
    kind = raw[1]
    size = _REJOIN.get(kind)
    if size is None:
        text = f"rejoin-request of unknown type {kind}"
        raise DecodeError(text, reason=Reason.UNEXPECTED, offset=1)
    if len(raw) != size:
        raise _wrong_length(raw, MType.REJOIN_REQUEST, str(size))
    at = size - MIC_SIZE - 2
    first = from_air(raw[2 : at - 8])
    count = int.from_bytes(raw[at : at + 2], "little")
    return RejoinRequest(
        kind,
        None if kind == 1 else first,
        first if kind == 1 else None,
        from_air(raw[at - 8 : at]),
        count,
        raw[-MIC_SIZE:],
    )


def _data(raw: bytes, m_type: MType) -> Data:
    if len(raw) < _MIN_DATA:
        raise _too_short(len(raw), _MIN_DATA)
    f_ctrl = raw[5]
    f_opts_end = 8 + (f_ctrl & _FOPTS_LENGTH)
    end = len(raw) - MIC_SIZE
    if f_opts_end > end:
        text = f"FOpts should have {f_ctrl & _FOPTS_LENGTH} octets, {end - 8} are there"
        raise DecodeError(text, reason=Reason.LENGTH_MISMATCH, offset=5)
    rest = raw[f_opts_end:end]
    f_port = rest[0] if rest else None
    if f_port == 0 and f_opts_end > 8:
        text = "MAC commands in FOpts beside port 0: a receiver must drop such a frame"
        raise DecodeError(text, reason=Reason.UNEXPECTED, offset=f_opts_end)
    return Data(
        uplink=m_type in (MType.UNCONFIRMED_UP, MType.CONFIRMED_UP),
        confirmed=m_type in (MType.CONFIRMED_UP, MType.CONFIRMED_DOWN),
        dev_addr=from_air(raw[1:5]),
        adr=bool(f_ctrl & _ADR),
        adr_ack_req=bool(f_ctrl & _ADR_ACK_REQ),
        ack=bool(f_ctrl & _ACK),
        low_bit=bool(f_ctrl & _LOW),
        f_cnt=int.from_bytes(raw[6:8], "little"),
        f_opts=raw[8:f_opts_end],
        f_port=f_port,
        frm_payload=rest[1:],
        msg=raw[:end],
        mic=raw[end:],
    )


def encode_data(
    dev_addr: bytes,
    f_cnt: int,
    *,
    uplink: bool,
    confirmed: bool = False,
    adr: bool = False,
    adr_ack_req: bool = False,
    ack: bool = False,
    low_bit: bool = False,
    f_opts: bytes = b"",
    f_port: int | None = None,
    frm_payload: bytes = b"",
) -> bytes:
    """MHDR to the end of FRMPayload, without MIC; FOpts and payload as they go on air.

    ValueError for a payload without port, FOpts longer than 15 octets or beside port 0.
    """
    if f_port is None and frm_payload:
        raise ValueError("a payload needs a port")
    if len(f_opts) > _FOPTS_LENGTH or (f_opts and f_port == 0):
        raise ValueError("FOpts have at most 15 octets and none beside port 0")
    up, down = (
        (MType.CONFIRMED_UP, MType.CONFIRMED_DOWN)
        if confirmed
        else (MType.UNCONFIRMED_UP, MType.UNCONFIRMED_DOWN)
    )
    f_ctrl = _ADR * adr | _ADR_ACK_REQ * adr_ack_req | _ACK * ack | _LOW * low_bit | len(f_opts)
    header = bytes(((up if uplink else down) << 5,)) + from_air(dev_addr) + bytes((f_ctrl,))
    port = b"" if f_port is None else bytes((f_port,))
    return header + (f_cnt & 0xFFFF).to_bytes(2, "little") + f_opts + port + frm_payload


def _too_short(have: int, need: int) -> DecodeError:
    return DecodeError(
        f"a LoRaWAN frame of {have} octets: at least {need} are needed", reason=Reason.TOO_SHORT, offset=have
    )


def _wrong_length(raw: bytes, m_type: MType, sizes: str) -> DecodeError:
    return DecodeError(
        f"a {NAMES[m_type]} has {sizes} octets, not {len(raw)}",
        reason=Reason.LENGTH_MISMATCH,
        offset=min(len(raw), _JOIN_REQUEST),
    )
