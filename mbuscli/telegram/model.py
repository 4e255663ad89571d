"""What a decoded telegram consists of."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from mbuscli.errors import Problem, Reason
from mbuscli.protocol.address import MeterAddress
from mbuscli.protocol.application.records import Record

if TYPE_CHECKING:
    from mbuscli.protocol.application.compact import FormatSource
    from mbuscli.protocol.application.layout import Laid
    from mbuscli.protocol.security.keys import KeySource
    from mbuscli.protocol.security.sealed import Mac
    from mbuscli.protocol.transport.afl import FragmentJoiner
    from mbuscli.protocol.wired.frames import FrameKind
    from mbuscli.protocol.wireless.ell import Ell
    from mbuscli.telegram.plans import Plans

WIRED = "wired"
WIRELESS = "wireless"
APPLICATION = "application"
LORAWAN = "lorawan"

# As in protocol.wired.fields, which a radio telegram shall not load.
ACK = 0xE5
START_SHORT = 0x10
START_LONG = 0x68
_PRM = 0x40


class Link(NamedTuple):
    """Link layer: wired, wireless, lorawan, or application where the telegram came without one.

    frame_format   A or B, where the CRCs of a radio frame were seen
    crc            of a radio frame: ok, absent (the receiver took them out) or bad
    """

    layer: str
    kind: FrameKind | None = None
    c_field: int | None = None
    a_field: int | None = None
    ci_field: int | None = None
    frame_format: str | None = None
    crc: str | None = None

    @property
    def checksum(self) -> str | None:
        """`ok` for wired frames that carry one: a wrong one is never decoded."""
        return "ok" if self.layer == WIRED and self.c_field is not None else None

    @property
    def from_master(self) -> bool:
        """True if a wired master sent it."""
        return self.layer == WIRED and self.c_field is not None and bool(self.c_field & _PRM)


# How far content is proved, from the strongest to not at all. Only an authentication code tells that the
# meter has sent it. A CRC over the plaintext tells that the key is right and the content whole; check octets
# tell the key, once in 65536 by chance; records that make sense are all there is otherwise. What is not
# encrypted is protected by nothing: anybody can send it.
MAC, PAYLOAD_CRC, CHECK_BYTES, PLAUSIBLE, NO_PROOF = "mac", "payload-crc", "check-bytes", "plausible", "none"
GRADES = (MAC, PAYLOAD_CRC, CHECK_BYTES, PLAUSIBLE)
_GRADE_OF_CHECK = {
    "CMAC": MAC,
    "CCM tag": MAC,
    "MIC": MAC,
    "half of the MIC": CHECK_BYTES,
    "PLCRC": PAYLOAD_CRC,
    "2F2F": CHECK_BYTES,
    "4B": CHECK_BYTES,
    "2F": CHECK_BYTES,
    "sum": CHECK_BYTES,
    "records": PLAUSIBLE,
}


class Security(NamedTuple):
    """How far the content is protected, and what proves it.

    mode       security mode of the configuration field; `ell`: encryption of the extended link layer
    state      none, decrypted, key_missing, key_wrong, unsupported, unauthentic
    key        name of the key that opened it
    checks     what proves the key, such as 2F2F, PLCRC, CMAC, CCM tag, records
    address    ALA or LLA: whose address went into key or IV
    diagnosis  sentences: what was tried, what failed, what that leaves
    replayed   a counter that the key proves is behind one that came before
    """

    mode: int = 0
    ell: int = 0
    state: str = "none"
    key: str | None = None
    checks: tuple[str, ...] = ()
    address: str | None = None
    diagnosis: tuple[str, ...] = ()
    replayed: bool = False

    @property
    def proof(self) -> str:
        """The grade of the strongest check that the content has passed; `none` if nothing vouches for it."""
        grades = {_GRADE_OF_CHECK.get(check, PLAUSIBLE) for check in self.checks}
        return next((grade for grade in GRADES if grade in grades), NO_PROOF)


class Telegram:
    """One decoded message.

    raw        from the first octet of the link layer on, without the CRCs of radio frames
    received   the octets as they were given
    clear      `raw` with encrypted octets decrypted in place; all offsets count octets of it and of `raw`
    application_error, alarm   codes of CI 70/6E/6F and 71/74/75, else None
    command    what a master's frame asks for, in words
    medium     of the fixed data structure, whose four bits are no device type
    more_follows   the readout goes on in the next telegram (DIF 1F)
    is_real_data   records under the shift register of Diehl's
    own_from       where the octets begin that a decoder of a maker's own format has read
    """

    meter: MeterAddress | None = None
    sender: MeterAddress | None = None
    acc: int | None = None
    status: int | None = None
    configuration: int | None = None
    security: Security = Security()
    ell: Ell | None = None
    application_error: int | None = None
    alarm: int | None = None
    command: str | None = None
    medium: int | None = None
    more_follows: bool = False
    is_real_data: bool = False
    own_from: int | None = None
    is_withheld: bool = False
    laid: Laid | None = None
    _records: list[Record] | None = None

    def __init__(self, raw: bytes, link: Link, received: bytes | None = None) -> None:
        self.raw = raw
        self.received = raw if received is None else received
        self.clear = raw
        self.link = link
        self.problems: list[Problem] = []

    @property
    def records(self) -> list[Record]:
        """The application data, record by record."""
        if self._records is None:
            self._records = [] if self.laid is None else self.laid.records()
        return self._records

    @records.setter
    def records(self, records: list[Record]) -> None:
        self._records = records
        self.laid = None

    @property
    def is_damaged(self) -> bool:
        """True if some of it could not be read; warnings do not count."""
        return any(not problem.warning for problem in self.problems)

    def add_problem(
        self, layer: str, offset: int, reason: Reason, text: str, *, warning: bool = False
    ) -> None:
        """Note damage or doubt."""
        self.problems.append(Problem(layer, offset, reason, text, warning))

    def understood(self, offset: int) -> None:
        """A decoder of the maker's own format has read the octets from `offset` on: what looked like records
        there is none, no damage, and needed no key that is not there."""
        if self.security.state == "unsupported":
            self.security = Security(self.security.mode)
        self.own_from = offset
        self.records = [record for record in self.records if record.offset < offset]
        kept = [problem for problem in self.problems if problem.offset < offset or problem.layer == "link"]
        self.problems = kept

    def withhold(self) -> None:
        """Its values are not to be shown: the records go, and no reading is made of it."""
        self.records = []
        self.is_withheld = True

    def __repr__(self) -> str:
        return f"<Telegram {self.meter} {len(self.records)} records {len(self.problems)} problems>"


class Context(NamedTuple):
    """What decoding may draw on besides the octets.

    keys         keys by meter; None: none but the published ones
    formats      formats of compact frames; full frames teach it. None: the built-in ones
    fragments    puts messages in several fragments together; None: each telegram stands alone
    received_on  date of reception, local to the meter, which security mode 3 needs
    frame_format what the receiver told of a radio frame: A, B or none (no CRCs inside); None: not told
    now_s        time of reception in seconds of any clock, for fragments
    plans        what earlier telegrams of a stream taught about the shapes of those to come; None: nothing
    """

    keys: KeySource | None = None
    formats: FormatSource | None = None
    fragments: FragmentJoiner | None = None
    received_on: date | None = None
    frame_format: str | None = None
    now_s: float = 0.0
    plans: Plans | None = None


class Lower(NamedTuple):
    """What the layers below the transport layer say.

    lla      the sender's address in a radio frame, eight octets in the order of the long header
    mac      message authentication code of the authentication and fragmentation layer
    intact   a check of the link layer was there and right
    """

    layer: str
    from_meter: bool = True
    lla: bytes | None = None
    mac: Mac | None = None
    intact: bool = False
