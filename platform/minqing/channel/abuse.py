"""Abuse is slowed, never refused; no address leaves memory or outlives the day.

An address falls into one of 4,096 cells by a key that dies at midnight; only the cell's count is kept,
without times, in this process's memory. A crowded cell asks more work of the browser (ALTCHA,
self-hosted). Who does not work, for want of JavaScript or of a strong telephone, is taken in all the same
and only listed after the others.

The browser's part: find the counter from 0 to ``max`` − 1 for which SHA-256(salt || nonce || u32be(counter)), salt
and nonce from hex, begins with the hex ``keyPrefix`` of the challenge's ``parameters``; send base64 of
``{"challenge": <as received>, "solution": {"counter": n, "derivedKey": "<hex of the 32 octets>"}}``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from array import array
from typing import TYPE_CHECKING

from altcha import create_challenge, verify_solution
from django.conf import settings
from django.utils import timezone

from tenants.current import current_unit

if TYPE_CHECKING:
    import datetime

CELLS = 4096
_STEPS = ((8, 1 << 13), (32, 1 << 15), (128, 1 << 17))
"""Up to how many arrivals in a cell, how many tries are asked at most; beyond the last, its eightfold."""
_HOUR = 3600
_UNKNOWN = frozenset({"", "127.0.0.1", "::1"})
"""What a proxy on this machine leaves of an address. A whole county in one cell would slow everybody, so nobody is."""


class Cells:
    """How many came from each cell today. ``_lock`` guards every field."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._day: datetime.date | None = None
        self._key = b""
        self._counts = array("I", bytes(4 * CELLS))

    def arrived(self, address: str) -> int:
        """Count one arrival and return how many came from the cell today, this one included."""
        if address in _UNKNOWN:
            return 0
        with self._lock:
            cell = self._cell(address)
            self._counts[cell] += 1
            return self._counts[cell]

    def seen(self, address: str) -> int:
        """Return how many came from the cell today, counting nothing."""
        if address in _UNKNOWN:
            return 0
        with self._lock:
            return self._counts[self._cell(address)]

    def _cell(self, address: str) -> int:
        today = timezone.localdate()
        if self._day != today:
            self._day, self._key, self._counts = (
                today,
                secrets.token_bytes(32),
                array("I", bytes(4 * CELLS)),
            )
        digest = hmac.digest(self._key, address.encode(), hashlib.sha256)
        return int.from_bytes(digest[:2], "big") % CELLS


class Spent:
    """Solutions used up in this hour and the next, as salted digests; dropped with their hour."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._salt = secrets.token_bytes(32)
        self._used: dict[int, set[bytes]] = {}

    def once(self, signature: str, until: int) -> bool:
        """Say whether this solution is new, and use it up."""
        mark = hmac.digest(self._salt, signature.encode(), hashlib.sha256)
        now = time.time()
        with self._lock:
            self._used = {end: marks for end, marks in self._used.items() if end > now}
            marks = self._used.setdefault(until, set())
            if mark in marks:
                return False
            marks.add(mark)
            return True


_cells = Cells()
_spent = Spent()


def challenge(address: str) -> str:
    """Return the JSON of a challenge whose work grows with how crowded the address's cell is.

    It is valid to the end of the next full hour, so that its expiry tells no time finer than that.
    """
    most = tries_asked(_cells.seen(address))
    made = create_challenge(
        "SHA-256", 1, counter=secrets.randbelow(most), expires_at=_expiry(),
        data={"max": most, "unit": current_unit().code}, hmac_secret=_secret(b"challenge"), hmac_key_secret=_secret(b"key"),
    )  # fmt: skip
    return json.dumps(made.to_dict())


def tries_asked(count: int) -> int:
    """Return the most tries a browser needs when ``count`` came from its cell today."""
    for upto, tries in _STEPS:
        if count <= upto:
            return tries
    return _STEPS[-1][1] * 8


def comes_behind(address: str, solution: str) -> bool:
    """Count a report's arrival and say whether it is listed after the others: crowded cell and no work shown."""
    crowded = _cells.arrived(address) > _STEPS[0][0]
    return crowded and not worked(solution)


def worked(solution: str) -> bool:
    """Say whether a solution is ours, in time, right, of this unit, and not used before."""
    if not solution or len(solution) > 4096:
        return False
    if not verify_solution(
        solution, _secret(b"challenge"), hmac_key_secret=_secret(b"key")
    ).verified:
        return False
    parts = _solution_parts(solution)
    if parts is None or parts[2] != current_unit().code:
        return False
    return _spent.once(parts[0], parts[1])


def _solution_parts(solution: str) -> tuple[str, int, str] | None:
    try:
        challenge = json.loads(base64.b64decode(solution))["challenge"]
        return (
            str(challenge["signature"]),
            int(challenge["parameters"]["expiresAt"]),
            str(challenge["parameters"]["data"]["unit"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _expiry() -> int:
    return (int(time.time()) // _HOUR + 2) * _HOUR


def _secret(use: bytes) -> bytes:
    return hmac.digest(settings.CHANNEL_PEPPER, b"minqing/altcha/" + use, hashlib.sha256)
