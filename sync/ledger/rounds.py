"""Group commit inside a process: callers that come while a round runs share the next one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Rounds(Generic[T]):
    """Runs a piece of work in rounds, one at a time.

    Whoever calls gets the outcome of a round that *began* after the call, whether he led it or another
    thread did; an error of a round goes to everybody who waited for it.
    """

    def __init__(self) -> None:
        self._turn = threading.Condition()  # guards everything below
        self._begun = 0
        self._ended = 0
        self._running = False
        self._value: T | None = None
        self._fault: Exception | None = None

    def join(self, work: Callable[[], T]) -> T:
        """Return the outcome of a round that began after this call; lead it where nobody else does."""
        with self._turn:
            wanted = self._begun + 1
            while self._running and self._ended < wanted:
                self._turn.wait()
            if self._ended >= wanted:
                return self._outcome()
            self._running = True
            self._begun += 1
        value, fault = None, None
        try:
            value = work()
        except Exception as caught:  # noqa: BLE001  handed to everybody who waits for this round
            fault = caught
        finally:
            with self._turn:
                self._value, self._fault = value, fault
                self._ended, self._running = self._begun, False
                self._turn.notify_all()
        if fault is not None:
            raise fault
        assert value is not None
        return value

    def _outcome(self) -> T:
        if self._fault is not None:
            raise self._fault
        assert self._value is not None
        return self._value
