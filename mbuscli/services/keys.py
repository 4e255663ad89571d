"""Keys for a command from wherever the user keeps them, and the work on the key ring."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from mbuscli.errors import InputError, Reason, UsageError
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.security.keys import FACTORY_KEYS, MOST_TRIALS, Candidate, Key, parse_key

# The ring brings much with it, and a key given on the command line needs none of that.
if TYPE_CHECKING:
    from pathlib import Path

    from mbuscli.settings.keystore import Entry, KeyRing, Outcome
    from mbuscli.settings.lora_keys import DeviceKey
    from mbuscli.settings.ring_file import Ask, Contents

KEY_VARIABLE = "MBUSCLI_KEY"
STANDARD_INPUT = "-"
_MAX_KEY_FILE = 1 << 20
_ATTEMPTS = 3


class KeyChain:
    """All keys of one command, in the order in which they are tried; a `KeySource`.

    The ring is read, and its passphrase asked for, when the keys before it do not fit; whoever tries keys
    must take them one by one.
    """

    def __init__(
        self, given: Sequence[Candidate], ring: Callable[[], KeyRing | None], ask_key: Ask | None
    ) -> None:
        self._given = tuple(given)
        self._load: Callable[[], KeyRing | None] | None = ring
        self._ring: KeyRing | None = None
        self._ask = None if given else ask_key
        self._typed: tuple[Candidate, ...] = ()

    def candidates(self, addresses: Sequence[MeterAddress]) -> Iterator[Candidate]:
        """Keys given for this command, keys of the ring, and at last the one that the user types."""
        yield from islice(self._given, MOST_TRIALS)
        ring = self._loaded()
        if ring is not None:
            yield from islice(ring.candidates(addresses), MOST_TRIALS)
        yield from self._typed
        if self._ask is not None and addresses:
            ask, self._ask = self._ask, None  # once a command
            self._typed = tuple(_typed(ask, addresses[0]))
            yield from self._typed

    def devices(self) -> list[DeviceKey]:
        """The keys of LoRaWAN devices in the ring."""
        ring = self._loaded()
        return [] if ring is None else ring.devices

    def unlocked(self) -> KeyChain:
        """The same keys without anything that must be asked for or read: it can go to another process."""
        return KeyChain(self._given, partial(_same, self._loaded()), None)

    def _loaded(self) -> KeyRing | None:
        if self._load is not None:
            self._ring = self._load()
            self._load = None
        return self._ring


def _same(ring: KeyRing | None) -> KeyRing | None:
    return ring


def collect_keys(
    key_texts: Sequence[str],
    key_file: str | None,
    ring: Path | None,
    *,
    default_ring: Callable[[], Path],
    environ: Mapping[str, str],
    read_line: Callable[[], str],
    ask_passphrase: Ask,
    ask_key: Ask | None,
) -> KeyChain:
    """The chain --key HEX, --key - (`read_line`), --key-file, MBUSCLI_KEY, ring, prompt.

    `ring` is the file that the user named and must exist; the default one may be absent. `ask_key` None:
    nobody is asked for a key. UsageError and InputError say which of the keys cannot be one.
    """
    given = list(given_keys(key_texts, key_file, read_line))
    if environ.get(KEY_VARIABLE):
        given.append(Candidate(KEY_VARIABLE, _parse(environ[KEY_VARIABLE], KEY_VARIABLE)))
    if ring is not None and not ring.exists():
        raise InputError(f"there is no key ring {ring}", reason=Reason.MISSING)

    def load() -> KeyRing | None:
        path = ring or default_ring()
        if not path.exists():
            return None
        from mbuscli.settings.ring_file import load_ring

        return load_ring(path, ask_passphrase)

    return KeyChain(given, load, ask_key)


def given_keys(
    key_texts: Sequence[str], key_file: str | None, read_line: Callable[[], str]
) -> Iterator[Candidate]:
    """The keys on the command line, on standard input and in a key file."""
    for text in key_texts:
        if text == STANDARD_INPUT:
            yield Candidate("key from standard input", _parse(read_line(), "standard input"))
        else:
            yield Candidate("--key", _parse(text, "--key"))
    if key_file is not None:
        from pathlib import Path

        yield from _keys_in_file(Path(key_file))


def _keys_in_file(path: Path) -> Iterator[Candidate]:
    """One key a line; empty lines and those that begin with # are passed over."""
    from mbuscli.settings.files import read_private

    text = read_private(path, _MAX_KEY_FILE).decode("utf-8-sig", "replace")
    keys = [
        Candidate(f"key file {path}", _parse(line, f"{path}, line {number}"))
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not keys:
        raise InputError(f"there is no key in {path}", reason=Reason.EMPTY)
    yield from keys


def _parse(text: str, where: str) -> Key:
    try:
        return parse_key(text)
    except UsageError as error:
        raise UsageError(f"{where}: {error.text}", reason=error.reason, hint=error.hint) from None


def _typed(ask: Ask, address: MeterAddress) -> Iterator[Candidate]:
    prompt = f"Key of {address} (32 hexadecimal digits, not shown; empty: none): "
    for _ in range(_ATTEMPTS):
        text = ask(prompt)
        if not text:
            return
        try:
            yield Candidate("typed key", parse_key(text))
            return
        except UsageError as error:
            prompt = f"{error.text}. Again: "


class Put(NamedTuple):
    """What became of an entry that was to be filed; `error` where the ring holds another key for it."""

    entry: Entry
    outcome: Outcome | None
    error: InputError | None = None


def put_all(ring: KeyRing, entries: Iterable[Entry], *, replace: bool) -> Iterator[Put]:
    """File entries one by one; one that is refused does not stop the others."""
    for entry in entries:
        try:
            yield Put(entry, ring.put(entry, replace=replace))
        except InputError as error:
            yield Put(entry, None, error)


class Finding(NamedTuple):
    """Something about the ring: an error stops its use, a note is worth a look. `entry`: whose, if of one."""

    severity: str
    entry: str | None
    text: str
    hint: str = ""


def check_ring(path: Path, ask: Ask) -> tuple[Contents, list[Finding]]:
    """The ring's keys, and what is wrong or odd with the file and with them."""
    from mbuscli.settings.ring_file import read_contents

    contents = read_contents(path, ask, private=False)
    findings = [*_check_modes(path)]
    findings += [Finding("error", f"key {fault.entry}", fault.text) for fault in contents.faults]
    findings += _check_entries(contents.entries)
    return contents, findings


def _check_modes(path: Path) -> Iterator[Finding]:
    from mbuscli.settings.files import chmod_command, others_may

    wide = others_may(path.stat())
    if wide is not None:
        yield Finding("error", None, f"others can open the file (mode {wide:03o})", chmod_command(path))


def _check_entries(entries: Sequence[Entry]) -> Iterator[Finding]:
    factory = {candidate.key: candidate.name for candidate in FACTORY_KEYS}
    patterns = Counter(entry.meters for entry in entries)
    names = Counter(entry.name for entry in entries)
    keys = Counter(entry.key for entry in entries)
    pairs = Counter((entry.meters, entry.key) for entry in entries)
    for entry in entries:
        if entry.key in factory:
            yield Finding("note", entry.name, f"this is the {factory[entry.key]}: it keeps nothing secret")
        elif keys[entry.key] > pairs[entry.meters, entry.key]:
            yield Finding("note", entry.name, "other meters have the same key")
        if pairs[entry.meters, entry.key] > 1:
            yield Finding("note", entry.name, f"the same key stands more than once for {entry.meters}")
        elif patterns[entry.meters] > 1:
            yield Finding(
                "note", entry.name, f"{entry.meters} has {patterns[entry.meters]} keys: all are tried"
            )
        elif names[entry.name] > 1:
            yield Finding("note", entry.name, "other keys have the same name")
