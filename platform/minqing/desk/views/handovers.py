"""Handing officials over (移交): offers, accepts, notices and orders of two people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from minqing.accounts.models import Role
from minqing.archives import services
from minqing.archives.errors import NotInArchive
from minqing.archives.selectors import desk_handover, desk_handovers, officials_below
from minqing.desk import seen
from minqing.desk.access import staff_page
from minqing.desk.views.acting import Refused, carry_out

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    from minqing.accounts.models import Staff

READERS = (Role.CLERK, Role.REVIEWER, Role.SUPERVISOR)


@staff_page(*READERS)
def handovers(request: HttpRequest, staff: Staff) -> HttpResponse:
    """List every official whose home was ever in question, and those of units below us."""
    lines = desk_handovers(staff)
    return render(
        request,
        "desk/archives/handovers.html",
        {"lines": lines, "below": officials_below(staff)},
    )


@staff_page(*READERS)
def handover(request: HttpRequest, staff: Staff, public_id: uuid.UUID) -> HttpResponse:
    """Show one official between units, with what may be done."""
    return _page(request, staff, public_id)


@staff_page(Role.SUPERVISOR, methods=("POST",))
def handover_offer(request: HttpRequest, staff: Staff, public_id: uuid.UUID) -> HttpResponse:
    """Offer the official to another unit."""
    to = request.POST.get("to", "")

    def act() -> object:
        return services.official_offer(by=staff, official=public_id, to=to)

    return _step(request, staff, public_id, act, _("移交发出了，等对方接收。"))


@staff_page(Role.SUPERVISOR, methods=("POST",))
def handover_accept(
    request: HttpRequest, staff: Staff, public_id: uuid.UUID, record: str
) -> HttpResponse:
    """Accept what another unit offered."""

    def act() -> object:
        return services.offer_accept(by=staff, offer=record)

    return _step(request, staff, public_id, act, _("已经接收，原单位关闭以后由本单位管理。"))


@staff_page(Role.SUPERVISOR, methods=("POST",))
def handover_cancel(
    request: HttpRequest, staff: Staff, public_id: uuid.UUID, record: str
) -> HttpResponse:
    """Take an offer back."""
    reason = request.POST.get("reason", "")

    def act() -> object:
        return services.offer_cancel(by=staff, offer=record, reason=reason)

    return _step(request, staff, public_id, act, _("移交撤回了。"))


@staff_page(Role.SUPERVISOR, methods=("POST",))
def handover_notice(request: HttpRequest, staff: Staff, public_id: uuid.UUID) -> HttpResponse:
    """Give public notice about a dead or frozen home below us."""
    to, reason = request.POST.get("to", ""), request.POST.get("reason", "")

    def act() -> object:
        return services.notice_give(by=staff, official=public_id, to=to, reason=reason)

    return _step(request, staff, public_id, act, _("公示发出了。"))


@staff_page(Role.SUPERVISOR, methods=("POST",))
def handover_enter(
    request: HttpRequest, staff: Staff, public_id: uuid.UUID, record: str
) -> HttpResponse:
    """Enter the order: the first of two people."""
    number = request.POST.get("document_number", "")

    def act() -> object:
        return services.order_enter(by=staff, notice=record, document_number=number)

    return _step(request, staff, public_id, act, _("录入了，等另一位同志确认后发出。"))


@staff_page(Role.SUPERVISOR, methods=("POST",))
def handover_confirm(
    request: HttpRequest, staff: Staff, public_id: uuid.UUID, record: str
) -> HttpResponse:
    """Confirm what somebody else entered, and issue the order."""

    def act() -> object:
        return services.order_confirm(by=staff, notice=record)

    return _step(request, staff, public_id, act, _("指定接管令发出了。"))


@staff_page(Role.SUPERVISOR, methods=("POST",))
def handover_object(
    request: HttpRequest, staff: Staff, public_id: uuid.UUID, record: str
) -> HttpResponse:
    """Object to a notice about this unit."""
    reason = request.POST.get("reason", "")

    def act() -> object:
        return services.notice_object(by=staff, notice=record, reason=reason)

    return _step(request, staff, public_id, act, _("异议提出了。"))


def _step(
    request: HttpRequest, staff: Staff, public_id: uuid.UUID, act: Callable[[], object], said: str
) -> HttpResponse:
    def step() -> str:
        act()
        return reverse("desk:handover", args=[public_id])

    try:
        return carry_out(request, step, thing=f"handover {public_id}", said=said)
    except Refused as refused:
        return _page(request, staff, public_id, fault=str(refused), status=refused.status)


def _page(
    request: HttpRequest, staff: Staff, public_id: uuid.UUID, *, fault: str = "", status: int = 200
) -> HttpResponse:
    try:
        line = desk_handover(staff, public_id)
    except NotInArchive as error:
        raise Http404 from error
    words = {"line": line, "stamp": seen.stamp(line), "fault": fault}
    return render(request, "desk/archives/handover.html", words, status=status)
