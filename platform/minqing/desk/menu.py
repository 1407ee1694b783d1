"""The menu of the staff pages: what each role sees. Each page checks its rule itself all the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from django.urls import URLPattern, reverse
from django.utils.translation import gettext_lazy as _

from minqing.desk.urls import urlpatterns

if TYPE_CHECKING:
    from minqing.accounts.models import Staff
    from minqing.desk.access import Page

VIEWS = {
    str(pattern.name): cast("Page", pattern.callback)
    for pattern in urlpatterns
    if isinstance(pattern, URLPattern)
}

PAGES = (
    ("queue", _("今天要办")),
    ("officials", _("干部档案")),
    ("entries", _("表现记录")),
    ("import", _("导入干部")),
    ("plan", _("公开方案")),
    ("handovers", _("移交")),
    ("erasures", _("依法删除")),
    ("cases", _("群众反映")),
    ("lodge", _("代群众反映")),
    ("figures", _("办理情况")),
    ("sealed", _("密件")),
    ("second-door", _("检举控告由谁收")),
    ("staff-accounts", _("账号")),
    ("connections", _("联网单位")),
    ("incidents", _("异常")),
    ("ledger", _("存证记录")),
)


@dataclass(frozen=True, kw_only=True)
class MenuItem:
    """One line of the menu."""

    label: str
    href: str
    here: bool  # the page shown is this one or below it


def menu_for(staff: Staff, path: str) -> list[MenuItem]:
    """The lines whose pages the person may open."""
    open_to_them = [
        (reverse(f"desk:{name}"), label) for name, label in PAGES if VIEWS[name].rule.allows(staff)
    ]
    current = max(
        (href for href, _label in open_to_them if path.startswith(href)), key=len, default=""
    )
    return [
        MenuItem(label=str(label), href=href, here=href == current) for href, label in open_to_them
    ]
