"""Telegrams as lines of JSON, by the thousand: what comes again from telegram to telegram is written once.

The text is that of `dump_line(telegram_row(...))`. Links, meters and outcomes of decryption are kept as text;
so is, for each layout, all of its records but the octets and values.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from mbuscli.protocol.application.date_types import is_summer_time
from mbuscli.protocol.application.dif_table import BCD_FIELDS, INTEGER_FIELDS
from mbuscli.protocol.application.vif_table import Kind
from mbuscli.protocol.octets import hex_text
from mbuscli.render.json import Rendered, dump_line, quoter
from mbuscli.render.rows import UNKNOWN, Origin, Parts, record_row, telegram_row

if TYPE_CHECKING:
    from mbuscli.meters.reading import Readings
    from mbuscli.protocol.application.header import RecordHeader
    from mbuscli.protocol.application.layout import Laid
    from mbuscli.protocol.application.records import Record
    from mbuscli.telegram import Telegram

_LIMIT = 1 << 15
_TEMPLATES_OF_A_LAYOUT = 24
# `str` writes a decimal fraction of so many places without an exponent.
_PLAIN_PLACES = 6

_FRONT = ("offset", "header")
_MIDDLE = ("function", "storage", "tariff", "subunit", "quantity")
_BACK = ("unit", "qualifiers", "error")
_DATETIME = Kind.DATETIME

# From value, error and data octets to the text of the value and of all that stands behind it.
Special: TypeAlias = Callable[[Any, str | None, bytes], str]


class TelegramLines:
    """Writes telegrams, each on one line."""

    def __init__(self, *, ascii_only: bool = False) -> None:
        self._ascii_only = ascii_only
        self._parts = _TextParts(ascii_only=ascii_only)

    def line(self, telegram: Telegram, origin: Origin = UNKNOWN, readings: Readings | None = None) -> str:
        """The line, without its end."""
        row = telegram_row(telegram, origin, readings, self._parts)
        return dump_line(row, ascii_only=self._ascii_only)


class _TextParts(Parts):
    """The objects in a telegram's row, as text."""

    def __init__(self, *, ascii_only: bool) -> None:
        self._ascii_only = ascii_only
        self._kept: dict[Hashable, Rendered] = {}

    def octets(self, octets: bytes) -> Rendered:
        """The octets in hexadecimal, which needs no escapes."""
        return Rendered(f'"{hex_text(octets)}"')

    def link(self, telegram: Telegram, origin: Origin) -> Rendered:
        """The link layer."""
        rssi_dbm = origin.rssi_dbm
        key = (telegram.link, origin.mode, rssi_dbm, None if rssi_dbm is None else str(rssi_dbm))
        return self._kept.get(key) or self._keep(key, super().link(telegram, origin))

    def meter(self, telegram: Telegram) -> Rendered:
        """The meter, null if it is not known."""
        key = (telegram.meter, telegram.link.a_field, telegram.medium)
        return self._kept.get(key) or self._keep(key, super().meter(telegram))

    def security(self, telegram: Telegram) -> Rendered:
        """What protects the content."""
        key = telegram.security
        return self._kept.get(key) or self._keep(key, super().security(telegram))

    def records(self, telegram: Telegram) -> Any:
        """The records: those of a layout as text."""
        laid = telegram.laid
        if laid is None:
            return super().records(telegram)
        layout = laid.layout
        values, errors = laid.values()
        failing = None if errors is layout.errors else tuple([error is None for error in errors])
        key = (self._ascii_only, failing)
        template = layout.plans.get(key)
        if template is None:
            template = _Template(laid, telegram.records, ascii_only=self._ascii_only)
            if len(layout.plans) < _TEMPLATES_OF_A_LAYOUT:
                layout.plans[key] = template
        return template.text(laid, values, errors)

    def _keep(self, key: Hashable, part: Any) -> Rendered:
        text = Rendered(dump_line(part, ascii_only=self._ascii_only))
        if len(self._kept) >= _LIMIT:
            self._kept.clear()
        self._kept[key] = text
        return text


class _Template:
    """The records of one layout, in which the same ones have errors."""

    def __init__(self, laid: Laid, records: Sequence[Record], *, ascii_only: bool) -> None:
        self._octets = [slice(2 * span.start, 2 * span.stop) for span in laid.layout.spans]
        self._special: list[tuple[int, slice, Special]] = []
        self._fixed: list[str] = []
        between = "["
        for index, record in enumerate(records):
            row = record_row(record)
            front, middle, back = (
                dump_line({name: row[name] for name in names}, ascii_only=ascii_only)[1:-1]
                for names in (_FRONT, _MIDDLE, _BACK)
            )
            self._fixed += [f'{between}{{{front},"raw":"', f'",{middle},"value":']
            special = _special(record, back, ascii_only=ascii_only)
            if special is None:
                between = f",{back}}},"
            else:
                self._special.append((index, laid.layout.spans[index], special))
                between = "},"
        self._fixed.append(between[:-1] + "]")

    def text(self, laid: Laid, values: Sequence[Any], errors: Sequence[str | None]) -> Rendered:
        """The records with these values."""
        octets = hex_text(laid.data)
        texts = list(map(str, values))
        for index, span, write in self._special:
            texts[index] = write(values[index], errors[index], laid.data[span])
        parts = [""] * (4 * len(texts) + 1)
        parts[0::2] = self._fixed
        parts[1::4] = [octets[span] for span in self._octets]
        parts[3::4] = texts
        return Rendered("".join(parts))


def _special(record: Record, back: str, *, ascii_only: bool) -> Special | None:
    """Writes the value of such a record, and what stands behind it, where that is more than `str(value)`."""
    value, header, quoted = record.value, record.header, quoter(ascii_only=ascii_only)
    if record.error is not None:
        before_error = back.removesuffix(quoted(record.error))
        return lambda value, error, raw: f"null,{before_error}{quoted(error or '')}"
    if header.kind is _DATETIME:
        # The octets say whether it is summer time, which is a qualifier.
        winter, summer = (
            dump_line(
                {"unit": header.unit, "qualifiers": [*header.qualifiers, *more], "error": None},
                ascii_only=ascii_only,
            )[1:-1]
            for more in ((), ("summer_time",))
        )
        return lambda value, error, raw: f"{quoted(value)},{summer if is_summer_time(raw) else winter}"
    if isinstance(value, str):
        return lambda value, error, raw: f"{quoted(value)},{back}"
    if isinstance(value, Decimal) and not _is_short_fraction(header):
        return lambda value, error, raw: f"{value:f},{back}"
    return None


def _is_short_fraction(header: RecordHeader) -> bool:
    """True if `str` writes its values in full: whole numbers times a power of ten that is not too small."""
    plain = header.data_field in INTEGER_FIELDS | BCD_FIELDS and header.divisor == 1 and not header.addends
    return plain and -_PLAIN_PLACES <= header.exponent < 0
