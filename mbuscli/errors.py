"""The one exception tree.

An error says what happened (`text`), in which layer and at which byte (`layer`, `offset`), why in one
machine-readable word (`reason`) and what to try (`hint`). Its `name`, such as `port.permission`, is the
word to search for. No message ever holds key bytes.

    MbuscliError
    ├── UsageError        wrong arguments                                           exit 2
    ├── PortError         port or device missing, busy, unplugged                   exit 3
    │   └── DeviceError   a stick or modem is there, but does not do what it should exit 3
    ├── NoAnswerError     nobody answered in time                                   exit 4
    ├── DecodeError       bytes that do not follow the standard                     exit 5
    ├── BusError          answered, but colliding, garbled or unexpected            exit 5
    ├── KeyProblemError   key or passphrase missing, wrong, not authentic           exit 6
    ├── RefusedError      the meter understood and refused                          exit 7
    ├── NotConfirmedError a step was not confirmed, or is unsafe and refused        exit 9
    └── InputError        a file or text given by the user is unusable              exit 10
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, NamedTuple


class Reason(Enum):
    """Why something failed; the value is the second half of an error's name."""

    # arguments and input files
    INVALID = "invalid"
    ODD_HEX = "odd-hex"
    NOT_HEX = "not-hex"
    EMPTY = "empty"
    UNREADABLE = "unreadable"
    UNWRITABLE = "unwritable"
    UNRECOGNISED = "unrecognised"
    EXISTS = "exists"
    NOT_CONFIRMED = "not-confirmed"
    UNSAFE = "unsafe"
    # ports
    MISSING = "missing"
    AMBIGUOUS = "ambiguous"
    BUSY = "busy"
    PERMISSION = "permission"
    UNPLUGGED = "unplugged"
    NOT_SERIAL = "not-serial"
    UNREACHABLE = "unreachable"
    UNSUPPORTED = "unsupported"
    BLOCKED = "blocked"
    CLOSED = "closed"
    FAILED = "failed"
    REPLAY_MISMATCH = "replay-mismatch"
    # link layer
    TOO_SHORT = "too-short"
    TOO_LONG = "too-long"
    START_BYTE = "start-byte"
    LENGTH_MISMATCH = "length-mismatch"
    CHECKSUM = "checksum"
    STOP_BYTE = "stop-byte"
    PARITY = "parity"
    GARBAGE = "garbage"
    WRONG_ADDRESS = "wrong-address"
    CODING = "coding"
    # the bus
    NO_ANSWER = "no-answer"
    COLLISION = "collision"
    NOISE = "noise"
    UNEXPECTED = "unexpected"
    ENDLESS = "endless"
    TAKEN = "taken"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    # LoRaWAN networks
    DUTY_CYCLE = "duty-cycle"
    COUNTER = "counter"
    # transport layer
    FRAGMENT = "fragment"
    # application layer
    HEADER_TRUNCATED = "header-truncated"
    RECORD_TRUNCATED = "record-truncated"
    TOO_MANY_DIFE = "too-many-dife"
    TOO_MANY_VIFE = "too-many-vife"
    RESERVED_DIF = "reserved-dif"
    RESERVED_LVAR = "reserved-lvar"
    UNKNOWN_CI = "unknown-ci"
    APPLICATION_ERROR = "application-error"
    PROFILE = "profile"
    SIGNATURE_UNKNOWN = "signature-unknown"
    CRC = "crc"
    CONFIGURATION_IGNORED = "configuration-ignored"
    # security
    KEY_MISSING = "key-missing"
    KEY_LENGTH = "key-length"
    KEY_WRONG = "key-wrong"
    UNAUTHENTIC = "unauthentic"
    UNPROVED = "unproved"
    REPLAYED = "replayed"
    PASSPHRASE = "passphrase"
    MODE_UNSUPPORTED = "mode-unsupported"


class MbuscliError(Exception):
    """Base of every error that mbuscli raises on purpose.

    `layer` is one of: usage input port device link bus network transport security
    application.
    `offset` counts bytes from the start of the telegram, None where no byte is to blame.
    """

    default_layer = "internal"

    # The replies that came before the failure, where a conversation has several.
    replies: tuple[Any, ...] = ()

    def __init__(
        self,
        text: str,
        *,
        reason: Reason,
        layer: str | None = None,
        offset: int | None = None,
        hint: Sequence[str] = (),
    ) -> None:
        super().__init__(text)
        self.text = text
        self.reason = reason
        self.layer = layer or self.default_layer
        self.offset = offset
        self.hint = tuple(hint)

    @property
    def name(self) -> str:
        """The searchable name, `<layer>.<reason>`."""
        return f"{self.layer}.{self.reason.value}"

    def __reduce__(self) -> tuple[Any, ...]:
        """For other processes; pickle does not see arguments that are keywords."""
        return _restored, (type(self), self.text, self.reason, self.layer, self.offset, self.hint)


def _restored(
    kind: type[MbuscliError], text: str, reason: Reason, layer: str, offset: int | None, hint: tuple[str, ...]
) -> MbuscliError:
    return kind(text, reason=reason, layer=layer, offset=offset, hint=hint)


class UsageError(MbuscliError):
    """The command line asks for something that cannot be."""

    default_layer = "usage"


class InputError(MbuscliError):
    """A file, scenario or pasted text is not what it should be."""

    default_layer = "input"


class PortError(MbuscliError):
    """A port cannot be opened or was lost."""

    default_layer = "port"


class DeviceError(PortError):
    """A stick or modem does not answer, refuses, or cannot do what is asked of it."""

    default_layer = "device"


class NoAnswerError(MbuscliError):
    """Nobody answered within the reply window."""

    default_layer = "bus"


class BusError(MbuscliError):
    """Something answered, but not with a usable frame."""

    default_layer = "bus"


class DecodeError(MbuscliError):
    """Bytes that do not follow the standard."""

    default_layer = "link"


class KeyProblemError(MbuscliError):
    """A key or passphrase is missing or wrong, or what it should open is not authentic."""

    default_layer = "security"


class RefusedError(MbuscliError):
    """The meter understood the request and refused it."""

    default_layer = "application"


class NotConfirmedError(MbuscliError):
    """A step that cannot be undone was not confirmed, or is unsafe and refused."""

    default_layer = "usage"


class Problem(NamedTuple):
    """Damage or doubt found while decoding; what stands before it remains valid.

    `offset` counts bytes from the start of the telegram. A warning leaves every value usable.
    """

    layer: str
    offset: int
    reason: Reason
    text: str
    warning: bool = False
