"""The second pair of eyes on accounts: what one operator proposed (``staffing``), another agrees to or turns down.

Neither who proposed nor whose account it is may agree. Where there is no other operator, the host's own command line
agrees (``by=None``): that is root's business, and it is written down all the same.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from minqing.accounts import throttle
from minqing.accounts.audit import staff_recorded
from minqing.accounts.errors import NotAllowed, StaffFault
from minqing.accounts.models import Proposal, Role, Staff
from minqing.accounts.permissions import require_operator
from minqing.accounts.staffing import KEPT, Given

if TYPE_CHECKING:
    import datetime

    from django.db.models import QuerySet


@dataclass(frozen=True, kw_only=True)
class ProposalView:
    """One proposal as operators see it."""

    username: str
    what: str
    label: str
    name: str
    office: str
    roles: tuple[str, ...]
    before: str  # name and office that the account has now, where these change
    roles_before: tuple[str, ...]
    by: str
    day: datetime.date
    may_agree: bool
    stamp: str


def proposals(by: Staff | None) -> list[ProposalView]:
    """Return what waits for a second operator.

    Raises:
        NotAllowed: ``by`` does not run the platform.
    """
    acting = None if by is None else require_operator(by)
    rows = list(_standing().select_related("by"))
    now = {row.username: row for row in Staff.objects.filter(username__in=[row.pk for row in rows])}
    return [_view(row, now.get(row.username), acting) for row in rows]


def agreed(*, by: Staff | None, username: str, stamp: str = "") -> Given:
    """Agree to what was proposed about an account: it counts at once. A first password's second half comes back.

    ``stamp`` is that of the proposal which was read; another one about the same account is not agreed to by mistake.

    Raises:
        NotAllowed: ``by`` does not run the platform, proposed it, or is the person.
        StaffFault: nothing is proposed, or it can no longer be done; the proposal stays.
    """
    acting = None if by is None else require_operator(by)
    with transaction.atomic():
        row = _locked(username)
        if acting is not None and (acting.pk == row.by_id or acting.username == username):
            raise NotAllowed
        if stamp and stamp != _stamp(row):
            raise StaffFault(_("这项改动刚才变了，请重新看过再同意。"))
        if not row.by.has_role(Role.OPERATOR):
            raise StaffFault(_("提出的人已经不是运行维护，请重新提出。"))
        staff = _done(row)
        staff_recorded(acting, staff, f"agreed-{row.what}")
        row.delete()
    return Given(word=row.rest)


def turned_down(*, by: Staff | None, username: str) -> None:
    """Drop a proposal; who made it may as well.

    Raises:
        NotAllowed: ``by`` does not run the platform.
        StaffFault: nothing is proposed.
    """
    acting = None if by is None else require_operator(by)
    with transaction.atomic():
        row = _locked(username)
        staff_recorded(acting, row, f"refused-{row.what}")
        row.delete()


def _standing() -> QuerySet[Proposal]:
    return Proposal.objects.filter(day__gte=timezone.localdate() - KEPT)


def _locked(username: str) -> Proposal:
    row = (
        _standing().select_for_update(of=("self",)).select_related("by").filter(pk=username).first()
    )
    if row is None:
        raise StaffFault(_("这个账号没有等人同意的改动，或者已经办过了。"))
    return row


def _done(row: Proposal) -> Staff:
    if row.what == Proposal.What.CREATED:
        try:
            with transaction.atomic():
                return Staff.objects.create(
                    username=row.username, name=row.name, office=row.office, roles=row.roles, password=row.password,
                    must_change_password=True,
                )  # fmt: skip
        except IntegrityError as fault:
            raise StaffFault(
                _("登录名 %(name)s 已经有人使用。") % {"name": row.username}
            ) from fault
    staff = Staff.objects.select_for_update().get(username=row.username)
    if row.what == Proposal.What.PASSWORD and not staff.is_active:
        raise StaffFault(_("这个账号停用了。要再用，请先恢复。"))
    if row.what == Proposal.What.CHANGED:
        staff.name, staff.office, staff.roles = row.name, row.office, row.roles
    else:
        staff.is_active, staff.password, staff.must_change_password = True, row.password, True
        throttle.succeeded(staff.username)
    staff.save()
    return staff


def _stamp(row: Proposal) -> str:
    said = (row.what, row.username, row.name, row.office, row.roles, row.by_id, row.password)
    return hashlib.sha256(repr(said).encode()).hexdigest()[:32]


def _view(row: Proposal, now: Staff | None, acting: Staff | None) -> ProposalView:
    moved = now is not None and (now.name, now.office) != (row.name, row.office)
    return ProposalView(
        username=row.username, what=row.what, label=str(Proposal.What(row.what).label), name=row.name, office=row.office,
        roles=tuple(row.roles), before=f"{now.name} {now.office}".strip() if now is not None and moved else "",
        roles_before=tuple(now.roles) if now is not None else (), by=row.by.name, day=row.day,
        may_agree=acting is None or (acting.pk != row.by_id and acting.username != row.username),
        stamp=_stamp(row),
    )  # fmt: skip
