"""A simulated meter: its registers and how it answers (EN 13757-2 link layer, EN 13757-3 application)."""

from __future__ import annotations

from typing import NamedTuple

from mbuscli.protocol.wired.fields import (
    ADDRESS_BROADCAST,
    ADDRESS_LAST,
    ADDRESS_SELECTED,
    ADDRESS_TEST,
    FCB,
    FCV,
    PRM,
    REQ_UD1,
    REQ_UD2,
    RSP_UD,
    SND_NKE,
    SND_UD,
)
from mbuscli.protocol.wired.frames import Frame, FrameKind, encode_ack, encode_long
from mbuscli.simulator.clock import HEADERS, RunningClock

# CI field, master to slave.
CI_APPLICATION_RESET = 0x50
CI_DATA_SEND = 0x51
CI_SELECT = 0x52
CI_SELECT_MODE_2 = 0x56
CI_BAUD_FIRST, CI_BAUD_LAST = 0xB8, 0xBF
# CI field, slave to master.
CI_APPLICATION_ERROR = 0x70
CI_VARIABLE = 0x72
CI_FIXED = 0x73

ERROR_UNSPECIFIED = 0
ERROR_CI_UNKNOWN = 1
ERROR_ACCESS_DENIED = 0x10

# Ways in which real meters differ from what a master expects of a write.
IGNORES_WRITES = "ignores-writes"  # acknowledges, and changes nothing
LOSES_ACKS = "loses-acks"  # carries a command out, but only acknowledges it when it is repeated
KEEPS_BAUD = "keeps-baud"  # acknowledges a new rate, and stays at the old one
DEAF_AFTER_BAUD = "deaf-after-baud"  # acknowledges a new rate, and hears nothing until it falls back
QUIRKS = (IGNORES_WRITES, LOSES_ACKS, KEEPS_BAUD, DEAF_AFTER_BAUD)

BAUD_TRIAL_S = 120.0
"""How long a meter waits at a new rate for the first valid frame before it falls back."""

_FUNCTION = 0x0F
_MORE_FOLLOWS = b"\x1f"
_FILLER = 0x2F
_WRITES = {b"\x01\x7a": 1, b"\x0c\x79": 4, b"\x07\x79": 8, b"\x04\x6d": 4, b"\x06\x6d": 6}


