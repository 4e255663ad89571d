"""Writes, for one layout, the function that takes all values out of the data at once.

It is made as Python text and compiled: going through a list of what is to be done takes twice as long as
doing it. The text consists of the phrases in this file and of numbers; nothing of a telegram gets into it.

    def take(data):
        i0, i1, = unpack(data)                      integers
        digits = data[::-1].hex()                   BCD; `int` raises ValueError for what is no number
        d3 = read3(data[7:9])                       dates, None for none
        return (
            (multiply(i0, unit0), i1 * 1000, int(digits[4:12]), d3, read4(data[9:17]), None),
            i0 != -32768 and i1 != 255 and d3 is not None,
        )
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from struct import Struct
from typing import Any, TypeAlias

from mbuscli.protocol.application.dif_table import BCD_FIELDS, INTEGER_FIELDS
from mbuscli.protocol.application.header import RecordHeader
from mbuscli.protocol.application.values import (
    EXACT,
    Reader,
    Refusal,
    Value,
    decode_signed,
    number_decoder,
    special_reader,
)

# Values in the order of the records; True if none of those that may be there is missing. If not, a date is
# None, or an integer means "no value".
Taker: TypeAlias = Callable[[bytes], tuple[Sequence[Value], bool]]

# Integers that `struct` reads; those of three and six octets go through their readers.
_CODES = {1: "b", 2: "h", 4: "i", 8: "q"}


def make_taker(
    headers: Sequence[RecordHeader],
    readers: Sequence[Reader],
    spans: Sequence[slice],
    size: int,
    dates: Mapping[Any, Callable[[bytes], str | None]],
    apart: Collection[int] = (),
) -> tuple[Taker, Sequence[int]]:
    """The function for data of `size` octets, in which the records' own data stand at `spans`; and which of
    the values are integers that may mean "no value".

    `dates`: readers that give None instead of raising NoValueError. `apart`: records that are left out.
    The function raises ValueError where another value is missing.
    """
    code = _Code(size)
    for index, (header, reader, span) in enumerate(zip(headers, readers, spans, strict=True)):
        if isinstance(reader, Refusal) or index in apart:
            code.values.append("None")
        elif reader in dates:
            code.date(index, dates[reader], span)
        elif header.data_field in INTEGER_FIELDS and span.stop - span.start in _CODES and _is_plain(header):
            code.integer(index, header, span)
        elif header.data_field in BCD_FIELDS and _is_plain(header):
            code.digits(index, header, span)
        else:
            code.other(index, reader, span)
    return code.function(), code.doubtful


def _is_plain(header: RecordHeader) -> bool:
    """True for an integer or BCD number that is scaled by a power of ten."""
    return special_reader(header) is None and header.divisor == 1 and not header.addends


class _Code:
    """The text of a function, and the objects that it names."""

    def __init__(self, size: int) -> None:
        self.values: list[str] = []
        self.doubtful: list[int] = []
        self._size = size
        self._names: dict[str, Any] = {"multiply": EXACT.multiply}
        self._integers: list[str] = []
        self._form = "<"
        self._position = 0
        self._has_digits = False
        self._dates: list[str] = []
        self._conditions: list[str] = []

    def integer(self, index: int, header: RecordHeader, span: slice) -> None:
        """An integer with one number that means "no value"."""
        size = span.stop - span.start
        signed = number_decoder(header) is decode_signed
        self._form += f"{span.start - self._position}x{_CODES[size] if signed else _CODES[size].upper()}"
        self._position = span.stop
        self._integers.append(f"i{index}, ")
        no_value = -(1 << 8 * size - 1) if signed else (1 << 8 * size) - 1
        self._conditions.append(f"i{index} != {no_value}")
        self.values.append(self._scaled(index, header, f"i{index}"))
        self.doubtful.append(index)

    def digits(self, index: int, header: RecordHeader, span: slice) -> None:
        """A BCD number: digits of the hexadecimal text of the data, read backwards."""
        self._has_digits = True
        text = f"int(digits[{2 * (self._size - span.stop)}:{2 * (self._size - span.start)}])"
        self.values.append(self._scaled(index, header, text))

    def _scaled(self, index: int, header: RecordHeader, number: str) -> str:
        if header.exponent > 0:
            return f"{number} * {10**header.exponent}"
        if header.exponent == 0:
            return number
        self._names[f"unit{index}"] = Decimal((0, (1,), header.exponent))
        return f"multiply({number}, unit{index})"

    def date(self, index: int, reader: Callable[[bytes], str | None], span: slice) -> None:
        """A date or time."""
        self._names[f"read{index}"] = reader
        self._dates.append(f"d{index} = read{index}(data[{span.start}:{span.stop}])")
        self._conditions.append(f"d{index} is not None")
        self.values.append(f"d{index}")

    def other(self, index: int, reader: Reader, span: slice) -> None:
        """Any other value."""
        self._names[f"read{index}"] = reader
        self.values.append(f"read{index}(data[{span.start}:{span.stop}])")

    def function(self) -> Taker:
        """The function."""
        self._names["unpack"] = Struct(self._form).unpack_from
        lines = [f"{''.join(self._integers)}= unpack(data)"] if self._integers else []
        lines += ["digits = data[::-1].hex()"] if self._has_digits else []
        lines += self._dates
        is_whole = " and ".join(self._conditions) or "True"
        lines.append(f"return ({', '.join(self.values)},), {is_whole}")
        text = "def take(data):\n" + "\n".join([f"    {line}" for line in lines])
        exec(compile(text, "<layout>", "exec"), self._names)
        take: Taker = self._names["take"]
        return take
