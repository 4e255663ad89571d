"""The line below the prompt: port, device, mode, selected meter, what was heard, capture, jobs, exit code."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mbuscli.protocol.octets import counted
from mbuscli.render.text import inert

if TYPE_CHECKING:
    from mbuscli.repl.jobs import Job
    from mbuscli.repl.session import Session

_GAP = " | "
_CUT = "..."
_LONGEST = 30


def toolbar(session: Session, jobs: Sequence[Job], width: int) -> str:
    """One line of at most `width` columns. What matters least is at its end, and left out first."""
    parts = [
        _port(session),
        "" if session.meter is None else f"meter {session.meter}",
        "" if session.last_code is None else f"exit {session.last_code}",
        _heard(session),
        _capture(session, jobs),
        "; ".join(f"[{job.number}] {_short(job.line)}" for job in jobs),
    ]
    line, *rest = [inert(part) for part in parts if part]
    for part in rest:
        if len(line) + len(_GAP) + len(part) <= width:
            line += _GAP + part
    return line if len(line) <= width else line[: max(width - len(_CUT), 0)] + _CUT


def _port(session: Session) -> str:
    """The port of the next command, or the one used last, with what is known of it."""
    kept = {each.text: each for each in session.keeper.ports}
    text = session.port or next(reversed(kept), None)
    if text is None:
        return "no port"
    port = kept.get(text)
    if port is None:
        return f"{_short(text)} (not open)"
    words = [_short(text), port.device, port.mode or f"{port.port.baud} baud"]
    return " ".join(word for word in words if word)


def _heard(session: Session) -> str:
    if not session.heard:
        return ""
    return f"{counted(session.heard, 'telegram')} of {counted(len(session.meters_seen), 'meter')}"


def _capture(session: Session, jobs: Sequence[Job]) -> str:
    """The file that traffic goes to, by `set capture` or by a job's own option."""
    path = session.values.get("capture")
    for job in jobs:
        words = job.line.split()
        if "--capture" in words[:-1]:
            path = words[words.index("--capture") + 1]
    return f"capture {_short(os.path.basename(str(path)))}" if path else ""


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else _CUT + text[len(_CUT) - _LONGEST :]
