"""A larger collection of real telegrams that may lie beside a developer's checkout; never needed to pass."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "corpus"
FOLDER = Path(os.environ.get("MBUSCLI_CORPUS", _BESIDE))


def lines(name: str) -> list[dict[str, Any]]:
    """The JSON lines of one file of the collection, an empty list where it is absent."""
    path = FOLDER / name
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


needs_corpus = pytest.mark.skipif(not FOLDER.is_dir(), reason="no collection of real telegrams here")
