"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# How long something takes is measured in tests/bench: a loaded machine must not fail a test.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
