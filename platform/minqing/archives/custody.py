"""Officials change their home: what the exchange asks of the archives, and what it has them do."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from minqing.archives import documents
from minqing.archives.models import (
    Official,
    Post,
    PublicEntryRow,
    PublicOfficialRow,
    PublicReplyRow,
)
from minqing.archives.projection import subject_of
from search.marks import mark
from search.tasks import drain_soon
from sync import identity
from sync.exchange.homes import custody
from sync.formats import first_homes

if TYPE_CHECKING:
    from django.db.models import QuerySet

NOUN = "official"


class Officials:
    """The charge of the archives: subjects ``official:<public id>``."""

    noun = NOUN

    def first_home(self, subject: str) -> str:
        """Return who issued the official first; our own are ours, whoever else claims the id."""
        public_id = id_of(subject)
        if public_id is None:
            return ""
        own = identity.origin()
        if Official.objects.filter(public_id=public_id, home=own).exists():
            return own
        rows = PublicOfficialRow.objects.filter(official_id=public_id).order_by("pk")
        return next(
            (
                origin
                for origin in rows.values_list("origin", flat=True)
                if first_homes.may_begin(subject, origin)
            ),
            "",
        )

    def history(self, subject: str) -> list[str]:
        """Return the commitments of the facts, entries and statements that every home so far made public."""
        public_id = id_of(subject)
        if public_id is None:
            return []
        homes = homes_of(subject)
        entries = PublicEntryRow.objects.filter(origin__in=homes, official_id=public_id)
        replies = PublicReplyRow.objects.filter(
            origin__in=homes, entry_id__in=entries.values("entry_id")
        )
        facts = PublicOfficialRow.objects.filter(
            origin__in=homes, official_id=public_id, is_erased=False
        )
        return [
            commitment
            for rows in (facts, entries, replies)
            for commitment in rows.values_list("commitment", flat=True)
        ]

    def moved(self, subject: str, giver: str, taker: str) -> None:
        """Let go here, or take over here; list the official at the new home."""
        public_id = id_of(subject)
        if public_id is None:
            return
        shown = PublicOfficialRow.objects.filter(official_id=public_id)
        rows = shown.filter(origin__in=homes_of(subject))
        speaks = rows.filter(origin=taker).exists()
        for row in rows:
            row.home = taker
            row.is_former = row.origin != taker if speaks else row.origin != giver
            row.save(update_fields=["home", "is_former"])
        own = identity.origin()
        if giver == own:
            Official.objects.filter(public_id=public_id).update(home=taker)
        if taker == own:
            _take_over(public_id, rows)

    def changed(self, subject: str) -> None:
        """Let the search, and with it the version of every public page, know."""
        public_id = id_of(subject)
        if public_id is None:
            return
        rows = PublicOfficialRow.objects.filter(official_id=public_id)
        mark(
            documents.PUBLIC_OFFICIAL,
            [documents.document_id(row.origin, row.official_id) for row in rows],
        )
        drain_soon()


def _take_over(public_id: uuid.UUID, rows: QuerySet[PublicOfficialRow]) -> None:
    """An official of ours from now on, with the facts that were public; to be reviewed here before they are ours."""
    official, made = Official.objects.get_or_create(
        public_id=public_id, defaults={"home": identity.origin(), "name": "—"}
    )
    facts = rows.filter(is_erased=False).order_by("is_former", "-day").first()
    official.home, official.reviewed_by = identity.origin(), None
    if facts is not None and facts.name:
        official.name, official.telephone = facts.name, facts.telephone
        official.posts.all().delete()
        Post.objects.bulk_create(
            [Post(official=official, is_public=True, **post) for post in facts.posts],
            ignore_conflicts=True,
        )
    if made:
        official.editors = []
    official.save()


def id_of(subject: str) -> uuid.UUID | None:
    """Read an official's id out of a subject; None where it names none, or spells one otherwise than everybody does."""
    noun, _, text = subject.partition(":")
    try:
        found = uuid.UUID(text) if noun == NOUN else None
    except ValueError:
        return None
    return found if str(found) == text else None


def homes_of(subject: str) -> tuple[str, ...]:
    """Return every log that kept the official, the first one first."""
    stands = custody.standing(subject)
    return stands.homes if stands is not None else (custody.home_of(subject),)


def subject(public_id: uuid.UUID) -> str:
    """Return the exchange's subject of an official."""
    return subject_of(NOUN, public_id)
