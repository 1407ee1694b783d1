"""What custodians see of sealed reports: that they are there. The words need the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minqing.accounts.models import Role
from minqing.accounts.permissions import require
from minqing.channel.models import Custodian, SealedReport
from minqing.channel.values import SealedRow

if TYPE_CHECKING:
    from minqing.accounts.models import Staff


def custodians() -> list[Custodian]:
    """Return the custodians with keys in force, in order of office."""
    return list(Custodian.objects.filter(active=True).select_related("staff"))


def sealed_for(by: Staff) -> list[SealedRow]:
    """Return the sealed reports that this custodian's key, of now or of before, may open. No number, no kind, no size.

    Raises:
        NotAllowed: ``by`` is no custodian.
    """
    by = require(by, Role.CUSTODIAN)
    custodian = Custodian.objects.filter(staff=by, active=True).first()
    if custodian is None:
        return []
    others = keys_of_others(custodian)
    reports = SealedReport.objects.filter(receiver="", waits=False).prefetch_related("boxes")
    rows = []
    for report in reports:
        boxes = list(report.boxes.all())
        mine = [box.openings for box in boxes if bytes(box.key) == bytes(custodian.key)]
        mine = mine or [box.openings for box in boxes if bytes(box.key) not in others]
        if mine:
            rows.append(
                SealedRow(
                    id=str(report.pk), day=report.day, opened_by_me=sum(mine),
                    opened_by_others=sum(box.openings for box in boxes) - sum(mine),
                )
            )  # fmt: skip
    return sorted(rows, key=lambda row: (row.day, row.id), reverse=True)


def keys_of_others(custodian: Custodian) -> set[bytes]:
    """Return the keys of the other custodians in force.

    A box that is sealed to none of them opens for whoever of the custodians has its key: their own, or one of before.
    """
    rows = Custodian.objects.filter(active=True).exclude(pk=custodian.pk)
    return {bytes(key) for key in rows.values_list("key", flat=True)}
