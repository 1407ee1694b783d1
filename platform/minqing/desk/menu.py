"""The menu of the staff pages: what each role sees. Each page checks its rule itself all the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import resolve, reverse
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from minqing.accounts.models import Staff
    from minqing.desk.access import Page

PAGES = (("queue", _("今天要办")),)


@dataclass(frozen=True, kw_only=True)
class MenuItem:
    """One line of the menu."""

    label: str
    href: str
    here: bool  # the page shown is this one or below it


def menu_for(staff: Staff, path: str) -> list[MenuItem]:
    """The lines whose pages the person may open."""
    items = []
    for name, label in PAGES:
        href = reverse(f"desk:{name}")
        page: Page = resolve(href).func
        if page.rule.allows(staff):
            here = path == href if name == "queue" else path.startswith(href)
            items.append(MenuItem(label=str(label), href=href, here=here))
    return items
