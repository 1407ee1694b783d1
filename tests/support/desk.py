"""Staff of one unit for tests, and what a page holds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.contrib.auth.hashers import make_password
from django.test import Client

from minqing.accounts.models import Role, Staff
from tenants.current import unit_context

if TYPE_CHECKING:
    from tenants.models import Unit


def staff_of(
    unit: Unit, username: str, *roles: Role, name: str = "王示例", office: str = "组织部"
) -> Staff:
    """Make a member of staff without a password (stretching one takes a third of a second)."""
    with unit_context(unit):
        return Staff.objects.create(
            username=username,
            name=name,
            roles=sorted(roles),
            password=make_password(None),
            office=office,
        )


def signed_in(unit: Unit, staff: Staff, *, check_forms: bool = False) -> Client:
    """Return a client that the member of staff signed in with; ``check_forms`` refuses forms without their token."""
    client = Client(headers={"host": unit.host}, enforce_csrf_checks=check_forms)
    with unit_context(unit):
        client.force_login(staff)
    return client


def hidden(page: str, name: str) -> str:
    """Return the value of a hidden field of a page."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', page)
    assert found is not None, f"the page has no hidden field {name}"
    return found[1]
