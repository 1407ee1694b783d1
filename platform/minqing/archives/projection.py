"""From published records to what the public sees: one code path for our own records and for those of followed units.

Everything is derived from the record's octets, in log order, and a record applied twice changes nothing.
"""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from minqing.archives import bodies, documents
from minqing.archives.models import PublicEntryRow, PublicOfficialRow, PublicReplyRow
from search.marks import mark
from search.tasks import drain_soon
from sync import audiences
from sync.errors import RecordRejected
from sync.exchange.homes.custody import facts_came, may_issue, watched
from sync.exchange.peers import connected_peers
from sync.formats import first_homes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sync.kinds import ReceivedRecord


@dataclass(frozen=True, kw_only=True)
class Published:
    """A public record as far as a projection needs it."""

    origin: str
    commitment: str  # hex
    day: datetime.date
    subject: str
    body: bytes
    index: int = 0  # in the log of another unit
    watched: frozenset[str] | None = None
    """Subjects whose home may be another than the issuer; None for our own records, whose services refuse."""

    accepted_name: str = (
        ""  # of a followed unit, as its connection was accepted; its own later word does not count
    )

    @property
    def unit_code(self) -> str:
        """The issuing unit's code, which its origin holds."""
        return self.origin.split("/")[1]


def subject_of(noun: str, public_id: uuid.UUID | str) -> str:
    """The ledger's subject of an official, an entry or a reply."""
    return f"{noun}:{public_id}"


def project_official(record: Published) -> None:
    """Show an official's newest facts, or stop showing them.

    Raises:
        bodies.BodyFault: the record does not fit.
    """
    body = bodies.decode(record.body, bodies.OfficialBody)
    _check_subject(record, "official", body.official)
    row = (
        PublicOfficialRow.objects.select_for_update()
        .filter(origin=record.origin, official_id=body.official)
        .first()
    )
    if row is not None and row.commitment == record.commitment:
        return
    if row is not None and row.version >= body.version:
        raise bodies.BodyFault("an older version comes after a newer one")
    _check_home(record, body.official)
    if row is None:
        # What the home before published stays findable until the new home speaks for itself.
        PublicOfficialRow.objects.filter(official_id=body.official, home=record.origin).update(
            is_former=True
        )
    row = row or PublicOfficialRow(
        origin=record.origin, home=record.origin, unit_code=record.unit_code,
        official_id=uuid.UUID(body.official),
    )  # fmt: skip
    row.is_erased = False
    posts = sorted(body.posts, key=lambda post: (not post.to_month, post.from_month), reverse=True)
    first = posts[0] if posts else None
    row.home_name, row.commitment, row.day, row.version = (
        record.accepted_name or body.home_name,
        record.commitment,
        record.day,
        body.version,
    )
    row.is_withdrawn, row.name, row.telephone = body.state == "withdrawn", body.name, body.telephone
    row.unit_name, row.title, row.duties = (
        (first.unit_name, first.title, first.duties) if first else ("", "", "")
    )
    row.posts = [
        {
            "unit_name": post.unit_name,
            "title": post.title,
            "duties": post.duties,
            "from_month": post.from_month,
            "to_month": post.to_month,
        }
        for post in posts
    ]
    row.save()
    mark(documents.PUBLIC_OFFICIAL, [documents.document_id(record.origin, body.official)])


def project_entry(record: Published) -> None:
    """Show a version of an entry, or withdraw the entry: its texts then leave every version's row.

    Raises:
        bodies.BodyFault: the record does not fit.
    """
    body = bodies.decode(record.body, bodies.EntryBody)
    _check_subject(record, "entry", body.entry)
    rows = PublicEntryRow.objects.filter(origin=record.origin, entry_id=body.entry)
    if rows.filter(commitment=record.commitment).exists():
        return
    newest = rows.select_for_update().filter(superseded_on__isnull=True).first()
    for official in {body.official, str(newest.official_id or "") if newest is not None else ""}:
        _check_home(record, official)
    if newest is not None:
        if newest.is_withdrawal:
            raise bodies.BodyFault("the entry was withdrawn")
        if newest.version >= body.version:
            raise bodies.BodyFault("an older version comes after a newer one")
        if body.state == "published" and not body.reason:
            raise bodies.BodyFault("a correction says why")
        newest.superseded_on = record.day
        newest.save(update_fields=["superseded_on"])
    row = PublicEntryRow(
        origin=record.origin, unit_code=record.unit_code, home_name=record.accepted_name or body.home_name, commitment=record.commitment, day=record.day,
        entry_id=uuid.UUID(body.entry), version=body.version, reason=body.reason, source_commitment=body.source_commitment,
        first_published_on=newest.first_published_on if newest is not None else record.day,
    )  # fmt: skip
    if body.state == "withdrawn":
        rows.update(
            is_withdrawn=True,
            official_name="",
            unit_name="",
            source_unit="",
            title="",
            text="",
            reason="",
        )
        PublicReplyRow.objects.filter(origin=record.origin, entry_id=body.entry).delete()
        row.is_withdrawn = row.is_withdrawal = True
    else:
        row.official_id = uuid.UUID(body.official) if body.official else None
        row.official_name, row.unit_name, row.source, row.source_unit = (
            body.official_name,
            body.unit_name,
            body.source,
            body.source_unit,
        )
        row.event_day, row.title, row.text, row.negative = (
            bodies.as_day(body.day),
            body.title,
            body.text,
            body.negative,
        )
        row.expires_on = bodies.as_day(body.expires_on) if body.expires_on else None
        rows.update(
            expires_on=row.expires_on
        )  # the newest word about the end holds for every version
    row.save()
    mark(documents.PUBLIC_ENTRY, [documents.document_id(record.origin, body.entry)])


