"""Predecessors that are missing: whether an order explains them is asked once for all of them, and by an index."""

from __future__ import annotations

import pytest
from django.db import connection
from django.utils import timezone

from sync import audiences
from sync.exchange import chains
from sync.exchange.judged import Judged
from sync.exchange.links import Links
from sync.formats.framing import Opening
from sync.formats.records import Chain, Header
from sync.models import Peer, Received
from tenants.current import unit_context
from tests.support.channel import connect

ORDERED = "ab" * 32

_MANY = """
INSERT INTO sync_received (peer_id, index, state, n, commitment, subject, audience, kind)
SELECT %s, i, 0, 1, int8send(i), 's-' || i, 'public', 'x.y' FROM generate_series(1, 20000) AS i
"""


@pytest.fixture
def peer(county, city):
    connect(county, city)
    with unit_context(county):
        peer = Peer.objects.get()
        with connection.cursor() as cursor:
            cursor.execute(_MANY, [peer.pk])
            body = b'{"basis":"x","commitments":["%s"],"held_until":""}' % ORDERED.encode()
            Received.objects.create(
                peer=peer, index=0, state=Received.APPLIED, n=1, commitment=b"order", subject="erasure",
                audience="public", kind="sync.erasure", body=body,
            )  # fmt: skip
            cursor.execute("ANALYZE sync_received")
        yield peer


def without_predecessor(origin, index, previous):
    header = Header(
        audience=audiences.PUBLIC, chain=Chain(n=2, prev=previous), day=timezone.localdate().isoformat(), kind="x.y",
        media_type="text/plain", origin=origin, schema=1, subject=f"late-{index}",
    )  # fmt: skip
    opening = Opening(index=index, salt=b"", header=b"", body=b"")
    return Judged(opening=opening, commitment=b"%032d" % index, header=header)


@pytest.mark.parametrize("count", [2, 300])
def test_many_gaps_ask_as_often_as_two(county, peer, count, django_assert_max_num_queries):
    back = [(without_predecessor(peer.origin, 30_000 + n, f"{n:064x}"), -1) for n in range(count)]
    back.append((without_predecessor(peer.origin, 40_000, ORDERED), -1))
    with django_assert_max_num_queries(3):
        chains.check(peer, Links(back=back), {})
    assert [item.state for item, _ in back] == [Received.HELD] * count + [Received.APPLIED]


def test_orders_are_found_among_many_records_by_an_index(county, peer):
    assert "received_chain" in chains.orders_of(peer).explain()
    assert chains.erased_by(peer) == {ORDERED}
