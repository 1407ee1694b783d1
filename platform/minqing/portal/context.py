"""What every page's frame needs: who runs the site, its telephone, the menu, the ledger's state at the foot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection
from django.urls import reverse
from django.utils.translation import gettext as _

from minqing.portal.claims import claims
from minqing.portal.stand import ledger_stand
from tenants.models import Unit

if TYPE_CHECKING:
    from django.http import HttpRequest

SIZE_COOKIE = "size"
"""Cookie of the large-text mode; holds ``large`` or nothing, and is set only when somebody asks for it."""


def page(request: HttpRequest) -> dict[str, Any]:
    """Values for the frame. ``ledger`` and ``claims`` are callables: pages that do not show them do not pay."""
    unit = getattr(connection, "tenant", None)
    if not isinstance(unit, Unit):
        return {"unit": None, "demo": settings.MINQING.demo}
    return {
        "unit": unit,
        "site_title": unit.site_title,
        "organiser": unit.organiser,
        "telephone": unit.telephone,
        "telephone_link": "".join(sign for sign in unit.telephone if sign.isdigit() or sign == "+"),
        "demo": settings.MINQING.demo,
        "large": request.COOKIES.get(SIZE_COOKIE) == "large",
        "here": request.get_full_path() if request.method == "GET" else request.path,
        "menu": _menu(request.path),
        "ledger": ledger_stand,
        "claims": claims,
    }


def _menu(path: str) -> list[dict[str, Any]]:
    """The pages there are; the one being read is marked."""
    items = [
        (reverse("portal:doors"), _("我要反映")),
        (reverse("portal:follow"), _("查办理结果")),
        (reverse("portal:search"), _("查档案")),
        (reverse("portal:connected"), _("联网单位")),
        (reverse("portal:verify"), _("自己核验")),
    ]
    return [
        {"address": address, "label": label, "current": path.startswith(address)}
        for address, label in items
    ]