def project_reply(record: Published) -> None:
    """Show an official's statement beside an entry of the same unit.

    Raises:
        bodies.BodyFault: the record does not fit.
    """
    body = bodies.decode(record.body, bodies.ReplyBody)
    _check_subject(record, "reply", body.reply)
    if PublicEntryRow.objects.filter(
        origin=record.origin, entry_id=body.entry, is_withdrawn=True
    ).exists():
        return  # nothing to stand beside any more
    beside = PublicEntryRow.objects.filter(origin=record.origin, entry_id=body.entry).exclude(
        official_id=None
    )
    _check_home(record, str(beside.values_list("official_id", flat=True).first() or ""))
    PublicReplyRow.objects.get_or_create(
        origin=record.origin,
        reply_id=uuid.UUID(body.reply),
        defaults={
            "unit_code": record.unit_code,
            "home_name": record.accepted_name or body.home_name,
            "commitment": record.commitment,
            "day": record.day,
            "entry_id": uuid.UUID(body.entry),
            "text": body.text,
            "reply_day": bodies.as_day(body.day),
        },
    )
    mark(documents.PUBLIC_ENTRY, [documents.document_id(record.origin, body.entry)])


def apply_officials(records: Sequence[ReceivedRecord], /) -> None:
    """Apply handler of ``archives.official``."""
    _apply(records, project_official)
    facts_came({record.header.subject for record in records})


def apply_entries(records: Sequence[ReceivedRecord], /) -> None:
    """Apply handler of ``archives.entry``."""
    _apply(records, project_entry)


def apply_replies(records: Sequence[ReceivedRecord], /) -> None:
    """Apply handler of ``archives.reply``."""
    _apply(records, project_reply)


def _apply(records: Sequence[ReceivedRecord], project: Callable[[Published], None]) -> None:
    accepted = {peer.origin: peer.name for peer in connected_peers()} if records else {}
    moved = watched() if records else frozenset()
    for record in records:
        if record.header.audience != audiences.PUBLIC:
            raise RecordRejected(record.commitment, "the archives take public records only")
        published = Published(
            origin=record.origin,
            commitment=record.commitment,
            day=datetime.date.fromisoformat(record.header.day),
            subject=record.header.subject,
            body=record.body,
            index=record.index,
            watched=moved,
            accepted_name=accepted.get(record.origin, ""),
        )
        try:
            project(published)
        except bodies.BodyFault as fault:
            about = fault.subject if isinstance(fault, _NotHome) else ""
            raise RecordRejected(record.commitment, str(fault), about=about) from fault
    if records:
        drain_soon()


class _NotHome(bodies.BodyFault):
    """It waits for news of who keeps the official, or waits for ever."""

    def __init__(self, sentence: str, subject: str) -> None:
        super().__init__(sentence)
        self.subject = subject


_NOT_HOME = {
    "waits": "it is not the home as far as is known here; it waits for the proof",
    "before": "it was issued before its issuer held the close of the handover",
    "after": "it was issued after the home had changed",
}


def _check_home(record: Published, official: str) -> None:
    """One home at any index: a record of another log, or of a home before or after its time, is held back."""
    if record.watched is None or not official:
        return
    subject = subject_of("official", official)
    if subject not in record.watched and first_homes.may_begin(subject, record.origin):
        return
    why = may_issue(subject, record.origin, record.index)
    if why:
        raise _NotHome(_NOT_HOME[why], subject)


def _check_subject(record: Published, noun: str, public_id: str) -> None:
    if record.subject != subject_of(noun, public_id):
        raise bodies.BodyFault("the body speaks of another subject than the header")
