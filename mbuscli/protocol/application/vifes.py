"""What the VIFEs of a header say about its value (EN 13757-3, combinable value information)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mbuscli.protocol.application.vif_table import Kind
from mbuscli.protocol.application.vife_table import (
    ACTIONS,
    COMBINABLE,
    EXTENSION_FC,
    FROM_SLAVE,
    VIFE_EXTENSION,
    VIFE_MANUFACTURER,
    Effect,
    Vife,
)

if TYPE_CHECKING:
    from mbuscli.protocol.application.header import RecordHeader

_MORE = 0x80


def apply_vifes(header: RecordHeader, vifes: bytes, *, from_master: bool) -> None:
    """Change `header` as its VIFEs say, in the order in which they stand."""
    _Vifes(header, from_master).apply(vifes)


class _Vifes:
    """Applies combinable VIFEs to a header."""

    def __init__(self, header: RecordHeader, from_master: bool) -> None:
        self.header = header
        self.from_master = from_master
        self.qualifiers = list(header.qualifiers)

    def apply(self, vifes: bytes) -> None:
        """Apply all of them; after a manufacturer VIFE (7F) the rest is the maker's own."""
        if self.header.kind is Kind.PRIVATE:
            # After VIF 7F/FF the VIFEs are no longer the standard's: they name the maker's register.
            self.qualifiers.append(f"manufacturer_{vifes.hex()}")
        else:
            self._apply_standard(vifes)
        self.header.qualifiers = tuple(self.qualifiers)

    def _apply_standard(self, vifes: bytes) -> None:
        position = 0
        while position < len(vifes):
            code = vifes[position] & ~_MORE
            position += 1
            if code == VIFE_MANUFACTURER:
                self.qualifiers.append(f"manufacturer_{vifes[position:].hex()}".rstrip("_"))
                return
            if code == VIFE_EXTENSION and position < len(vifes):
                second = vifes[position] & ~_MORE
                position += 1
                self._one(EXTENSION_FC.get(second), f"FC{second:02X}")
            elif code <= 0x1F and self.from_master:
                self.qualifiers.append(ACTIONS.get(code, f"action_{code:02x}"))
            elif code <= 0x1F:
                self._one(FROM_SLAVE.get(code), f"{code:02X}")
            else:
                self._one(COMBINABLE.get(code), f"{code:02X}")

    def _one(self, vife: Vife | None, code: str) -> None:
        header = self.header
        if vife is None:
            header.reserved = True
            header.error = header.error or f"reserved VIFE {code}"
            return
        effect = vife.effect
        if effect is Effect.ERROR:
            header.error = vife.text
        elif effect is Effect.UNIT:
            header.unit = (header.unit or "1" if vife.text[0] == "/" else header.unit) + vife.text
        elif effect is Effect.SCALE:
            header.exponent += vife.exponent
        elif effect is Effect.ADD:
            header.addends += (vife.exponent,)
        elif effect is Effect.UNSIGNED:
            header.kind = Kind.UNSIGNED
        elif effect is Effect.BITS:
            header.kind = Kind.BITS
        elif effect is Effect.PROFILE:
            header.profile = vife.text
            self.qualifiers.append(vife.text)
        elif effect in (Effect.COUNT, Effect.DATE, Effect.DURATION):
            self._replace(vife)
        elif effect is Effect.QUALIFY:
            self.qualifiers.append(vife.text)

    def _replace(self, vife: Vife) -> None:
        """The data is no longer a value of the VIF, but a count, a date or a time span about it."""
        header = self.header
        header.unit, header.exponent, header.divisor = vife.unit, 0, 1
        kinds = {Effect.COUNT: Kind.UNSIGNED, Effect.DATE: Kind.DATETIME, Effect.DURATION: Kind.NUMBER}
        header.kind = kinds[vife.effect]
        self.qualifiers.append(vife.text)
