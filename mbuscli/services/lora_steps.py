"""What a join and what follows it go through, step by step, and the error that a failure is."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from mbuscli.devices.modems.base import (
    Activation,
    Command,
    DeviceClass,
    Downlink,
    Failed,
    Identity,
    Settings,
)
from mbuscli.errors import (
    DeviceError,
    KeyProblemError,
    MbuscliError,
    NoAnswerError,
    Reason,
    RefusedError,
)
from mbuscli.protocol.lorawan.fields import DEV_ADDR_SIZE

# A link check that nobody asks an uplink for sends one: to a port that applications seldom use.
CHECK_PORT: Final = 223
CHECK_PAYLOAD: Final = b"\0"


class Uplink(NamedTuple):
    """What is to be sent."""

    f_port: int
    payload: bytes
    confirmed: bool


class Job(NamedTuple):
    """All that is wanted of `device`, known by its DevEUI or, personalised, by its DevAddr.

    `activation` None: go on with the session that the modem has. `join_s`: how long to wait for an answer to
    a join, `listen_s` for downlinks at the end.
    """

    settings: Settings
    device: bytes
    activation: Activation | None
    link_check: bool = False
    uplinks: tuple[Uplink, ...] = ()
    listen_s: float = 0.0
    join_s: float = 60.0

    @property
    def is_personalised(self) -> bool:
        """True of a device that joins nothing (ABP)."""
        return len(self.device) == DEV_ADDR_SIZE


# -- steps -----------------------------------------------------------------------------------------------


class Found(NamedTuple):
    """A modem answers on this port."""

    port: str
    identity: Identity
    classes: tuple[DeviceClass, ...]


class Planned(NamedTuple):
    """What would be sent to the modem; keys are masked in `shown`."""

    commands: tuple[Command, ...]


class Configured(NamedTuple):
    """Settings, identifiers and keys are in the modem."""

    settings: Settings
    activation: Activation


class JoinSent(NamedTuple):
    """A join-request is on air: the `number`th. An answer comes in `rx1_s` or `rx2_s` after now, if at all.

    `data_rate`: as the modem tells, else as it was set; None if neither.
    """

    number: int
    data_rate: int | None
    rate: str
    frequency_hz: int | None
    rx1_s: float
    rx2_s: float


class Waiting(NamedTuple):
    """Nothing yet, for so long; `rx1_s` and `rx2_s` count down, below 0 when the window is past."""

    what: str
    elapsed_s: float
    rx1_s: float | None = None
    rx2_s: float | None = None


class Accepted(NamedTuple):
    """In the network; `dev_addr` None if the modem does not tell it."""

    dev_addr: bytes | None
    after_s: float
    personalised: bool


class Checked(NamedTuple):
    """The link check; None where nobody answered."""

    margin_db: int | None
    gateways: int | None


class UplinkSent(NamedTuple):
    """An uplink is done; `acknowledged` None of an unconfirmed one. `f_cnt` where it is known."""

    uplink: Uplink
    acknowledged: bool | None
    after_s: float
    f_cnt: int | None


class Heard(NamedTuple):
    """A downlink came, `at_s` after the start."""

    downlink: Downlink
    at_s: float


class Listened(NamedTuple):
    """Listening is over."""

    seconds: float
    downlinks: int


class Noted(NamedTuple):
    """Something worth knowing; `warning` if it may be why things fail."""

    text: str
    warning: bool = False


class Advice(NamedTuple):
    """A possible reason, and what to do about it. `likely`: something observed speaks for it."""

    cause: str
    likely: bool
    text: str
    tries: tuple[str, ...]


class NotJoined(NamedTuple):
    """The join came to nothing; reasons, the likeliest first."""

    failed: Failed
    after_s: float
    requests: int
    advice: tuple[Advice, ...]


class NotSent(NamedTuple):
    """An uplink came to nothing, or stayed without its acknowledgement."""

    uplink: Uplink
    failed: Failed
    advice: tuple[Advice, ...]


Step: TypeAlias = (
    Found
    | Planned
    | Configured
    | JoinSent
    | Waiting
    | Accepted
    | Checked
    | UplinkSent
    | Heard
    | Listened
    | Noted
    | NotJoined
    | NotSent
)


# -- errors ----------------------------------------------------------------------------------------------

_REASONS: Final = {
    "denied": Reason.REFUSED,
    "duty-cycle": Reason.DUTY_CYCLE,
    "no-channel": Reason.DUTY_CYCLE,
    "not-joined": Reason.REFUSED,
    "parameter": Reason.INVALID,
    "region": Reason.UNSUPPORTED,
    "payload-length": Reason.TOO_LONG,
    "counter": Reason.COUNTER,
}


def error_of(failed: Failed, what: str, advice: tuple[Advice, ...] = ()) -> MbuscliError:
    """The error with which a command ends after this failure; `what` came to nothing."""
    hint = tuple(item for entry in advice for item in entry.tries[:1])
    words = f": {failed.text}" if failed.text else ""
    if failed.cause in ("no-answer", "not-acknowledged"):
        text = f"{what}: {_SILENCE[failed.cause]}{words and f' ({failed.text})'}"
        return NoAnswerError(text, reason=Reason.NO_ANSWER, layer="network", hint=hint)
    if failed.cause == "bad-accept":
        text = f"{what}: an answer was heard that the key does not fit{words and f' ({failed.text})'}"
        return KeyProblemError(text, reason=Reason.UNAUTHENTIC, hint=hint)
    if failed.cause == "busy":
        return DeviceError(f"{what}: the modem is busy{words}", reason=Reason.BUSY, hint=hint)
    if failed.cause == "modem":
        return DeviceError(f"{what}: the modem says{words}", reason=Reason.FAILED, hint=hint)
    layer = "network" if failed.cause == "denied" else "device"
    text = f"{what}: {_REFUSALS[failed.cause]}{words and f' ({failed.text})'}"
    return RefusedError(text, reason=_REASONS[failed.cause], layer=layer, hint=hint)


_SILENCE = {
    "no-answer": "nobody answered in either receive window",
    "not-acknowledged": "no acknowledgement came",
}
_REFUSALS = {
    "denied": "refused",
    "duty-cycle": "the share of time on air is used up",
    "no-channel": "no channel is free",
    "not-joined": "the modem is in no network",
    "parameter": "the modem refuses a value",
    "region": "the modem does not serve this region",
    "payload-length": "the payload is too long for the data rate",
    "counter": "the frame counter is used up",
}
