"""What is to be done today, for the roles of whoever is signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render

from minqing.desk.access import staff_page
from minqing.desk.jobs import sections_for

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from minqing.accounts.models import Staff


@staff_page()
def today(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Show one list per kind of work, late things first."""
    sections = sections_for(staff)
    return render(
        request,
        "desk/queue.html",
        {
            "sections": sections,
            "total": sum(s.total for s in sections),
            "late": sum(s.late for s in sections),
        },
    )
