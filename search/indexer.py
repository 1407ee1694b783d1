"""The one writer."""

from __future__ import annotations


def is_due() -> bool:
    """Return whether the current unit has marks waiting."""
    raise NotImplementedError


def drain() -> int:
    """Bring the current unit's indexes up to date; return how many documents were written or deleted."""
    raise NotImplementedError
