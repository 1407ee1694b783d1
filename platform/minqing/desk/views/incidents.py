"""What is held against other units, with the evidence as it came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from minqing.accounts.models import Role
from minqing.desk.access import staff_page
from minqing.desk.words import INCIDENTS
from sync.exchange.incidents import incident_settle, thaw_agree, thaw_propose
from sync.models.exchange import Evidence, Incident
from sync.refusals import PeerFault

if TYPE_CHECKING:
    from django.http import HttpRequest

    from minqing.accounts.models import Staff


@dataclass(frozen=True, kw_only=True)
class IncidentLine:
    """An incident with its name in Chinese."""

    row: Incident
    label: str


@staff_page(Role.OPERATOR, Role.SUPERVISOR)
def incidents(request: HttpRequest, staff: Staff) -> HttpResponse:
    """List incidents, open ones unless asked for the settled."""
    settled = request.GET.get("state") == "settled"
    rows = Incident.objects.select_related("peer").filter(settled_on__isnull=not settled)
    page = Paginator(rows, 50).get_page(request.GET.get("page"))
    return render(
        request,
        "desk/exchange/incidents.html",
        {
            "lines": [_line(row) for row in page],
            "page": page,
            "settled": settled,
            "query": "state=settled&" if settled else "",
        },
    )


@staff_page(Role.OPERATOR, Role.SUPERVISOR)
def incident(request: HttpRequest, staff: Staff, number: int) -> HttpResponse:
    """Show one incident and the names and sizes of its evidence."""
    line = _line(_incident(number))
    evidence = [(item.pk, item.name, len(item.content)) for item in line.row.evidence.all()]
    return render(
        request,
        "desk/exchange/incident.html",
        {
            "line": line,
            "evidence": evidence,
            "may_act": staff.has_role(Role.OPERATOR),
            "frozen": line.row.freezes and line.row.peer.frozen_on is not None,
            "own_proposal": line.row.thaw_by == staff.username,
        },
    )


@staff_page(Role.OPERATOR, Role.SUPERVISOR)
def incident_evidence(request: HttpRequest, staff: Staff, number: int, item: int) -> HttpResponse:
    """Save one file of evidence, byte for byte; never shown by the browser."""
    found = Evidence.objects.filter(incident_id=number, pk=item).first()
    if found is None:
        raise Http404
    name = "".join(
        sign if sign.isascii() and (sign.isalnum() or sign in "-_.") else "-" for sign in found.name
    )
    response = HttpResponse(bytes(found.content), content_type="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="{number}-{name}"'
    return response


@staff_page(Role.OPERATOR, methods=("POST",))
def incident_close(request: HttpRequest, staff: Staff, number: int) -> HttpResponse:
    """Mark an incident as dealt with; a frozen unit's records are taken again when a second operator agrees."""
    row = _incident(number)
    try:
        match request.POST.get("thaw", ""):
            case "propose":
                thaw_propose(row.pk, by=staff.username, reason=request.POST.get("reason", ""))
                said = _("提出来了。要由另一位运行维护人员同意，才恢复采用。")
            case "agree":
                thaw_agree(row.pk, by=staff.username)
                said = _("恢复采用对方的新记录了；存证记录里记了一笔。")
            case _:
                incident_settle(row.pk)
                said = _("记下了：已经处理。")
    except PeerFault:
        messages.error(request, _("没有办成：要写明理由，而且提出的和同意的不能是同一个人。"))
        return redirect("desk:incident", number=number)
    messages.success(request, said)
    return redirect("desk:incidents")


def _incident(number: int) -> Incident:
    found = Incident.objects.select_related("peer").filter(pk=number).first()
    if found is None:
        raise Http404
    return found


def _line(row: Incident) -> IncidentLine:
    return IncidentLine(row=row, label=str(INCIDENTS.get(row.name, row.name)))
