"""What peers sent about a case is found among very many other records without reading those."""

from __future__ import annotations

from django.db import connection
from django.test.utils import CaptureQueriesContext

from sync.exchange.mentions import mentioning
from sync.models import Peer, Received
from tenants.current import unit_context
from tests.support.channel import connect

_MANY = """
INSERT INTO sync_received (peer_id, index, state, n, commitment, subject, audience, kind, body)
SELECT %s, i, 0, 1, int8send(i), 's-' || i, 'public', 'archives.entry', 'case-1' FROM generate_series(1, 20000) AS i
"""


def test_what_mentions_a_case_is_found_by_an_index(county, city):
    connect(county, city)
    with unit_context(county), connection.cursor() as cursor:
        peer = Peer.objects.get()
        cursor.execute(_MANY, [peer.pk])
        about = (("theirs", b"x"), ("other", b'{"about":"case-1"}'), ("other", b"nothing"))
        for index, (subject, body) in enumerate(about, start=30_000):
            Received.objects.create(
                peer=peer, index=index, state=Received.APPLIED, n=index, commitment=b"%032d" % index, subject=subject,
                audience="public", kind="channel.message", body=body,
            )  # fmt: skip
        cursor.execute("ANALYZE sync_received")
        with CaptureQueriesContext(connection) as asked:
            found = mentioning(
                kinds="channel.", origin=peer.origin, subject="theirs", text="case-1"
            )
        assert found == [(b"%032d" % index).hex() for index in (30_000, 30_001)]
        cursor.execute(f"EXPLAIN {asked[0]['sql']}")
        assert "received_of_cases" in str(cursor.fetchall())
