"""The publication plan (公开方案): which document opens which item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import Http404
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from minqing.accounts.models import Role
from minqing.archives import services
from minqing.archives.matrix import PlanItem
from minqing.archives.selectors import plan_lines
from minqing.desk.access import staff_page
from minqing.desk.archive_forms import PlanForm
from minqing.desk.views.acting import Refused, carry_out

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from minqing.accounts.models import Staff
    from minqing.archives.values import PlanLine


@dataclass(frozen=True, kw_only=True)
class ItemLine:
    """One item with the form to enter its document."""

    row: PlanLine
    form: PlanForm


@staff_page(Role.CLERK, Role.REVIEWER, Role.SUPERVISOR)
def plan(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Show every item with its document, or without."""
    return _page(request, staff)


@staff_page(Role.SUPERVISOR, methods=("POST",))
def plan_enter(request: HttpRequest, staff: Staff, item: str) -> HttpResponse:
    """Enter the document of an item."""
    _known(item)
    form = PlanForm({**request.POST.dict(), "item": item}, prefix="", auto_id=f"id_{item}_%s")
    status = 400
    if form.is_valid():

        def act() -> str:
            services.plan_enter(by=staff, **form.cleaned_data)
            return reverse("desk:plan")

        try:
            return carry_out(request, act, said=_("登记好了，这个事项可以公开了。"))
        except Refused as refused:
            form.refuse(refused.error)
            status = refused.status
    return _page(request, staff, form=form, item=item, status=status)


@staff_page(Role.SUPERVISOR, methods=("POST",))
def plan_end(request: HttpRequest, staff: Staff, item: str) -> HttpResponse:
    """Close an item."""
    _known(item)

    def act() -> str:
        services.plan_end(by=staff, item=item)
        return reverse("desk:plan")

    try:
        return carry_out(request, act, said=_("停用了。"))
    except Refused as refused:
        return _page(request, staff, fault=str(refused), status=refused.status)


def _known(item: str) -> None:
    if item not in PlanItem.values:
        raise Http404


def _page(
    request: HttpRequest,
    staff: Staff,
    *,
    form: PlanForm | None = None,
    item: str = "",
    fault: str = "",
    status: int = 200,
) -> HttpResponse:
    lines = [
        ItemLine(
            row=row,
            form=form
            if form is not None and row.item == item
            else PlanForm(initial={"item": row.item}, auto_id=f"id_{row.item}_%s"),
        )
        for row in plan_lines(staff)
    ]
    return render(
        request,
        "desk/archives/plan.html",
        {"lines": lines, "fault": fault, "may_act": staff.has_role(Role.SUPERVISOR)},
        status=status,
    )
