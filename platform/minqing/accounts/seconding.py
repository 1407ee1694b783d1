"""What counts only when two operators do the same: connections, other units' documents, custodians' keys.

The first one's doing is kept as a motion and changes nothing; the second one does it again, exactly so. Where there is no
other operator the host's own command line does it (``by=None``): that is root's business, and it is written down.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from minqing.accounts.audit import act_recorded
from minqing.accounts.models import Motion, Role, Staff
from minqing.accounts.permissions import require_operator

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT = datetime.timedelta(days=14)
"""How long a motion may be seconded."""


@dataclass(frozen=True, kw_only=True)
class MotionView:
    """One motion as the pages that it belongs to show it."""

    subject: str
    details: Mapping[str, str]
    by: str
    day: datetime.date
    may_second: bool


@transaction.atomic
def seconded(*, by: Staff | None, act: str, subject: str, details: Mapping[str, str]) -> bool:
    """Say whether this counts now: another operator did exactly this before, or the host does it. Else keep it as a motion.

    Raises:
        NotAllowed: ``by`` does not run the platform.
    """
    row = Motion.objects.select_for_update().filter(act=act, subject=subject).first()
    if by is None:
        Motion.objects.filter(act=act, subject=subject).delete()
        return True
    acting, today = require_operator(by), timezone.localdate()
    if row is not None and _may_second(row, acting) and row.details == dict(details):
        row.delete()
        return True
    Motion.objects.update_or_create(
        act=act, subject=subject, defaults={"details": dict(details), "by": acting, "day": today}
    )
    act_recorded(acting, f"{act}.moved", subject)
    return False


def motions(by: Staff, act: str) -> dict[str, MotionView]:
    """Return what waits for a second operator, by subject."""
    rows = Motion.objects.filter(act=act, day__gte=timezone.localdate() - KEPT).select_related("by")
    return {
        row.subject: MotionView(
            subject=row.subject, details=row.details, by=row.by.name, day=row.day,
            may_second=by.has_role(Role.OPERATOR) and _may_second(row, by),
        )
        for row in rows
    }  # fmt: skip


def _may_second(row: Motion, acting: Staff) -> bool:
    fresh = row.day >= timezone.localdate() - KEPT
    return fresh and row.by_id != acting.pk and row.by.has_role(Role.OPERATOR)
