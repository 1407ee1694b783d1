"""Writes about staff: making them, their passwords, sign-in. ``by=None`` is the host's own command line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from minqing.accounts import throttle
from minqing.accounts.errors import NotAllowed, SignInRefused, StaffFault
from minqing.accounts.models import Role, Staff
from minqing.accounts.permissions import needs_second, require, require_operator

if TYPE_CHECKING:
    from collections.abc import Iterable

USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,59}")
LONGEST_PASSWORD = 200


def staff_create(
    *,
    username: str,
    name: str,
    roles: Iterable[str],
    password: str,
    office: str = "",
    must_change_password: bool = False,
    by: Staff | None = None,
) -> Staff:
    """Make a member of staff of the current unit.

    Raises:
        NotAllowed: ``by`` does not run the platform (运行维护), or the roles need two operators (``proposing``).
        StaffFault: a value does not fit or the sign-in name is taken; nothing was made.
    """
    wanted = check_staff(username=username, name=name, office=office, roles=roles)
    if by is not None and needs_second(require_operator(by), wanted):
        raise NotAllowed
    staff = Staff(
        username=username,
        name=name.strip(),
        office=office.strip(),
        roles=wanted,
        must_change_password=must_change_password,
    )
    _set(staff, password)
    try:
        with transaction.atomic():
            staff.save()
    except IntegrityError as fault:
        raise StaffFault(_("登录名 %(name)s 已经有人使用。") % {"name": username}) from fault
    return staff


def check_staff(*, username: str, name: str, office: str, roles: Iterable[str]) -> list[str]:
    """Return the roles in order if all four fit.

    Raises:
        StaffFault: one does not; the sentence says which.
    """
    wanted = sorted(set(roles))
    if not USERNAME.fullmatch(username):
        raise StaffFault(_("登录名只能用小写英文字母、数字和 . _ -，2 到 60 个字符。"))
    if not name.strip() or len(name) > 60:
        raise StaffFault(_("请填写姓名，不超过 60 个字。"))
    if len(office) > 120:
        raise StaffFault(_("科室名称太长，不超过 120 个字。"))
    if not wanted or any(role not in Role.values for role in wanted):
        raise StaffFault(_("请至少选择一个角色：%(roles)s。") % {"roles": "、".join(Role.values)})
    return wanted


def password_set(
    *, staff: Staff, password: str, by: Staff | None = None, must_change_password: bool = False
) -> None:
    """Give a member of staff another password: their own, or by the operator with a change at next sign-in.

    Raises:
        NotAllowed: ``by`` is someone else and does not run the platform, or that needs two operators (``proposing``).
        StaffFault: the password is too weak.
    """
    if by is not None:
        acting = require(by)
        if acting.pk != staff.pk:
            if needs_second(require_operator(by), staff.roles):
                raise NotAllowed
            must_change_password = True
    staff.must_change_password = must_change_password
    _set(staff, password)
    staff.save(update_fields=["password", "must_change_password"])
    throttle.succeeded(staff.username)


def staff_disable(*, staff: Staff, by: Staff | None = None) -> None:
    """Shut an account; what the person wrote and reviewed keeps their name. Nobody disables themselves.

    Raises:
        NotAllowed: ``by`` does not run the platform, or is the person.
    """
    if by is not None and require_operator(by).pk == staff.pk:
        raise NotAllowed
    staff.is_active = False
    staff.save(update_fields=["is_active"])


def sign_in(*, username: str, password: str) -> Staff:
    """Check a sign-in; the page then calls ``django.contrib.auth.login`` with the answer.

    An unknown name costs the same time and gives the same sentence as a wrong password.

    Raises:
        TooManyAttempts: wrong passwords came just before; the password was not looked at.
        SignInRefused: the two do not fit, or the account is shut.
    """
    throttle.attempt(username)
    possible = USERNAME.fullmatch(username) and len(password) <= LONGEST_PASSWORD
    staff = authenticate(username=username, password=password) if possible else None
    if not isinstance(staff, Staff):
        raise SignInRefused
    throttle.succeeded(username)
    return staff


def _set(staff: Staff, password: str) -> None:
    try:
        validate_password(password, staff)
    except ValidationError as fault:
        if any(error.code == "password_too_short" for error in fault.error_list):
            raise StaffFault(_("密码太短，至少要 10 个字符。")) from fault
        raise StaffFault(_("这个密码太常见，容易被猜中，请换一个。")) from fault
    if len(password) > LONGEST_PASSWORD:
        raise StaffFault(_("密码太长，最多 200 个字符。"))
    staff.set_password(password)
