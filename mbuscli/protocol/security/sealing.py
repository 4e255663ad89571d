"""The inverse of opening: encrypt and authenticate messages, as meters do."""

from __future__ import annotations

from mbuscli.protocol.checksum import crc_en13757
from mbuscli.protocol.security import kdf
from mbuscli.protocol.security.ciphers import (
    AES_BLOCK,
    DES_BLOCK,
    aes_cbc_encrypt,
    aes_ccm_encrypt,
    aes_cmac,
    aes_ctr,
    des_cbc_encrypt,
)
from mbuscli.protocol.security.ell_ctr import start_block
from mbuscli.protocol.security.keys import Key
from mbuscli.protocol.security.modes_table import (
    AES_CBC_DERIVED,
    AES_CBC_IV,
    AES_CBC_IV_ZERO,
    AES_CCM,
    CMAC_SIZES,
    DES_IV_DATE,
    DES_IV_ZERO,
)
from mbuscli.protocol.security.sealed import Sealed, SealedEll
from mbuscli.protocol.security.tpl_modes import (
    CHECK_OCTETS,
    ccm_nonce,
    encrypted_size,
    encryption_key,
    mode3_ivs,
    mode5_iv,
)


def fill_blocks(records: bytes, block: int = AES_BLOCK) -> bytes:
    """Check octets 2F 2F, the records, and idle fillers 2F up to a whole number of blocks."""
    content = CHECK_OCTETS + records
    return content + b"\x2f" * (-len(content) % block)


def seal_payload(clear: Sealed, key: Key) -> bytes:
    """The payload of `clear` encrypted as its header says; mode 10 appends the tag.

    Raises ValueError for a mode that cannot be opened, or where the header announces more than there is.
    """
    if clear.mode == AES_CCM:
        return _seal_ccm(clear, key)
    size = encrypted_size(clear)
    if size > len(clear.payload):
        raise ValueError(f"the header announces {size} encrypted octets, {len(clear.payload)} are here")
    return _seal_cbc(clear, key, clear.payload[:size]) + clear.payload[size:]


def seal_mac(
    key: Key, mac_type: int, covered: bytes, counter: bytes, meter_id: bytes, *, from_meter: bool
) -> bytes:
    """The message authentication code of the authentication and fragmentation layer."""
    constant = kdf.MAC_FROM_METER if from_meter else kdf.MAC_TO_METER
    mac_key = kdf.derive_key(key.octets, constant, counter, meter_id)
    return aes_cmac(mac_key, covered)[: CMAC_SIZES[mac_type]]


def seal_ell(clear: SealedEll, key: Key) -> bytes:
    """Payload CRC and payload, encrypted; the payload of `clear` comes without the CRC."""
    content = crc_en13757(clear.payload).to_bytes(2, "little") + clear.payload
    return aes_ctr(key.octets, start_block(clear), content)


def _seal_ccm(clear: Sealed, key: Key) -> bytes:
    address, counter = _address(clear), clear.extension.counter
    if counter is None:
        raise ValueError("mode 10 needs a message counter in the header")
    return aes_ccm_encrypt(
        encryption_key(clear, key.octets, address),
        ccm_nonce(address, counter),
        clear.payload,
        clear.extension.tag_size,
        clear.header,
    )


def _seal_cbc(clear: Sealed, key: Key, content: bytes) -> bytes:
    mode, octets = clear.mode, key.octets
    if mode == AES_CBC_IV:
        return aes_cbc_encrypt(octets, mode5_iv(_address(clear), clear.acc), content)
    if mode == AES_CBC_DERIVED:
        return aes_cbc_encrypt(encryption_key(clear, octets, _address(clear)), bytes(AES_BLOCK), content)
    if mode == AES_CBC_IV_ZERO:
        return aes_cbc_encrypt(octets, bytes(AES_BLOCK), content)
    if mode == DES_IV_ZERO:
        return des_cbc_encrypt(octets, bytes(DES_BLOCK), content)
    if mode == DES_IV_DATE and clear.received_on is not None:
        return des_cbc_encrypt(octets, mode3_ivs(_address(clear), clear.received_on)[0], content)
    raise ValueError(f"security mode {mode} cannot be sealed")


def _address(clear: Sealed) -> bytes:
    address = clear.ala or clear.lla
    if address is None:
        raise ValueError("the key or IV needs an address")
    return address
