"""How attempts to reach a peer went, per direction, and when the next one is due."""

from __future__ import annotations

import datetime
import secrets
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from sync.exchange import backoff
from sync.ledger.appends import place
from sync.models.exchange import Contact

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from sync.models.exchange import Peer

IDLE = 60.0
"""Upper bound of the pause, in seconds, after which a peer that rang no bell is asked anyway."""

IDLE_DOUBLINGS = 5
"""How often the pause doubles, once each time nothing was new. Whoever could not ring us rings again until he can."""

_BELIEVED = datetime.timedelta(seconds=backoff.LONGEST + backoff.FIRST)
_SOMEBODY = """
SELECT EXISTS (SELECT FROM sync_contact WHERE direction = %s AND (due_at <= %s OR due_at > %s) AND failures >= %s)
"""
_random = secrets.SystemRandom()
_quiet: dict[tuple[str, str, str], int] = {}
"""How many times in a row nothing was new; a process that starts begins again."""


def contacts_due(direction: str) -> QuerySet[Contact]:
    """Return the contacts of connected peers that are due in one direction, with their peers; one statement.

    No pause is longer than the longest: what lies past it was written while our clock was wrong, and is due too.
    """
    now = timezone.now()
    return Contact.objects.filter(
        Q(due_at__lte=now) | Q(due_at__gt=now + _BELIEVED),
        direction=direction,
        peer__ended_on=None,
        peer__accepted_here__isnull=False,
        peer__accepted_there__isnull=False,
    ).select_related("peer")


def somebody_due(direction: str, *, after_failures: bool = False) -> bool:
    """Whether ``contacts_due`` may hold anything: what every sweep asks first, as cheaply as can be, of hundreds of quiet peers."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(_SOMEBODY, [direction, now, now + _BELIEVED, int(after_failures)])
        row = cursor.fetchone()
    return bool(row[0])


def idle_pause() -> float:
    """Return the seconds until a peer is asked again though it rang no bell."""
    return IDLE * _random.uniform(0.5, 1.0)


def idle_longer(peer: Peer, until: datetime.datetime, *, news: bool) -> None:
    """After a pull that went well, put the next one off the longer, the longer nothing was new; a bell goes before."""
    key = (*place(), peer.origin)
    times = _quiet[key] = 0 if news else min(_quiet.get(key, -1) + 1, IDLE_DOUBLINGS)
    if times:
        later = until + datetime.timedelta(seconds=(2**times - 1) * idle_pause())
        Contact.objects.filter(peer=peer, direction="pull", due_at=until).update(due_at=later)


def contact_note(contact: Contact, fault: str, *, retry_after: float | None = None) -> None:
    """Note how an attempt in one direction went, and when the next one is due."""
    if not fault:
        today = timezone.localdate()
        if (contact.failures, contact.last_error, contact.succeeded_on) != (0, "", today):
            Contact.objects.filter(pk=contact.pk).update(
                failures=0, last_error="", succeeded_on=today
            )
        return
    failures = contact.failures + 1
    due = timezone.now() + datetime.timedelta(
        seconds=backoff.pause(failures, retry_after=retry_after)
    )
    Contact.objects.filter(pk=contact.pk).update(
        failures=failures, last_error=fault[:300], due_at=due
    )
