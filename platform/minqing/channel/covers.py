"""Pads that are erased beside what was sealed, chosen as a sealed report's records would lie.

A report's records stand together in the slot in which it came, and apart in later ones. Were the pads all of the last
days, or strewn evenly, an older report would stand out of the public list of erasures: with the hour in which it came,
and the word that it was an accusation. So each day imitates a few reports of every age.
"""

from __future__ import annotations

import math
import secrets

from sync import ledger
from sync.models.ledger import Opening

_TOGETHER = (2, 6)
"""How many records of an imitated report stand in its first slot, at least and at most."""
_LATER = 3
"""How many further ones at most."""
_STRETCH = 32
"""Entries among which one slot's records are looked for."""
_TRIES = 200

_random = secrets.SystemRandom()


def covers(count: int) -> set[int]:
    """Return the indexes of ``count`` pads whose openings are still here; fewer where there are not so many."""
    pads = Opening.objects.filter(kind=ledger.PAD).order_by("-index")
    newest = list(pads.values_list("index", flat=True)[:count])
    if len(newest) < count:  # a young log: whatever there is
        return set(newest)
    last = Opening.objects.order_by("-index").values_list("index", flat=True)[0]
    found: set[int] = set()
    for _ in range(_TRIES):
        if len(found) >= count:
            break
        came = _age(last)
        found |= _near(last, came, _random.randint(*_TOGETHER))
        for _step in range(_random.randint(0, _LATER)):
            found |= _near(last, _age(came), 1)
    if len(found) < count:
        others = pads.exclude(index__in=found).values_list("index", flat=True)
        found |= set(others[: count - len(found)])
    return set(_random.sample(sorted(found), count))


def _age(oldest: int) -> int:
    """Draw how many entries ago: as often between an hour and a day as between a month and two years."""
    return int(math.exp(_random.uniform(0, math.log(oldest + 1))))


def _near(last: int, ago: int, count: int) -> set[int]:
    begin = max(0, last - ago - _STRETCH // 2)
    stretch = Opening.objects.filter(
        kind=ledger.PAD, index__gte=begin, index__lt=begin + _STRETCH
    ).values_list("index", flat=True)
    pads = sorted(stretch)
    return set(_random.sample(pads, min(count, len(pads))))
