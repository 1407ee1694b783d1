"""Short turns among threads while a pull works in three of them."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORT = 0.0005
"""Seconds for which a thread may compute while another wants to. With Python's 5 ms, whoever comes back from the database
waits that long for the one that hashes: catching up lost a fifth of its speed so."""

_guard = threading.Lock()
_usual = sys.getswitchinterval()
_inside = 0


@contextmanager
def short_turns() -> Iterator[None]:
    """Have threads of this process take short turns inside the block; the last to leave brings the usual ones back."""
    global _inside
    with _guard:
        _inside += 1
        sys.setswitchinterval(SHORT)
    try:
        yield
    finally:
        with _guard:
            _inside -= 1
            if not _inside:
                sys.setswitchinterval(_usual)
