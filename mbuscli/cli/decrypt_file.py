"""`mbuscli decrypt` of long logs: in several processes, into a file, with progress, to be gone on with."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from mbuscli.cli.decrypt import Wanted, complain_of
from mbuscli.cli.decrypt_jobs import check_format, decoded, task_of, undecoded, write_done
from mbuscli.cli.decrypt_target import OutFile, Progress, make_report
from mbuscli.cli.exit_codes import ExitCode, Verdict
from mbuscli.errors import InputError, Reason, UsageError
from mbuscli.protocol.octets import counted
from mbuscli.render.text import inert
from mbuscli.services.log_source import Chunk, LogSource, Place

if TYPE_CHECKING:
    from mbuscli.cli.decrypt import LongLog, Source
    from mbuscli.cli.decrypt_jobs import Done, Task
    from mbuscli.render.parquet import ParquetReport
    from mbuscli.render.report import Output, TelegramReport
    from mbuscli.services.decrypt import Decoder

# Chunks that a message in fragments may take until the rest of it is not waited for.
_PATIENCE = 10
_SUFFIXES = (".ndjson", ".csv", ".tsv", ".parquet", ".json")


def write_file(
    sources: Sequence[Source],
    output: Output,
    wanted: Wanted,
    long_log: LongLog,
    *,
    explain: bool,
) -> ExitCode:
    """Decode all sources as `long_log` says, to its file or to stdout."""
    jobs, out, resume = long_log
    output = _with_format(output, out)
    if jobs > 1:
        check_format(output.format)
        if explain:
            raise UsageError("--explain does not go with --jobs", reason=Reason.INVALID)
    if out is None:
        return _Work(make_report(output, explain=explain), None, wanted, jobs).run(sources)
    log = sources[0].name if len(sources) == 1 and sources[0].log is not None else None
    target = OutFile(out, output, log=log, resume=resume, explain=explain, strict=wanted.strict)
    try:
        code = _Work(target.report, target, wanted, jobs).run(sources)
    except BaseException:
        how = target.give_up()
        if how is not None:
            output.streams.talk(how)
        raise
    target.finish()
    output.streams.talk(f"{inert(out)}: {counted(target.report.count, 'telegram')}")
    return code


def _with_format(output: Output, out: str | None) -> Output:
    """The format that the file's name tells, unless one is given: plain where it tells none."""
    if output.format_given or out is None:
        return output
    suffix = os.path.splitext(out)[1].lower()
    return output._replace(format=suffix[1:] if suffix in _SUFFIXES else "plain")


class _Work:
    """Decodes one source after the other."""

    def __init__(
        self, report: TelegramReport | ParquetReport, target: OutFile | None, wanted: Wanted, jobs: int
    ) -> None:
        self.report = report
        self.target = target
        self.wanted = wanted
        self.jobs = jobs
        self.verdict = Verdict()
        self.codes: dict[ExitCode, None] = {}
        self.start = Place()
        if target is not None and target.checkpoint is not None:
            self.start = target.checkpoint.place
            self._add(ExitCode(code) for code in target.checkpoint.codes)

    def run(self, sources: Sequence[Source]) -> ExitCode:
        """The exit code of all; what is wrong with one input is said, and the next one follows."""
        output = self.report.output
        try:
            for source in sources:
                try:
                    self._decode(source)
                except InputError as error:
                    if error is self.wanted.keys.failure or error.reason is Reason.UNWRITABLE:
                        raise
                    self._add([complain_of(output, error, source.name)])
        finally:
            output.streams.end_progress()
            if self.target is None:
                self.report.finish()
        return self.verdict.code

    def _decode(self, source: Source) -> None:
        decoder = self.wanted.decoder()
        progress = Progress(self.report.output.streams.progress, _size(source), self.start.offset)
        held = 0
        for done in self._done(source, decoder):
            self._add(write_done(self.report, decoder, self.wanted.formats, done, source.name))
            # The fragments of a message shall not come to stand on both sides of a place to go on from.
            held = held + 1 if decoder.is_waiting else 0
            if self.target is not None and held % _PATIENCE == 0:
                self.target.reached(done.then, tuple(self.codes))
            progress.tell(self.report.count, None if done.then is None else done.then.offset)

    def _done(self, source: Source, decoder: Decoder) -> Iterator[Done]:
        if source.log is None:
            return map(undecoded, (Chunk([piece], None) for piece in source.pieces()))
        log: LogSource = source.log(start=self.start)
        if self.jobs == 1:
            return map(undecoded, log.chunks())
        return decoded(log.chunks(), lambda: self._task(source.name), self.jobs, decoder.counters)

    def _task(self, name: str) -> Task:
        keys = self.wanted.keys.collect().unlocked()
        return task_of(self.report.output, self.wanted, keys, self.wanted.formats, name)

    def _add(self, codes: Iterable[ExitCode]) -> None:
        for code in codes:
            self.codes[code] = None
            self.verdict.add(code)


def _size(source: Source) -> int | None:
    """Octets of a log whose places tell how far it is; None of pipes and zipped files."""
    if source.log is None or source.name.endswith(".gz"):
        return None
    try:
        return os.path.getsize(source.name) or None
    except OSError:
        return None
