"""The small picture of the network: this unit in the middle, the connected ones around it. The table beside it says the same."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.exchange.standing import PeerState

WIDTH, HEIGHT, FLAT = 400, 280, 110
"""One or two units stand beside this one and need no height."""
DRAWN = 10
"""Units that are drawn; with more the names would cover each other."""
_NAME = 8
_ORDER = ("frozen", "late", "good")


@dataclass(frozen=True, kw_only=True)
class Node:
    """One connected unit in the picture; positions in units of the view box."""

    name: str
    look: str
    """``good``, ``late`` (something is still to be taken in) or ``frozen``."""

    x: int
    y: int
    label_y: int


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What the template draws."""

    nodes: tuple[Node, ...]
    more: int
    """Units that are not drawn."""

    height: int
    y: int
    width: int = WIDTH
    x: int = WIDTH // 2


def look(peer: PeerState) -> str:
    """Say in one word how things stand with a unit."""
    if peer.frozen:
        return "frozen"
    return "late" if peer.lag or peer.last_error else "good"


def picture(peers: Sequence[PeerState]) -> Picture:
    """Place the units on an ellipse, those that need attention first."""
    drawn = sorted(peers, key=lambda peer: _ORDER.index(look(peer)))[:DRAWN]
    height = FLAT if len(drawn) <= 2 else HEIGHT
    nodes = []
    for number, peer in enumerate(drawn):
        turn = math.pi * number
        if height != FLAT:
            turn = 2 * math.pi * (number + 0.5) / len(drawn) - math.pi / 2
        x = round(WIDTH / 2 + (WIDTH / 2 - 64) * math.cos(turn))
        y = round(height / 2 + (height / 2 - 44) * math.sin(turn))
        name = peer.name if len(peer.name) <= _NAME else peer.name[: _NAME - 1] + "…"
        label_y = y - 18 if y < height // 2 else y + 28
        nodes.append(Node(name=name, look=look(peer), x=x, y=y, label_y=label_y))
    return Picture(nodes=tuple(nodes), more=len(peers) - len(drawn), height=height, y=height // 2)
