"""Home and the pages that explain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render
from django.views.decorators.http import require_safe

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What a person comes for first: report, follow, look up; then what is new."""
    return render(request, "portal/home.html", {"recent": []})


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    """Who runs the site and what it keeps; promises only that hold (claims)."""
    return render(request, "portal/about.html")


@require_safe
def accessibility(request: HttpRequest) -> HttpResponse:
    """How to use the site with little sight, no mouse or an old telephone."""
    return render(request, "portal/accessibility.html")


@require_safe
def connected(request: HttpRequest) -> HttpResponse:
    """Units whose records appear here, and how far they were checked."""
    return render(request, "portal/connected.html", {"peers": []})
