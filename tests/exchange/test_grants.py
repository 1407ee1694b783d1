"""What a peer may have is said per kind: from now on, with the older ones, or no more."""

from __future__ import annotations

import pytest

from sync import audiences, identity, ledger
from sync.exchange import disclosures, peers, pull
from sync.ledger import erasure
from sync.models import DisclosureNote, Entry, Incident, Opening, Peer
from tenants.current import unit_context
from tests.support.exchange import KIND, OTHER, applied_bodies, publish
from tests.support.served import connect, served


@pytest.fixture
def port(fresh_database):
    with served() as port:
        yield port


def test_a_grant_is_given_taken_back_and_given_again_with_or_without_what_came_in_between(
    port, county, city
):
    connect(county, city, port, KIND, OTHER)
    with unit_context(city):
        us = identity.origin()

    def grant(**how):
        with unit_context(county):
            peers.grant_set(us, KIND, **how)

    def pulled():
        with unit_context(city):
            assert pull.pull(Peer.objects.get()).fault == ""
        return applied_bodies(city)

    publish(county, b"one", audience=audiences.CONNECTED)
    assert pulled() == [b"one"]
    grant(granted=False)
    publish(county, b"two", audience=audiences.CONNECTED)
    publish(county, b"three")
    publish(county, b"of another kind", kind=OTHER, audience=audiences.CONNECTED)
    assert pulled() == [b"one", b"of another kind"]
    grant()
    publish(county, b"four", audience=audiences.CONNECTED)
    assert pulled() == [b"one", b"three", b"of another kind", b"four"]
    grant(history=True)
    assert pulled() == [b"one", b"two", b"three", b"of another kind", b"four"]
    with unit_context(city):
        assert DisclosureNote.objects.values("epoch").distinct().count() > 1
        assert (
            disclosures.audit(Peer.objects.get()) == []
        )  # other grants, other counts: nobody lied
        assert not Incident.objects.exists()


def test_notes_from_before_an_erasure_can_be_asked_about_again_and_convict_nobody(
    port, county, city
):
    connect(county, city, port, KIND)
    publish(county, b"one", b"two", subjects=1)
    with unit_context(city):
        assert pull.pull(Peer.objects.get()).fault == ""
    with unit_context(county):
        opening = Opening.objects.filter(kind=KIND).earliest("index")
        commitment = bytes(Entry.objects.get(index=opening.index).commitment).hex()
        erasure.erase([commitment], basis="《演示办法》第一条")
        ledger.seal()
    with unit_context(city):
        assert disclosures.audit(Peer.objects.get()) == []
        assert not Incident.objects.exists()
