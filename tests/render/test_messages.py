"""Errors in words and in JSON."""

from __future__ import annotations

import json

from mbuscli.errors import DecodeError, Reason, UsageError
from mbuscli.render.messages import error_json, error_text

ERROR = DecodeError("the check sum is \x1b12", reason=Reason.CHECKSUM, offset=41, hint=["a", "b", "c", "d"])


def test_what_where_and_what_to_try() -> None:
    assert error_text(ERROR, where="port sim:").split("\n") == [
        r"error: the check sum is \x1b12 [link.checksum]",
        "  where: port sim:, link layer, byte 41",
        "  try: a",
        "  try: b",
        "  try: c",
    ]
    assert error_text(UsageError("no", reason=Reason.INVALID)) == "error: no [usage.invalid]"


def test_the_json_object() -> None:
    assert json.loads(error_json(ERROR)) == {
        "error": {
            "name": "link.checksum",
            "text": "the check sum is \x1b12",
            "layer": "link",
            "offset": 41,
            "hint": ["a", "b", "c", "d"],
        }
    }
