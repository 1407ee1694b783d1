"""What is held against peers and not dealt with yet: a short line of each, for lists of work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync.models.exchange import Incident

if TYPE_CHECKING:
    import datetime


@dataclass(frozen=True, kw_only=True)
class OpenIncident:
    """One incident that waits for an operator."""

    number: int
    peer: str
    """Name of the unit."""

    name: str
    """Kind of incident, as in ``sync.refusals``."""

    last_on: datetime.date


def open_incidents(limit: int = 200) -> list[OpenIncident]:
    """Return incidents that nobody has settled."""
    rows = Incident.objects.select_related("peer").filter(settled_on=None)[:limit]
    return [
        OpenIncident(number=row.pk, peer=row.peer.name, name=row.name, last_on=row.last_on)
        for row in rows
    ]
