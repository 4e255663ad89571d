"""What keeps a message closed whatever the key: modes, fields and combinations that are not supported."""

from __future__ import annotations

from mbuscli.protocol.security.extension import KDF_A
from mbuscli.protocol.security.modes_table import (
    AES_CBC_DERIVED,
    AES_CBC_IV,
    AES_CCM,
    CMAC_SIZES,
    DES_IV_DATE,
    MODES_BY_OCTETS,
)
from mbuscli.protocol.security.sealed import Sealed
from mbuscli.protocol.security.tpl_modes import SCHEMES, encrypted_size

ADDRESSED_MODES = frozenset((DES_IV_DATE, AES_CBC_IV, AES_CBC_DERIVED, AES_CCM))
_DERIVING_MODES = frozenset((AES_CBC_DERIVED, AES_CCM))


def addresses_for(sealed: Sealed) -> list[tuple[str, bytes]]:
    """The addresses that key and IV may be made from, with their labels, the one by the rule first.

    The rule: the meter's own address in a long header, else that of the link layer, which is the meter's
    where no adapter sends for it. Keys for a message to a meter derive from the meter's address alone.
    """
    found = []
    if sealed.ala is not None:
        found.append(("ALA", sealed.ala))
    derives = sealed.mode in _DERIVING_MODES or sealed.mac is not None
    if sealed.lla is not None and sealed.lla != sealed.ala and (sealed.from_meter or not derives):
        found.append(("LLA", sealed.lla))
    return found


def obstacle(sealed: Sealed) -> str | None:
    """Why no key can open the encrypted message, None if one could."""
    mode, extension = sealed.mode, sealed.extension
    if mode not in SCHEMES:
        return "not supported, the data stays as received"
    if mode in MODES_BY_OCTETS and sealed.mac is not None:
        return "DES with a message authentication code is not supported"
    if mode in ADDRESSED_MODES and not addresses_for(sealed):
        return "the telegram carries no address of the meter, which key or IV are made from"
    if mode == DES_IV_DATE and sealed.received_on is None:
        return "the IV is made from the date of the transmission, which is not known"
    if mode in _DERIVING_MODES and extension.kdf != KDF_A:
        return f"key derivation {extension.kdf} is not supported"
    if mode == AES_CBC_DERIVED and extension.counter is not None and extension.key_version is not None:
        return "message counter and key version together: their order is not certain"
    if mode == AES_CBC_DERIVED and sealed.message_counter is None:
        return "the telegram carries no message counter, which the key is derived from"
    return _ccm_obstacle(sealed) or mac_obstacle(sealed)


def _ccm_obstacle(sealed: Sealed) -> str | None:
    if sealed.mode != AES_CCM:
        return None
    if sealed.extension.counter is None:
        return "without a message counter in the header it is not supported"
    if encrypted_size(sealed) != max(0, len(sealed.payload) - sealed.extension.tag_size):
        return "partial encryption is not supported"
    return None


def mac_obstacle(sealed: Sealed) -> str | None:
    """Why the message authentication code cannot be checked, None if it can or there is none."""
    mac = sealed.mac
    if mac is None:
        return None
    if mac.type not in CMAC_SIZES:
        return f"authentication type {mac.type} is not supported"
    if len(mac.octets) != CMAC_SIZES[mac.type]:
        size = CMAC_SIZES[mac.type]
        return f"the authentication code has {len(mac.octets)} octets, type {mac.type} has {size}"
    if sealed.message_counter is None:
        return "the authentication key is derived from a message counter, and there is none"
    if not addresses_for(sealed):
        return "the authentication key is derived from the meter's address, and there is none"
    return None
