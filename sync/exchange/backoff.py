"""When to try a peer again: full jitter, 10 s doubling to 1 h, per peer and per direction, for ever."""

from __future__ import annotations

import secrets

FIRST = 10.0
"""Upper bound of the first pause, in seconds."""

LONGEST = 3600.0
"""Upper bound of every later pause, in seconds."""

_random = secrets.SystemRandom()


def pause(failures: int, *, retry_after: float | None = None) -> float:
    """Seconds to wait after so many failures in a row (1 or more).

    Full jitter spreads peers that lost the same machine. A peer that names its own pause is obeyed
    within the same upper bound.
    """
    bound = (
        LONGEST if failures > 9 else min(LONGEST, FIRST * 2 ** (failures - 1))
    )  # 2**9 * 10 s is past the hour
    if retry_after is not None:
        return min(LONGEST, max(retry_after, 0.0)) + _random.uniform(0.0, FIRST)
    return _random.uniform(0.0, bound)
