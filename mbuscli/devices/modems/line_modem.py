"""What modems that talk in lines of text share: questions with answers among lines that come at any time."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

from mbuscli.devices.modems.base import (
    Abp,
    Activation,
    Command,
    DeviceClass,
    Event,
    Failed,
    FailureCause,
    Identity,
    Otaa,
    Remark,
    Settings,
)
from mbuscli.devices.modems.line_cutter import LineCutter
from mbuscli.errors import DeviceError, KeyProblemError, Reason, RefusedError
from mbuscli.ports.base import Port
from mbuscli.protocol.security.keys import Key

ANSWER_S = 2.0
TRIES = 2
# Where it is only the question who is there.
PROBE_ANSWER_S = 0.5
# After the line end that clears what the modem may hold of a command; its answer is of no interest.
WAKE_S = 0.05
# After a second question its answer may follow that of the first one.
_LATE_ANSWER_S = 0.5
_MOST_KEPT = 1000
# Stands for an octet that is no text, so that a pattern for a whole line does not fit.
_NOISE = "\N{REPLACEMENT CHARACTER}"

Meanings: TypeAlias = dict[str, tuple[FailureCause, str]]
"""Error words of a modem: the cause, and in words what the modem's own word means ('' if it is clear)."""


class Answer(NamedTuple):
    """What ended the wait, and the lines of the answer that stood before it."""

    match: re.Match[str]
    values: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The words that ended it."""
        return self.match.group()


class LineModem(ABC):
    """A modem with a line of text for a command. A Modem, as base says.

    Every line goes to `_classify` first: a line that comes by itself never passes for an answer. What is left
    is an answer if the pattern of the question is found at its end; noise may stand before it.

    trace   gets every line both ways, "tx" or "rx", with the keys masked
    """

    family: str
    classes: tuple[DeviceClass, ...] = ("A",)
    line_end = b"\r\n"
    answer_s = ANSWER_S
    tries = TRIES

    def __init__(self, port: Port) -> None:
        self.trace: Callable[[str, str], None] | None = None
        self._port = port
        self._cutter = LineCutter()
        self._happened: deque[Event] = deque()
        self._asked = ""
        self._lines: list[str] = []
        self._secrets: dict[str, str] = {}
        self._raw_next = False
        self._activation: Activation | None = None
        self._who: Identity | None = None

    # -- what a family says ------------------------------------------------------------------------------

    @abstractmethod
    def _identify(self) -> Identity | None:
        """Who answers, None if nobody does or somebody else."""

    @abstractmethod
    def _settings(self, settings: Settings, activation: Activation) -> list[Command]:
        """The commands of `configure`; RefusedError for what the modem cannot do."""

    @abstractmethod
    def _join(self, activation: Activation) -> Command | None:
        """The command of `start_join`, None if there is nothing to say."""

    @abstractmethod
    def _classify(self, line: str) -> list[Event] | None:
        """What a line that came by itself means; None if it may be (a part of) an answer.

        `self._asked` is the command whose answer is awaited, "" if none is.
        """

    @abstractmethod
    def _pattern(self, asked: str) -> re.Pattern[str]:
        """What ends the answer to a command; it is searched for, so anchor its end."""

    @abstractmethod
    def _is_refusal(self, answer: Answer) -> bool:
        """True if the answer to a setting is an error."""

    @abstractmethod
    def start_join(self) -> list[Event]:
        """As Modem says, after `configure`."""

    @abstractmethod
    def start_send(self, f_port: int, payload: bytes, *, confirmed: bool) -> list[Event]:
        """As Modem says."""

    @abstractmethod
    def start_link_check(self) -> list[Event]:
        """As Modem says."""

    def _patience_s(self, asked: str) -> float:
        """How long the answer to this command is waited for."""
        return self.answer_s

    def _enrich(self, event: Event) -> list[Event]:
        """An event with what the modem tells of it when it is asked; questions are allowed here."""
        return [event]

    def _taken(self, octets: bytes) -> list[Event]:
        """What the octets mean that `self._take` asked for; modems that ask for none have nothing to say."""
        return [Remark(octets.hex().upper())]

    # -- Modem -------------------------------------------------------------------------------------------

    def identify(self) -> Identity:
        """As Modem says. Raises DeviceError `device.no-answer`."""
        self._who = identity = self._identify()
        if identity is None:
            raise DeviceError(
                f"{self._port.name}: no {self.family} answers",
                reason=Reason.NO_ANSWER,
                hint=("is it another modem?", "plug it in again"),
            )
        return identity

    def probe(self) -> Identity | None:
        """Who answers, None if nobody does: with less patience than `identify`."""
        self.answer_s, self.tries = PROBE_ANSWER_S, 1
        try:
            return self._identify()
        finally:
            self.answer_s, self.tries = type(self).answer_s, type(self).tries

    def plan(self, settings: Settings, activation: Activation) -> list[Command]:
        """As Modem says."""
        join = self._join(activation)
        return self._settings(settings, activation) + ([] if join is None else [join])

    def configure(self, settings: Settings, activation: Activation) -> None:
        """As Modem says; a modem that was not asked yet who it is, is asked first."""
        if self._who is None:
            self.identify()
        commands = self._settings(settings, activation)
        self._activation = activation
        for command in commands:
            answer = self._ask(command)
            if self._is_refusal(answer):
                raise RefusedError(
                    f"the modem refuses {command.meaning}: {self._mask(answer.text)}",
                    reason=Reason.REFUSED,
                    layer="device",
                    hint=(f"the command was: {command.shown}",),
                )

    def events(self, until: float) -> list[Event]:
        """As Modem says."""
        while not self._happened:
            self._listen(until)
            if self._port.now() >= until:
                break
        return self._all_that_happened()

    # -- for families ------------------------------------------------------------------------------------

    def _command(self, text: str, meaning: str, secret: Key | None = None, name: str = "key") -> Command:
        """A command; `{key}` in `text` stands for the key, `<name>` is shown instead."""
        shown = text
        if secret is not None:
            digits = secret.octets.hex().upper()
            self._secrets[digits] = f"<{name}>"
            text, shown = text.replace("{key}", digits), text.replace("{key}", f"<{name}>")
        return Command(text.encode("ascii") + self.line_end, shown, meaning)

    def _wake(self) -> None:
        """End what the modem may hold of a line, and let noise pass."""
        self._port.write(self.line_end)
        end = self._port.now() + WAKE_S
        while self._port.now() < end:
            self._port.read(end)
        self._cutter.flush()

    def _ask(
        self,
        command: Command,
        pattern: re.Pattern[str] | None = None,
        *,
        answer_s: float | None = None,
        tries: int | None = None,
    ) -> Answer:
        """Send a command until its answer is there. Raises DeviceError `device.no-answer`."""
        tries = tries or self.tries
        asked = command.octets.decode("ascii").strip()
        pattern = pattern or self._pattern(asked)
        answer_s = answer_s or self._patience_s(asked)
        for attempt in range(tries):
            self._lines.clear()
            self._listen(self._port.now())  # what is there already answers nothing
            self._forget_lines()
            self._asked = asked
            try:
                self._send(command)
                answer = self._await(pattern, self._port.now() + answer_s)
            finally:
                self._asked = ""
            self._forget_lines()
            if answer is not None:
                if attempt:
                    self._drop_late_answer(pattern)
                return answer
        raise DeviceError(
            f"{self._port.name}: the modem does not answer {command.shown!r}",
            reason=Reason.NO_ANSWER,
            hint=("is it another modem, or at another rate?", "plug it in again"),
        )

    def _value(self, text: str, pattern: str) -> re.Match[str] | None:
        """What the whole answer to a question that nothing depends on holds; None without what fits."""
        try:
            answer = self._ask(self._command(text, "asks"), tries=1)
        except DeviceError:
            return None
        fitting = (re.search(pattern, line) for line in (*answer.values, answer.match.string))
        return next(filter(None, fitting), None)

    @property
    def _configured(self) -> Activation:
        """What `configure` has put into the modem; ValueError before that."""
        if self._activation is None:
            raise ValueError("configure the modem before it joins")
        return self._activation

    def _begin(self, command: Command, *, answer_s: float | None = None) -> Answer:
        """Send a command that must not be sent twice."""
        return self._ask(command, answer_s=answer_s, tries=1)

    def _send(self, command: Command) -> None:
        self._tell("tx", command.shown)
        self._port.write(command.octets)

    def _take(self, count: int, *, before: bytes = b"") -> None:
        """In `_classify`: the next `count` octets are no line but go to `_taken`."""
        self._cutter.take(count, before=before)
        self._raw_next = count > 0

    def _all_that_happened(self) -> list[Event]:
        """The events up to now; what comes while they are asked about waits for the next call."""
        happened = list(self._happened)
        self._happened.clear()
        return [told for event in happened for told in self._enrich(event)]

    # -- the line ----------------------------------------------------------------------------------------

    def _await(self, pattern: re.Pattern[str], until: float) -> Answer | None:
        while True:
            for index, line in enumerate(self._lines):
                match = pattern.search(line)
                if match is not None:
                    values = tuple(self._lines[:index])
                    del self._lines[: index + 1]
                    return Answer(match, values)
            if self._port.now() >= until:
                return None
            self._listen(until)
            if self._port.now() >= until:
                self._sort(self._cutter.flush())  # its end may have been lost

    def _drop_late_answer(self, pattern: re.Pattern[str]) -> None:
        self._await(pattern, self._port.now() + _LATE_ANSWER_S)
        self._forget_lines()

    def _forget_lines(self) -> None:
        """Lines that were no part of an answer are remarks, as far as there is room for them."""
        room = _MOST_KEPT - len(self._happened)
        self._happened.extend(Remark(self._mask(line.strip(_NOISE))) for line in self._lines[: max(0, room)])
        self._lines.clear()

    def _listen(self, until: float) -> None:
        """One read of the port; sorts what became whole into events and lines of an answer."""
        self._cutter.feed(self._port.read(until).data)
        while (piece := self._cutter.next()) is not None:
            if self._raw_next:
                self._raw_next = False
                self._tell("rx", piece.hex())
                self._happened.extend(self._taken(piece))
            else:
                self._sort(piece)
        if not self._asked:
            self._forget_lines()

    def _sort(self, raw: bytes) -> None:
        line = "".join(chr(octet) if 0x20 <= octet < 0x7F else _NOISE for octet in raw).strip()
        if not line.strip(_NOISE):
            return
        self._tell("rx", line)
        if self._asked and line.endswith(self._asked):
            return  # the echo of what was sent
        events = self._classify(line)
        if events is None:
            self._lines.append(line)
        else:
            self._happened.extend(events)

    # -- words -------------------------------------------------------------------------------------------

    def _tell(self, direction: str, text: str) -> None:
        if self.trace is not None:
            self.trace(direction, self._mask(text))

    def _mask(self, text: str) -> str:
        """`text` with the keys that were sent replaced by their names, however their octets are set apart."""
        for digits, name in self._secrets.items():
            octets = (digits[at : at + 2] for at in range(0, len(digits), 2))
            text = re.sub("[ :.-]?".join(octets), name, text, flags=re.IGNORECASE)
        return text

    def _unsupported(self, what: str, known: Iterable[str] = ()) -> RefusedError:
        hint = ", ".join(known)
        return RefusedError(
            f"this modem ({self.family}) cannot do {what}",
            reason=Reason.UNSUPPORTED,
            layer="device",
            hint=(f"it knows: {hint}",) if hint else ("use another modem",),
        )

    def _require_1_0(self, activation: Activation) -> None:
        """RefusedError `device.unsupported` for keys of LoRaWAN 1.1."""
        if activation.nwk_key is not None if isinstance(activation, Otaa) else activation.keys.is_1_1:
            raise self._unsupported("LoRaWAN 1.1", ("LoRaWAN 1.0.x: leave the NwkKey out",))

    def _session_keys(self, activation: Abp) -> tuple[Key, Key]:
        """NwkSKey and AppSKey; KeyProblemError `security.key-missing` if one is not there."""
        nwk_s, app_s = activation.keys.f_nwk_s_int, activation.keys.app_s
        if nwk_s is None or app_s is None:
            missing = "NwkSKey" if nwk_s is None else "AppSKey"
            raise KeyProblemError(
                f"the {missing} is missing",
                reason=Reason.KEY_MISSING,
                hint=("activation by personalisation needs NwkSKey and AppSKey",),
            )
        return nwk_s, app_s

    def _require_class(self, settings: Settings) -> None:
        """RefusedError `device.unsupported` for a class that it cannot be."""
        if settings.device_class not in self.classes:
            raise self._unsupported(f"class {settings.device_class}", self.classes)


def failed(meanings: Meanings, word: str, wait_s: float | None = None) -> Failed:
    """The failure that a modem's word tells; an unknown word stands for itself."""
    cause, meaning = meanings.get(word, ("modem", ""))
    return Failed(cause, f"{word}: {meaning}" if meaning else word, wait_s)
