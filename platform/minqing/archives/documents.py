"""What search finds of the archives: published officials and entries in the public index, open drafts in the internal one."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils import timezone

from minqing.archives.addresses import desk_entry_path, entry_path, official_path
from minqing.archives.matrix import Source
from minqing.archives.models import EntryVersion, PublicEntryRow, PublicOfficialRow, PublicReplyRow
from minqing.archives.states import OPEN, State
from search.documents import Document, IndexKind
from tenants.current import current_unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from django.db.models import QuerySet

PUBLIC_OFFICIAL = "archives.public_official"
PUBLIC_ENTRY = "archives.public_entry"
INTERNAL_ENTRY = "archives.entry"


def document_id(origin: str, public_id: uuid.UUID | str) -> str:
    """Id of a published thing in the index: unique among all units, whoever chose the UUID."""
    code, salt = origin.split("/")[1:]
    return f"{code}.{salt}~{public_id}"


def shown_entries() -> QuerySet[PublicEntryRow]:
    """Newest versions that may be shown today: neither withdrawn nor expired."""
    return PublicEntryRow.objects.filter(superseded_on__isnull=True, is_withdrawn=False).exclude(
        expires_on__lte=timezone.localdate()
    )


def shown_officials() -> QuerySet[PublicOfficialRow]:
    """Officials whose facts are public, each once: as the present home says them, or as the one before did until then."""
    return PublicOfficialRow.objects.filter(is_withdrawn=False, is_former=False)


class PublicOfficials:
    """Published facts about officials, ours and followed units'."""

    name = PUBLIC_OFFICIAL
    index: IndexKind = "public"

    def load(self, ids: Sequence[str]) -> Iterator[Document]:
        """Return the documents that may be shown."""
        for row in shown_officials().filter(_chosen(ids, "official_id")):
            yield Document(
                id=document_id(row.origin, row.official_id),
                index=self.index,
                kind="official",
                title=row.name,
                names=(row.name,),
                text="\n".join(
                    filter(
                        None,
                        [
                            row.duties,
                            f"{row.unit_name}{row.title}",
                            *(f"{post['unit_name']}{post['title']}" for post in row.posts),
                        ],
                    )
                ),
                unit_code=row.unit_code,
                unit_name=row.home_name or row.unit_code,
                url=official_path(row.official_id),
                tags=(row.unit_name,) if row.unit_name else (),
                extra={
                    "post": f"{row.unit_name}{row.title}",
                    "origin": row.origin,
                    "commitment": row.commitment,
                },
            )

    def all_ids(self) -> Iterator[str]:
        """Return the id of everybody shown."""
        for origin, official_id in (
            shown_officials().values_list("origin", "official_id").iterator()
        ):
            yield document_id(origin, official_id)


class PublicEntries:
    """Published entries, ours and followed units', with the officials' statements."""

    name = PUBLIC_ENTRY
    index: IndexKind = "public"

    def load(self, ids: Sequence[str]) -> Iterator[Document]:
        """Return the documents that may be shown today."""
        rows = list(shown_entries().filter(_chosen(ids, "entry_id")))
        replies: dict[tuple[str, uuid.UUID], list[str]] = {}
        for reply in PublicReplyRow.objects.filter(entry_id__in=[row.entry_id for row in rows]):
            replies.setdefault((reply.origin, reply.entry_id), []).append(reply.text)
        for row in rows:
            yield Document(
                id=document_id(row.origin, row.entry_id),
                index=self.index,
                kind="entry",
                title=row.title,
                names=tuple(filter(None, (row.official_name, row.unit_name))),
                text="\n".join(
                    [row.text, row.source_unit, *replies.get((row.origin, row.entry_id), [])]
                ),
                unit_code=row.unit_code,
                unit_name=row.home_name or row.unit_code,
                source=row.source,
                day=row.event_day,
                url=entry_path(row.entry_id),
                tags=(row.unit_name,) if row.unit_name else (),
                extra={
                    "official": row.official_name,
                    "source_unit": row.source_unit,
                    "origin": row.origin,
                    "commitment": row.commitment,
                },
            )

    def all_ids(self) -> Iterator[str]:
        """Return the id of every entry shown today."""
        for origin, entry_id in shown_entries().values_list("origin", "entry_id").iterator():
            yield document_id(origin, entry_id)


class InternalEntries:
    """Drafts and what waits for review, for the desk's own search."""

    name = INTERNAL_ENTRY
    index: IndexKind = "internal"

    def load(self, ids: Sequence[str]) -> Iterator[Document]:
        """Return the documents that are still open."""
        unit = current_unit()
        versions = EntryVersion.objects.filter(
            state__in=OPEN, entry__public_id__in=list(_uuids(ids))
        ).select_related("entry__official")
        for version in versions:
            entry = version.entry
            yield Document(
                id=str(entry.public_id),
                index=self.index,
                kind="entry",
                title=version.title,
                names=tuple(
                    filter(None, (entry.official.name if entry.official else "", entry.unit_name))
                ),
                text=f"{version.text}\n{version.note}",
                unit_code=unit.code,
                unit_name=unit.name,
                source=entry.source,
                day=version.day,
                url=desk_entry_path(entry.public_id),
                tags=(State(version.state).value, Source(entry.source).value),
            )

    def all_ids(self) -> Iterable[str]:
        """Return the id of every open entry."""
        return [
            str(public_id)
            for public_id in EntryVersion.objects.filter(state__in=OPEN).values_list(
                "entry__public_id", flat=True
            )
        ]


def _chosen(ids: Sequence[str], column: str) -> Q:
    """Rows of these document ids; an id of another form chooses nothing."""
    chosen = Q(pk__in=[])
    by_origin: dict[str, list[uuid.UUID]] = {}
    for value in ids:
        issuer, _, public_id = value.partition("~")
        code, _, salt = issuer.rpartition(".")
        by_origin.setdefault(f"minqing/{code}/{salt}", []).extend(_uuids([public_id]))
    for origin, public_ids in by_origin.items():
        chosen |= Q(origin=origin) & Q(**{f"{column}__in": public_ids})
    return chosen


def _uuids(texts: Iterable[str]) -> Iterator[uuid.UUID]:
    for text in texts:
        try:
            yield uuid.UUID(text)
        except ValueError:
            continue
