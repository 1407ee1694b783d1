"""Changes to staff from the desk: made, changed, shut, opened again. Each is a record of this unit's ledger.

Nobody changes their own roles or opens and shuts their own account. Whatever gives somebody more than 经办, or lets
somebody else sign in as a person who has more, counts only when a second operator agrees (``proposing``): else one operator could
be two people, or a custodian. So does every account that an operator makes who also reviews. Taking rights away and shutting an account need no second person and count at once.
"""

from __future__ import annotations

import datetime
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from minqing.accounts.audit import STAFF_KIND, staff_recorded
from minqing.accounts.errors import NotAllowed, StaffFault
from minqing.accounts.models import Proposal, Staff
from minqing.accounts.permissions import needs_second, needs_two, require_operator
from minqing.accounts.services import check_staff, password_set, staff_create, staff_disable
from sync.models import Opening, Pending

if TYPE_CHECKING:
    from collections.abc import Iterable

What = Proposal.What
KEPT = datetime.timedelta(days=14)
"""How long a proposal may be agreed to."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the acting operator is to hand over. ``waits``: another operator must agree first.

    ``word`` is a first password: whole, or, where two take part, the half that this one hands over; often there is none.
    """

    word: str = ""
    waits: bool = False


def taken_on(*, by: Staff, username: str, name: str, office: str, roles: Iterable[str]) -> Given:
    """Make a member of staff whose first password must be changed at the first sign-in, or propose it.

    Raises:
        NotAllowed: ``by`` does not run the platform.
        StaffFault: a value does not fit or the sign-in name is taken; nothing was made.
    """
    by = require_operator(by)
    roles = check_staff(username=username, name=name, office=office, roles=roles)
    with transaction.atomic():
        if Staff.objects.filter(username=username).exists():
            raise StaffFault(_("登录名 %(name)s 已经有人使用。") % {"name": username})
        if needs_second(by, roles):
            return _proposed(by, What.CREATED, username, name, office, roles, word=first_password())
        word = first_password()
        made = staff_create(
            by=by,
            username=username,
            name=name,
            office=office,
            roles=roles,
            password=word,
            must_change_password=True,
        )
        staff_recorded(by, made, What.CREATED)
    return Given(word=word)


def changed(*, by: Staff, username: str, name: str, office: str, roles: Iterable[str]) -> Given:
    """Give a member of staff another name, office or other roles; what counts at once counts also in an open session.

    Name and office are looked at as well: reports that name somebody go round that person, and custodians are of
    different offices.

    Raises:
        NotAllowed: ``by`` does not run the platform, or would change their own roles.
        StaffFault: there is nobody of that name, or a value does not fit.
    """
    roles = check_staff(username=username, name=name, office=office, roles=roles)
    name, office = name.strip(), office.strip()
    with transaction.atomic():
        acting, staff = _both(by, username)
        if acting.pk == staff.pk and roles != sorted(staff.roles):
            raise NotAllowed
        same = (name, office) == (staff.name, staff.office)
        fewer = set(roles) <= set(staff.roles)
        if needs_two({*roles, *staff.roles}) and not (same and fewer):
            return _proposed(acting, What.CHANGED, username, name, office, roles)
        _change(staff, name, office, roles)
        staff_recorded(acting, staff, What.CHANGED)
    return Given()


def shut(*, by: Staff, username: str) -> None:
    """Shut an account at once; what the person wrote and reviewed keeps their name.

    Raises:
        NotAllowed: ``by`` does not run the platform, or is the person.
        StaffFault: there is nobody of that name.
    """
    with transaction.atomic():
        acting, staff = _both(by, username)
        staff_disable(staff=staff, by=by)
        staff_recorded(acting, staff, "disabled")


def given_password(*, by: Staff, username: str) -> Given:
    """Give somebody else a new first password, who forgot it or whose account was shut, which opens it; or propose it.

    Raises:
        NotAllowed: ``by`` does not run the platform, or is the person: one's own is changed with the old one.
        StaffFault: there is nobody of that name.
    """
    with transaction.atomic():
        acting, staff = _both(by, username)
        if acting.pk == staff.pk:
            raise NotAllowed
        what, word = What.PASSWORD if staff.is_active else What.ENABLED, first_password()
        if needs_second(acting, _roles_ever(staff)):
            return _proposed(
                acting, what, username, staff.name, staff.office, staff.roles, word=word
            )
        staff.is_active = True
        staff.save(update_fields=["is_active"])
        password_set(staff=staff, password=word, by=by)
        staff_recorded(acting, staff, what)
    return Given(word=word)


def first_password() -> str:
    """Four groups of four that can be read out on a telephone; changed at the first sign-in."""
    signs = "23456789abcdefghjkmnpqrstuvwxyz"
    return "-".join("".join(secrets.choice(signs) for _n in range(4)) for _n in range(4))


def _roles_ever(staff: Staff) -> set[str]:
    """Return every role that our records give an account: who takes roles away alone does not learn its password so."""
    held = set(staff.roles)
    for table in (Opening, Pending):
        rows = table.objects.filter(subject=f"staff:{staff.username}", kind=STAFF_KIND)
        for body in rows.values_list("body", flat=True):
            held.update(json.loads(bytes(body))["roles"])
    return held


def _change(staff: Staff, name: str, office: str, roles: list[str]) -> None:
    staff.name, staff.office, staff.roles = name, office, roles
    staff.save(update_fields=["name", "office", "roles"])


def _both(by: Staff, username: str) -> tuple[Staff, Staff]:
    acting = require_operator(by)
    staff = Staff.objects.select_for_update().filter(username=username).first()
    if staff is None:
        raise StaffFault(_("没有这个登录名。"))
    return acting, staff


def _proposed(
    by: Staff,
    what: What,
    username: str,
    name: str,
    office: str,
    roles: list[str],
    *,
    word: str = "",
) -> Given:
    """Write the proposal; an earlier one about the same account is replaced. Only halves of the password are shown."""
    half = len(word) // 2 + 1
    Proposal.objects.filter(day__lt=timezone.localdate() - KEPT).delete()
    row, _made = Proposal.objects.update_or_create(
        username=username,
        defaults={
            "what": what, "name": name.strip(), "office": office.strip(), "roles": roles, "by": by, "day": timezone.localdate(),
            "password": make_password(word) if word else "", "rest": word[half:],
        },
    )  # fmt: skip
    staff_recorded(by, row, f"proposed-{what}")
    return Given(word=word[:half], waits=True)
