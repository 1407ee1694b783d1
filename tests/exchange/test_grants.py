"""What a peer may have is said per kind: from now on, with the older ones, or no more."""

from __future__ import annotations

import pytest

from sync import audiences, identity, ledger
from sync.exchange import disclosures, peers, pull
from sync.ledger import erasure
from sync.models import DisclosureNote, Entry, Incident, Opening, Peer
from tenants.current import unit_context
from tests.support.exchange import KIND, OTHER, applied_bodies, publish
from tests.support.served import connect


@pytest.fixture
def grant(county, city):
    """Have 新邵县 change what it gives 邵阳市 of KIND."""
    with unit_context(city):
        us = identity.origin()

    def change(**how):
        with unit_context(county):
            peers.grant_set(us, KIND, **how)

    return change


@pytest.fixture
def pulled(city):
    """Have 邵阳市 pull, with nothing held against anybody; returns what it has."""

    def fetched():
        with unit_context(city):
            assert pull.pull(Peer.objects.get()).fault == ""
            assert not Incident.objects.exists()
        return applied_bodies(city)

    return fetched


def test_a_grant_is_given_taken_back_and_given_again_with_or_without_what_came_in_between(
    port, county, city, grant, pulled
):
    connect(county, city, port, KIND, OTHER)
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


@pytest.mark.parametrize("at_once", [True, False])
def test_a_chain_goes_on_where_it_was_granted_anew_and_nobody_is_accused(
    port, county, city, grant, pulled, at_once
):
    """The records in between are not ours to see; what comes after them is whole as far as it was granted."""
    connect(county, city, port, KIND)
    chain = {"audience": audiences.CONNECTED, "subjects": 1}
    publish(county, b"one", b"two", **chain)
    assert pulled() == [b"one", b"two"]
    grant(granted=False)
    publish(county, b"between", **chain)
    if not at_once:
        pulled()
    grant()
    publish(county, b"four", b"five", **chain)
    assert pulled() == [b"one", b"two", b"four", b"five"]
    grant(granted=False)
    publish(county, b"between again", **chain)
    grant()
    publish(county, b"seven", **chain)
    assert pulled() == [b"one", b"two", b"four", b"five", b"seven"]
    grant(history=True)
    publish(county, b"eight", **chain)
    assert pulled() == [
        b"one", b"two", b"between", b"four", b"five", b"between again", b"seven", b"eight",
    ]  # fmt: skip


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
