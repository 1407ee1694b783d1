"""Waiting for what happens elsewhere: asked again and again, with an end. No test measures time by it."""

from __future__ import annotations

import time


def wait_until(condition, seconds=60.0, *, otherwise=lambda: "it did not happen in time"):
    """Wait for something to become true; where it does not, fail with what ``otherwise`` says then."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.02)
