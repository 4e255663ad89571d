"""For modems that do not tell the end of everything: what they leave out happens after a time."""

from __future__ import annotations

from mbuscli.devices.modems.base import Abp, Event, Remark
from mbuscli.devices.modems.line_modem import LineModem
from mbuscli.ports.base import Port

# An uplink at the slowest data rate takes 3 s, its second window opens 2 s later and is as long.
WINDOWS_S = 8.0
# A confirmed uplink is sent up to eight times, with pauses of 1 to 3 s after each second window.
RETRANSMISSIONS_S = 90.0


class TimedModem(LineModem):
    """A LineModem some of whose events come about when nothing else does."""

    def __init__(self, port: Port) -> None:
        super().__init__(port)
        self._due: dict[str, tuple[float, Event]] = {}

    def events(self, until: float) -> list[Event]:
        """As Modem says."""
        self._fall_due()
        while not self._happened:
            self._listen(min([until, *(at for at, _ in self._due.values())]))
            self._fall_due()
            if self._port.now() >= until:
                break
        return self._all_that_happened()

    def _expect(self, what: str, seconds: float, event: Event) -> None:
        """`event` happens so many seconds from now unless `_settle` comes first."""
        self._due[what] = self._port.now() + seconds, event

    def _settle(self, what: str) -> Event | None:
        """What was expected, which does not happen now; None if nothing was."""
        due = self._due.pop(what, None)
        return None if due is None else due[1]

    def _fall_due(self) -> None:
        now = self._port.now()
        for what in [what for what, (at, _) in self._due.items() if at <= now]:
            self._happened.append(self._due.pop(what)[1])


def counts_from_zero(activation: Abp) -> list[Event]:
    """A remark if the modem, whose counter cannot be set, should go on from another number than 0."""
    if not activation.f_cnt_up:
        return []
    return [
        Remark(
            f"this modem counts uplinks from where it is, not from {activation.f_cnt_up}: "
            "the network may have to reset its counter"
        )
    ]
