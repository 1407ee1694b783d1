"""How long one client has patience with its peer: for so much time at first, and for more the more it gets."""

from __future__ import annotations

import threading
import time

from sync.refusals import Unreachable

GRACE = 60.0
"""Seconds that may be spent waiting before the rate counts."""

RATE = 4096
"""Octets a second that a peer must send on the whole, beyond the grace: half of what a telephone line carries."""

LONGEST = 3600.0
"""Seconds after which any transfer ends; what came is kept, and the next attempt goes on from there."""


class Pace:
    """What a client waited for its peer in all its threads, and how much it got. Slow is no lie: it is unreachable for now."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._made = time.monotonic()
        self._waited = 0.0
        self._octets = 0

    def begin(self) -> float:
        """Begin to wait; returns the moment.

        Raises:
            Unreachable: the patience is at its end.
        """
        began = time.monotonic()
        self.check(began, 0)
        return began

    def check(self, began: float, octets: int) -> None:
        """Look at it while an answer comes of which there are so many octets.

        Raises:
            Unreachable: as ``begin``.
        """
        now = time.monotonic()
        with self._guard:
            waited, got = self._waited + now - began, self._octets + octets
        if waited > GRACE + got / RATE or now - self._made > LONGEST:
            raise Unreachable(
                f"The peer answers too slowly ({got} octets in {waited:.0f} s); what came is kept, the rest is asked for later."
            )

    def end(self, began: float, octets: int) -> None:
        """The answer is here, or there will be none."""
        with self._guard:
            self._waited += time.monotonic() - began
            self._octets += octets
