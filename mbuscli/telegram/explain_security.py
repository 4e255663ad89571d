"""Security of the transport layer: configuration field, its extension, and the octets that are encrypted."""

from __future__ import annotations

from mbuscli.errors import Reason
from mbuscli.protocol.application.ci_table import Ci, Content
from mbuscli.protocol.security.modes_table import (
    AES_CBC_DERIVED,
    AES_CBC_IV,
    AES_CBC_IV_ZERO,
    AES_CCM,
    MODES_BY_BLOCKS,
    MODES_BY_OCTETS,
    describe_mode,
)
from mbuscli.protocol.security.sealed import COUNTER_SIZE, KDF_A, Extension, Sealed, read_extension
from mbuscli.telegram.explain_parts import SECURITY, Dump

_CFE = "EN 13757-7, configuration field extension"
_MODES = "EN 13757-7, security modes"
_CHECK_OCTETS = b"\x2f\x2f"
_ACCESS = {
    0x0000: "the meter cannot receive",
    0x4000: "the meter can receive, but not after this telegram",
    0x8000: "the meter listens for a short time after this telegram",
    0xC000: "the meter listens at any time",
}
_CONTENT = {0: "", 2: "static content, the same each time"}


def configuration_words(configuration: int, *, radio: bool) -> str:
    """The two octets behind the status: security mode, what is encrypted, and when the meter listens."""
    mode, low = configuration >> 8 & 0x1F, configuration & 0xFF
    words = [describe_mode(mode)]
    if mode in MODES_BY_BLOCKS:
        words.append(f"encrypted blocks of 16 bytes: {low >> 4}")
    elif mode in MODES_BY_OCTETS or mode == AES_CCM:
        words.append("all bytes are encrypted" if low == 0xFF else f"{low} bytes are encrypted")
    if mode in (0, AES_CBC_IV_ZERO, AES_CBC_IV) and radio:
        words.append(_ACCESS[configuration & 0xC000])
        words += ["sent at foreseeable times"] if configuration & 0x2000 else []
        words += ["relayed by a repeater"] if configuration & 0x0001 else []
        content = configuration >> 2 & 3
    else:
        content = configuration >> 14 & 3 if mode in (AES_CBC_DERIVED, AES_CCM) else 0
    if mode in (AES_CBC_DERIVED, AES_CCM) and configuration & 0x2000:
        words.append("a message counter follows")
    note = _CONTENT.get(content, "content type reserved")
    return "; ".join([*words, *([note] if note else [])])


def secured(dump: Dump, ci: Ci) -> bool:
    """Take what stands between configuration field and data; False if the data stays closed.

    Sets the end of the dump to where the readable data ends.
    """
    telegram = dump.telegram
    is_open = telegram.security.state in ("none", "decrypted")
    configuration = 0
    if ci.header:
        configuration = int.from_bytes(dump.clear[dump.at - 2 : dump.at], "big" if ci.mode2 else "little")
    mode = configuration >> 8 & 0x1F
    if any(problem.reason is Reason.CONFIGURATION_IGNORED for problem in telegram.problems):
        return True
    dump.layer = SECURITY
    if not mode:
        return is_open
    extension = read_extension(mode, configuration, dump.peek(dump.left), dump.at)
    _extension(dump, mode, extension)
    hidden = _hidden_size(dump, configuration, extension)
    if is_open:
        _open_end(dump, mode, extension, hidden)
        return True
    if not _has_clear_tail(dump, ci, mode, hidden):
        dump.take_encrypted(dump.left, _MODES)
        return False
    dump.take_encrypted(hidden, _MODES)
    return True


def _extension(dump: Dump, mode: int, extension: Extension) -> None:
    if not extension.size:
        return
    dump.take(len(extension.cfe), "CF extension", _CFE, _extension_words(mode, extension))
    counter = extension.counter

    def take_counter() -> None:
        if counter is not None:
            number = int.from_bytes(counter, "little")
            words = f"{number}: a fresh key is derived from it for this telegram"
            dump.take(COUNTER_SIZE, "message counter", _CFE, words)

    if mode == AES_CBC_DERIVED:
        take_counter()
    if extension.key_version is not None:
        dump.take(1, "key version", _CFE, f"version {extension.key_version} of the key")
    if mode == AES_CCM:
        take_counter()


def _extension_words(mode: int, extension: Extension) -> str:
    if mode not in (AES_CBC_DERIVED, AES_CCM):
        return "protocol type of the secured channel"
    derived = (
        "derived by function KDF-A from the meter's key" if extension.kdf == KDF_A else "the meter's own"
    )
    words = [f"key {extension.key_id}, {derived}"]
    if extension.tag_size:
        words.append(f"a tag of {extension.tag_size} bytes at the end authenticates the message")
    return "; ".join(words)


def _hidden_size(dump: Dump, configuration: int, extension: Extension) -> int:
    """How many of the octets that are left are encrypted, by the configuration field."""
    from mbuscli.protocol.security.tpl_modes import encrypted_size

    return encrypted_size(Sealed(configuration, dump.peek(dump.left), extension=extension))


def _open_end(dump: Dump, mode: int, extension: Extension, hidden: int) -> None:
    """Readable data: check octets are taken, what is no data at its end is left."""
    security = dump.telegram.security
    if mode == AES_CCM:
        dump.end -= min(extension.tag_size, dump.left)
    elif hidden > dump.left and (security.mode, security.state) == (mode, "decrypted"):
        # The telegram is cut: of the encrypted blocks, the whole ones were opened.
        block = 16 if mode in MODES_BY_BLOCKS else 8
        dump.end = dump.at + dump.left // block * block
    begins = dump.clear[dump.at : min(dump.at + 2, dump.end)]
    if begins == _CHECK_OCTETS and mode != AES_CCM:
        opened = dump.telegram.raw[dump.at : dump.at + 2] != begins
        proof = "2F 2F after decryption: the key is right" if opened else "2F 2F, left from decryption"
        dump.take(2, "check bytes", _MODES, proof)


def behind_data(dump: Dump, end: int) -> None:
    """What stands behind the readable data up to `end`: a tag, or a block that is cut."""
    dump.layer = SECURITY if dump.end < end else dump.layer
    dump.end = end
    if "CCM tag" in dump.telegram.security.checks and dump.left:
        dump.take(dump.left, "tag", _MODES, "authentication tag: right, this proves the key and the message")
    dump.close(end)


def _has_clear_tail(dump: Dump, ci: Ci, mode: int, hidden: int) -> bool:
    """True if octets behind the encrypted ones are in clear and were read without a key."""
    return (
        dump.telegram.security.state in ("key_missing", "key_wrong")
        and (mode in MODES_BY_BLOCKS or mode in MODES_BY_OCTETS)
        and ci.content is Content.RECORDS
        and 0 < hidden < dump.left
    )
