"""The supervisors' figures (办理情况): one page that can be printed for the leader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render
from django.utils import timezone

from minqing.accounts.models import Role
from minqing.channel.selectors import desk_figures
from minqing.channel.selectors.figures import LEAST
from minqing.desk.access import staff_page

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from minqing.accounts.models import Staff


@staff_page(Role.SUPERVISOR)
def figures(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Show what is in hand, what is late, how long answers take, and what reporters thought of them."""
    return render(
        request,
        "desk/figures/figures.html",
        {"figures": desk_figures(staff), "day": timezone.localdate(), "least": LEAST},
    )
