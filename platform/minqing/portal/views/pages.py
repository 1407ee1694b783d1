"""Home and the pages that explain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render
from django.views.decorators.http import require_safe

from minqing.archives.selectors import recent_entries, units_with_archives
from minqing.channel.selectors import channel_figures
from minqing.portal.stand import ledger_stand, public_version
from minqing.portal.views.answers import kept
from sync.exchange.documents import own_document
from sync.exchange.peers import peers_with_state
from sync.identity import identity

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

SHOWN_STATES = ("connected", "frozen")


def _home_version() -> str:
    """The home page also shows the channel's figures, which no index knows."""
    return f"{public_version()} {channel_figures()}"


@require_safe
@kept(_home_version)
def home(request: HttpRequest) -> HttpResponse:
    """What a person comes for first: report, follow, look up; then what is new."""
    figures = channel_figures()
    words = {
        "recent": recent_entries(limit=8),
        "units": units_with_archives(),
        "figures": figures,
        "rated": figures.satisfied + figures.basically + figures.unsatisfied,
    }
    return render(request, "portal/home.html", words)


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
    words = {
        "peers": [peer for peer in peers_with_state() if peer.state in SHOWN_STATES],
        "own": identity(),
        "fingerprint": own_document().fingerprint,
        "stand": ledger_stand(),
    }
    return render(request, "portal/connected.html", words)
