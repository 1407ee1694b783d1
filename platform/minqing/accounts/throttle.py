"""Wrong passwords slow the next attempt on the same sign-in name; no address is ever looked at.

A name falls into one of a fixed number of cells by a keyed hash, so that the table neither grows with
invented names nor says which were tried. Two names in one cell share their wait, which is short.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import math

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from minqing.accounts.errors import TooManyAttempts
from minqing.accounts.models import SignInCell

CELLS = 4096
FREE_ATTEMPTS = 5
"""Wrong passwords before the first wait."""
LONGEST_WAIT = 900
"""Seconds; the wait doubles from two seconds up to this."""
FORGOTTEN_AFTER = datetime.timedelta(days=1)


def cell_of(username: str) -> int:
    """The cell a sign-in name counts in."""
    key = settings.SECRET_KEY.encode()
    digest = hmac.digest(
        key, b"sign-in cell\0" + username.strip().casefold().encode(), hashlib.sha256
    )
    return int.from_bytes(digest[:4], "big") % CELLS


@transaction.atomic
def attempt(username: str) -> None:
    """Count an attempt before its password is looked at, as a wrong one; a right one is forgiven by ``succeeded``.

    Attempts at the same moment are counted one after the other: a burst gets no more guesses than a row of them.

    Raises:
        TooManyAttempts: it comes too soon; with the seconds to wait. It is not counted.
    """
    SignInCell.objects.get_or_create(pk=cell_of(username), defaults={"rests_until": timezone.now()})
    cell = SignInCell.objects.select_for_update().get(pk=cell_of(username))
    now = timezone.now()  # under the lock: else an earlier attempt could seem to lie ahead
    if (wait := (cell.rests_until - now).total_seconds()) > 0:
        raise TooManyAttempts(math.ceil(wait))
    if now - cell.rests_until > FORGOTTEN_AFTER:
        cell.failures = 0
    cell.failures += 1
    excess = cell.failures - FREE_ATTEMPTS
    cell.rests_until = now + datetime.timedelta(
        seconds=min(2**excess, LONGEST_WAIT) if excess > 0 else 0
    )
    cell.save()


def succeeded(username: str) -> None:
    """Forget the wrong passwords of a name."""
    SignInCell.objects.filter(pk=cell_of(username)).delete()
