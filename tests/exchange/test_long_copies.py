"""A log that grew by much is copied in long runs of leaves: judged like bundles, and never needed."""

from __future__ import annotations

import pytest

from sync import identity
from sync.exchange import leaves, peers, pull
from sync.models import Following, Incident, Peer
from tenants.current import unit_context
from tests.support import liar as lies
from tests.support.exchange import applied_bodies

BODIES = [b"line %d" % number for number in range(600)]


@pytest.fixture
def liar(county, monkeypatch):
    """A made-up unit with more than two bundles, connected to 新邵县 but not yet followed."""
    monkeypatch.setattr(leaves, "MANY", 1)
    with lies.Liar().served() as liar:
        for body in BODIES:
            liar.add(body)
        with unit_context(county):
            liar.recipient = identity.origin()
            state = peers.connection_request(liar.address)
            peers.connection_accept(state.origin, state.fingerprint)
            Peer.objects.update(accepted_there=Peer.objects.get().accepted_here)
        yield liar


def fetch(unit):
    with unit_context(unit):
        return pull.pull(Peer.objects.get())


def asked(liar, path):
    return [request[1] for request in liar.seen if request[1].startswith(path)]


def test_whole_bundles_come_in_one_run_and_the_unfilled_one_by_itself(liar, county):
    assert fetch(county).fault == ""
    assert asked(liar, "/ledger/leaves") == ["/ledger/leaves/0/512"]
    assert asked(liar, "/ledger/tile") == ["/ledger/tile/entries/002.p/88"]
    assert applied_bodies(county) == BODIES


def test_a_peer_that_serves_bundles_only_is_copied_by_bundles(liar, county):
    liar.misbehave("/ledger/leaves", lies.refusing(404))
    assert fetch(county).fault == ""
    assert len(asked(liar, "/ledger/tile")) == 3
    assert applied_bodies(county) == BODIES
    with unit_context(county):
        assert not Incident.objects.exists()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda octets: octets[:-1] + bytes([octets[-1] ^ 1]), "diverged"),
        (lambda octets: octets[32:64] + octets[:32] + octets[64:], "diverged"),
        (lambda octets: octets[:-32], "malformed"),
        (lambda octets: octets + bytes(32), "malformed"),
    ],
)
def test_a_run_that_is_not_the_logs_leaves_is_refused(liar, county, change, name):
    liar.bend("/ledger/leaves", change)
    assert fetch(county).fault != ""
    with unit_context(county):
        assert Incident.objects.get().name == name
        assert Following.objects.get().mirrored == 0
    assert applied_bodies(county) == []
    liar.behave()
    assert fetch(county).fault == ""
    assert applied_bodies(county) == BODIES
