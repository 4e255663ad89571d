"""A text sealed with a passphrase: scrypt (RFC 7914) makes the key, AES-256-GCM seals and proves the text."""

from __future__ import annotations

import os
import unicodedata
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, NamedTuple

from mbuscli.errors import InputError, KeyProblemError, Reason

_KDF = "scrypt"
_KEY_SIZE = 32
_SALT_SIZE = 16
_NONCE_SIZE = 12
_LEAST_SEALED = 16  # the tag alone
# 64 MiB for a third of a second: what OWASP recommends, and a small computer can still spare.
_N, _R, _P = 1 << 16, 8, 2
# A file from elsewhere must not take all memory (128 * n * r octets).
_MAX_N, _MAX_R, _MAX_P = 1 << 20, 16, 16


class Vault(NamedTuple):
    """The sealed text and what is needed to open it, beside the passphrase."""

    n: int
    r: int
    p: int
    salt: bytes
    nonce: bytes
    data: bytes

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Vault:
        """The vault in a table of the ring file; InputError `input.invalid` if it is none."""
        try:
            kdf, n, r, p = (table[name] for name in ("kdf", "n", "r", "p"))
            salt, nonce, data = (_octets(table[name]) for name in ("salt", "nonce", "data"))
        except (KeyError, ValueError):
            raise _invalid("parts of it are missing or damaged") from None
        if kdf != _KDF:
            raise _invalid("its key derivation is unknown to this version")
        if not all(isinstance(number, int) and number > 0 for number in (n, r, p)):
            raise _invalid("its parameters are no numbers")
        if n > _MAX_N or n & (n - 1) or n < 2 or r > _MAX_R or p > _MAX_P:
            raise _invalid("its parameters are out of bounds")
        if len(salt) < _SALT_SIZE or len(nonce) != _NONCE_SIZE or len(data) < _LEAST_SEALED:
            raise _invalid("parts of it are cut off")
        return cls(n, r, p, salt, nonce, data)

    def table(self) -> dict[str, str | int]:
        """As `from_table` takes it."""
        return {
            "kdf": _KDF,
            "n": self.n,
            "r": self.r,
            "p": self.p,
            "salt": b64encode(self.salt).decode(),
            "nonce": b64encode(self.nonce).decode(),
            "data": b64encode(self.data).decode(),
        }

    def open(self, passphrase: str) -> bytes:
        """The text; KeyProblemError `input.passphrase` for a wrong passphrase or a changed vault."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            return AESGCM(self._key(passphrase)).decrypt(self.nonce, self.data, self._header())
        except InvalidTag:
            raise KeyProblemError(
                "the passphrase does not open the key ring",
                reason=Reason.PASSPHRASE,
                layer="input",
                hint=("type it again; if it is surely right, the file was damaged: take it from a backup",),
            ) from None

    def _key(self, passphrase: str) -> bytes:
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

        kdf = Scrypt(salt=self.salt, length=_KEY_SIZE, n=self.n, r=self.r, p=self.p)
        # The same letters come composed from one keyboard and decomposed from another.
        return kdf.derive(unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogateescape"))

    def _header(self) -> bytes:
        """Authenticated with the text, so that no parameter can be exchanged."""
        return f"mbuscli vault 1 {_KDF} {self.n} {self.r} {self.p} {self.salt.hex()}".encode()


def seal(text: bytes, passphrase: str) -> Vault:
    """Seal a text, with a fresh salt and nonce each time."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    empty = Vault(_N, _R, _P, os.urandom(_SALT_SIZE), os.urandom(_NONCE_SIZE), b"")
    data = AESGCM(empty._key(passphrase)).encrypt(empty.nonce, text, empty._header())
    return empty._replace(data=data)


def _octets(text: object) -> bytes:
    if not isinstance(text, str):
        raise ValueError("not text")
    return b64decode("".join(text.split()), validate=True)


def _invalid(why: str) -> InputError:
    return InputError(
        f"the encrypted key ring cannot be opened: {why}",
        reason=Reason.INVALID,
        hint=("put a copy of it back; the keys in what is left of it are lost",),
    )
