"""What anybody may read. Nothing here touches a table that holds drafts."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from minqing.archives import custody
from minqing.archives.documents import shown_entries, shown_officials
from minqing.archives.errors import NotInArchive
from minqing.archives.matrix import Source
from minqing.archives.models import PublicEntryRow, PublicOfficialRow, PublicReplyRow
from minqing.archives.selectors.custody import custody_page
from minqing.archives.values import (
    EntryPage,
    HistoryLine,
    OfficialPage,
    PublicEntry,
    PublicOfficial,
    PublicPost,
    PublicReply,
    UnitPage,
    UnitSummary,
)
from sync import identity
from sync.exchange.homes.custody import standing
from tenants.current import current_unit

if TYPE_CHECKING:
    import datetime
    import uuid
    from collections.abc import Iterable

UNIT_PAGE_ENTRIES = 50
Row = TypeVar("Row", PublicOfficialRow, PublicEntryRow)


def recent_entries(limit: int = 10, *, source: str = "", unit_code: str = "") -> list[PublicEntry]:
    """The newest entries by the day of the event, ours and followed units'; one unit's with ``unit_code``."""
    rows = shown_entries()
    if source:
        rows = rows.filter(source=source)
    if unit_code:
        rows = rows.filter(origin=_issuer(unit_code))
    return _entries(rows[:limit])


def official_page(public_id: uuid.UUID, *, as_of: datetime.date | None = None) -> OfficialPage:
    """An official's page as of a day (today when None). What has expired or been withdrawn since is not on it.

    Raises:
        NotInArchive: no public official has the id.
    """
    subject = custody.subject(public_id)
    stands = standing(subject)
    known = PublicOfficialRow.objects.filter(official_id=public_id)
    # Whose it is, withdrawn or not: nobody else steps into a page that was taken down.
    homes = stands.homes if stands is not None else (_one(known).origin,)
    row = _one(known.filter(origin__in=homes, is_withdrawn=False, is_former=False))
    day = min(as_of or timezone.localdate(), timezone.localdate())
    entries = _entries(_shown(day).filter(origin__in=homes, official_id=public_id))
    replies: dict[uuid.UUID, list[PublicReply]] = {}
    for reply in PublicReplyRow.objects.filter(
        origin__in=homes, entry_id__in=[entry.public_id for entry in entries], day__lte=day
    ):
        replies.setdefault(reply.entry_id, []).append(_reply(reply))
    return OfficialPage(
        official=_official(row, identity.origin()),
        as_of=day,
        entries=tuple(entries),
        replies={entry_id: tuple(given) for entry_id, given in replies.items()},
        custody=custody_page(stands) if stands is not None else None,
    )


def entry_page(public_id: uuid.UUID) -> EntryPage:
    """An entry with its history and the official's statements.

    Raises:
        NotInArchive: no such entry was ever public here.
    """
    known = PublicEntryRow.objects.filter(entry_id=public_id)
    versions = known.filter(origin=_one(known).origin)  # the first version decides whose it is
    newest = _one(versions.filter(superseded_on__isnull=True))
    rows = list(versions.order_by("version"))
    expired = newest.expires_on is not None and newest.expires_on <= timezone.localdate()
    hidden = newest.is_withdrawn or expired
    history = tuple(
        HistoryLine(
            version=row.version,
            kind="erased"
            if row.is_erased
            else "withdrawn"
            if row.is_withdrawal
            else "corrected"
            if row is not rows[0]
            else "published",
            day=row.day,
            reason=row.reason,
            title="" if hidden else row.title,
            text="" if hidden else row.text,
            commitment=row.commitment,
        )
        for row in rows
    )
    replies = (
        [] if hidden else PublicReplyRow.objects.filter(origin=newest.origin, entry_id=public_id)
    )
    return EntryPage(
        public_id=public_id,
        origin=newest.origin,
        entry=None if hidden else _entry(newest, identity.origin()),
        withdrawn=newest.is_withdrawn and not newest.is_erased,
        erased=newest.is_erased,
        expired=expired,
        reason=newest.reason if newest.is_withdrawal else "",
        history=history,
        replies=tuple(_reply(reply) for reply in replies),
    )


def units_with_archives() -> list[UnitSummary]:
    """Units whose published archives are here, ours first, then in order of code."""
    own = identity.origin()
    officials = dict(shown_officials().order_by().values_list("home").annotate(total=Count("pk")))
    entries = _totals(shown_entries().order_by())
    names = _home_names()
    summaries = [
        _summary(origin, own, names, officials.get(origin, 0), entries.get(origin, 0))
        for origin in {own, *officials, *entries}
    ]
    return sorted(summaries, key=lambda unit: (not unit.is_own, unit.code, unit.origin))


def officials_of_unit(code: str, *, part: str = "") -> list[PublicOfficial]:
    """Public officials whose home is the unit; ``part`` narrows to a township or department by its name."""
    own = identity.origin()
    rows = shown_officials().filter(home=_issuer(code))
    if part:
        rows = rows.filter(unit_name=part)
    return [_official(row, own) for row in rows]


def unit_page(code: str, *, part: str = "") -> UnitPage:
    """A unit's page: its parts, officials and newest entries.

    Raises:
        NotInArchive: no unit of this code is here, or it has no such part.
    """
    if "\0" in part:
        raise NotInArchive  # no name holds one, and the database would not be asked
    own, origin = identity.origin(), _issuer(code)
    shown, entries = (
        shown_officials().filter(home=origin),
        _shown(timezone.localdate()).filter(origin=origin),
    )
    names = _home_names(origin)
    unit = _summary(
        origin, own, names, shown.count(), shown_entries().filter(origin=origin).count()
    )
    if not unit.is_own and not unit.officials and not unit.entries:
        raise NotInArchive
    parts = tuple(
        shown.exclude(unit_name="")
        .order_by("unit_name")
        .values_list("unit_name")
        .annotate(total=Count("pk"))
    )
    if part:
        entries = entries.filter(unit_name=part)
        if all(name != part for name, _total in parts) and not entries.exists():
            raise NotInArchive
    return UnitPage(
        unit=unit,
        part=part,
        parts=parts,
        officials=tuple(officials_of_unit(code, part=part)),
        entries=tuple(_entries(entries[:UNIT_PAGE_ENTRIES])),
    )


def _issuer(code: str) -> str:
    """The origin that speaks for a unit code here: ours for our own, else the first that came; a second one never mixes in."""
    if code == current_unit().code:
        return identity.origin()
    for rows in (PublicOfficialRow.objects, PublicEntryRow.objects):
        first = rows.filter(unit_code=code).order_by("pk").values_list("origin", flat=True).first()
        if first is not None:
            return first
    return ""


def _summary(
    origin: str, own: str, names: dict[str, str], officials: int, entries: int
) -> UnitSummary:
    code = current_unit().code if origin == own else origin.partition("/")[2].partition("/")[0]
    name = current_unit().name if origin == own else names.get(origin) or code
    return UnitSummary(
        code=code,
        origin=origin,
        name=name,
        is_own=origin == own,
        officials=officials,
        entries=entries,
    )


def _totals(rows: QuerySet[PublicOfficialRow] | QuerySet[PublicEntryRow]) -> dict[str, int]:
    return {
        line["origin"]: line["total"] for line in rows.values("origin").annotate(total=Count("pk"))
    }


def _shown(day: datetime.date) -> QuerySet[PublicEntryRow]:
    """Versions that stood on a day, without what is withdrawn or has expired by today."""
    return (
        PublicEntryRow.objects.filter(is_withdrawn=False, day__lte=day)
        .filter(Q(superseded_on__isnull=True) | Q(superseded_on__gt=day))
        .exclude(expires_on__lte=timezone.localdate())
    )


def _one(rows: QuerySet[Row]) -> Row:
    """Our own row, or the first unit's that used the id; nobody else's word replaces it."""
    own = identity.origin()
    found = sorted(rows, key=lambda row: (row.origin != own, row.pk))
    if not found:
        raise NotInArchive
    return found[0]


def _home_names(*origins: str) -> dict[str, str]:
    """The names that units give themselves in their records, as their first officials (else entries) have them."""
    names: dict[str, str] = {}
    for rows in (PublicOfficialRow.objects.order_by(), PublicEntryRow.objects.order_by()):
        wanted = rows.filter(origin__in=origins) if origins else rows
        first = wanted.order_by("origin", "pk").distinct("origin")
        for origin, name in first.values_list("origin", "home_name"):
            names.setdefault(origin, name)
    return names


def _official(row: PublicOfficialRow, own: str) -> PublicOfficial:
    return PublicOfficial(
        public_id=row.official_id,
        origin=row.origin,
        unit_code=row.unit_code,
        home_name=row.home_name,
        is_own=row.origin == own,
        name=row.name,
        unit_name=row.unit_name,
        title=row.title,
        duties=row.duties,
        telephone=row.telephone,
        posts=tuple(PublicPost(**post) for post in row.posts),
        commitment=row.commitment,
        day=row.day,
    )


def _entries(rows: Iterable[PublicEntryRow]) -> list[PublicEntry]:
    own = identity.origin()
    return [_entry(row, own) for row in rows]


def _entry(row: PublicEntryRow, own: str) -> PublicEntry:
    return PublicEntry(
        public_id=row.entry_id,
        origin=row.origin,
        unit_code=row.unit_code,
        home_name=row.home_name,
        is_own=row.origin == own,
        official_id=row.official_id,
        official_name=row.official_name,
        unit_name=row.unit_name,
        source=row.source,
        source_label=str(Source(row.source).label),
        source_unit=row.source_unit,
        day=row.event_day or row.day,
        title=row.title,
        text=row.text,
        negative=row.negative,
        expires_on=row.expires_on,
        version=row.version,
        reason=row.reason,
        published_on=row.day,
        first_published_on=row.first_published_on,
        commitment=row.commitment,
        source_commitment=row.source_commitment,
    )


def _reply(row: PublicReplyRow) -> PublicReply:
    return PublicReply(text=row.text, day=row.reply_day, commitment=row.commitment)
