"""`mbuscli decrypt --jobs`: the pieces of a log in several processes, the output as one would write it.

Each process decodes and renders whole chunks. What a piece owes to earlier ones it cannot know: such a piece
comes back, and is decoded here, in its place.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from mbuscli.cli.decrypt import Wanted, write_piece
from mbuscli.cli.decrypt_target import PARQUET
from mbuscli.errors import Reason, UsageError
from mbuscli.services.log_source import Chunk

if TYPE_CHECKING:
    from datetime import date

    from mbuscli.cli.exit_codes import ExitCode
    from mbuscli.protocol.address import MeterAddress
    from mbuscli.protocol.security.keys import KeySource
    from mbuscli.render.delimited import Cell
    from mbuscli.render.parquet import ParquetReport
    from mbuscli.render.report import Output, TelegramReport
    from mbuscli.services.chunk_decoder import ChunkDecoder, ChunkFormats
    from mbuscli.services.decrypt import Decoder, LearntFormats, Lorawan
    from mbuscli.services.input import Piece
    from mbuscli.services.log_source import Place
    from mbuscli.services.replay import Counters, Range

# Formats that are a line, or several, for each telegram.
FORMATS = ("plain", "csv", "tsv", "ndjson", PARQUET)


class Task(NamedTuple):
    """What each process is told at its start."""

    keys: KeySource
    received_on: date | None
    lorawan: Lorawan
    strict: bool
    known_formats: list[bytes]
    name: str
    format: str
    fields: tuple[str, ...] | None
    units: tuple[str, ...]
    csv_plain: bool
    quiet: bool
    ascii_out: bool
    ascii_err: bool


class Part(NamedTuple):
    """What pieces that follow each other bring to stdout and stderr; or, instead, one that is to be decoded
    in order. `codes`: each exit code once, in the order of their first telegrams."""

    out: str = ""
    err: str = ""
    codes: tuple[ExitCode, ...] = ()
    telegrams: int = 0
    learnt: tuple[bytes, ...] = ()
    rows: Sequence[list[Cell]] = ()
    piece: Piece | None = None


class Done(NamedTuple):
    """A chunk that is decoded; `then`: where in the log the next one begins; `ranges`: counters in it."""

    parts: list[Part]
    then: Place | None
    ranges: Mapping[MeterAddress, Range] = MappingProxyType({})


def check_format(name: str) -> None:
    """UsageError for a format that is one document."""
    if name not in FORMATS:
        raise UsageError(
            f"--jobs does not go with -o {name}",
            reason=Reason.INVALID,
            hint=(f"use one of: {', '.join(FORMATS)}",),
        )


def task_of(output: Output, wanted: Wanted, keys: KeySource, formats: LearntFormats, name: str) -> Task:
    """What processes need to know to decode the input `name`; `keys` can be sent to them."""
    streams = output.streams
    return Task(
        keys,
        wanted.received_on,
        wanted.lorawan._replace(filed=list),  # whatever needs one of the ring comes back
        wanted.strict,
        formats.known(),
        name,
        output.format,
        output.fields,
        output.units,
        output.csv_plain,
        streams.quiet,
        streams.ascii_out,
        streams.ascii_err,
    )


def undecoded(chunk: Chunk) -> Done:
    """A chunk that is not worth a process, or is not to have one."""
    return Done([Part(piece=piece) for piece in chunk.pieces], chunk.then)


def decoded(
    chunks: Iterator[Chunk], task: Callable[[], Task], jobs: int, counters: Counters
) -> Iterator[Done]:
    """The chunks, decoded by `jobs` processes; a log of one chunk comes back as it is, and so does a chunk in
    which counters may be behind those before it."""
    first = list(islice(chunks, 2))
    if len(first) < 2:
        yield from map(undecoded, first)
        return
    from mbuscli.services.worker_pool import in_order

    for chunk, done in in_order(work, chain(first, chunks), jobs, prepare, (task(),)):
        yield undecoded(chunk) if counters.contradict(done.ranges) else done


def write_done(
    report: TelegramReport | ParquetReport, decoder: Decoder, formats: LearntFormats, done: Done, name: str
) -> Iterator[ExitCode]:
    """Write what a process made of a chunk; decode what it sent back."""
    streams = report.output.streams
    for sender, seen in done.ranges.items():
        decoder.counters.add(sender, seen)
    for part in done.parts:
        for headers in part.learnt:
            formats.learn_later(headers)
        if part.rows:
            report.add_rows(part.rows)  # type: ignore[union-attr]
        if part.out:
            streams.data(part.out, end="")
        if part.err:
            streams.complain(part.err.removesuffix("\n"))
        report.count += part.telegrams
        yield from part.codes
        if part.piece is not None:
            yield from write_piece(report, decoder, part.piece, name)


class _Worker:
    """One of the processes."""

    def __init__(self, task: Task) -> None:
        from mbuscli.render.report import Output
        from mbuscli.render.streams import Streams
        from mbuscli.services.chunk_decoder import ChunkDecoder, ChunkFormats

        self.task = task
        self.formats: ChunkFormats = ChunkFormats(task.known_formats)
        self.decoder: ChunkDecoder = ChunkDecoder(
            task.keys, self.formats, task.received_on, task.lorawan, strict=task.strict
        )
        self.out = io.StringIO()
        self.err = io.StringIO()
        streams = Streams(self.out, self.err, {})
        streams.quiet = task.quiet
        streams.ascii_out, streams.ascii_err = task.ascii_out, task.ascii_err
        self.report = _report(
            Output(task.format, task.fields, streams, units=task.units, csv_plain=task.csv_plain)
        )

    def work(self, chunk: Chunk) -> Done:
        """The parts of one chunk."""
        from mbuscli.services.chunk_decoder import OrderNeededError

        parts: list[Part] = []
        codes: dict[ExitCode, None] = {}
        for piece in chunk.pieces:
            try:
                codes.update(dict.fromkeys(write_piece(self.report, self.decoder, piece, self.task.name)))
            except OrderNeededError:
                parts += [self._part(codes), Part(piece=piece)]
                codes.clear()
        return Done([*parts, self._part(codes)], chunk.then, self.decoder.taken_ranges())

    def _part(self, codes: Iterable[ExitCode]) -> Part:
        count, self.report.count = self.report.count, 0
        learnt = tuple(self.formats.learnt)
        self.formats.learnt.clear()
        rows: Sequence[list[Cell]] = ()
        if self.task.format == PARQUET:
            rows, self.report.rows = self.report.rows, []  # type: ignore[union-attr]
        return Part(_taken(self.out), _taken(self.err), tuple(codes), count, learnt, rows)


def _report(output: Output) -> TelegramReport | ParquetReport:
    if output.format == PARQUET:
        from mbuscli.render.parquet import ParquetReport

        return ParquetReport(output, None)
    from mbuscli.render.report import TelegramReport

    return TelegramReport(output, header=False)  # the first process writes it


def _taken(stream: io.StringIO) -> str:
    text = stream.getvalue()
    stream.seek(0)
    stream.truncate()
    return text


_worker: _Worker | None = None


def prepare(task: Task) -> None:
    """Called once in each process."""
    global _worker
    _worker = _Worker(task)


def work(chunk: Chunk) -> Done:
    """Called in a process for each chunk."""
    assert _worker is not None
    return _worker.work(chunk)
