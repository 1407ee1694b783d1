"""Who meets a key that it does not know reads in the log what became of the old one, and accuses nobody meanwhile."""

from __future__ import annotations

import pytest

from sync import identity
from sync.exchange import keys, peers, pull
from sync.formats import notes
from sync.models import Incident, Peer
from tenants.current import unit_context
from tests.support import liar as lies
from tests.support.backups import back_up, bring_back, restore
from tests.support.exchange import KIND, applied_bodies, publish
from tests.support.fetching import fetch
from tests.support.served import connect

pytestmark = pytest.mark.usefixtures("keys_alone")


def accused(*units):
    """Return the names of all incidents that these units hold."""
    names = []
    for unit in units:
        with unit_context(unit):
            names += Incident.objects.values_list("name", flat=True)
    return names


def test_who_slept_while_two_keys_overlapped_reads_the_new_one_in_the_log(port, county, city):
    connect(county, city, port, KIND)
    publish(county, b"before")
    assert fetch(city, county).fault == ""
    with unit_context(county):
        for _ in range(2):
            keys.rotate("peer")
            keys.retire("peer", force=True)
            publish(county, b"between")
        newest = identity.public_keys("peer")
    publish(county, b"after")
    assert fetch(city, county).fault == ""
    assert applied_bodies(city)[-1] == b"after"
    assert accused(city, county) == []
    with unit_context(city):
        assert [Peer.objects.get().peer_key] == newest
    assert fetch(county, city).fault == ""


def test_a_unit_on_an_old_backup_learns_what_its_peer_ended_since(port, county, city):
    connect(county, city, port, KIND)
    publish(county, b"before")
    publish(city, b"ours")
    for _ in range(2):
        assert fetch(city, county).fault == fetch(county, city).fault == ""
    back_up(city)
    with unit_context(county):
        keys.rotate("peer")
    publish(city, b"after the backup")
    for _ in range(2):
        assert fetch(city, county).fault == fetch(county, city).fault == ""
    with unit_context(county):
        keys.retire("peer")
    publish(county, b"after")
    for _ in range(2):
        assert fetch(city, county).fault == fetch(county, city).fault == ""
    restore(city)
    bring_back(city)
    assert "401, signature" in fetch(county, city).fault  # it knows the county by the old key
    for _ in range(2):
        assert fetch(city, county).fault == fetch(county, city).fault == ""
    assert accused(city, county) == []


@pytest.mark.parametrize("announced", [True, False])
def test_a_key_that_no_log_announces_opens_nothing(port, county, announced):
    """Nor does one that is announced and then not used: the note must be by a key that counts."""
    with lies.Liar().served() as liar, unit_context(county):
        liar.recipient = identity.origin()
        liar.add(b"one")
        state = peers.connection_request(liar.address)
        peers.connection_accept(state.origin, state.fingerprint)
        Peer.objects.update(accepted_there=Peer.objects.get().accepted_here)
        stranger = notes.SigningKey.from_seed(f"{liar.origin}/peer", bytes(32))
        if announced:
            liar.announces(
                "peer", notes.SigningKey.from_seed(f"{liar.origin}/peer", bytes([1]) * 32)
            )
        liar.keys["peer"] = stranger
        fault = pull.pull(Peer.objects.get()).fault
        assert fault == "The disclosure note is signed with a key that is not known here."
        (incident,) = Incident.objects.all()
        assert incident.name == "unknown-key"
        assert pull.pull(Peer.objects.get()).applied == 0
