"""What a stream of telegrams teaches about those to come: the layouts of their application data.

Decoding with plans gives what decoding without them gives, sooner. One object serves one stream: a file, a
receiver, a bus. A telegram that stands alone is decoded without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mbuscli.protocol.application.ci_table import Ci, Content
from mbuscli.protocol.application.compact import built_in_formats, proves_layout
from mbuscli.protocol.application.layout import Laid, Layout, Layouts
from mbuscli.telegram.body import is_credible, teaches
from mbuscli.telegram.quick import Quick, lay

if TYPE_CHECKING:
    from mbuscli.protocol.application.compact import FormatSource
    from mbuscli.protocol.application.records import Parsed
    from mbuscli.telegram.model import Context, Lower, Telegram

_RECORDS = Content.RECORDS
_COMPACT = Content.COMPACT


class Plans:
    """Layouts of full and of compact frames, and the quick way to them."""

    def __init__(self) -> None:
        self.quick = Quick(self)
        self._full = Layouts()
        self._compact = Layouts()

    def lay_out(
        self, telegram: Telegram, ci: Ci, start: int, end: int, lower: Lower, context: Context
    ) -> bool:
        """Give the telegram its content if there is a layout for it."""
        data = telegram.clear[start:end]
        layout = self.find(ci, data, start, lower, context.formats)
        if layout is not None:
            lay(telegram, layout, data)
        return layout is not None

    def find(
        self, ci: Ci, data: bytes, start: int, lower: Lower, formats: FormatSource | None
    ) -> Layout | None:
        """The layout of the content `data`, which stands at `start`; None if no known one fits."""
        if ci.content is _RECORDS:
            layout = self._full.find(data, start)
            if layout is None:
                return None
            if formats is not None and layout.taught is not formats and teaches(ci, lower):
                _teach(layout, data, formats)
            return layout
        if ci.content is _COMPACT:
            layout = self._compact.find(data, start)
            if layout is not None and proves_layout(layout, data, formats or built_in_formats()):
                return layout
        return None

    def learn_layout(self, parsed: Parsed, data: bytes, start: int, ci: Ci) -> None:
        """Take note of application data that was read without a layout."""
        layout = None
        if ci.content is _RECORDS:
            layout = self._full.learn(parsed, data, start)
        elif ci.content is _COMPACT and not parsed.problems:
            layout = self._compact.learn(parsed, data, start, [record.offset for record in parsed.records])
        if layout is not None:
            layout.credible = is_credible(parsed)


def _teach(layout: Layout, data: bytes, formats: FormatSource) -> None:
    """A format source learns a shape once."""
    layout.taught = formats
    if not layout.problems:
        formats.learn_records(Laid(layout, data).records())
