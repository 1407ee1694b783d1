"""Entries whose end has come leave the search; pages look at the day themselves."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from minqing.archives import documents
from minqing.archives.models import PublicEntryRow
from search.marks import mark
from search.tasks import drain_soon


def entries_expire() -> None:
    """Tell search of every entry whose end has come since the last time; part of every sweep."""
    due = PublicEntryRow.objects.filter(
        superseded_on__isnull=True,
        is_withdrawn=False,
        is_expired=False,
        expires_on__isnull=False,
        expires_on__lte=timezone.localdate(),
    )
    if not due.exists():
        return
    with transaction.atomic():
        rows = list(due.select_for_update(skip_locked=True))
        PublicEntryRow.objects.filter(pk__in=[row.pk for row in rows]).update(is_expired=True)
        mark(
            documents.PUBLIC_ENTRY,
            [documents.document_id(row.origin, row.entry_id) for row in rows],
        )
        drain_soon()
