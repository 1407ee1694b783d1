"""Erasing by order (依法删除), and which units confirmed it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from minqing.accounts.models import Role
from minqing.archives import services
from minqing.archives.errors import BadValue
from minqing.channel.erasing import records_of
from minqing.desk.access import staff_page
from minqing.desk.views.acting import Refused, carry_out
from sync.exchange.erasing import orders

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from minqing.accounts.models import Staff


@staff_page(Role.SUPERVISOR, Role.OPERATOR)
def erasures(request: HttpRequest, staff: Staff) -> HttpResponse:
    """List our orders: who confirmed, who is missing."""
    return _page(request, staff)


@staff_page(Role.SUPERVISOR, methods=("POST",))
def erasure_order(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Erase an entry, an official or single records, for good."""

    def act() -> str:
        _erase(request, staff)
        return reverse("desk:erasures")

    try:
        return carry_out(request, act, said=_("已经删除，删除令发往各联网单位。"))
    except Refused as refused:
        return _page(request, staff, fault=str(refused), status=refused.status)


def _erase(request: HttpRequest, staff: Staff) -> None:
    kind, what = request.POST.get("kind", ""), request.POST.get("what", "").strip()
    basis = request.POST.get("basis", "")
    if request.POST.get("sure") != "yes":
        raise BadValue(_("删除不能恢复，请先勾选“我已核对”。"))
    if kind == "record":
        found = services.commitments_typed(what)
        services.records_erase(by=staff, commitments=found, basis=basis)
        return
    if kind == "case":
        services.records_erase(by=staff, commitments=records_of(what, by=staff), basis=basis)
        return
    try:
        public_id = uuid.UUID(what.rstrip("/").rpartition("/")[2])
    except ValueError as error:
        raise BadValue(_("请粘贴公开页面的地址，或者它末尾的编号。")) from error
    if kind == "entry":
        services.entry_erase(by=staff, entry=public_id, basis=basis)
    elif kind == "official":
        services.official_erase(by=staff, official=public_id, basis=basis)
    else:
        raise BadValue(_("请选择要删除的是什么。"))


def _page(
    request: HttpRequest, staff: Staff, *, fault: str = "", status: int = 200
) -> HttpResponse:
    words = {
        "orders": orders(),
        "may_act": staff.has_role(Role.SUPERVISOR),
        "fault": fault,
        "typed": request.POST if fault else {},
        "days": settings.MINQING.backup_days,
    }
    return render(request, "desk/exchange/erasures.html", words, status=status)
