"""What custodians see of sealed reports: that they are there. The words need the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minqing.accounts.models import Role
from minqing.accounts.permissions import require
from minqing.channel.models import Custodian, SealedBox
from minqing.channel.values import SealedRow

if TYPE_CHECKING:
    from minqing.accounts.models import Staff


def custodians() -> list[Custodian]:
    """Return the custodians with keys in force, in order of office."""
    return list(Custodian.objects.filter(active=True).select_related("staff"))


def sealed_for(by: Staff) -> list[SealedRow]:
    """Return the sealed reports whose boxes fit this custodian's key. No number, no kind, no size.

    Raises:
        NotAllowed: ``by`` is no custodian.
    """
    by = require(by, Role.CUSTODIAN)
    custodian = Custodian.objects.filter(staff=by, active=True).first()
    if custodian is None:
        return []
    boxes = (
        SealedBox.objects.filter(key=custodian.key, report__receiver="")
        .select_related("report")
        .prefetch_related("report__boxes")
    )
    rows = [
        SealedRow(
            id=str(box.report_id), day=box.report.day, opened_by_me=box.openings,
            opened_by_others=sum(other.openings for other in box.report.boxes.all() if other.pk != box.pk),
        )
        for box in boxes
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (row.day, row.id), reverse=True)
