"""Tasks of the exchange: pull, ring, ask for countersignatures, tell acceptances. Losing one costs time only."""

from __future__ import annotations

from typing import Any, Protocol, cast

from sync.exchange import peers, pulling, ringing, witness
from tenants.tasks import unit_task


class Queued(Protocol):
    """A task as it is queued: the first argument names the unit's schema."""

    def apply_async(
        self, *, args: list[str], retry: bool, ignore_result: bool, expires: int
    ) -> Any:
        """Put it in the queue."""


def _pull_peer(origin: str) -> None:
    """Pull from one peer; one that is no peer any more is left alone."""
    pulling.pull_beside(origin)


def _ring_peers() -> None:
    """Tell peers of a new head, then ask outside witnesses to cosign it."""
    ringing.ring_peers()
    witness.ask_witnesses()


def _ring_again() -> None:
    """Ring where the last bell was not heard."""
    ringing.ring_peers(again=True)


def _tell_acceptances() -> None:
    """Tell peers that they are accepted here, where they could not be told before."""
    for peer in peers.untold_peers():
        peers.acceptance_tell(peer)


pull_peer = cast("Queued", unit_task("sync.tasks.pull_peer")(_pull_peer))
ring_peers = cast("Queued", unit_task("sync.tasks.ring_peers")(_ring_peers))
ring_again = cast("Queued", unit_task("sync.tasks.ring_again")(_ring_again))
ask_witnesses = cast("Queued", unit_task("sync.tasks.ask_witnesses")(witness.ask_witnesses))
tell_acceptances = cast("Queued", unit_task("sync.tasks.tell_acceptances")(_tell_acceptances))
