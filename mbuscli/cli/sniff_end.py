"""The end of a walk: the last words, and the exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mbuscli.cli.exit_codes import ExitCode, exit_code_of
from mbuscli.cli.talk import duration
from mbuscli.protocol.octets import counted
from mbuscli.render.text import inert

if TYPE_CHECKING:
    from mbuscli.cli.sniff_run import Session

# So many names stand in one line.
_NAMED = 10


def sum_up(session: Session, elapsed_s: float) -> None:
    """The last words on stderr."""
    streams, walk = session.output.streams, session.walk
    counters = walk.counters
    words = [
        f"{counted(counters.telegrams, 'telegram')} of {counted(len(walk.roster), 'meter')} "
        f"in {duration(elapsed_s)}"
    ]
    for number, name in (
        (counters.copies, "heard twice"),
        (counters.damaged, "damaged"),
        (counters.suspicious, "suspicious"),
        (walk.roster.forgotten, "meters forgotten"),
    ):
        if number:
            words.append(f"{number} {name}")
    streams.talk(", ".join(words))
    closed = [meter for meter in walk.roster.meters.values() if meter.security == "key_missing"]
    if closed:
        need = f"{counted(len(closed), 'meter')} cannot be read without a key"
        streams.talk(f"{need}: mbuscli keys import FILE, or mbuscli keys add {closed[0].text}")
    if session.route is None:
        return
    streams.talk(inert(f"{session.plan.route}: {session.route.total}"))
    for missing in session.route.missing():
        names = [meter.name or meter.address.id for meter in missing.meters]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        place = missing.place or "no place"
        streams.talk(inert(f"  missing, {place}: {', '.join(names[:_NAMED])}{more}"))
    unread = session.route.unread()
    if unread:
        names = [meter.name or meter.address.id for meter in unread]
        streams.talk(inert(f"  heard, not read: {', '.join(names[:_NAMED])}"))


def exit_code(session: Session, interrupt: BaseException | None) -> ExitCode:
    """What the walk ends with; `interrupt`: what ended it, if it did not end by itself."""
    from mbuscli.cli.main import Terminated

    if isinstance(interrupt, Terminated):
        return ExitCode.TERMINATED
    if session.errors:
        return exit_code_of(session.errors[0])
    if session.troubles():
        return exit_code_of(session.troubles()[0])
    if session.plan.until_complete and session.route is not None and session.route.is_complete:
        return ExitCode.DONE  # perhaps on an earlier day
    if not session.walk.counters.telegrams:
        return ExitCode.NO_ANSWER if interrupt is None else ExitCode.INTERRUPTED
    if session.route is not None and not session.route.is_complete:
        return ExitCode.PARTIAL
    return ExitCode.DONE
