"""Log and replay lines of wmbusmeters: telegram=|HEADER|PAYLOAD|+SECONDS.

Bars and underscores only help the eye. With a key, the payload stands there decrypted while the header still
says that it is not.
"""

from __future__ import annotations

import re

from mbuscli.capture.heard import Heard, heard_hex

DIALECT = "wmbusmeters"
_TELEGRAM = re.compile(r"\btelegram=([|_0-9A-Fa-f]+)(?:\+(\d{1,12}(?:\.\d{1,9})?)\b)?")
_VISUAL = str.maketrans("", "", "|_")


def parse_wmbusmeters(line: str) -> Heard | None:
    """What the line tells, None if there is no `telegram=` in it."""
    found = _TELEGRAM.search(line)
    if found is None:
        return None
    heard = heard_hex(found[1].translate(_VISUAL), DIALECT)
    return heard._replace(after_s=float(found[2])) if found[2] else heard
