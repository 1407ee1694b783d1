"""Two units of one deployment, over real HTTP: connect, grant, publish, pull, apply."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection, transaction
from django.template import Context, Template

from sync import audiences, identity, ledger
from sync.exchange import disclosures, peers, pull
from sync.exchange.standing import deliveries
from sync.ledger import erasure
from sync.models import Peer, Received
from sync.models.exchange import Following
from sync.refusals import PeerFault
from tenants.current import unit_context
from tests.support.exchange import KIND, OTHER, applied_bodies, publish
from tests.support.served import address, connect


def fetch(unit, other):
    """Pull into ``unit`` what ``other`` discloses."""
    with unit_context(other):
        origin = identity.origin()
    with unit_context(unit):
        return pull.pull(peers.peer_by_origin(origin))


def test_a_record_published_at_one_unit_is_applied_at_the_other(port, county, city):
    connect(county, city, port, KIND)
    publish(county, b"first", b"second")
    pulled = fetch(city, county)
    assert pulled.fault == ""
    assert applied_bodies(city) == [b"first", b"second"]
    assert fetch(city, county).applied == pulled.applied
    assert applied_bodies(city) == [b"first", b"second"]


def test_the_sender_sees_how_far_its_record_got_with_each_unit_that_may_have_it(
    port, county, city, neighbour
):
    connect(county, city, port, KIND)
    connect(county, neighbour, port)

    def stages():
        with unit_context(county):
            return [(one.name, one.stage) for one in deliveries(commitment)]

    with unit_context(county):
        with transaction.atomic():
            commitment = ledger.append(
                kind=KIND,
                subject="s",
                body=b"x",
                audience=audiences.PUBLIC,
                media_type="text/plain",
            ).commitment
        waiting = stages()
        ledger.seal()
    assert waiting == [("邵阳市", "pending")]
    assert stages() == [("邵阳市", "waiting")]
    fetch(city, county)
    assert stages() == [("邵阳市", "handed")]
    publish(county, b"later")
    fetch(city, county)
    assert stages() == [("邵阳市", "acknowledged")]
    with unit_context(county):
        page = Template("{% load delivery %}{% delivery record %}")
        shown = page.render(Context({"record": commitment}))
    assert "邵阳市" in shown
    assert "对方已取走" in shown  # whether it was taken in there, only they know
    with unit_context(neighbour):
        assert deliveries(commitment) == ()


def test_each_audience_reaches_those_it_is_for(port, county, city, neighbour):
    connect(county, city, port, KIND, history=False)
    connect(county, neighbour, port, KIND, history=False)
    with unit_context(city):
        only_city = audiences.for_unit(identity.origin())
    publish(county, b"everybody")
    publish(county, b"connected units", audience=audiences.CONNECTED)
    publish(county, b"the city alone", audience=only_city)
    assert fetch(city, county).fault == fetch(neighbour, county).fault == ""
    assert applied_bodies(city) == [b"everybody", b"connected units", b"the city alone"]
    assert applied_bodies(neighbour) == [b"everybody", b"connected units"]


def test_older_connected_records_need_a_grant_with_history(port, county, city):
    connect(county, city, port, history=False)
    publish(county, b"old", audience=audiences.CONNECTED)
    publish(county, b"old and public")
    with unit_context(city):
        us = identity.origin()
    with unit_context(county):
        peers.grant_set(us, KIND)
    publish(county, b"new", audience=audiences.CONNECTED)
    assert fetch(city, county).fault == ""
    assert applied_bodies(city) == [b"old and public", b"new"]
    with unit_context(county):
        peers.grant_set(us, KIND, history=True)
    assert fetch(city, county).fault == ""
    assert applied_bodies(city) == [b"old", b"old and public", b"new"]


def test_without_a_grant_nothing_is_disclosed_and_without_acceptance_nothing_is_served(
    port, county, city
):
    connect(county, city, port)
    publish(county, b"secret", audience=audiences.CONNECTED)
    assert fetch(city, county).fault == ""
    assert applied_bodies(city) == []
    with unit_context(county):
        (state,) = peers.peers_with_state()
        peers.connection_end(state.origin)
    publish(county, b"later")
    assert "refused" in fetch(city, county).fault
    assert applied_bodies(city) == []


def test_a_connection_stands_only_after_both_sides_compared_the_right_fingerprint(
    port, county, city
):
    with unit_context(county):
        asked = peers.connection_request(address(city, port))
        assert asked.state == "requested"
        with pytest.raises(PeerFault, match="fingerprint"):
            peers.connection_accept(asked.origin, "0" * 40)
        with pytest.raises(PeerFault, match="not connected"):
            pull.pull(peers.peer_by_origin(asked.origin))
    with unit_context(city):
        (offered,) = peers.peers_with_state()
        assert offered.state == "offered"
        assert (
            peers.connection_accept(offered.origin, offered.fingerprint.replace(" ", "")).state
            == "accepted"
        )
    with unit_context(county):
        assert peers.peers_with_state()[0].state == "requested"
        assert peers.connection_accept(asked.origin, asked.fingerprint).state == "connected"
    with unit_context(city):
        assert peers.peers_with_state()[0].state == "connected"


def test_peers_stand_in_order_of_code_whoever_came_first(port, county, city, neighbour):
    connect(city, neighbour, port)
    connect(city, county, port)
    with unit_context(city):
        codes = [state.code for state in peers.peers_with_state()]
        assert codes == sorted(codes)
        assert len(codes) == 2


def test_many_records_of_many_chains_arrive_in_log_order_in_several_windows(
    port, county, city, monkeypatch
):
    monkeypatch.setattr("sync.formats.framing.WINDOW_RECORDS", 100)
    connect(county, city, port, KIND)
    bodies = [b"%d" % number for number in range(700)]
    publish(county, *bodies, subjects=7)
    assert fetch(city, county).fault == ""
    assert applied_bodies(city) == bodies
    with unit_context(city):
        (state,) = peers.peers_with_state()
        assert state.lag == 0
        assert Received.objects.count() >= 700
    with unit_context(county):
        fetch(city, county)
        delivered = ledger.head().size
        assert peers.peers_with_state()[0].delivered == delivered
    with unit_context(city):
        assert disclosures.audit(Peer.objects.get()) == []
    with unit_context(
        county
    ):  # that all was asked for again takes no delivery back; other grants do
        assert peers.peers_with_state()[0].delivered == delivered
        peers.grant_set(Peer.objects.get().origin, OTHER)
        assert peers.peers_with_state()[0].delivered == 0


def test_what_was_fetched_ahead_of_a_crash_is_asked_for_again_under_the_same_number(
    port, county, city, monkeypatch
):
    connect(county, city, port, KIND)
    publish(county, b"erased")
    with unit_context(county):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT encode(commitment, 'hex') FROM sync_opening JOIN sync_entry USING (index) WHERE kind = %s",
                [KIND],
            )
            (commitment,) = cursor.fetchone()
        erasure.erase([commitment], basis="示例依据")
        ledger.seal()
    monkeypatch.setattr("sync.formats.framing.WINDOW_RECORDS", 10)
    bodies = [b"%d" % number for number in range(100)]
    publish(county, *bodies)
    taken, whole = [], pull.take

    def broken_off(*window, **how):
        if len(taken) == 4:
            raise OperationalError("the power went")
        taken.append(whole(*window, **how))
        return taken[-1]

    monkeypatch.setattr(pull, "take", broken_off)
    with pytest.raises(OperationalError):
        fetch(city, county)
    monkeypatch.setattr(pull, "take", whole)
    with unit_context(city):
        before = Following.objects.get()
    assert fetch(city, county).fault == ""
    assert applied_bodies(city) == bodies
    with unit_context(city):
        following = Following.objects.get()
        assert (before.applied, following.epoch) == (taken[-1].applied, before.epoch)