class LinkMemory:
    """What a meter remembers for one kind of address: last frame count bit and answer, next telegram."""

    __slots__ = ("answer", "fcb", "telegram")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all: the next request is new and starts from the first telegram."""
        self.fcb: int | None = None
        self.answer: bytes | None = None
        self.telegram = 0

    def repeats(self, c_field: int) -> bool:
        """True if the frame count bit says that the master did not get the last answer."""
        return bool(c_field & FCV) and c_field & FCB == self.fcb

    def remember(self, c_field: int, answer: bytes) -> bytes:
        """Keep the answer for a repeat; gives it back."""
        if c_field & FCV:
            self.fcb = c_field & FCB
        self.answer = answer
        return answer


class MeterSpec(NamedTuple):
    """A meter as it leaves the factory; `Slave` is the meter in use.

    `meter`: the eight octets of the secondary address; `telegrams`: encoded records, a tuple for each
    telegram; `fixed`: the ten octets behind the status of a fixed data structure (CI 73), which then
    replaces the records; `fabrication`: eight BCD digits if the meter knows the enhanced selection; `unlock`:
    the record that a master must send before any other write is taken, such as a password.
    """

    meter: bytes
    address: int = 0
    telegrams: tuple[tuple[bytes, ...], ...] = ((),)
    fixed: bytes | None = None
    baud: int = 2400
    status: int = 0
    fabrication: str | None = None
    unknown_ci_error: bool = True
    write_protected: bool = False
    unlock: bytes | None = None
    running_clock: bool = False
    quirks: tuple[str, ...] = ()
    reply_delay_s: float | None = None
    name: str = ""


class Slave:
    """One meter. Every register is an attribute; `receive` is the only way in for frames."""

    def __init__(self, spec: MeterSpec) -> None:
        self.spec = spec
        self.meter = spec.meter
        self.address = spec.address
        self.telegrams = [list(records) for records in spec.telegrams]
        self.stored_baud = spec.baud
        self.status = spec.status
        self.reply_delay_s = spec.reply_delay_s
        self.access_number = 0
        self.application_select: int | None = None
        self.clock = self._first_clock() if spec.running_clock else None
        self.primary = LinkMemory()
        self.secondary = LinkMemory()
        self.power_up()

    def power_up(self) -> None:
        """State after the supply came: not selected, nothing remembered, stored baud rate."""
        self.baud = self.stored_baud
        self.selected = False
        self.unlocked = self.spec.unlock is None
        self.application_error: int | None = None
        self._trial_until: float | None = None
        self.primary.clear()
        self.secondary.clear()

    def listening_baud(self, now: float) -> int:
        """The rate at which the meter listens; a new rate that nobody used in time is given up."""
        if self._trial_until is not None and now >= self._trial_until:
            self.baud = self.stored_baud
            self._trial_until = None
        return self.baud

    def receive(self, frame: Frame, now: float = 0.0) -> bytes | None:
        """Act on a valid frame from the master; the answer's octets, or None for silence."""
        c_field, a_field = frame.c_field, frame.a_field
        if c_field is None or c_field & 0x80 or not c_field & PRM:
            return None
        if a_field == ADDRESS_SELECTED and self._is_selection(frame):
            return self._select(frame)
        if not self._is_addressed(a_field):
            return None
        if self._trial_until is not None:
            self.stored_baud, self._trial_until = self.baud, None
        if a_field == ADDRESS_BROADCAST:
            if c_field & _FUNCTION in (SND_NKE & _FUNCTION, SND_UD & _FUNCTION):
                self._perform(frame, c_field & ~(FCV | FCB), self.primary, now)
            return None
        memory = self.secondary if a_field == ADDRESS_SELECTED else self.primary
        return self._perform(frame, c_field, memory, now)

    def _is_addressed(self, a_field: int | None) -> bool:
        if a_field == ADDRESS_SELECTED:
            return self.selected
        return a_field in (self.address, ADDRESS_TEST, ADDRESS_BROADCAST)

    def _perform(self, frame: Frame, c_field: int, memory: LinkMemory, now: float) -> bytes | None:
        function = c_field & _FUNCTION
        if frame.kind is not FrameKind.SHORT:
            return self._user_data(frame, c_field, memory, now) if function == SND_UD & _FUNCTION else None
        if function == SND_NKE & _FUNCTION:
            memory.clear()
            if memory is self.secondary:
                self.selected = False
            return encode_ack()
        if function == REQ_UD2 & _FUNCTION:
            if memory.repeats(c_field):
                return memory.answer
            return memory.remember(c_field, self._next_answer(memory, now))
        if function == REQ_UD1 & _FUNCTION:
            return encode_ack()  # no alarm to tell
        return None

    # Selection

    @staticmethod
    def _is_selection(frame: Frame) -> bool:
        return frame.ci_field in (CI_SELECT, CI_SELECT_MODE_2)

    def _select(self, frame: Frame) -> bytes | None:
        """A selection that fits selects, any other deselects; either way FCB does not matter."""
        self.selected = frame.ci_field == CI_SELECT and self._matches(frame.data)
        if not self.selected:
            return None
        self.secondary.clear()
        return encode_ack()

    def _matches(self, mask: bytes) -> bool:
        """Eight octets, or those and a record with the fabrication number (enhanced selection)."""
        if len(mask) not in (8, 14) or not _digits_match(mask[:4], self.meter[:4]):
            return False
        if not all(want in (0xFF, have) for want, have in zip(mask[4:8], self.meter[4:], strict=True)):
            return False
        if len(mask) == 8:
            return True
        known = self.spec.fabrication is not None and mask[8:10] == b"\x0c\x78"
        return known and _digits_match(mask[10:], bytes.fromhex(self.spec.fabrication or "")[::-1])

    # Answers with data

    def _next_answer(self, memory: LinkMemory, now: float) -> bytes:
        if self.application_error is not None:
            error, self.application_error = self.application_error, None
            return encode_long(RSP_UD, self.address, CI_APPLICATION_ERROR, bytes((error,)))
        self.access_number = (self.access_number + 1) & 0xFF
        state = bytes((self.access_number, self.status))
        if self.spec.fixed is not None:
            return encode_long(RSP_UD, self.address, CI_FIXED, self.meter[:4] + state + self.spec.fixed)
        index = memory.telegram % len(self.telegrams)
        memory.telegram = index + 1
        records = b"".join(self._shown(record, now) for record in self.telegrams[index])
        more = _MORE_FOLLOWS if index + 1 < len(self.telegrams) else b""
        return encode_long(RSP_UD, self.address, CI_VARIABLE, self.meter + state + b"\0\0" + records + more)

    def _shown(self, record: bytes, now: float) -> bytes:
        size = HEADERS.get(record[:2])
        return record if self.clock is None or size is None else record[:2] + self.clock.octets(size, now)

    def _first_clock(self) -> RunningClock | None:
        records = [record for telegram in self.telegrams for record in telegram if record[:2] in HEADERS]
        return RunningClock(records[0][2:]) if records else None

    # Data from the master

    def _user_data(self, frame: Frame, c_field: int, memory: LinkMemory, now: float) -> bytes | None:
        """SND_UD is acknowledged by the link layer; a refusal is told at the next request."""
        if memory.repeats(c_field):
            return memory.answer
        ci_field = frame.ci_field or 0
        known = ci_field in (CI_APPLICATION_RESET, CI_DATA_SEND) or CI_BAUD_FIRST <= ci_field <= CI_BAUD_LAST
        if not known and not self.spec.unknown_ci_error:
            return None
        if not known:
            self.application_error = ERROR_CI_UNKNOWN
        elif IGNORES_WRITES not in self.spec.quirks:
            self._obey(ci_field, frame.data, now)
        answer = memory.remember(c_field, encode_ack())
        return None if LOSES_ACKS in self.spec.quirks else answer

    def _obey(self, ci_field: int, data: bytes, now: float) -> None:
        if ci_field == CI_APPLICATION_RESET:
            self._application_reset(data)
        elif ci_field == CI_DATA_SEND:
            self._write(data, now)
        elif KEEPS_BAUD not in self.spec.quirks:
            deaf = DEAF_AFTER_BAUD in self.spec.quirks
            self.baud = 0 if deaf else 300 << ci_field - CI_BAUD_FIRST
            self._trial_until = now + BAUD_TRIAL_S

    def _application_reset(self, data: bytes) -> None:
        self.application_select = data[0] if data else None
        self.application_error = None
        self.primary.telegram = self.secondary.telegram = 0

    def _write(self, data: bytes, now: float) -> None:
        """A data send; why it is refused is told at the next request."""
        unlock = self.spec.unlock
        if unlock is not None and data.startswith(unlock):
            self.unlocked, data = True, data[len(unlock) :]
        if not self.unlocked:
            self.application_error = ERROR_ACCESS_DENIED
        elif self.spec.write_protected or not self._take(data, now):
            self.application_error = ERROR_UNSPECIFIED

    def _take(self, data: bytes, now: float) -> bool:
        """Carry out all records, or none if one of them is not for writing."""
        changes: list[tuple[bytes, bytes]] = []
        while data := data.lstrip(bytes((_FILLER,))):
            header, size = data[:2], _WRITES.get(data[:2])
            if size is None or len(data) < 2 + size:
                return False
            changes.append((header, data[2 : 2 + size]))
            data = data[2 + size :]
        if any(header == b"\x01\x7a" and value[0] > ADDRESS_LAST for header, value in changes):
            return False
        for header, value in changes:
            self._store(header, value, now)
        return True

    def _store(self, header: bytes, value: bytes, now: float) -> None:
        if header == b"\x01\x7a":
            self.address = value[0]
        elif header[1] == 0x79:
            self.meter = value + self.meter[len(value) :]
        elif self.clock is not None:
            self.clock = RunningClock(value, now)
        else:
            self.telegrams = [
                [header + value if record.startswith(header) else record for record in records]
                for records in self.telegrams
            ]


def _digits_match(mask: bytes, octets: bytes) -> bool:
    """Digit by digit, where F in the mask fits any digit."""
    return all(want in ("f", have) for want, have in zip(mask.hex(), octets.hex(), strict=True))
