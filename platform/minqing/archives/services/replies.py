"""The official's right of reply: a statement beside the entry, entered from paper and reviewed like everything public."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from minqing.accounts.models import Role, Staff
from minqing.accounts.permissions import require
from minqing.archives import bodies, checks
from minqing.archives.errors import MoveRefused, NotForPersons, NotInArchive, SamePerson
from minqing.archives.matrix import RULES
from minqing.archives.models import Entry, Reply
from minqing.archives.projection import project_reply
from minqing.archives.services.moves import publish, require_home
from minqing.archives.services.plans import require_plan
from minqing.archives.states import State
from search.tasks import drain_soon
from sync import ledger
from tenants.current import current_unit

if TYPE_CHECKING:
    import datetime
    import uuid


@transaction.atomic
def reply_attach(*, by: Staff, entry: uuid.UUID, text: str, day: datetime.date) -> Reply:
    """Enter the official's statement, before or after the entry is published.

    Raises:
        NotAllowed: ``by`` is not a clerk.
        NotInArchive: no such entry here.
        NotForPersons: the entry is about a unit, not an official.
        MoveRefused: the entry is withdrawn.
        BadValue: a value does not fit.
    """
    staff = require(by, Role.CLERK)
    row = Entry.objects.select_for_update().filter(public_id=entry).first()
    if row is None:
        raise NotInArchive
    if row.official is None:
        raise NotForPersons(_("这条内容不是关于个人的，没有本人说明。"))
    require_home(row.official)
    if row.versions.filter(state=State.WITHDRAWN).exists():
        raise MoveRefused(_("这条内容已经撤下。"))
    return Reply.objects.create(
        entry=row,
        text=checks.text(_("本人说明"), text, longest=20_000, lines=True),
        day=checks.event_day(day),
        author=staff,
    )


@transaction.atomic
def reply_publish(*, by: Staff, reply: uuid.UUID) -> str:
    """Review a statement and show it beside its published entry; return the record's commitment.

    Raises:
        NotAllowed: ``by`` is not a reviewer.
        NotInArchive: no such statement here.
        SamePerson: ``by`` entered it.
        MoveRefused: it is public already, or its entry is not.
        PlanMissing: the publication plan has no document for the entry's item.
    """
    staff = require(by, Role.REVIEWER)
    found = Reply.objects.filter(public_id=reply).first()
    if found is None:
        raise NotInArchive
    entry = Entry.objects.select_for_update().get(pk=found.entry_id)
    require_home(entry.official)
    row = Reply.objects.select_for_update().get(pk=found.pk)
    if row.commitment:
        raise MoveRefused(_("这份说明已经公开。"))
    if row.author_id == staff.pk:
        raise SamePerson
    if not entry.versions.filter(state=State.PUBLISHED).exists():
        raise MoveRefused(_("说明随所说的内容一起公开，请先公开那条内容。"))
    require_plan(RULES[entry.source].item)
    body = bodies.ReplyBody(
        day=row.day.isoformat(),
        entry=str(entry.public_id),
        home_name=current_unit().name,
        reply=str(row.public_id),
        text=row.text,
    )
    row.commitment = publish(bodies.REPLY_KIND, "reply", row.public_id, body, project_reply)
    row.reviewer = staff
    row.save()
    ledger.seal_soon()
    drain_soon()
    return row.commitment
