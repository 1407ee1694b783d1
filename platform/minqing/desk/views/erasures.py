"""Erasing by order (依法删除), entered by one supervisor and confirmed by another; and which units confirmed it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from minqing.accounts.models import Role
from minqing.archives import services
from minqing.archives.errors import BadValue, NotInArchive
from minqing.archives.models import ErasureEntry
from minqing.channel.erasing import records_of
from minqing.channel.errors import UnknownCase
from minqing.channel.upkeep import BASIS
from minqing.desk.access import staff_page
from minqing.desk.views.acting import Refused, carry_out
from sync.exchange.erasing import orders

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.http import HttpRequest, HttpResponse

    from minqing.accounts.models import Staff


PAGE_OF = {
    ErasureEntry.Kind.ENTRY: "desk:entry",
    ErasureEntry.Kind.OFFICIAL: "desk:official",
    ErasureEntry.Kind.CASE: "desk:case",
}
"""Where the second person reads what is to go; single records have no page and stand with their commitments."""


@dataclass(frozen=True, kw_only=True)
class EnteredLine:
    """An order that waits, and where what it names can be read."""

    row: ErasureEntry
    href: str  # empty for single records


@staff_page(Role.SUPERVISOR, Role.OPERATOR)
def erasures(request: HttpRequest, staff: Staff) -> HttpResponse:
    """List our orders: who confirmed, who is missing."""
    return _page(request, staff)


@staff_page(Role.SUPERVISOR, methods=("POST",))
def erasure_order(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Enter an order for an entry, an official, a case or single records; another supervisor must confirm it."""
    return _act(
        request,
        staff,
        lambda: _entered(request, staff),
        _("记下了，还没有删除：要另一位督办人员确认。"),
    )


@staff_page(Role.SUPERVISOR, methods=("POST",))
def erasure_confirm(request: HttpRequest, staff: Staff, entry: uuid.UUID) -> HttpResponse:
    """Carry out for good what another supervisor entered."""

    def confirmed() -> None:
        _require_sure(request)
        services.erasure_confirm(by=staff, entry=entry)

    return _act(request, staff, confirmed, _("已经删除，删除令发往各联网单位。"))


@staff_page(Role.SUPERVISOR, methods=("POST",))
def erasure_drop(request: HttpRequest, staff: Staff, entry: uuid.UUID) -> HttpResponse:
    """Drop an order that nobody confirmed."""
    return _act(request, staff, lambda: services.erasure_drop(by=staff, entry=entry), _("不办了。"))


def _act(request: HttpRequest, staff: Staff, act: Callable[[], None], said: str) -> HttpResponse:
    def carried() -> str:
        act()
        return reverse("desk:erasures")

    try:
        return carry_out(request, carried, said=said)
    except Refused as refused:
        return _page(request, staff, fault=str(refused), status=refused.status)


def _entered(request: HttpRequest, staff: Staff) -> None:
    kind, what = request.POST.get("kind", ""), request.POST.get("what", "").strip()
    _require_sure(request)
    try:
        found, said = _named(kind, what, staff)
    except (NotInArchive, UnknownCase) as error:  # the form stays, with what was typed
        raise BadValue(
            _("本单位没有这一条。请核对地址或编号；别的单位公布的记录，要由那个单位发删除令。")
        ) from error
    services.erasure_enter(
        by=staff, commitments=found, basis=request.POST.get("basis", ""), kind=kind, what=said
    )


def _named(kind: str, what: str, staff: Staff) -> tuple[Sequence[str], str]:
    """The records that were named, and in what words the second person reads it."""
    if kind not in ErasureEntry.Kind.values:
        raise BadValue(_("请选择要删除的是什么。"))
    if kind == ErasureEntry.Kind.RECORD:
        return services.commitments_typed(what), ""
    if kind == ErasureEntry.Kind.CASE:
        return records_of(what, by=staff), what
    public_id = _public_id(what)
    if kind == ErasureEntry.Kind.ENTRY:
        return services.entry_records(by=staff, entry=public_id), str(public_id)
    return services.official_records(by=staff, official=public_id), str(public_id)


def _require_sure(request: HttpRequest) -> None:
    if request.POST.get("sure") != "yes":
        raise BadValue(_("删除不能恢复，请先勾选“我已核对”。"))


def _public_id(typed: str) -> uuid.UUID:
    try:
        return uuid.UUID(typed.rstrip("/").rpartition("/")[2])
    except ValueError as error:
        raise BadValue(_("请粘贴公开页面的地址，或者它末尾的编号。")) from error


def _page(
    request: HttpRequest, staff: Staff, *, fault: str = "", status: int = 200
) -> HttpResponse:
    may_act = staff.has_role(Role.SUPERVISOR)
    words = {
        "orders": orders(but=BASIS),  # the receipts of the daily ones would count what was sealed
        "may_act": may_act,
        "kinds": ErasureEntry.Kind.choices,
        "entered": [_line(row) for row in services.erasures_entered(staff)] if may_act else [],
        "me": staff.pk,
        "fault": fault,
        "typed": request.POST if fault else {},
        "days": settings.MINQING.backup_days,
    }
    return render(request, "desk/exchange/erasures.html", words, status=status)


def _line(row: ErasureEntry) -> EnteredLine:
    name = PAGE_OF.get(ErasureEntry.Kind(row.kind), "")
    return EnteredLine(row=row, href=reverse(name, args=[row.what]) if name and row.what else "")
