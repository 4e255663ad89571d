"""What holds for walk-throughs."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.walkthrough.transcript")
