"""Records as a Parquet file, for questions about a whole archive.

A row a record, with the columns of the other formats. `value` is text with the meter's exact digits; `number`
beside it is the same as a 64-bit float, null where the value is no number.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from mbuscli.errors import InputError, MbuscliError, Reason, UsageError
from mbuscli.render.columns import TELEGRAM_COLUMNS, TELEGRAM_DEFAULT
from mbuscli.render.delimited import Cell, cell_text
from mbuscli.render.rows import UNKNOWN, Origin, record_rows, telegram_row
from mbuscli.render.text import inert

if TYPE_CHECKING:
    from mbuscli.render.report import Output
    from mbuscli.telegram import Telegram

# Columns of whole numbers; the others are text.
_WHOLE = frozenset(("storage", "tariff", "subunit", "version", "device_type", "acc", "status", "offset"))
_WHOLE |= frozenset(("primary_address", "a_field", "ci_field", "baud", "f_cnt", "f_port"))
_VALUE = "value"
_NUMBER = "number"
_GROUP = 1 << 16


class ParquetReport:
    """Telegrams as rows of a Parquet file; without `path` the rows are only collected, for another process.

    The file appears under its name when it is whole. UsageError without pyarrow; InputError
    `input.unwritable`.
    """

    def __init__(self, output: Output, path: str | None) -> None:
        self.output = output
        self.count = 0
        self.rows: list[list[Cell]] = []
        names = output.fields or TELEGRAM_DEFAULT
        self._columns = [TELEGRAM_COLUMNS[name] for name in names]
        self._file = None if path is None else _File(path, names)

    def add(self, telegram: Telegram, origin: Origin = UNKNOWN) -> None:
        """The rows of one telegram."""
        from mbuscli.services.readings import readings_of

        self.count += 1
        readings = readings_of(telegram, self.output.units)
        row = telegram_row(telegram, origin, readings)
        self.add_rows(
            [[column.get(row, each) for column in self._columns] for each in record_rows(row, readings)]
        )

    def add_rows(self, rows: Sequence[list[Cell]]) -> None:
        """Rows that are made already."""
        self.rows += rows
        if self._file is not None and len(self.rows) >= _GROUP:
            self._file.write(self.rows)
            self.rows = []

    def finish(self) -> None:
        """Write what is left, and give the file its name."""
        if self._file is not None:
            self._file.write(self.rows)
            self._file.close()

    def give_up(self) -> None:
        """Take away a file that is not whole."""
        if self._file is not None:
            self._file.give_up()


class _File:
    """A Parquet file in the making."""

    def __init__(self, path: str, names: Sequence[str]) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            raise UsageError(
                "Parquet files need the package pyarrow",
                reason=Reason.UNSUPPORTED,
                hint=("pip install 'mbuscli[archive]'", "or use -o csv or ndjson"),
            ) from None
        self._arrow: Any = pyarrow
        self._path = path
        self._part = f"{path}.part"
        self._names = names
        self._schema = pyarrow.schema(
            [field for name in names for field in _fields(name, pyarrow.int64(), pyarrow.string(), pyarrow)]
        )
        try:
            self._writer: Any = pyarrow.parquet.ParquetWriter(self._part, self._schema, compression="zstd")
        except OSError as error:
            raise self._unwritable(error) from None

    def write(self, rows: list[list[Cell]]) -> None:
        """One group of rows."""
        columns: list[list[Any]] = []
        for index, name in enumerate(self._names):
            cells = [row[index] for row in rows]
            columns.append([_whole(cell) if name in _WHOLE else _text(cell) for cell in cells])
            if name == _VALUE:
                columns.append([_number(cell) for cell in cells])
        arrays = [
            self._arrow.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)
        ]
        try:
            self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))
        except OSError as error:
            raise self._unwritable(error) from None

    def close(self) -> None:
        """All is written."""
        try:
            self._writer.close()
            os.replace(self._part, self._path)
        except OSError as error:
            raise self._unwritable(error) from None

    def give_up(self) -> None:
        """Something else went wrong."""
        import contextlib

        with contextlib.suppress(OSError):
            self._writer.close()
        with contextlib.suppress(OSError):
            os.remove(self._part)

    def _unwritable(self, error: OSError) -> MbuscliError:
        return InputError(f"cannot write {self._path}: {error.strerror or error}", reason=Reason.UNWRITABLE)


def _fields(name: str, whole: Any, text: Any, arrow: Any) -> list[Any]:
    fields = [arrow.field(name, whole if name in _WHOLE else text)]
    return [*fields, arrow.field(_NUMBER, arrow.float64())] if name == _VALUE else fields


def _whole(cell: Cell) -> int | None:
    return cell if isinstance(cell, int) else None


def _text(cell: Cell) -> str | None:
    return None if cell is None else inert(cell_text(cell))


def _number(cell: Cell) -> float | None:
    return float(cell) if isinstance(cell, int | Decimal) else None
