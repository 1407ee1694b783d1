"""One unit of this process pulls from another."""

from __future__ import annotations

from sync import identity
from sync.exchange import peers, pull
from tenants.current import unit_context


def fetch(unit, other):
    """Pull; return what came of it."""
    with unit_context(other):
        origin = identity.origin()
    with unit_context(unit):
        return pull.pull(peers.peer_by_origin(origin))
