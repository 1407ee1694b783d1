"""Anybody may write a document under a unit's public origin: it keeps that unit out of nothing, and refused offers close no door."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sync import identity, ledger
from sync.exchange import peers, requests, standing
from sync.models import Incident, Peer, PeerHead, Quarantine
from sync.refusals import PeerFault
from tenants.current import unit_context
from tests.support import liar as lies
from tests.support.exchange import KIND, applied_bodies, publish
from tests.support.followed import fetch
from tests.support.served import address, connect, served

PATH = "/exchange/connect"


@pytest.fixture
def port(fresh_database, county, city):
    with served() as port:
        for unit in (county, city):
            with unit_context(unit):
                ledger.publish()
        yield port


@pytest.fixture
def offer(visit, county):
    """Have a made-up unit ask 新邵县 for a connection; returns the status."""

    def post(liar):
        liar.address = liar.address or "http://127.0.0.1:9"
        body = liar.document()
        message = requests.Message(
            method="POST", url=f"http://{county.host}{PATH}", headers={}, body=body
        )
        headers = requests.sign(message, key=liar.keys["peer"].private, keyid=liar.origin)
        answer = visit(county).generic(
            "POST", PATH, body, content_type="application/octet-stream", headers=headers
        )
        return answer.status_code

    return post


def origin(unit):
    with unit_context(unit):
        return identity.origin()


def thief_of(unit):
    return lies.Liar(code=unit.code, origin=origin(unit))


def test_a_document_under_somebody_elses_origin_gives_way_to_that_unit(port, county, city, offer):
    assert offer(thief_of(city)) == 202
    connect(city, county, port, KIND)
    publish(city, b"word")
    assert fetch(county).fault == ""
    assert applied_bodies(county) == [b"word"]


def test_it_gives_way_to_what_the_address_shows_that_an_operator_types(port, county, city, offer):
    assert offer(thief_of(city)) == 202
    connect(county, city, port, KIND)
    with unit_context(county):
        assert [state.state for state in peers.peers_with_state()] == ["connected"]


def test_and_what_that_address_showed_gives_way_to_no_stranger(port, county, city, offer):
    with unit_context(county):
        asked = peers.connection_request(address(city, port))
    assert offer(thief_of(city)) == 409
    with unit_context(county):
        assert peers.peers_with_state() == [asked]


def test_who_offers_last_is_seen_and_only_who_was_compared_is_accepted(port, county, city, offer):
    first, second = thief_of(city), thief_of(city)
    assert offer(first) == 202
    with unit_context(county):
        (seen,) = peers.peers_with_state()
    assert offer(second) == 202
    with unit_context(county), pytest.raises(PeerFault, match="not the one of the keys"):
        peers.connection_accept(seen.origin, seen.fingerprint)


def test_a_unit_that_was_connected_once_keeps_its_log_key(port, county, city, offer):
    connect(county, city, port, KIND)
    assert offer(thief_of(city)) == 409
    with unit_context(county):
        peers.connection_end(origin(city))
    assert offer(thief_of(city)) == 409
    with unit_context(county):
        assert [state.state for state in peers.peers_with_state()] == ["ended"]


def test_refused_offers_are_forgotten_and_leave_room_for_others(port, county, offer, monkeypatch):
    monkeypatch.setattr(peers, "OPEN_OFFERS", 2)
    strangers = [lies.Liar(code=f"4305{number}") for number in range(10, 14)]
    assert [offer(stranger) for stranger in strangers[:3]] == [202, 202, 429]
    with unit_context(county):
        for stranger in strangers[:2]:
            peers.connection_end(stranger.origin)
        assert not Peer.objects.exists()
    assert [offer(stranger) for stranger in strangers[2:]] == [202, 202]


def test_the_list_of_units_does_not_multiply_what_is_counted(port, county, city):
    """Joined, 60 heads, held records and incidents of one unit would be 216,000 rows."""
    connect(county, city, port, KIND)
    with unit_context(county):
        peer, today = Peer.objects.get(), timezone.localdate()
        for number in range(60):
            PeerHead.objects.create(
                peer=peer, size=number + 100, root=b"r", note=b"", seen_on=today, proven=number < 50
            )
            Quarantine.objects.create(
                peer=peer, index=number, subject="s", audience="public", kind=KIND, reason="rejected",
                sentence="", since=today,
            )  # fmt: skip
            Incident.objects.create(
                peer=peer, name="changed", sentence="", digest=bytes([number]), first_on=today,
                last_on=today, settled_on=today if number >= 40 else None,
            )  # fmt: skip
        with CaptureQueriesContext(
            connection,
        ) as asked:
            (state,) = peers.peers_with_state()
            remarks = standing.remarks()[peer.origin]
        assert (state.size, state.quarantined, state.incidents) == (149, 60, 40)
        assert len(remarks.refusals) == standing.REFUSALS
        counting = next(q["sql"] for q in asked if "sync_quarantine" in q["sql"])
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {counting}")
            (plan,) = cursor.fetchone()[0]
    assert most_rows(plan["Plan"]) < 200


def most_rows(plan):
    """Return the largest number of rows that a step of a plan brought forth."""
    below = [most_rows(step) for step in plan.get("Plans", [])]
    return max([plan["Actual Rows"] * plan["Actual Loops"], *below])
