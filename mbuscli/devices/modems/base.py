"""What every LoRaWAN modem can do, and what it reports while it does it."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol, TypeAlias

from mbuscli.protocol.lorawan.region_table import Region
from mbuscli.protocol.lorawan.session import SessionKeys
from mbuscli.protocol.security.keys import Key

DeviceClass: TypeAlias = Literal["A", "B", "C"]


class Otaa(NamedTuple):
    """What joins over the air. EUIs most significant octet first; `nwk_key` of LoRaWAN 1.1 only."""

    dev_eui: bytes
    join_eui: bytes
    app_key: Key
    nwk_key: Key | None = None


class Abp(NamedTuple):
    """What is activated by personalisation: address, keys, and the counter to go on with."""

    dev_addr: bytes
    keys: SessionKeys
    f_cnt_up: int = 0


Activation: TypeAlias = Otaa | Abp


class Settings(NamedTuple):
    """How the modem shall send; None leaves its own setting."""

    region: Region
    sub_band: int | None = None
    device_class: DeviceClass = "A"
    data_rate: int | None = None
    adr: bool | None = None


class Identity(NamedTuple):
    """Who a modem says it is. `step` is the question of the identification that it answered."""

    family: str
    model: str
    firmware: str = ""
    dev_eui: bytes | None = None
    step: str = ""


class Command(NamedTuple):
    """One command as `--dry-run` and traces show it: keys are masked in `shown`."""

    octets: bytes
    shown: str
    meaning: str


# -- what happens ----------------------------------------------------------------------------------------


class Joining(NamedTuple):
    """A join-request has gone out, as far as the modem tells."""

    data_rate: int | None = None
    frequency_hz: int | None = None


class Joined(NamedTuple):
    """Accepted; the modem tells the address or not."""

    dev_addr: bytes | None = None


FailureCause: TypeAlias = Literal[
    "no-answer",  # nobody answered in both windows
    "denied",  # the modem says that it was refused
    "bad-accept",  # an answer was heard whose MIC does not fit
    "duty-cycle",
    "no-channel",
    "busy",
    "not-joined",
    "parameter",
    "region",
    "payload-length",
    "not-acknowledged",
    "counter",
    "modem",  # any other error of the modem, in its own words
]


class Failed(NamedTuple):
    """A join or an uplink came to nothing. `text`: the modem's words, `wait_s`: how long it asks to wait."""

    cause: FailureCause
    text: str
    wait_s: float | None = None


class Sent(NamedTuple):
    """The uplink is done; `acknowledged` None of an unconfirmed one."""

    acknowledged: bool | None = None


class Downlink(NamedTuple):
    """What the network sent; signal as the modem tells it. `f_port` None: no payload."""

    f_port: int | None
    payload: bytes
    rssi_dbm: float | None = None
    snr_db: float | None = None


class LinkCheck(NamedTuple):
    """The answer of the network to a link check; None where nobody answered."""

    margin_db: int | None
    gateways: int | None


class Remark(NamedTuple):
    """A line of the modem that says something else, in its own words."""

    text: str


Event: TypeAlias = Joining | Joined | Failed | Sent | Downlink | LinkCheck | Remark


class Modem(Protocol):
    """A modem on an open port. Lost ports raise PortError; refusals while configuring raise RefusedError.

    family   as in the registry, such as rn2483
    classes  those that this modem can be
    """

    family: str
    classes: tuple[DeviceClass, ...]

    def identify(self) -> Identity:
        """Ask the modem who it is."""
        ...

    def plan(self, settings: Settings, activation: Activation) -> list[Command]:
        """The commands that `configure` and `start_join` would send, without sending any.

        RefusedError `…unsupported` for what this modem cannot do: a region, a class, LoRaWAN 1.1.
        """
        ...

    def configure(self, settings: Settings, activation: Activation) -> None:
        """Put settings, identifiers and keys into the modem; RefusedError names the refused command."""
        ...

    def start_join(self) -> list[Event]:
        """Begin to join (or activate, with ABP); what the modem said at once."""
        ...

    def start_send(self, f_port: int, payload: bytes, *, confirmed: bool) -> list[Event]:
        """Begin an uplink; what the modem said at once."""
        ...

    def start_link_check(self) -> list[Event]:
        """Ask for a link check with the next uplink, or at once where the modem does so."""
        ...

    def events(self, until: float) -> list[Event]:
        """What happened up to `until` of the port's clock; returns as soon as there is something."""
        ...
