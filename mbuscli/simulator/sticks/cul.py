"""A simulated CUL with a-culfw."""

from __future__ import annotations

from mbuscli.protocol.receivers import cul
from mbuscli.protocol.receivers.lines import LineSplitter
from mbuscli.simulator.sticks.air import Air, Transmission
from mbuscli.simulator.sticks.twin import NO_FAULTS, StickFaults, Twin

VERSION = "V 1.67 nanoCUL868"
# Stock firmware keeps so many octets of a telegram, its CRCs included.
BUFFER = 148


class CulTwin(Twin):
    """A stick that hears nothing before it is told to. `buffer` octets of a telegram are handed over at most;
    with old firmware mode C is not known."""

    baud = cul.BAUD

    def __init__(self, air: Air, faults: StickFaults = NO_FAULTS, start_s: float = 0.0) -> None:
        super().__init__(air, faults, start_s)
        self.setting: cul.Setting | None = None
        self.reports_rssi = False
        self.buffer: int | None = BUFFER if faults.old_firmware else None
        self._lines = LineSplitter()

    @property
    def listening(self) -> frozenset[str]:
        """As Twin says."""
        return self.setting.modes if self.setting is not None else frozenset()

    def frame(self, sent: Transmission) -> bytes | None:
        """As Twin says: telegrams with wrong CRCs too, as the firmware does not check them."""
        dbm = sent.rssi_dbm if self.reports_rssi else None
        text = cul.encode_received(sent.on_air, sent.frame_format, dbm)
        if self.buffer is not None and len(sent.on_air) > self.buffer:
            # Without LQI and RSSI: the line ends where the buffer does.
            text = text[: len(text) - len(text.lstrip("bY")) + 2 * self.buffer]
        return text.encode() + cul.END

    def receive(self, data: bytes, now: float) -> None:
        """As Twin says: a command a line."""
        for line in self._lines.feed(data):
            self._command(line, now)

    def _command(self, line: bytes, now: float) -> None:
        if line == cul.ASK_VERSION:
            self.reply(VERSION.encode() + cul.END, now)
        elif line in (cul.REPORT_RSSI, cul.REPORT_TELEGRAM_ONLY):
            self.reports_rssi = line == cul.REPORT_RSSI
        else:
            setting = next((setting for setting in cul.SETTINGS if setting.command == line), None)
            if setting is not None and not (self.faults.old_firmware and "C1" in setting.modes):
                self.setting = setting
                self.reply(setting.answer.encode() + cul.END, now)
