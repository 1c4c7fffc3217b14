"""The time that has passed, for whoever only wants to know how long something takes."""

from __future__ import annotations

import time


def elapsed() -> int:
    """Nanoseconds since some moment in the past; it never goes back."""
    return time.monotonic_ns()
