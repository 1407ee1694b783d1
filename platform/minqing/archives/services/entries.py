"""Entries: drafted by a clerk, reviewed and published by someone else, corrected and withdrawn with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from minqing.accounts.models import Role, Staff
from minqing.accounts.permissions import require
from minqing.archives import bodies, checks, documents
from minqing.archives.errors import BadValue, MoveRefused, NotForPersons, NotInArchive
from minqing.archives.matrix import RULES, Source
from minqing.archives.models import Entry, EntryVersion, Official
from minqing.archives.projection import project_entry
from minqing.archives.services.moves import keep_review, move, publish, require_home
from minqing.archives.services.plans import require_plan
from minqing.archives.states import OPEN, State
from search.marks import mark
from search.tasks import drain_soon
from sync import ledger
from tenants.current import current_unit

if TYPE_CHECKING:
    import uuid

    from minqing.archives.values import Wording


@transaction.atomic
def entry_draft(
    *,
    by: Staff,
    source: str,
    wording: Wording,
    official: uuid.UUID | None = None,
    unit_name: str = "",
    names_person: bool = False,
    basis_commitment: str = "",
) -> Entry:
    """Begin an entry about an official, or about a unit where ``official`` is None.

    ``unit_name`` defaults to the official's present unit, then to this unit. A citizen's report (群众反映办结) stands under
    a person only when the closing names that person: ``names_person`` with the closing's commitment.

    Raises:
        NotAllowed: ``by`` is not a clerk.
        NotInArchive: no such official here.
        NotForPersons: the matrix does not let this source stand under a person.
        BadValue: a value does not fit.
    """
    staff = require(by, Role.CLERK)
    if source not in Source.values:
        raise BadValue(_("请选择来源。"))
    person = None
    if official is not None:
        person = Official.objects.filter(public_id=official).first()
        if person is None:
            raise NotInArchive
        require_home(person)
        if not RULES[source].persons:
            raise NotForPersons(_("个人的测评结果只在一定范围内公布，不上网。请登记到单位名下。"))
        if source == Source.REPORT_OUTCOME and not (names_person and basis_commitment):
            raise NotForPersons(
                _(
                    "办结意见点名本人的，群众反映办结才能记在本人名下，并要写明办结记录的存证号；否则请登记到单位名下。"
                )
            )
    entry = Entry.objects.create(
        official=person,
        unit_name=checks.text(_("单位"), unit_name or _unit_of(person), longest=120),
        source=source,
        names_person=names_person and person is not None,
        basis_commitment=checks.commitment(basis_commitment),
    )
    EntryVersion(entry=entry, number=1, author=staff, **checks.wording(wording)).save()
    _mark(entry)
    return entry


@transaction.atomic
def entry_edit(*, by: Staff, entry: uuid.UUID, wording: Wording) -> None:
    """Change one's own draft, also one that came back from review.

    Raises:
        NotAllowed: ``by`` is not a clerk, or not the author.
        NotInArchive: no such entry here.
        MoveRefused: it is not a draft.
        BadValue: a value does not fit.
    """
    staff = require(by, Role.CLERK)
    row = _locked(entry)
    version = _own_draft(row, staff)
    for field, value in checks.wording(wording).items():
        setattr(version, field, value)
    version.save()
    _mark(row)


@transaction.atomic
def entry_submit(*, by: Staff, entry: uuid.UUID) -> None:
    """Hand one's own draft to review.

    Raises:
        NotAllowed: ``by`` is not a clerk, or not the author.
        NotInArchive: no such entry here.
        MoveRefused: it is not a draft.
    """
    staff = require(by, Role.CLERK)
    row = _locked(entry)
    move(_own_draft(row, staff), "submit", by=staff, returned_because="")
    _mark(row)


@transaction.atomic
def entry_return(*, by: Staff, entry: uuid.UUID, reason: str) -> None:
    """Give a version back to its author, saying what to change.

    Raises:
        NotAllowed: ``by`` is not a reviewer.
        NotInArchive: no such entry here.
        MoveRefused: it does not wait for review.
        BadValue: no reason is given.
    """
    staff = require(by, Role.REVIEWER)
    row = _locked(entry)
    move(_open(row), "return", by=staff, reason=reason, returned_because=checks.reason(reason))
    _mark(row)


@transaction.atomic
def entry_publish(*, by: Staff, entry: uuid.UUID) -> str:
    """Review a version and make it public; return the public record's commitment.

    The public record holds the whitelisted fields only and names the internal one it was made from. A correction takes
    the place of the version before, in the same chain.

    Raises:
        NotAllowed: ``by`` is not a reviewer.
        NotInArchive: no such entry here.
        SamePerson: ``by`` wrote it.
        MoveRefused: it does not wait for review (someone was quicker), or the official is not public.
        PlanMissing: the publication plan has no document for this item.
    """
    staff = require(by, Role.REVIEWER)
    row = _locked(entry)
    version = _open(row)
    require_plan(RULES[row.source].item)
    person = row.official
    if person is not None and (not person.record_version or person.is_withdrawn):
        raise MoveRefused(_("请先审核公开这位同志的姓名和职务，再公开关于他的记录。"))
    if version.expires_on is not None and version.expires_on <= timezone.localdate():
        raise MoveRefused(_("这条内容已经过了到期撤下的日期，请退回修改。"))
    before = row.versions.filter(state=State.PUBLISHED).first()
    if before is not None:
        move(before, "supersede", by=staff, reason=version.reason)
    source_commitment = keep_review(
        row.public_id,
        bodies.ReviewBody(
            author=version.author.username, basis_commitment=row.basis_commitment, entry=str(row.public_id), note=version.note,
            reviewer=staff.username, version=version.number,
        ),
    )  # fmt: skip
    body = bodies.EntryBody(
        day=version.day.isoformat(),
        entry=str(row.public_id),
        expires_on=version.expires_on.isoformat() if version.expires_on else "",
        home_name=current_unit().name,
        negative=version.negative,
        official=str(person.public_id) if person else "",
        official_name=person.name if person else "",
        reason=version.reason,
        source=row.source,
        source_commitment=source_commitment,
        source_unit=version.source_unit,
        state="published",
        text=version.text,
        title=version.title,
        unit_name=row.unit_name,
        version=version.number,
    )
    commitment = publish(bodies.ENTRY_KIND, "entry", row.public_id, body, project_entry)
    move(
        version,
        "publish",
        by=staff,
        reviewer=staff,
        published_on=timezone.localdate(),
        commitment=commitment,
    )
    _mark(row)
    ledger.seal_soon()
    return commitment


@transaction.atomic
def entry_correct(*, by: Staff, entry: uuid.UUID, wording: Wording, reason: str) -> None:
    """Write a newer version of a published entry and hand it to review; the public sees the old one until then.

    Raises:
        NotAllowed: ``by`` is not a clerk.
        NotInArchive: no such entry here.
        MoveRefused: it is not public, or a correction is under way already.
        BadValue: a value does not fit, or no reason is given.
    """
    staff = require(by, Role.CLERK)
    row = _locked(entry)
    if not row.versions.filter(state=State.PUBLISHED).exists():
        raise MoveRefused(_("只有已公开的内容才能更正。"))
    if row.versions.filter(state__in=OPEN).exists():
        raise MoveRefused(_("这条内容已经有一份更正在办理，请先办完那一份。"))
    number = _last_number(row) + 1
    version = EntryVersion(
        entry=row,
        number=number,
        author=staff,
        reason=checks.reason(reason),
        **checks.wording(wording),
    )
    version.save()
    move(version, "submit", by=staff)
    _mark(row)


@transaction.atomic
def entry_withdraw(*, by: Staff, entry: uuid.UUID, reason: str) -> str:
    """Take a published entry off the web for good; return the commitment of the record that says why.

    Raises:
        NotAllowed: ``by`` is not a reviewer.
        NotInArchive: no such entry here.
        MoveRefused: it is not public.
        BadValue: no reason is given.
    """
    staff = require(by, Role.REVIEWER)
    commitment = _withdraw(_locked(entry), by=staff, reason=checks.reason(reason))
    ledger.seal_soon()
    return commitment


def withdraw_all(official: Official, *, by: Staff, reason: str) -> None:
    """Withdraw every public entry of an official; the caller has checked the role and seals."""
    for row in Entry.objects.select_for_update().filter(
        official=official, versions__state=State.PUBLISHED
    ):
        _withdraw(row, by=by, reason=reason)


def _withdraw(row: Entry, *, by: Staff, reason: str) -> str:
    version = row.versions.filter(state=State.PUBLISHED).first()
    if version is None:
        raise MoveRefused(_("这条内容现在没有公开，或者已经撤下。"))
    row.versions.filter(
        state__in=OPEN
    ).delete()  # a correction nobody has seen; there is nothing left to correct
    move(version, "withdraw", by=by, reason=reason, withdrawn_by=by, withdrawal_reason=reason)
    body = bodies.EntryBody(
        day="", entry=str(row.public_id), expires_on="", home_name=current_unit().name, negative=False, official="", official_name="",
        reason=reason, source="", source_commitment="", source_unit="", state="withdrawn", text="", title="", unit_name="",
        version=_last_number(row) + 1,
    )  # fmt: skip
    commitment = publish(bodies.ENTRY_KIND, "entry", row.public_id, body, project_entry)
    _mark(row)
    return commitment


def _locked(public_id: uuid.UUID) -> Entry:
    row = Entry.objects.select_for_update().filter(public_id=public_id).first()
    if row is None:
        raise NotInArchive
    require_home(row.official)
    return row


def _open(row: Entry) -> EntryVersion:
    version = row.versions.filter(state__in=OPEN).first()
    if version is None:
        raise MoveRefused(_("这条内容没有待办理的版本，可能别人刚刚办完。请刷新页面看最新情况。"))
    return version


def _own_draft(row: Entry, staff: Staff) -> EntryVersion:
    version = _open(row)
    if version.author_id != staff.pk:
        raise MoveRefused(_("只有登记人本人可以修改和提交自己的草稿。"))
    if version.state != State.DRAFT:
        raise MoveRefused(_("已经提交审核，不能再改。需要修改请让审核人退回。"))
    return version


def _last_number(row: Entry) -> int:
    return int(row.versions.aggregate(last=Max("number"))["last"] or 0)


def _unit_of(person: Official | None) -> str:
    if person is not None:
        post = person.posts.filter(to_month="").first()
        if post is not None:
            return post.unit_name
    return current_unit().name


def _mark(row: Entry) -> None:
    mark(documents.INTERNAL_ENTRY, [str(row.public_id)])
    drain_soon()
