"""The publication plan: entered from a document, ended, and asked before anything is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from minqing.accounts.models import Role, Staff
from minqing.accounts.permissions import require
from minqing.archives import checks
from minqing.archives.errors import BadValue, MoveRefused, PlanMissing
from minqing.archives.matrix import PlanItem
from minqing.archives.models import PublicationPlan

if TYPE_CHECKING:
    import datetime


def plan_enter(
    *, by: Staff, item: str, document_number: str, document_title: str, document_day: datetime.date
) -> PublicationPlan:
    """Open one item of the matrix by its document (文号).

    Raises:
        NotAllowed: ``by`` is not a supervisor.
        BadValue: no such item, or the document does not fit.
        MoveRefused: the item has a document in force.
    """
    staff = require(by, Role.SUPERVISOR)
    if item not in PlanItem.values:
        raise BadValue(_("公开方案没有这个事项，请从列表里选。"))
    plan = PublicationPlan(
        item=item,
        document_number=checks.text(_("文号"), document_number, longest=80),
        document_title=checks.text(_("文件名"), document_title, longest=200),
        document_day=checks.event_day(document_day),
        entered_by=staff,
        entered_on=timezone.localdate(),
    )
    try:
        with transaction.atomic():
            plan.save()
    except IntegrityError as fault:
        raise MoveRefused(_("这个事项已经登记了文件。要换文件，请先停用原来的。")) from fault
    return plan


@transaction.atomic
def plan_end(*, by: Staff, item: str) -> None:
    """Close an item: from now on nothing more of it is published. What is public stays until it is withdrawn.

    Raises:
        NotAllowed: ``by`` is not a supervisor.
        PlanMissing: the item has no document in force.
    """
    require(by, Role.SUPERVISOR)
    plan = require_plan(item)
    plan.ended_on = timezone.localdate()
    plan.save(update_fields=["ended_on"])


def require_plan(item: str) -> PublicationPlan:
    """Return the document in force for an item, locked until the transaction ends.

    Raises:
        PlanMissing: there is none; nothing may be published.
    """
    plan = (
        PublicationPlan.objects.select_for_update(no_key=True)
        .filter(item=item, ended_on__isnull=True)
        .first()
    )
    if plan is None:
        label = PlanItem(item).label if item in PlanItem.values else item
        raise PlanMissing(str(label))
    return plan
