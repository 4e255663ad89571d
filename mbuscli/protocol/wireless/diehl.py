"""Radio telegrams of the Diehl family: addresses in an order of their own, payloads under a shift register.

DME, EWT, HYD, SAP and SPL send three kinds of telegrams; CI and configuration field tell which.
"""

from __future__ import annotations

from mbuscli.protocol.address import MeterAddress, encode_manufacturer
from mbuscli.protocol.octets import bcd_digits
from mbuscli.protocol.wireless.frame_format import OWN_ORDER

SAPPEL = encode_manufacturer("SAP")

# PRIOS, a format of their own, and its variants whose layout is not public.
CI_PRIOS = range(0xA0, 0xA8)
_CI_REORDERED = frozenset((*CI_PRIOS, 0xB1, 0xB2, 0xB3))
# REAL DATA: records under the shift register, announced by this CI or by bit 12 of the configuration field.
CI_REAL_DATA = 0x71
_CI_SHORT_HEADER = 0x7A
_REAL_DATA_BIT = 0x10

_C_FIELDS = frozenset((0x44, 0x46))
_CI_AT = 10
_CONFIGURATION_AT = 14
# The telegram says neither: the address is packed and holds a serial number.
_PRIOS_VERSION, _PRIOS_TYPE = 0x00, 0x07


def is_real_data(telegram: bytes) -> bool:
    """True if the records of this telegram, from its L field on, lie under the shift register."""
    if (
        len(telegram) <= _CONFIGURATION_AT
        or telegram[1] not in _C_FIELDS
        or maker_of(telegram) not in OWN_ORDER
    ):
        return False
    ci_field = telegram[_CI_AT]
    marked = ci_field == _CI_SHORT_HEADER and telegram[_CONFIGURATION_AT] & _REAL_DATA_BIT
    return ci_field == CI_REAL_DATA or bool(marked)


def maker_of(telegram: bytes) -> int:
    """The manufacturer's code in the link layer."""
    return telegram[2] | telegram[3] << 8


def meter_of(telegram: bytes, address: MeterAddress) -> MeterAddress:
    """Who sent it. `address`: as the standard reads it, which holds for OMS telegrams of these makers."""
    if len(telegram) <= _CI_AT or telegram[1] not in _C_FIELDS:
        return address
    prios = telegram[_CI_AT] in _CI_REORDERED
    if prios and address.manufacturer == SAPPEL:
        return address._replace(version=_PRIOS_VERSION, device_type=_PRIOS_TYPE)
    if not prios and not is_real_data(telegram):
        return address
    return MeterAddress(bcd_digits(telegram[6:10]), address.manufacturer, telegram[4], telegram[5])
