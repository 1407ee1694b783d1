"""Parcels and pulls end at places of their own: what a peer was told is counted on between them, unless some of it is gone."""

from __future__ import annotations

import pytest

from sync import ledger
from sync.exchange import feed, peers, pull
from sync.formats import framing, withholding
from sync.identity import peer_keys
from sync.ledger import erasure
from sync.models import Entry, Opening, Peer
from tenants.current import unit_context
from tests.support.carried import origin_of
from tests.support.exchange import KIND, publish
from tests.support.served import connect, served


@pytest.fixture
def told(fresh_database, county, city):
    """新邵, of which 邵阳市 was told twelve records under grants as they stand, and of which one was erased before."""
    with served() as port:
        connect(county, city, port, KIND)
        publish(county, *(b"before %d" % number for number in range(3)))
        erase(county, b"before 0")
        publish(county, *(b"line %d" % number for number in range(12)))
        with unit_context(city):
            assert pull.pull(peers.peer_by_origin(origin_of(county))).fault == ""
        yield county


def erase(unit, body):
    """Erase a record by order, and seal the order."""
    with unit_context(unit):
        index = place(body)
        commitment = bytes(Entry.objects.get(index=index).commitment).hex()
        erasure.erase([commitment], basis="《演示办法》第一条")
        ledger.seal()


def place(body):
    """Return the index of the record with this body."""
    return next(row.index for row in Opening.objects.all() if bytes(row.body) == body)


def disclosed(unit, start, stop=None):
    """Return what the note says when the peer reads from one index to another, as a parcel or a disc has it."""
    with unit_context(unit):
        size = ledger.head().size
        *_, end = feed.disclose(Peer.objects.get(), start, stop or size, known=size)
        return framing.read_disclosure(framing.split(end)[1], peer_keys()[0].verifier)


def test_counting_goes_on_between_two_answers_although_there_are_orders(told):
    whole = disclosed(told, 0)
    with unit_context(told):
        middle = place(b"line 5")
    half = disclosed(told, 0, middle)
    for start in (middle, middle + 1, middle + 4):
        said = disclosed(told, start)
        assert (said.epoch, said.count, said.last) == (whole.epoch, whole.count, whole.last)
    assert half.epoch == whole.epoch
    publish(told, b"news", b"more news")
    assert disclosed(told, whole.size + 1).count == whole.count + 2
    assert disclosed(told, whole.size + 1).epoch == whole.epoch


def test_a_parcel_after_new_grants_does_not_count_up_their_number_again(told, city):
    with unit_context(told):
        for granted in (False, True):
            peers.grant_set(origin_of(city), KIND, granted=granted, history=True)
        new = Peer.objects.get().epoch
        middle = place(b"line 5")
    assert disclosed(told, middle).epoch == new
    with unit_context(city):
        assert pull.pull(peers.peer_by_origin(origin_of(told))).fault == ""
    assert disclosed(told, 0).epoch == new


@pytest.mark.parametrize("gone", [b"line 1", b"line 4"])
def test_counting_begins_anew_where_something_told_in_between_is_gone(told, gone):
    whole = disclosed(told, 0)
    with unit_context(told):
        middle = place(b"line 5")
    erase(told, gone)
    again = disclosed(told, middle)
    assert again.epoch > whole.epoch
    assert not withholding.contradict(whole, again)
