"""Officials and their posts: written by clerks, made public by a reviewer who wrote none of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from minqing.accounts.models import Role, Staff
from minqing.accounts.permissions import require
from minqing.archives import bodies, checks
from minqing.archives.errors import BadValue, MoveRefused, NotInArchive, SamePerson
from minqing.archives.matrix import PlanItem
from minqing.archives.models import Official, Post
from minqing.archives.projection import project_official
from minqing.archives.services.entries import withdraw_all
from minqing.archives.services.moves import publish, require_home
from minqing.archives.services.plans import require_plan
from search.tasks import drain_soon
from sync import identity, ledger
from sync.formats import first_homes
from tenants.current import current_unit

if TYPE_CHECKING:
    import uuid


@transaction.atomic
def official_create(
    *, by: Staff, name: str, birth_month: str = "", telephone: str = ""
) -> Official:
    """Enter an official of this unit. ``birth_month`` (``YYYYMM``) tells namesakes apart and is never shown.

    Raises:
        NotAllowed: ``by`` is not a clerk.
        BadValue: a value does not fit, or the official is here already.
    """
    staff = require(by, Role.CLERK)
    home = identity.origin()
    official = Official(
        public_id=first_homes.new_id(home),
        home=home,
        name=checks.name(name),
        birth_month=checks.month(_("出生年月"), birth_month),
        telephone=checks.telephone(telephone),
        editors=[staff.pk],
    )
    _save_once(official)
    return official


@transaction.atomic
def official_edit(
    *, by: Staff, official: uuid.UUID, name: str, birth_month: str = "", telephone: str = ""
) -> Official:
    """Change an official's facts; the public goes on seeing the reviewed ones until the change is reviewed.

    Raises:
        NotAllowed: ``by`` is not a clerk.
        NotInArchive: no such official here.
        BadValue: a value does not fit, or another official has this name and month.
    """
    staff = require(by, Role.CLERK)
    row = _locked(official)
    row.name, row.birth_month = checks.name(name), checks.month(_("出生年月"), birth_month)
    row.telephone = checks.telephone(telephone)
    _changed(row, staff)
    return row


@transaction.atomic
def post_add(
    *,
    by: Staff,
    official: uuid.UUID,
    unit_name: str,
    title: str,
    from_month: str,
    to_month: str = "",
    duties: str = "",
    is_public: bool = True,
) -> Post:
    """Add a post held from one month (``YYYYMM``) to another; an empty end is today.

    Raises:
        NotAllowed: ``by`` is not a clerk.
        NotInArchive: no such official here.
        BadValue: a value does not fit, or the post stands there already.
    """
    staff = require(by, Role.CLERK)
    row = _locked(official)
    post = Post(official=row)
    _fill(
        post,
        unit_name=unit_name,
        title=title,
        from_month=from_month,
        to_month=to_month,
        duties=duties,
        is_public=is_public,
    )
    _changed(row, staff)
    return post


@transaction.atomic
def post_edit(
    *,
    by: Staff,
    official: uuid.UUID,
    post: int,
    unit_name: str,
    title: str,
    from_month: str,
    to_month: str = "",
    duties: str = "",
    is_public: bool = True,
) -> Post:
    """Change a post, for example to enter its end.

    Raises:
        NotAllowed: ``by`` is not a clerk.
        NotInArchive: no such official or post here.
        BadValue: a value does not fit.
    """
    staff = require(by, Role.CLERK)
    row = _locked(official)
    found = row.posts.filter(pk=post).first()
    if found is None:
        raise NotInArchive
    _fill(
        found,
        unit_name=unit_name,
        title=title,
        from_month=from_month,
        to_month=to_month,
        duties=duties,
        is_public=is_public,
    )
    _changed(row, staff)
    return found


@transaction.atomic
def post_remove(*, by: Staff, official: uuid.UUID, post: int) -> None:
    """Take out a post that was entered by mistake.

    Raises:
        NotAllowed: ``by`` is not a clerk.
        NotInArchive: no such official or post here.
    """
    staff = require(by, Role.CLERK)
    row = _locked(official)
    if not row.posts.filter(pk=post).delete()[0]:
        raise NotInArchive
    _changed(row, staff)


@transaction.atomic
def official_publish(*, by: Staff, official: uuid.UUID) -> str:
    """Review an official's facts and make them public; return the record's commitment.

    Only name, public posts with duties, and the office telephone go out.

    Raises:
        NotAllowed: ``by`` is not a reviewer.
        NotInArchive: no such official here.
        SamePerson: ``by`` wrote some of what waits.
        PlanMissing: the publication plan has no document for officials' facts.
        MoveRefused: nothing changed since the last review, or there is no public post.
    """
    staff = require(by, Role.REVIEWER)
    row = _locked(official)
    if row.reviewed_by_id is not None:
        raise MoveRefused(_("上次审核以后没有改动，不用再公开一次。"))
    if staff.pk in row.editors:
        raise SamePerson
    require_plan(PlanItem.OFFICIAL_FACTS)
    posts = [post for post in row.posts.all() if post.is_public]
    if not posts:
        raise MoveRefused(_("还没有可以公开的职务，请先登记任职情况。"))
    row.reviewed_by = staff
    row.record_version += 1
    row.is_withdrawn = False
    row.save()
    body = bodies.OfficialBody(
        home_name=current_unit().name,
        name=row.name,
        official=str(row.public_id),
        posts=tuple(
            bodies.PostBody(
                duties=post.duties,
                from_month=post.from_month,
                title=post.title,
                to_month=post.to_month,
                unit_name=post.unit_name,
            )
            for post in posts
        ),
        reason="",
        state="published",
        telephone=row.telephone,
        version=row.record_version,
    )
    commitment = publish(bodies.OFFICIAL_KIND, "official", row.public_id, body, project_official)
    ledger.seal_soon()
    drain_soon()
    return commitment


@transaction.atomic
def official_withdraw(*, by: Staff, official: uuid.UUID, reason: str) -> str:
    """Take an official's page off the web, with every entry on it; return the record's commitment.

    Raises:
        NotAllowed: ``by`` is not a reviewer.
        NotInArchive: no such official here.
        BadValue: no reason is given.
        MoveRefused: the official is not public.
    """
    staff = require(by, Role.REVIEWER)
    row = _locked(official)
    why = checks.reason(reason)
    if not row.record_version or row.is_withdrawn:
        raise MoveRefused(_("这位同志的信息现在没有公开。"))
    withdraw_all(row, by=staff, reason=why)
    row.record_version += 1
    row.is_withdrawn = True
    row.reviewed_by, row.editors = (
        None,
        [*{*row.editors, staff.pk}],
    )  # to be shown again it is reviewed by someone else
    row.save()
    body = bodies.OfficialBody(
        home_name=current_unit().name, name="", official=str(row.public_id), posts=(), reason=why, state="withdrawn", telephone="",
        version=row.record_version,
    )  # fmt: skip
    commitment = publish(bodies.OFFICIAL_KIND, "official", row.public_id, body, project_official)
    ledger.seal_soon()
    drain_soon()
    return commitment


def _locked(public_id: uuid.UUID) -> Official:
    row = Official.objects.select_for_update().filter(public_id=public_id).first()
    if row is None:
        raise NotInArchive
    require_home(row)
    return row


def _changed(row: Official, staff: Staff) -> None:
    waiting = row.reviewed_by_id is None
    row.editors = sorted({*row.editors, staff.pk}) if waiting else [staff.pk]
    row.reviewed_by = None
    row.revision += 1
    _save_once(row)


def _fill(
    post: Post,
    *,
    unit_name: str,
    title: str,
    from_month: str,
    to_month: str,
    duties: str,
    is_public: bool,
) -> None:
    post.unit_name = checks.text(_("单位"), unit_name, longest=120)
    post.title = checks.text(_("职务"), title, longest=120)
    post.duties = checks.text(_("分管工作"), duties, longest=400, empty=True)
    post.from_month = checks.month(_("任职起"), from_month)
    post.to_month = checks.month(_("任职止"), to_month)
    post.is_public = is_public
    if post.from_month and post.to_month and post.to_month < post.from_month:
        raise BadValue(_("任职止不能早于任职起。"))
    _save_once(post)


def _save_once(row: Official | Post) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as fault:
        raise BadValue(_("已经有一条同样的记录，请不要重复登记。")) from fault
