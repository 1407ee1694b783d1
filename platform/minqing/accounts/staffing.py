"""Changes to staff from the desk: made, changed, shut, opened again. Each is a record of this unit's ledger.

Nobody changes their own roles or opens and shuts their own account: an operator who wants more rights needs another
operator, or the host. ``by=None`` is the host's own command line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from django.db import transaction
from django.utils.translation import gettext as _

from minqing.accounts.errors import NotAllowed, StaffFault
from minqing.accounts.models import Role, Staff
from minqing.accounts.permissions import require
from minqing.accounts.services import password_set, staff_create, staff_disable
from sync import audiences, identity, ledger

if TYPE_CHECKING:
    from collections.abc import Iterable

KIND = "accounts.staff"


def taken_on(
    *, by: Staff, username: str, name: str, office: str, roles: Iterable[str], password: str
) -> None:
    """Make a member of staff whose first password must be changed at the first sign-in.

    Raises:
        NotAllowed: ``by`` does not run the platform.
        StaffFault: a value does not fit or the sign-in name is taken; nothing was made.
    """
    with transaction.atomic():
        made = staff_create(
            by=by,
            username=username,
            name=name,
            office=office,
            roles=roles,
            password=password,
            must_change_password=True,
        )
        _recorded(by, made, "created")


def changed(*, by: Staff, username: str, name: str, office: str, roles: Iterable[str]) -> None:
    """Give a member of staff another name, office or other roles; the roles count at once, also in an open session.

    Raises:
        NotAllowed: ``by`` does not run the platform, or would change their own roles.
        StaffFault: there is nobody of that name, or a value does not fit.
    """
    wanted = sorted(set(roles))
    if not name.strip() or len(name) > 60 or len(office) > 120:
        raise StaffFault(_("请填写姓名，不超过 60 个字。"))
    if not wanted or any(role not in Role.values for role in wanted):
        raise StaffFault(_("请至少选择一个角色：%(roles)s。") % {"roles": "、".join(Role.values)})
    with transaction.atomic():
        acting, staff = _both(by, username)
        if acting.pk == staff.pk and wanted != sorted(staff.roles):
            raise NotAllowed
        staff.name, staff.office, staff.roles = name.strip(), office.strip(), wanted
        staff.save(update_fields=["name", "office", "roles"])
        _recorded(acting, staff, "changed")


def shut(*, by: Staff, username: str) -> None:
    """Shut an account at once; what the person wrote and reviewed keeps their name.

    Raises:
        NotAllowed: ``by`` does not run the platform, or is the person.
        StaffFault: there is nobody of that name.
    """
    with transaction.atomic():
        acting, staff = _both(by, username)
        staff_disable(staff=staff, by=by)
        _recorded(acting, staff, "disabled")


def opened_again(*, by: Staff, username: str, password: str) -> None:
    """Open a shut account with a new first password.

    Raises:
        NotAllowed: ``by`` does not run the platform.
        StaffFault: there is nobody of that name, the account is open, or the password is too weak.
    """
    with transaction.atomic():
        acting, staff = _both(by, username)
        if staff.is_active:
            raise StaffFault(_("这个账号本来就能用。"))
        staff.is_active = True
        staff.save(update_fields=["is_active"])
        password_set(staff=staff, password=password, by=by)
        _recorded(acting, staff, "enabled")


def given_password(*, by: Staff, username: str, password: str) -> None:
    """Give somebody else who forgot it a new first password.

    Raises:
        NotAllowed: ``by`` does not run the platform, or is the person: one's own is changed with the old one.
        StaffFault: there is nobody of that name, the account is shut, or the password is too weak.
    """
    with transaction.atomic():
        acting, staff = _both(by, username)
        if acting.pk == staff.pk:
            raise NotAllowed
        if not staff.is_active:
            raise StaffFault(_("这个账号停用了。要再用，请先恢复。"))
        password_set(staff=staff, password=password, by=by)
        _recorded(acting, staff, "password")


def _both(by: Staff, username: str) -> tuple[Staff, Staff]:
    acting = require(by, Role.OPERATOR)
    staff = Staff.objects.select_for_update().filter(username=username).first()
    if staff is None:
        raise StaffFault(_("没有这个登录名。"))
    return acting, staff


def _recorded(by: Staff, staff: Staff, what: str) -> None:
    """Append who changed whose account how; never a password. Only this unit holds the record."""
    body = {
        "by": by.username,
        "office": staff.office,
        "roles": sorted(staff.roles),
        "username": staff.username,
        "what": what,
    }
    ledger.append(
        kind=KIND,
        subject=f"staff:{staff.username}",
        body=msgspec.json.encode(body, order="deterministic"),
        audience=audiences.for_unit(identity.origin()),
        media_type="application/json",
    )
    ledger.seal_soon()
