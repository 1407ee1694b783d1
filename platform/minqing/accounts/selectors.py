"""Reads about staff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from minqing.accounts.models import Staff

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, kw_only=True)
class StaffView:
    """One member of staff as other rooms see them."""

    username: str  # sign-in name, unique in the unit
    name: str
    office: str
    roles: tuple[str, ...]
    is_active: bool


def staff_list() -> list[StaffView]:
    """Everybody of the current unit, in order of sign-in name."""
    return [
        StaffView(
            username=row.username,
            name=row.name,
            office=row.office,
            roles=tuple(row.roles),
            is_active=row.is_active,
        )
        for row in Staff.objects.all()
    ]


def staff_by_id(ids: Iterable[int]) -> dict[int, str]:
    """Names by primary key, for pages that show who did what."""
    return dict(Staff.objects.filter(pk__in=list(ids)).values_list("pk", "name"))
