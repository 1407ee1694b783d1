"""Slots: when records that must not tell their time enter the log, in what order, among how many pads.

A slot is a stretch of fixed clock time (``MINQING_SLOT_SECONDS``). What was appended in it enters
the log at its end: shuffled, but in order within each subject, and filled with pads to 16, 32, 64 …
"""

from __future__ import annotations

import secrets
from collections import defaultdict, deque
from typing import TYPE_CHECKING, TypeVar

from django.conf import settings
from django.utils import timezone

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

LEAST = 16
"""Records in an empty slot, all of them pads."""

T = TypeVar("T")


def number_now() -> int:
    """Return the number of the slot that runs now: POSIX seconds divided by the slot's length."""
    return int(timezone.now().timestamp()) // int(settings.MINQING.slot_seconds)


def last_believed(last: int) -> int:
    """Return the number of the slot that ended last, or of the one before now where it lies past belief.

    It does so after slots were made longer, which makes their numbers smaller, or after days with a clock in the
    future: without this no slot would end for years.
    """
    now = number_now()
    most = 2 * 86_400 // int(settings.MINQING.slot_seconds) + 1
    return last if last - now <= most else now - 1


def pads_for(records: int) -> int:
    """Return how many pads fill a slot with so many records to the next of 16, 32, 64 and so on."""
    filled = LEAST
    while filled < records:
        filled *= 2
    return filled - records


def shuffled(items: Sequence[tuple[Hashable, T]]) -> list[T]:
    """Return the items in an order that nobody can foretell, but each subject's in the order given.

    Args:
        items: (subject, item) in order of appending.
    """
    waiting: defaultdict[Hashable, deque[T]] = defaultdict(deque)
    for subject, item in items:
        waiting[subject].append(item)
    places = [subject for subject, _ in items]
    secrets.SystemRandom().shuffle(places)
    return [waiting[subject].popleft() for subject in places]
