"""How attempts to reach a peer went, per direction, and when the next one is due."""

from __future__ import annotations

import datetime

from django.utils import timezone

from sync.exchange import backoff
from sync.models.exchange import Contact


def contact_note(contact: Contact, fault: str, *, retry_after: float | None = None) -> None:
    """Note how an attempt in one direction went, and when the next one is due."""
    if not fault:
        Contact.objects.filter(pk=contact.pk).update(
            failures=0, last_error="", succeeded_on=timezone.localdate()
        )
        return
    failures = contact.failures + 1
    due = timezone.now() + datetime.timedelta(
        seconds=backoff.pause(failures, retry_after=retry_after)
    )
    Contact.objects.filter(pk=contact.pk).update(
        failures=failures, last_error=fault[:300], due_at=due
    )
