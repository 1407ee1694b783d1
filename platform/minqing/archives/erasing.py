"""What the archives hold of an erased record leaves: its projection, the wording it was made from, the search of both.

The rows stay as empty places, so that a page can say that something was erased by order, and the chain goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from minqing.archives import documents
from minqing.archives.models import (
    Entry,
    EntryVersion,
    ErasureEntry,
    Official,
    PublicEntryRow,
    PublicOfficialRow,
    PublicReplyRow,
    Reply,
)
from minqing.archives.states import OPEN
from search.marks import mark
from search.purging import purge
from search.tasks import drain_soon
from sync import identity
from sync.erasers import commitments_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from sync.erasers import Gone

ERASED = "（已依法删除）"


def let_go(gone: Sequence[Gone]) -> None:
    """Eraser of the archives: ours and followed units' records alike; and what waits for a second person's word about them."""
    ErasureEntry.objects.filter(commitments__overlap=commitments_of(gone)).delete()
    ours = [record for record in gone if record.kind.startswith("archives.") or not record.kind]
    if not ours:
        return
    commitments = commitments_of(ours)
    changed = (
        _entries(commitments)
        + _officials(commitments)
        + _replies(commitments)
        + _reviews(commitments, gone)
    )
    if changed:
        for index in ("public", "internal"):
            purge(index)
        drain_soon()


def _entries(commitments: list[str]) -> int:
    rows = list(PublicEntryRow.objects.filter(commitment__in=commitments, is_erased=False))
    PublicEntryRow.objects.filter(pk__in=[row.pk for row in rows]).update(
        is_erased=True, is_withdrawn=True, official_id=None, official_name="", unit_name="", source="", source_unit="",
        event_day=None, title="", text="", reason="", negative=False, expires_on=None,
    )  # fmt: skip
    mark(documents.PUBLIC_ENTRY, [documents.document_id(row.origin, row.entry_id) for row in rows])
    versions = EntryVersion.objects.filter(commitment__in=commitments)
    entries = set(versions.values_list("entry_id", flat=True))
    own = _empty_versions(versions)
    # A correction that waits says the same again.
    waiting = EntryVersion.objects.filter(entry__in=entries, state__in=OPEN)
    gone = Entry.objects.filter(pk__in=entries).exclude(
        pk__in=EntryVersion.objects.exclude(title=ERASED).exclude(state__in=OPEN).values("entry_id")
    )
    waiting.filter(entry__in=gone).delete()
    mark(
        documents.INTERNAL_ENTRY,
        [str(public_id) for public_id in Entry.objects.filter(pk__in=entries).values_list("public_id", flat=True)],
    )  # fmt: skip
    gone.filter(names_person=False).update(official=None, unit_name=ERASED)
    gone.filter(names_person=True).update(
        official=None, unit_name=ERASED, names_person=False, basis_commitment=""
    )
    return len(rows) + own


def _empty_versions(versions: QuerySet[EntryVersion]) -> int:
    return versions.exclude(title=ERASED).update(
        title=ERASED, text="", note="", source_unit="", returned_because=""
    )


def _reviews(commitments: list[str], gone: Sequence[Gone]) -> int:
    """The internal record behind a publication held the note; erasing either empties it."""
    rows = PublicEntryRow.objects.filter(
        origin=identity.origin(), source_commitment__in=commitments
    ).values_list("commitment", flat=True)
    return EntryVersion.objects.filter(commitment__in=list(rows)).exclude(note="").update(note="")


def _officials(commitments: list[str]) -> int:
    rows = list(PublicOfficialRow.objects.filter(commitment__in=commitments, is_erased=False))
    PublicOfficialRow.objects.filter(pk__in=[row.pk for row in rows]).update(
        is_erased=True, is_withdrawn=True, name="", unit_name="", title="", duties="", telephone="", posts=[],
    )  # fmt: skip
    mark(
        documents.PUBLIC_OFFICIAL,
        [documents.document_id(row.origin, row.official_id) for row in rows],
    )
    own = identity.origin()
    ours = Official.objects.filter(public_id__in=[r.official_id for r in rows if r.origin == own])
    for official in ours:
        official.posts.all().delete()
        official.name, official.birth_month, official.telephone = ERASED, "", ""
        official.is_withdrawn, official.reviewed_by = True, None
        official.save()
    return len(rows)


def _replies(commitments: list[str]) -> int:
    rows = list(PublicReplyRow.objects.filter(commitment__in=commitments))
    mark(documents.PUBLIC_ENTRY, [documents.document_id(row.origin, row.entry_id) for row in rows])
    PublicReplyRow.objects.filter(pk__in=[row.pk for row in rows]).delete()
    own = Reply.objects.filter(Q(commitment__in=commitments)).exclude(text=ERASED)
    return len(rows) + own.update(text=ERASED)
