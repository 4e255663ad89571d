"""Telegrams that OMS Volume 2 annex N prints with their keys, cut into layers by hand."""

from __future__ import annotations

from mbuscli.protocol.security.keys import Key
from mbuscli.protocol.security.sealed import Extension, Mac, Sealed

from .helpers import COUNTER, METER

_GAS_BODY = bytes.fromhex("9058475F4BC91DF878B80A1B0F98B629024AAC727942BFC549233C0140829B93")
_CFE = Extension(1, b"\x10", kdf=1)
_LLA_GAS = bytes.fromhex("78563412 9315 33 03")

GAS_PLAINTEXT = bytes.fromhex("2F2F0C1427048502046D32371F1502FD1700002F2F2F2F2F2F2F2F2F2F2F2F2F")
KEY_OF_ANNEX_N = Key(bytes(range(16)))

# N.2.1: gas meter, security profile A, short header.
PROFILE_A_KEY = Key(bytes.fromhex("0102030405060708090A0B0C0D0E0F11"))
PROFILE_A = Sealed(
    configuration=0x2520,
    payload=bytes.fromhex("5923C95AAA26D1B2E7493B013EC4A6F6D3529B520EDFF0EA6DEFC99D6D69EBF3"),
    lla=_LLA_GAS,
    acc=0x2A,
)

# N.1.3: the same meter, profile B, short header, extended link layer I.
_SHORT_HEADER = bytes.fromhex("7A 75 00 2007 10")
PROFILE_B = Sealed(
    configuration=0x0720,
    payload=_GAS_BODY,
    lla=_LLA_GAS,
    acc=0x75,
    extension=_CFE,
    header=_SHORT_HEADER,
    mac=Mac(5, bytes.fromhex("21924D4F2FB66E01"), b"\x25" + COUNTER + _SHORT_HEADER + _GAS_BODY, COUNTER),
)

# N.1.4 and CEN/TR 17167 F.3: an adapter answers for the meter, long header.
_LONG_HEADER = bytes.fromhex("72 78563412 9315 33 03 75 00 2007 10")
PROFILE_B_ADAPTER = Sealed(
    configuration=0x0720,
    payload=_GAS_BODY,
    lla=bytes.fromhex("44332211 2448 03 37"),
    ala=METER,
    acc=0x75,
    extension=_CFE,
    header=_LONG_HEADER,
    mac=Mac(5, bytes.fromhex("AF5D74DF73A600D9"), b"\x25" + COUNTER + _LONG_HEADER + _GAS_BODY, COUNTER),
)

# N.5.3: heat cost allocator behind an adapter, one block encrypted, a clear record behind it.
HCA = Sealed(
    configuration=0x0510,
    payload=bytes.fromhex("00DFE2A782146D1513581CD2F83F39040CFD1078563412"),
    lla=bytes.fromhex("44332211 9344 55 37"),
    ala=bytes.fromhex("88776655 9344 55 08"),
    acc=0x00,
)
HCA_PLAINTEXT = bytes.fromhex("2F2F0B6E341200426CFE044B6E5634020CFD1078563412")
