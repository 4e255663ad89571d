"""Where `mbuscli decrypt` writes to: stdout, or a file with a checkpoint beside it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from mbuscli.errors import InputError, Reason, UsageError
from mbuscli.services.log_source import Place

if TYPE_CHECKING:
    from mbuscli.cli.exit_codes import ExitCode
    from mbuscli.render.parquet import ParquetReport
    from mbuscli.render.report import Output, TelegramReport
    from mbuscli.services.checkpoint import Checkpoint

PARQUET = "parquet"
# Formats that can be gone on with where they were broken off.
_OF_LINES = ("plain", "csv", "tsv", "ndjson")
_BETWEEN_CHECKPOINTS_S = 2.0


def make_report(output: Output, *, explain: bool) -> TelegramReport:
    """The report for stdout; UsageError for a format that needs a file."""
    from mbuscli.render.report import TelegramReport

    if output.format == PARQUET:
        raise UsageError(
            "a Parquet file is not written to stdout", reason=Reason.INVALID, hint=("--out walk.parquet",)
        )
    return TelegramReport(output, explain=explain)


class OutFile:
    """The file that telegrams are written to, whole up to the last checkpoint whatever happens.

    With `resume`, what was written after the checkpoint is cut off, and `checkpoint` tells where to go on.
    Raises InputError `input.exists`, `input.unwritable` and those of `checkpoint.load`.
    """

    def __init__(
        self, path: str, output: Output, *, log: str | None, resume: bool, explain: bool, strict: bool
    ) -> None:
        self.path = path
        self._log = log
        choices = [output.format, ",".join(output.fields or ()), ",".join(output.units)]
        choices += ["strict"] * strict + ["csv-plain"] * output.csv_plain
        self._asked = " ".join(filter(None, choices))
        self._saved_at = -_BETWEEN_CHECKPOINTS_S
        self.checkpoint: Checkpoint | None = None
        self._is_parquet = output.format == PARQUET
        self._stream: TextIO | None = None
        self._reached: Checkpoint | None = None
        if resume:
            self.checkpoint = self._load(output.format)
        elif os.path.exists(path) and os.path.getsize(path):
            raise self._exists()
        self.report: TelegramReport | ParquetReport = self._open(output, explain=explain)
        if self.checkpoint is None:
            self.reached(Place(), ())

    def _load(self, format_name: str) -> Checkpoint:
        from mbuscli.services.checkpoint import identity_of, load

        if format_name not in _OF_LINES or self._log is None:
            raise UsageError(
                "--resume goes on with one log as plain, csv, tsv or ndjson", reason=Reason.INVALID
            )
        try:
            identity = identity_of(self._log)
        except OSError as error:
            raise InputError(f"cannot read {self._log}: {error.strerror}", reason=Reason.UNREADABLE) from None
        return load(self.path, identity, self._asked)

    def _exists(self) -> InputError:
        from mbuscli.services.checkpoint import path_of

        hints = ["name another file, or remove it"]
        if path_of(self.path).exists():
            hints.insert(0, "it was broken off: --resume goes on where it stood")
        return InputError(f"{self.path} exists already", reason=Reason.EXISTS, hint=hints)

    def _open(self, output: Output, *, explain: bool) -> TelegramReport | ParquetReport:
        if self._is_parquet:
            from mbuscli.render.parquet import ParquetReport

            return ParquetReport(output, self.path)
        from mbuscli.render.report import TelegramReport
        from mbuscli.render.streams import Streams

        # Lines end as the format says, on every platform; other people's programs read UTF-8.
        try:
            stream = open(self.path, "a", encoding="utf-8", newline="")  # noqa: SIM115 - `close` closes it
            if self.checkpoint is not None:
                stream.truncate(self.checkpoint.written)
        except OSError as error:
            raise self._unwritable(error) from None
        self._stream = stream
        streams = Streams(stream, output.streams.err, os.environ)
        streams.quiet, streams.ascii_err = output.streams.quiet, output.streams.ascii_err
        streams.out_name = self.path
        wanted = output._replace(streams=streams)
        return TelegramReport(wanted, explain=explain, header=self.checkpoint is None)

    def reached(self, place: Place | None, codes: tuple[ExitCode, ...]) -> None:
        """All before `place` of the log is written, and is kept now and then."""
        if place is None or self._stream is None or self._log is None:
            return
        from mbuscli.services.checkpoint import Checkpoint, identity_of

        try:
            written = os.fstat(self._stream.fileno()).st_size
            self._reached = Checkpoint(identity_of(self._log), self._asked, place, written, tuple(codes))
        except OSError as error:
            raise self._unwritable(error) from None
        if place.offset and time.monotonic() - self._saved_at >= _BETWEEN_CHECKPOINTS_S:
            self._save()

    def _save(self) -> None:
        if self._reached is None or self._stream is None:
            return
        from mbuscli.services.checkpoint import save

        try:
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise self._unwritable(error) from None
        save(self.path, self._reached)
        self._saved_at = time.monotonic()

    def finish(self) -> None:
        """All of the input is written."""
        try:
            self.report.finish()
            if self._stream is not None:
                self._stream.close()
        except OSError as error:
            raise self._unwritable(error) from None
        from mbuscli.services.checkpoint import path_of

        path_of(self.path).unlink(missing_ok=True)

    def give_up(self) -> str | None:
        """It was broken off; returns how to go on, None if that cannot be."""
        if self._is_parquet:
            self.report.give_up()  # type: ignore[union-attr]
            return None
        if self._reached is None:
            return None
        try:
            self._save()
        except InputError:
            return None  # what broke it off is the news
        return "the same command with --resume goes on where it stood"

    def _unwritable(self, error: OSError) -> InputError:
        return InputError(f"cannot write {self.path}: {error.strerror or error}", reason=Reason.UNWRITABLE)


class Progress:
    """How far a log is decoded, how fast, and how long it takes yet, on the progress line."""

    def __init__(self, show: Callable[[str], None], size: int | None, begun_at: int) -> None:
        self._show = show
        self._size = size
        self._begun_at = begun_at
        self._start = time.monotonic()

    def tell(self, telegrams: int, offset: int | None) -> None:
        """`offset`: octets of the log that are done, None if not known."""
        from mbuscli.cli.talk import duration

        elapsed = max(time.monotonic() - self._start, 1e-3)
        text = f"{telegrams:,} telegrams, {telegrams / elapsed:,.0f}/s"
        if offset is not None and self._size and offset > self._begun_at:
            left = (self._size - offset) * elapsed / (offset - self._begun_at)
            text = f"{100 * offset // self._size} %, {text}, {duration(left)} left"
        self._show(text)
