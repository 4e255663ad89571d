"""Is everything in order here? Each check looks at one thing, within a time, and none can stop the others."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from importlib import import_module
from typing import NamedTuple

from mbuscli.errors import MbuscliError
from mbuscli.services.doctor_case import Case, Finding, Look, State, found_bug, found_error, without_home

# Windows does not interrupt a wait on Ctrl-C.
_SLICE_S = 0.2


class Check(NamedTuple):
    """One line of the report. `subject`: the port, profile or file, where a check has several."""

    name: str
    subject: str | None
    state: State
    text: str
    hint: tuple[str, ...]


class Examination(NamedTuple):
    """A check before it is made: the file in this folder that has it, and the longest it may take."""

    name: str
    place: str
    limit_s: float


# In the order of the report: what is ours, what is around it, the user's files, the devices.
EXAMINATIONS = (
    Examination("program", "computer.look_at_program", 5),
    Examination("python", "computer.look_at_python", 5),
    Examination("libraries", "computer.look_at_libraries", 10),
    Examination("extras", "computer.look_at_extras", 10),
    Examination("terminal", "computer.look_at_terminal", 2),
    Examination("encoding", "computer.look_at_encoding", 2),
    Examination("locale", "computer.look_at_locale", 2),
    Examination("clock", "computer.look_at_clock", 5),
    Examination("environment", "computer.look_at_environment", 2),
    Examination("completion", "shell.look_for_completion", 5),
    Examination("manual", "shell.look_for_manual", 5),
    Examination("config", "files.look_at_config", 5),
    Examination("keys", "files.look_at_keys", 15),
    Examination("drivers", "files.look_at_drivers", 10),
    Examination("state", "files.look_at_state", 5),
    Examination("journal", "files.look_at_journal", 10),
    Examination("formats", "files.look_at_formats", 5),
    Examination("inventory", "inventory.look_at_inventory", 15),
    Examination("ports", "ports.look_at_ports", 10),
    Examination("claimants", "ports.look_for_claimants", 5),
    Examination("profiles", "devices.look_at_profiles", 10),
    Examination("sticks", "devices.look_at_sticks", 20),
    Examination("port", "devices.look_at_named_port", 45),
)


def examine(case: Case, examinations: tuple[Examination, ...] = EXAMINATIONS) -> Iterator[Check]:
    """What every check has found, as it comes. One that throws or does not end in time is a failed one."""
    for each in examinations:
        for found in _within_limit(each, case):
            hint = tuple(without_home(text, case.environ) for text in found.hint)
            subject = None if found.subject is None else without_home(found.subject, case.environ)
            yield Check(each.name, subject, found.state, without_home(found.text, case.environ), hint)


def _within_limit(examination: Examination, case: Case) -> Iterator[Finding]:
    found: queue.SimpleQueue[Finding | None] = queue.SimpleQueue()

    def work() -> None:
        try:
            for finding in _look_of(examination)(case):
                found.put(finding)
        except MbuscliError as error:
            found.put(found_error(error))
        except Exception as error:  # noqa: BLE001  the report must go on, and say so
            found.put(found_bug(error))
        finally:
            found.put(None)

    # A daemon: what hangs in the system must not keep the program from ending.
    threading.Thread(target=work, daemon=True).start()
    deadline = time.monotonic() + examination.limit_s
    while True:
        try:
            finding = found.get(timeout=_SLICE_S)
        except queue.Empty:
            if time.monotonic() < deadline:
                continue
            text = f"no answer within {examination.limit_s:g} s: a device, file system or network hangs"
            yield Finding("failed", text, ("dmesg | tail shows what the system complains about",))
            return
        if finding is None:
            return
        yield finding


def _look_of(examination: Examination) -> Look:
    module, _, function = examination.place.partition(".")
    look: Look = getattr(import_module(f"mbuscli.services.doctor_{module}"), function)
    return look
