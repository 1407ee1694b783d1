"""The task of the fast path: publish, then ring whom that did not reach. Losing it costs time only."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sync.exchange import ringing, witness
from sync.transports import publishing
from tenants.tasks import unit_task

if TYPE_CHECKING:
    from sync.exchange.tasks import Queued


def _publish_peers() -> None:
    """Publish parcels, ring the peers that they did not reach, then ask outside witnesses."""
    ringing.ring_peers(publishing.publish())
    witness.ask_witnesses()


publish_peers = cast("Queued", unit_task("sync.tasks.publish_peers")(_publish_peers))
