"""A made-up unit that 新邵县 follows, and what is held against it."""

from __future__ import annotations

from contextlib import contextmanager

from sync import identity
from sync.exchange import peers, pull
from sync.models import Following, Incident, Peer
from tenants.current import unit_context
from tests.support import liar as lies

TRUE = [b"true %d" % number for number in range(5)]


@contextmanager
def followed_liar(county):
    """A made-up unit, connected to 新邵县 and followed up to five true records."""
    with lies.Liar().served() as liar:
        for number in range(5):
            liar.add(b"true %d" % number)
        with unit_context(county):
            liar.recipient = identity.origin()
            state = peers.connection_request(liar.address)
            peers.connection_accept(state.origin, state.fingerprint)
            peer = Peer.objects.get()
            peer.accepted_there = peer.accepted_here
            peer.save()
        assert fetch(county).fault == ""
        yield liar


def fetch(unit):
    """Have a unit pull from its one peer."""
    with unit_context(unit):
        return pull.pull(Peer.objects.get())


def incident(unit):
    """Return the one incident: name, evidence by name, and the peer as it is now."""
    with unit_context(unit):
        row = Incident.objects.get()
        return row.name, {e.name: bytes(e.content) for e in row.evidence.all()}, Peer.objects.get()


def cursors(unit):
    """Return how far the one peer's log is copied and taken in."""
    with unit_context(unit):
        following = Following.objects.get()
        return following.mirrored, following.applied
