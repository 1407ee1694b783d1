"""Group commit inside a process: callers that come while a round runs share the next one."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

PUT_OFF = 0.1
"""Longest time in seconds that what follows a round is put off while one round comes after the other."""


class _Round(Generic[T]):
    """One round: over when ``ended`` is set, with a value, a fault, or neither where its leader was broken off."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.value: T | None = None
        self.fault: Exception | None = None


class Rounds(Generic[T]):
    """Runs a piece of work in rounds, one at a time.

    Whoever calls gets the outcome of a round that *began* after the call, whether he led it or another
    thread did; an error of a round goes to everybody who waited for it. The first caller of a round leads it as soon
    as the one before has ended; the end of a round wakes those who waited for it and the next leader, nobody else.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()  # guards the two below
        self._begun: _Round[T] | None = None
        self._coming: _Round[T] | None = None
        self._afterwards_at = time.monotonic()

    def join(self, work: Callable[[], T], afterwards: Callable[[], None]) -> T:
        """Return the outcome of a round that began after this call; lead it where nobody else does.

        Args:
            work: the round itself.
            afterwards: what nobody needs to wait for. The leader does it when the others are gone, or leaves it to the
                leader of the next round, who is there already.
        """
        while True:
            with self._turn:
                leads, before = self._coming is None, self._begun
                mine = self._coming = self._coming or _Round()
            if leads:
                self._lead(mine, before, work)
                if self._is_quiet():
                    afterwards()
            else:
                mine.ended.wait()
            if mine.fault is not None:
                raise mine.fault
            if mine.value is not None:
                return mine.value

    def _lead(self, mine: _Round[T], before: _Round[T] | None, work: Callable[[], T]) -> None:
        try:
            if before is not None:
                before.ended.wait()
            with self._turn:  # who comes from now on may have written what this round does not see
                self._begun, self._coming = mine, None
            mine.value = work()
        except Exception as caught:  # noqa: BLE001  handed to everybody who waits for this round
            mine.fault = caught
        finally:
            with self._turn:
                if self._coming is mine:
                    self._coming = None
            mine.ended.set()

    def _is_quiet(self) -> bool:
        now = time.monotonic()
        with self._turn:
            quiet = self._coming is None or now - self._afterwards_at >= PUT_OFF
            if quiet:
                self._afterwards_at = now
        return quiet
