"""Decode telegrams that were received earlier, whatever they came in."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from mbuscli.errors import DecodeError, MbuscliError, Reason
from mbuscli.protocol.application.records import Record, joined_headers
from mbuscli.services.input import Piece
from mbuscli.telegram import Telegram, decode
from mbuscli.telegram.model import LORAWAN, WIRELESS, Context

if TYPE_CHECKING:
    from mbuscli.protocol.application.compact import FormatSource
    from mbuscli.protocol.lorawan.payloads import BridgedTelegram
    from mbuscli.protocol.security.keys import KeySource
    from mbuscli.protocol.transport.afl import Afl, FragmentJoiner, Fragments, Message
    from mbuscli.services.lorawan_decrypt import LorawanDecoder
    from mbuscli.services.lorawan_keys import Device
    from mbuscli.services.replay import Counters
    from mbuscli.settings.formats_store import StoredFormats
    from mbuscli.settings.lora_keys import DeviceKey
    from mbuscli.telegram.plans import Plans


class Decoded(NamedTuple):
    """A telegram, the line of the input where it begins, and what that line tells of its reception.

    `time` is ISO 8601 as the line gives it; `rssi_dbm` and `mode` are None where it does not tell.
    """

    telegram: Telegram
    line: int | None
    time: str | None = None
    rssi_dbm: float | None = None
    mode: str | None = None
    dialect: str = "hex"


class Undecodable(NamedTuple):
    """Octets of which nothing can be made, or a line without any, and why."""

    error: MbuscliError
    line: int | None


# L, C, M, A: what a telegram has at least.
_SHORTEST = 10
# Octets that nothing stands around.
_BARE = ("hex", "base64")
_YEAR_2100_S = 4_102_444_800
_A_HANDFUL = 16
# More problems than any telegram has.
_HOPELESS = 1 << 16

# Shapes of full frames that are remembered until a compact frame, or the end, calls for the store.
_MAX_PENDING = 500


DecryptEvent: TypeAlias = Decoded | Undecodable


class Lorawan(NamedTuple):
    """What was said of LoRaWAN: devices and their keys, `filed` those of the key ring.

    `only`: octets without a line format are LoRaWAN frames.
    """

    given: Sequence[Device] = ()
    filed: Callable[[], list[DeviceKey]] = list
    only: bool = False


def decrypt(
    pieces: Iterable[Piece],
    *,
    keys: KeySource | None = None,
    formats: FormatSource | None = None,
    received_on: date | None = None,
    lorawan: Lorawan = Lorawan(),  # noqa: B008 - immutable
) -> Iterator[DecryptEvent]:
    """Decode each piece with `keys`; full frames teach `formats` the compact frames behind them.

    `received_on`: day of reception of telegrams whose line does not tell it.
    """
    decoder = Decoder(keys, formats, received_on, lorawan)
    for piece in pieces:
        yield from decoder.events(piece)


class Decoder:
    """What one telegram leaves behind for those that follow it."""

    def __init__(
        self,
        keys: KeySource | None,
        formats: FormatSource | None,
        received_on: date | None,
        lorawan: Lorawan,
        fragments: FragmentJoiner | None = None,
        *,
        strict: bool = False,
    ) -> None:
        if formats is None:
            from mbuscli.protocol.application.compact import Formats

            formats = Formats()
        self._keys = keys
        self._formats = formats
        self._fragments = fragments or _LateFragments()
        self._received_on = received_on
        self._now_s = 0.0
        self._rssi_is_appended: bool | None = None
        self._lorawan = lorawan
        self._lorawan_decoder: LorawanDecoder | None = None
        self._plans: Plans | None = None
        self._decoded = 0
        self._strict = strict
        self._first_opened: Telegram | None = None
        self._counters: Counters | None = None

    @property
    def counters(self) -> Counters:
        """The proved counters of what was decoded."""
        if self._counters is None:
            from mbuscli.services.replay import Counters

            self._counters = Counters()
            if self._first_opened is not None:
                self._counters.take(self._first_opened)
        return self._counters

    def events(self, piece: Piece) -> Sequence[DecryptEvent]:
        """What one piece brings: a telegram, those inside it, or why there is none."""
        if piece.error is not None:
            return [Undecodable(piece.error, piece.line)]
        try:
            if self.is_lorawan(piece):
                return self.decode_lorawan(piece)
            decoded = self.decode(piece)
        except DecodeError as error:
            return self.take_as_lorawan(piece, error) or [Undecodable(error, piece.line)]
        proved = self.proved_lorawan(piece) if decoded.telegram.is_damaged else []
        if not proved:
            self._judge(decoded.telegram)
        return proved or [decoded]

    def _judge(self, telegram: Telegram) -> None:
        """Mark what was sent again; where only proved values are wanted, take away the others."""
        if telegram.security.key is not None:
            if self._counters is None and self._first_opened is None:
                self._first_opened = telegram  # most commands see no second one
            else:
                self.counters.take(telegram)
        if self._strict:
            from mbuscli.services.strict import withhold

            withhold(telegram)

    def decode(self, piece: Piece) -> Decoded:
        """Decode one piece; raises DecodeError."""
        received = _moment(piece.time)
        received_on = self._received_on
        if received is not None:
            self._now_s = received.timestamp()
            received_on = received.date()
        data = piece.data
        rssi_dbm = piece.rssi_dbm
        if piece.rssi_tail and self._has_rssi(data, received_on):
            from mbuscli.protocol.receivers.stream import rssi_dbm as rssi_of_tail

            rssi_dbm = rssi_of_tail(data[-1])
            data = _without_tail(data)
        telegram = decode(
            data,
            layer=piece.layer,
            keys=self._keys,
            formats=self._formats,
            fragments=self._fragments,
            received_on=received_on,
            frame_format=piece.frame_format,
            now_s=self._now_s,
            plans=self._plans or self._plans_from_now_on(),
        )
        if piece.rssi_tail and self._rssi_is_appended is None:
            text = "the last byte may be the signal strength that the stick is set to append"
            telegram.add_problem("link", len(data) - 1, Reason.LENGTH_MISMATCH, text, warning=True)
        return Decoded(telegram, piece.line, piece.time, rssi_dbm, piece.mode, piece.dialect)

    def _plans_from_now_on(self) -> Plans | None:
        """None for the first telegrams: who decodes a handful is better served without."""
        self._decoded += 1
        if self._decoded > _A_HANDFUL:
            from mbuscli.telegram.plans import Plans

            self._plans = Plans()
        return self._plans

    @property
    def is_waiting(self) -> bool:
        """True if fragments came whose message is not whole yet."""
        return self._fragments.is_waiting

    def is_lorawan(self, piece: Piece) -> bool:
        """True if the line, or the user, says that it is a LoRaWAN frame."""
        return piece.layer == LORAWAN or (self._lorawan.only and piece.dialect in _BARE)

    def decode_lorawan(self, piece: Piece) -> list[Decoded]:
        """The frame, and the wireless telegram that it completes; raises DecodeError."""
        if self._lorawan_decoder is None:
            from mbuscli.services.lorawan_decrypt import LorawanDecoder
            from mbuscli.services.lorawan_keys import filed_devices

            filed = self._lorawan.filed
            self._lorawan_decoder = LorawanDecoder(
                self._lorawan.given, self._keys, lambda: filed_devices(filed())
            )
        context = Context(self._keys, self._formats, self._fragments, self._received_on, None, self._now_s)
        telegram, bridged = self._lorawan_decoder.decode(piece.data, context)
        decoded = [
            Decoded(telegram, piece.line, piece.time, piece.rssi_dbm, piece.mode, piece.dialect or LORAWAN)
        ]
        if bridged is not None:
            decoded += self._bridged(bridged, piece)
        return decoded

    def take_as_lorawan(self, piece: Piece, error: DecodeError) -> list[Decoded]:
        """What M-Bus does not know, as LoRaWAN if MHDR and length fit, which is said; else nothing."""
        if piece.layer != "auto" or piece.dialect not in _BARE or error.reason is not Reason.UNRECOGNISED:
            return []
        from mbuscli.services.lorawan_decrypt import may_be_lorawan

        if not may_be_lorawan(piece.data):
            return []
        decoded = self.decode_lorawan(piece)
        text = "taken as LoRaWAN: it is no M-Bus, and header and length fit; --lorawan says that it is"
        decoded[0].telegram.add_problem("link", 0, Reason.UNRECOGNISED, text, warning=True)
        return decoded

    def proved_lorawan(self, piece: Piece) -> list[Decoded]:
        """What M-Bus finds damaged, as LoRaWAN if keys given for it prove that; else nothing."""
        if not self._lorawan.given or piece.layer != "auto" or piece.dialect not in _BARE:
            return []
        from mbuscli.services.lorawan_decrypt import may_be_lorawan

        taken = self.decode_lorawan(piece) if may_be_lorawan(piece.data) else []
        return taken if taken and "MIC" in taken[0].telegram.security.checks else []

    def _bridged(self, bridged: BridgedTelegram, piece: Piece) -> list[Decoded]:
        """A telegram that a bridge heard, if it is one: other devices use the same ports."""
        from mbuscli.telegram.wireless import is_wireless

        if not is_wireless(bridged.data):
            return []
        time = piece.time
        if bridged.time_s is not None and 0 < bridged.time_s < _YEAR_2100_S:
            time = datetime.fromtimestamp(bridged.time_s, UTC).isoformat()
        rssi_dbm = None if bridged.rssi_dbm is None else float(bridged.rssi_dbm)
        inner = Piece(
            bridged.data, piece.line, time=time, rssi_dbm=rssi_dbm, layer=WIRELESS, dialect="lobaro"
        )
        return [self.decode(inner)]

    def _has_rssi(self, data: bytes, received_on: date | None) -> bool:
        """Is the last octet signal strength? A setting of the stick: the first telegram that reads better one
        way tells it for all. Until then nothing is taken away."""
        if self._rssi_is_appended is None and len(data) > _SHORTEST:
            with_tail = self._damage(data, received_on)
            without = self._damage(_without_tail(data), received_on)
            if with_tail != without:
                self._rssi_is_appended = without < with_tail
        return len(data) > _SHORTEST and bool(self._rssi_is_appended)

    def _damage(self, data: bytes, received_on: date | None) -> int:
        """How many problems the telegram has."""
        try:
            telegram = decode(
                data,
                layer="wireless",
                keys=self._keys,
                formats=self._formats,
                received_on=received_on,
                frame_format="none",
            )
        except DecodeError:
            return _HOPELESS
        return sum(not problem.warning for problem in telegram.problems)


class _LateFragments:
    """`Fragments` from the first fragment on: nearly every telegram comes whole."""

    def __init__(self) -> None:
        self._fragments: Fragments | None = None

    def add(self, sender: Hashable, afl: Afl, body: bytes, now_s: float) -> Message | None:
        """As `Fragments` does."""
        if self._fragments is None:
            from mbuscli.protocol.transport.afl import Fragments

            self._fragments = Fragments()
        return self._fragments.add(sender, afl, body, now_s)

    @property
    def is_waiting(self) -> bool:
        """As `Fragments` has it."""
        return self._fragments is not None and self._fragments.is_waiting


def _without_tail(data: bytes) -> bytes:
    return bytes((data[0] - 1,)) + data[1:-1]


def _moment(time: str | None) -> datetime | None:
    """When a telegram was received; without a zone, of any clock, as only differences matter."""
    if time is None:
        return None
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


class LearntFormats:
    """A `FormatSource` that keeps what it learns between runs. `keep` at the end of the command."""

    def __init__(self) -> None:
        self._formats: StoredFormats | None = None
        self._pending: dict[bytes, None] = {}

    def learn(self, headers: bytes) -> int:
        """Remember the concatenated headers of a frame; returns their signature."""
        return self._load().learn(headers)

    def learn_records(self, records: list[Record]) -> None:
        """Remember the headers of a full frame, later: most commands see no compact frame."""
        if self._formats is not None:
            self._formats.learn_records(records)
            return
        headers = joined_headers(records)
        if headers:
            self.learn_later(headers)

    def learn_later(self, headers: bytes) -> None:
        """Remember concatenated headers, and load the store only where it is needed."""
        if self._formats is None and (headers in self._pending or len(self._pending) < _MAX_PENDING):
            self._pending[headers] = None
        else:
            self._load().learn(headers)

    def find(self, signature: int) -> bytes | None:
        """The concatenated headers with this signature, None if it is not known."""
        return self._load().find(signature)

    def known(self) -> list[bytes]:
        """The headers of all formats, those of earlier runs among them."""
        return self._load().known()

    def keep(self) -> str | None:
        """Store what is still pending; returns why it could not be stored."""
        if self._formats is not None:
            return self._formats.trouble
        if not self._pending:
            return None
        from mbuscli.settings.formats_file import default_path, remember

        return remember(default_path(), self._pending)

    def _load(self) -> StoredFormats:
        if self._formats is None:
            from mbuscli.settings.formats_file import default_path
            from mbuscli.settings.formats_store import StoredFormats

            self._formats = StoredFormats(default_path())
            for headers in self._pending:
                self._formats.learn(headers)
            self._pending.clear()
        return self._formats
