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
from sync.exchange.incidents import incident_settle
from sync.models.exchange import Evidence, Incident

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
        {"line": line, "evidence": evidence, "may_act": staff.has_role(Role.OPERATOR)},
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
    """Mark an incident as dealt with; on request the unit's records are taken again."""
    incident_settle(_incident(number).pk, thaw=request.POST.get("thaw") == "yes")
    messages.success(request, _("记下了：已经处理。"))
    return redirect("desk:incidents")


def _incident(number: int) -> Incident:
    found = Incident.objects.select_related("peer").filter(pk=number).first()
    if found is None:
        raise Http404
    return found


def _line(row: Incident) -> IncidentLine:
    return IncidentLine(row=row, label=str(INCIDENTS.get(row.name, row.name)))
