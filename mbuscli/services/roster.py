"""Many meters in bounded memory: who sends random numbers pushes out nothing but the weakest strangers."""

from __future__ import annotations

from collections import OrderedDict

from mbuscli.protocol.address import MeterAddress
from mbuscli.services.heard_meter import HeardMeter

# Strangers are forgotten from the lowest rank on: those heard once before those heard again, then by signal.
_WEAKEST_DBM = -105.0
_STEP_DB = 10.0
_STEPS = 8
_RANKS = 2 * _STEPS


def _rank(meter: HeardMeter) -> int:
    strength = -1000.0 if meter.best_rssi_dbm is None else meter.best_rssi_dbm
    step = int((strength - _WEAKEST_DBM) / _STEP_DB)
    return (_STEPS if meter.count > 1 else 0) + min(max(step, 0), _STEPS - 1)


class Roster:
    """Meters by address, at most `limit` that are not pinned; `forgotten` counts those that had to go.

    Each step costs the same whatever the number of meters.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.forgotten = 0
        self.meters: dict[MeterAddress, HeardMeter] = {}
        self._strangers: dict[MeterAddress, int] = {}
        self._by_rank: list[OrderedDict[MeterAddress, None]] = [OrderedDict() for _ in range(_RANKS)]

    def __len__(self) -> int:
        return len(self.meters)

    def find(self, address: MeterAddress) -> HeardMeter | None:
        """The meter, if it is remembered."""
        return self.meters.get(address)

    def keep(self, meter: HeardMeter) -> None:
        """Remember a meter, or file it anew after a telegram."""
        address = meter.address
        self.meters[address] = meter
        before = self._strangers.get(address)
        if meter.is_pinned:
            if before is not None:
                del self._strangers[address]
                del self._by_rank[before][address]
            return
        rank = _rank(meter)
        if before is not None:
            del self._by_rank[before][address]
        self._strangers[address] = rank
        self._by_rank[rank][address] = None
        if len(self._strangers) > self.limit:
            self._forget_weakest(address)

    def _forget_weakest(self, newest: MeterAddress) -> None:
        """The one of the lowest rank that was heard longest ago, but for the one that is just heard."""
        for rank in self._by_rank:
            for address in rank:
                if address != newest:
                    del rank[address]
                    del self._strangers[address]
                    del self.meters[address]
                    self.forgotten += 1
                    return
