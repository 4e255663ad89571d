"""What is said while somebody may be typing: lines of jobs, above the prompt, and never amid a command's."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# What a command that takes long keeps waiting; beyond that the oldest lines are given up.
_MOST_WAITING = 5_000


class Console:
    """Lines from any thread: written at once, or, while a command runs, when it has ended.

    While there is a prompt `wake` is called, which has to see to it that `flush` is, with the prompt out of
    the way.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[tuple[bool, str]] = deque(maxlen=_MOST_WAITING)
        self._wake: Callable[[], None] | None = None
        self._is_held = False

    def say(self, text: str, *, is_talk: bool = False) -> None:
        """One or more lines of data, or of talk, which goes to stderr."""
        with self._lock:
            self._waiting.append((is_talk, text))
            wake, is_held = self._wake, self._is_held
        if wake is not None:
            wake()
        elif not is_held:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            while self._waiting:
                is_talk, text = self._waiting.popleft()
                stream = sys.stderr if is_talk else sys.stdout
                stream.write(text + "\n")
                stream.flush()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Inside, a command of the user has the terminal."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
            self.flush()

    @contextmanager
    def prompting(self, wake: Callable[[], None]) -> Iterator[None]:
        """Inside, there is a prompt."""
        self.flush()
        self._wake = wake
        try:
            yield
        finally:
            self._wake = None
            self.flush()
