"""What nobody here may open, as a count for who runs the platform: no number, no word, no day of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from minqing.accounts.models import Role, Staff
from minqing.accounts.permissions import require
from minqing.channel.models import Case, SealedReport
from minqing.channel.selectors.receivers import CUSTODIANS, custodians_in_force
from minqing.channel.states import OPEN
from minqing.channel.values import Unopened
from sync.exchange.peers import reachable_units
from tenants.current import current_unit

if TYPE_CHECKING:
    from django.db.models import QuerySet


def unopened(by: Staff) -> Unopened:
    """Return what this unit lacks so that every report finds a reader, and how many wait for it.

    Counted up to yesterday, so that nobody who tries names sees the count move; nothing is counted for supervisors,
    whom such a report names.

    Raises:
        NotAllowed: ``by`` neither runs the platform nor supervises.
    """
    by = require(by, Role.OPERATOR, Role.SUPERVISOR)
    parent = current_unit().parent
    above = parent is not None and any(unit.code == parent.code for unit in reachable_units())
    counts = by.has_role(Role.OPERATOR) and not by.has_role(Role.SUPERVISOR)
    today = timezone.localdate()
    return Unopened(
        cases=_cases().filter(day__lt=today).count() if counts else 0,
        copies=SealedReport.objects.filter(waits=True, day__lt=today).count() if counts else 0,
        lacks_superior=not above,
        lacks_custodians=custodians_in_force().count() < CUSTODIANS,
    )


def _cases() -> QuerySet[Case]:
    supervisors = Staff.objects.filter(is_active=True, roles__contains=[Role.SUPERVISOR])
    everyone = list(supervisors.values_list("pk", flat=True))
    return Case.objects.filter(superior="", state__in=OPEN, kept_from__contains=everyone, copied=0)
