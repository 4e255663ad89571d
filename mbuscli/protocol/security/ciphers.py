"""AES-128, DES, CMAC and CCM: the only module of the protocol that knows the cipher library.

A cipher context costs more than the blocks of a telegram, so contexts of the keys in use are kept: CBC and
CTR are built on the block cipher itself, whose context holds nothing from one call to the next. What few
telegrams need is imported where it is needed.
"""

from __future__ import annotations

from _thread import get_ident
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.cmac import CMAC

AES_BLOCK = 16
DES_BLOCK = 8
# A kilobyte each, made as keys are used: enough for the meters of a town.
_KEPT_CONTEXTS = 1 << 15
_ALL_ONES = (1 << 8 * AES_BLOCK) - 1


def aes_cbc_decrypt(key: bytes, iv: bytes, data: bytes, *, once: bool = False) -> bytes:
    """`data` in whole blocks, without padding rules. `once`: the key was made for this message alone."""
    decryptor = _new_decryptor(key) if once else _aes_decryptor(key, get_ident())
    size = len(data)
    # As `_xor`, spelt out: every telegram of security mode 5 passes here.
    plain = int.from_bytes(decryptor.update(data), "big") ^ int.from_bytes((iv + data)[:size], "big")
    return plain.to_bytes(size, "big")


def aes_cbc_encrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    """The inverse of `aes_cbc_decrypt`."""
    return Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor().update(data)


def aes_ctr(key: bytes, start: bytes, data: bytes) -> bytes:
    """`data` of any length, encrypted or decrypted; the 16 octets of `start` count up as one number."""
    first = int.from_bytes(start, "big")
    blocks = -(-len(data) // AES_BLOCK)
    counters = b"".join((first + n & _ALL_ONES).to_bytes(AES_BLOCK, "big") for n in range(blocks))
    return _xor(data, _aes_encryptor(key, get_ident()).update(counters)[: len(data)])


def aes_ecb_encrypt(key: bytes, data: bytes) -> bytes:
    """Each block of `data` by itself: LoRaWAN builds its key streams and keys from such blocks."""
    return _aes_encryptor(key, get_ident()).update(data)


def aes_ecb_decrypt(key: bytes, data: bytes) -> bytes:
    """The inverse of `aes_ecb_encrypt`."""
    return _aes_decryptor(key, get_ident()).update(data)


def aes_cmac(key: bytes, data: bytes, *, once: bool = False) -> bytes:
    """The 16 octets of AES-CMAC (RFC 4493). `once`: the key was made for this message alone."""
    cmac = _new_cmac(key) if once else _cmac(key).copy()
    cmac.update(data)
    return cmac.finalize()


def aes_ccm_decrypt(key: bytes, nonce: bytes, data: bytes, tag: bytes, header: bytes) -> bytes | None:
    """The plaintext of CCM (RFC 3610), None where the tag does not fit; `header` is authenticated only."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM

    try:
        return AESCCM(key, len(tag)).decrypt(nonce, data + tag, header)
    except InvalidTag:
        return None


def aes_ccm_encrypt(key: bytes, nonce: bytes, data: bytes, tag_size: int, header: bytes) -> bytes:
    """Ciphertext and tag."""
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM

    return AESCCM(key, tag_size).encrypt(nonce, data, header)


def des_cbc_decrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    """`data` in whole blocks of eight octets."""
    return _des(key, iv).decryptor().update(data)


def des_cbc_encrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    """The inverse of `des_cbc_decrypt`."""
    return _des(key, iv).encryptor().update(data)


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")


# Contexts must not be shared between threads, hence the thread in the cache key.
@lru_cache(maxsize=_KEPT_CONTEXTS)
def _aes_decryptor(key: bytes, thread: int) -> CipherContext:
    return _new_decryptor(key)


def _new_decryptor(key: bytes) -> CipherContext:
    return Cipher(algorithms.AES(key), modes.ECB()).decryptor()


@lru_cache(maxsize=_KEPT_CONTEXTS)
def _aes_encryptor(key: bytes, thread: int) -> CipherContext:
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor()


@lru_cache(maxsize=_KEPT_CONTEXTS)
def _cmac(key: bytes) -> CMAC:
    return _new_cmac(key)


def _new_cmac(key: bytes) -> CMAC:
    from cryptography.hazmat.primitives.cmac import CMAC

    return CMAC(algorithms.AES(key))


def _des(key: bytes, iv: bytes) -> Cipher[modes.CBC]:
    # The library has triple DES only; with the same key three times it is DES.
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES

    return Cipher(TripleDES(key * 3), modes.CBC(iv))
