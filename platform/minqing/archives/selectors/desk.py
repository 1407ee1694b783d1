"""What staff read: every function asks for the role first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minqing.accounts.models import Role, Staff
from minqing.accounts.permissions import require
from minqing.archives.errors import NotInArchive
from minqing.archives.matrix import BASES, RULES, PlanItem, Source
from minqing.archives.models import Entry, EntryVersion, Official, PublicationPlan
from minqing.archives.states import OPEN, State
from minqing.archives.values import (
    DeskEntry,
    DeskEntryPage,
    DeskOfficial,
    DeskPost,
    DeskReply,
    DeskVersion,
    PlanLine,
)

if TYPE_CHECKING:
    import uuid

    from minqing.archives.models import Reply

READERS = (Role.CLERK, Role.REVIEWER, Role.SUPERVISOR)


def desk_entries(by: Staff, state: str = "", *, limit: int = 200) -> list[DeskEntry]:
    """Entries in a state (all when empty), newest first; the state is that of the newest version.

    Raises:
        NotAllowed: ``by`` neither writes, reviews nor supervises.
    """
    staff = require(by, *READERS)
    missing = _missing_items()
    rows = (
        Entry.objects.select_related("official")
        .prefetch_related("versions__author", "versions__reviewer")
        .order_by("-id")
    )
    if state:
        rows = rows.filter(versions__state=state)
    found = [_entry(row, staff, missing) for row in rows[: limit * 2 if state else limit]]
    return [entry for entry in found if not state or entry.newest.state == state][:limit]


def desk_entry(by: Staff, public_id: uuid.UUID) -> DeskEntryPage:
    """One entry with every version and statement.

    Raises:
        NotAllowed: ``by`` neither writes, reviews nor supervises.
        NotInArchive: no such entry here.
    """
    staff = require(by, *READERS)
    row = Entry.objects.select_related("official").filter(public_id=public_id).first()
    if row is None:
        raise NotInArchive
    return DeskEntryPage(
        entry=_entry(row, staff, _missing_items()),
        versions=tuple(
            _version(version) for version in row.versions.select_related("author", "reviewer")
        ),
        replies=tuple(
            _reply(reply, staff) for reply in row.replies.select_related("author", "reviewer")
        ),
    )


def desk_officials(by: Staff, *, name: str = "", limit: int = 500) -> list[DeskOfficial]:
    """Officials of this unit in order of name; ``name`` narrows by a part of it.

    Raises:
        NotAllowed: ``by`` neither writes, reviews nor supervises.
    """
    staff = require(by, *READERS)
    rows = Official.objects.prefetch_related("posts")
    if name:
        rows = rows.filter(name__contains=name)
    return [_official(row, staff) for row in rows[:limit]]


def desk_official(by: Staff, public_id: uuid.UUID) -> DeskOfficial:
    """One official of this unit.

    Raises:
        NotAllowed: ``by`` neither writes, reviews nor supervises.
        NotInArchive: no such official here.
    """
    staff = require(by, *READERS)
    row = Official.objects.prefetch_related("posts").filter(public_id=public_id).first()
    if row is None:
        raise NotInArchive
    return _official(row, staff)


def plan_lines(by: Staff) -> list[PlanLine]:
    """Every item of the publication plan with its document, or without one.

    Raises:
        NotAllowed: ``by`` neither writes, reviews nor supervises.
    """
    require(by, *READERS)
    in_force = {plan.item: plan for plan in PublicationPlan.objects.filter(ended_on__isnull=True)}
    return [_plan(item, in_force.get(item)) for item in PlanItem]


def _plan(item: PlanItem, plan: PublicationPlan | None) -> PlanLine:
    return PlanLine(
        item=item.value,
        label=str(item.label),
        basis=BASES[item],
        document_number=plan.document_number if plan else "",
        document_title=plan.document_title if plan else "",
        document_day=plan.document_day if plan else None,
    )


def _missing_items() -> set[str]:
    return {*PlanItem.values} - {
        *PublicationPlan.objects.filter(ended_on__isnull=True).values_list("item", flat=True)
    }


def _entry(row: Entry, staff: Staff, missing: set[str]) -> DeskEntry:
    versions = sorted(row.versions.all(), key=lambda version: version.number)
    item = RULES[row.source].item
    return DeskEntry(
        public_id=row.public_id,
        official_id=row.official.public_id if row.official else None,
        official_name=row.official.name if row.official else "",
        unit_name=row.unit_name,
        source=row.source,
        source_label=str(Source(row.source).label),
        newest=_version(versions[-1]),
        moves=_moves(versions, staff),
        plan_missing=str(item.label) if item in missing else "",
    )


def _moves(versions: list[EntryVersion], staff: Staff) -> tuple[str, ...]:
    """What this person may do now: the same rules as the services', said beforehand."""
    newest = versions[-1]
    is_author = newest.author_id == staff.pk
    published = any(version.state == State.PUBLISHED for version in versions)
    clerk, reviewer = staff.has_role(Role.CLERK), staff.has_role(Role.REVIEWER)
    allowed = {
        "edit": clerk and is_author and newest.state == State.DRAFT,
        "submit": clerk and is_author and newest.state == State.DRAFT,
        "return": reviewer and newest.state == State.SUBMITTED,
        "publish": reviewer and not is_author and newest.state == State.SUBMITTED,
        "correct": clerk and published and newest.state not in OPEN,
        "withdraw": reviewer and published,
    }
    return tuple(name for name, may in allowed.items() if may)


def _version(row: EntryVersion) -> DeskVersion:
    return DeskVersion(
        number=row.number,
        state=row.state,
        state_label=str(State(row.state).label),
        day=row.day,
        source_unit=row.source_unit,
        title=row.title,
        text=row.text,
        note=row.note,
        negative=row.negative,
        expires_on=row.expires_on,
        reason=row.reason,
        returned_because=row.returned_because,
        withdrawal_reason=row.withdrawal_reason,
        author=row.author.name,
        reviewer=row.reviewer.name if row.reviewer else "",
        published_on=row.published_on,
        commitment=row.commitment,
    )


def _reply(row: Reply, staff: Staff) -> DeskReply:
    state = State.PUBLISHED if row.commitment else State.SUBMITTED
    return DeskReply(
        public_id=row.public_id,
        text=row.text,
        day=row.day,
        state=state.value,
        state_label=str(state.label),
        author=row.author.name,
        reviewer=row.reviewer.name if row.reviewer else "",
        can_publish=state == State.SUBMITTED
        and staff.has_role(Role.REVIEWER)
        and row.author_id != staff.pk,
    )


def _official(row: Official, staff: Staff) -> DeskOfficial:
    waiting = row.reviewed_by_id is None
    return DeskOfficial(
        public_id=row.public_id,
        name=row.name,
        birth_month=row.birth_month,
        telephone=row.telephone,
        posts=tuple(
            DeskPost(
                id=post.pk, unit_name=post.unit_name, title=post.title, duties=post.duties, from_month=post.from_month,
                to_month=post.to_month, is_public=post.is_public,
            )
            for post in row.posts.all()
        ),
        waiting=waiting,
        published=row.record_version > 0 and not row.is_withdrawn,
        can_publish=waiting and staff.has_role(Role.REVIEWER) and staff.pk not in row.editors,
    )  # fmt: skip
