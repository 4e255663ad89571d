"""Kamstrup KEM files: meters and their keys as XML, encrypted with a password (W3C XML Encryption).

A KEM file comes by mail from somewhere: nothing in it is trusted. Documents with a DOCTYPE are refused, so
there are no entities, and a zip is read in memory, its names never used as paths.
"""

from __future__ import annotations

import io
import itertools
import zipfile
import zlib
from base64 import b64decode
from collections.abc import Iterator
from typing import NamedTuple
from xml.parsers import expat

from mbuscli.errors import InputError, KeyProblemError, Reason
from mbuscli.protocol.security.keys import AES_KEY_SIZE

MAX_SIZE = 16 << 20
MAX_MEMBERS = 100
_MAX_DEPTH = 30
_MAX_ELEMENTS = 300_000  # a tree takes far more memory than its text
_ZIP = b"PK\x03\x04"
_SUFFIXES = (".kem", ".kem2", ".xml")
_CIPHER_VALUE = "CipherValue"
_DEK_DIGITS = 32
# Root and element of a meter, and where its fields stand, in the two generations of the format.
_ROOTS = {"MetersInOrder": "Meter", "Devices": "Device"}
_FIELDS = {
    "serial": ("SerialNo", "SerialNumber"),
    "number": ("MeterNo", "CustomerDeviceNumber"),
    "manufacturer": ("VendorId", "ManufacturerId"),
    "type": ("MeterName", "ShortName"),
}
_DEK = "DEK"


class _Element(NamedTuple):
    """An XML element: name without prefix, children, and its text in pieces."""

    name: str
    children: list[_Element]
    pieces: list[str]

    @property
    def text(self) -> str:
        return "".join(self.pieces).strip()

    def walk(self) -> Iterator[_Element]:
        yield self
        for child in self.children:
            yield from child.walk()


def is_kem(data: bytes) -> bool:
    """True for a zip, or XML in any of its encodings."""
    head = data[:200].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return data.startswith(_ZIP) or head.startswith(b"<")


def open_kem(data: bytes, password: str) -> Iterator[dict[str, str]]:
    """The meters of a KEM file, or of all in a zip: serial, key, manufacturer, name and note as text.

    InputError `input.invalid` or `input.too-long` for what is no KEM file; KeyProblemError `input.passphrase`
    if the password does not open it. All is read before the first meter comes.
    """
    key = _password_key(password)
    meters: list[dict[str, str]] = []
    for document in _documents(data):
        meters += _meters(_decrypt(_cipher_value(document), key))
    return iter(meters)


def _password_key(password: str) -> bytes:
    key = password.strip().encode("utf-8", "surrogateescape")
    if len(key) > AES_KEY_SIZE:
        raise KeyProblemError(
            f"the password of a KEM file has {AES_KEY_SIZE} characters at most",
            reason=Reason.PASSPHRASE,
            layer="input",
        )
    return key.ljust(AES_KEY_SIZE, b"\0")


def _documents(data: bytes) -> list[bytes]:
    if not data.startswith(_ZIP):
        return [data]
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [item for item in archive.infolist() if item.filename.lower().endswith(_SUFFIXES)]
            if not members:
                raise _invalid("the zip holds no .kem file", "a spreadsheet must be exported as CSV first")
            if len(members) > MAX_MEMBERS:
                raise _invalid(f"the zip holds more than {MAX_MEMBERS} files")
            left = MAX_SIZE
            documents = []
            for member in members:
                documents.append(_member(archive, member, left))
                left -= len(documents[-1])
            return documents
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError):
        raise _invalid("the zip is damaged or of a kind that cannot be read") from None
    except RuntimeError:
        raise _invalid("the zip itself is encrypted", "unpack it first, then import the .kem file") from None


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> bytes:
    """One file; the size in the directory may lie, so it is not believed."""
    with archive.open(member) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise InputError(f"the zip unpacks to more than {MAX_SIZE >> 20} MiB", reason=Reason.TOO_LONG)
    return data


def _cipher_value(document: bytes) -> bytes:
    root = _parse(document)
    values = [element.text for element in root.walk() if element.name == _CIPHER_VALUE]
    if len(values) != 1:
        raise _invalid("there is no encrypted content (CipherValue) in it")
    try:
        data = b64decode("".join(values[0].split()), validate=True)
    except ValueError:
        raise _invalid("its encrypted content is no base64") from None
    if not data or len(data) % AES_KEY_SIZE:
        raise _invalid("its encrypted content is cut off")
    return data


def _decrypt(data: bytes, key: bytes) -> _Element:
    """The inner document; whatever is no XML with meters in it was opened with the wrong password."""
    from mbuscli.protocol.security.ciphers import aes_cbc_decrypt

    plain = aes_cbc_decrypt(key, key, data)  # the IV is the key itself
    text = plain[: plain.rfind(b">") + 1]  # what follows is padding
    try:
        text.decode("utf-8")
        root = _parse(text)
    except (UnicodeDecodeError, InputError):
        raise _wrong_password() from None
    if root.name not in _ROOTS:
        raise _wrong_password()
    return root


def _meters(root: _Element) -> Iterator[dict[str, str]]:
    found = [element for element in root.walk() if element.name == _ROOTS[root.name]]
    meters = [_meter(element) for element in found]
    if not any(len(meter["key"]) == _DEK_DIGITS for meter in meters):
        raise _wrong_password()
    yield from meters


def _meter(device: _Element) -> dict[str, str]:
    texts: dict[str, str] = {}
    pair = ""
    for element in device.walk():
        # Later elements of the same name belong to parts of the device: the first one counts.
        texts.setdefault(element.name, element.text)
        if element.name == "Name":
            pair = element.text
        elif element.name == "Value" and pair == _DEK:
            texts[_DEK] = element.text
    meter = {
        field: next((texts[name] for name in names if name in texts), "") for field, names in _FIELDS.items()
    }
    number = "" if meter["number"] in ("", meter["serial"]) else f"number {meter['number']}"
    meter["note"] = ", ".join(part for part in (meter["type"], number) if part)
    meter["key"] = texts.get(_DEK, "")
    return meter


def _parse(document: bytes) -> _Element:
    """The document as a tree; InputError `input.invalid` for a DOCTYPE, deep nesting or a syntax error."""
    top = _Element("", [], [])
    open_elements = [top]
    count = itertools.count()

    def start(name: str, _attributes: dict[str, str]) -> None:
        if len(open_elements) > _MAX_DEPTH or next(count) > _MAX_ELEMENTS:
            raise _invalid("its XML is too deep or too large")
        element = _Element(name.rpartition(":")[2], [], [])
        open_elements[-1].children.append(element)
        open_elements.append(element)

    def refuse(*_: object) -> None:
        raise _invalid("it declares a document type, which no KEM file does")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _name: open_elements.pop()
    parser.CharacterDataHandler = lambda text: open_elements[-1].pieces.append(text)
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(document, True)
    except (expat.ExpatError, ValueError, LookupError):
        raise _invalid("it is no well-formed XML") from None
    return top.children[0]


def _wrong_password() -> KeyProblemError:
    return KeyProblemError(
        "the password does not open the KEM file",
        reason=Reason.PASSPHRASE,
        layer="input",
        hint=("it is the customer number, or what the sender of the file chose; capitals count",),
    )


def _invalid(why: str, *hint: str) -> InputError:
    return InputError(f"this KEM file cannot be read: {why}", reason=Reason.INVALID, hint=hint)
