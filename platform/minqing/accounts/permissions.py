"""May this person do this? Asked at the head of every service that staff call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minqing.accounts.errors import NotAllowed
from minqing.accounts.models import Role, Staff

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.contrib.auth.models import AnonymousUser


def require(by: Staff | AnonymousUser | None, *roles: str) -> Staff:
    """Return the acting member of staff as the database knows them now.

    The row is read again in the current unit and must still carry the same password hash, so that
    neither a session from before a dismissal nor a person of another unit passes. Without roles,
    any active member of staff passes.

    Raises:
        NotAllowed: nobody, not of this unit, disabled, or none of the roles is held.
    """
    if not isinstance(by, Staff) or by.pk is None:
        raise NotAllowed
    staff = Staff.objects.filter(
        pk=by.pk, username=by.username, password=by.password, is_active=True
    ).first()
    if staff is None or (roles and not staff.has_role(*roles)):
        raise NotAllowed
    return staff


def require_operator(by: Staff | AnonymousUser | None) -> Staff:
    """Return the acting operator (运行维护).

    Raises:
        NotAllowed: as for ``require``.
    """
    return require(by, Role.OPERATOR)


def needs_two(roles: Iterable[str]) -> bool:
    """Say whether one operator alone may not make such an account, change it or let somebody in to it.

    Whoever drafts (经办) decides nothing alone and opens no report; every other role is one that somebody relies on.
    """
    return bool(set(roles) - {Role.CLERK})


def needs_second(operator: Staff, roles: Iterable[str]) -> bool:
    """Say whether this operator needs a second one to make or enter an account with these roles.

    An operator who also decides about what others write would, with a drafter's password, be both.
    """
    return needs_two(roles) or needs_two(set(operator.roles) - {Role.OPERATOR})
