"""Home and the pages that explain."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from django.core.cache import cache
from django.shortcuts import render
from django.views.decorators.http import require_safe

from minqing.archives.selectors import recent_entries, units_with_archives
from minqing.channel.selectors import channel_figures
from minqing.portal.network import look, picture
from minqing.portal.stand import ledger_stand, public_version
from minqing.portal.views.answers import kept
from minqing.portal.words import held_label, refusal_label
from sync.errors import SignerFault
from sync.exchange.documents import own_document
from sync.exchange.peers import peers_with_state
from sync.exchange.standing import Remarks, remarks
from sync.identity import identity

if TYPE_CHECKING:
    import datetime

    from django.http import HttpRequest, HttpResponse

    from minqing.channel.values import Figures
    from sync.exchange.standing import PeerState, Refusal
    from sync.identity import Identity

    _Connected = tuple[list[PeerState], dict[str, Remarks], Identity | None, str]

CONNECTED_SECONDS = 5
SHOWN_STATES = ("connected", "frozen")


FIGURES_SECONDS = 60


def _figures() -> Figures:
    """The channel's figures, which go up to yesterday and hardly ever change."""
    return cast("Figures", cache.get_or_set("portal.figures", channel_figures, FIGURES_SECONDS))


def _home_version() -> str:
    """The home page also shows the channel's figures, which no index knows."""
    return f"{public_version()} {_figures()}"


@require_safe
@kept(_home_version)
def home(request: HttpRequest) -> HttpResponse:
    """What a person comes for first: report, follow, look up; then what is new."""
    figures = _figures()
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


@dataclass(frozen=True, kw_only=True)
class UnitLine:
    """A connected unit with its looks and the neutral words for what was not taken in."""

    peer: PeerState
    look: str
    head_day: datetime.date | None
    refusals: tuple[tuple[str, Refusal], ...]
    held: tuple[tuple[str, int], ...]


@require_safe
def connected(request: HttpRequest) -> HttpResponse:
    """Units whose records appear here: how far they were checked, by whom, and what was not taken in."""
    peers, told, own, fingerprint = cast(
        "_Connected", cache.get_or_set("portal.connected", _connected_now, CONNECTED_SECONDS)
    )
    lines = [_line(peer, told.get(peer.origin, Remarks())) for peer in peers]
    words = {
        "lines": lines,
        "refused_any": any(line.refusals or line.held for line in lines),
        "picture": picture(peers),
        "own": own,
        "fingerprint": fingerprint,
        "stand": ledger_stand(),
    }
    return render(request, "portal/connected.html", words)


def _connected_now() -> _Connected:
    peers = [peer for peer in peers_with_state() if peer.state in SHOWN_STATES]
    own, fingerprint = None, ""
    with contextlib.suppress(SignerFault):  # then the page stands without our own keys
        own, fingerprint = identity(), own_document().fingerprint
    return peers, remarks(), own, fingerprint


def _line(peer: PeerState, told: Remarks) -> UnitLine:
    return UnitLine(
        peer=peer,
        look=look(peer),
        head_day=told.head_day,
        refusals=tuple((refusal_label(one.name), one) for one in told.refusals),
        held=tuple((held_label(reason), count) for reason, count in told.held),
    )
