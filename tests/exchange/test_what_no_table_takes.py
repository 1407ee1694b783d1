"""What a peer sends and our own tables refuse is held against that peer; pulls, discs and parcels of all others go on."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
from django.db import connection

from sync.models import Incident, Peer
from tenants.current import unit_context
from tests.support.carried import carry, carry_out, origin_of, standing
from tests.support.exchange import KIND, applied_bodies, publish
from tests.support.followed import TRUE, cursors, fetch, followed_liar, incident
from tests.support.served import connect, served
from tests.support.shared_broker import due, receiving, send
from tests.support.waiting import wait_until

BAD = b"what no table takes"
_NAME = "tests_no_such_body"


@contextmanager
def refusing_tables(unit):
    """Have the unit's table of received records refuse one body, as it would what a check of ours let slip."""
    with unit_context(unit), connection.cursor() as cursor:
        cursor.execute(
            f"ALTER TABLE sync_received ADD CONSTRAINT {_NAME} CHECK (body <> %s)", [BAD]
        )
    yield
    with unit_context(unit), connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE sync_received DROP CONSTRAINT {_NAME}")


def test_pulling_it_is_an_incident_that_names_the_table_and_no_words(county):
    with followed_liar(county) as liar:
        liar.add(BAD)
        with refusing_tables(county):
            assert "fits no table" in fetch(county).fault
        name, evidence, _ = incident(county)
        assert name == "malformed"
        assert json.loads(evidence["facts.json"]) == {
            "constraint_name": _NAME, "sqlstate": "23514", "table_name": "sync_received",
        }  # fmt: skip
        assert cursors(county) == (6, 5)
        assert fetch(county).fault == ""
        assert applied_bodies(county) == [*TRUE, BAD]


@pytest.fixture
def disc(fresh_database, city, county, neighbour, tmp_path):
    """Return what writes a disc for 邵阳 that 新邵 and 隆回 filled one after the other."""
    with served() as port:
        for unit in (county, neighbour):
            connect(unit, city, port, KIND)

    def write():
        folder, octets = tmp_path / "disc", b""
        for unit in (county, neighbour):
            said, failed = carry_out(unit, city, tmp_path / unit.code)
            assert not failed, said
            octets += b"".join(
                path.read_bytes() for path in (tmp_path / unit.code).glob("*.parcel")
            )
        folder.mkdir()
        (folder / "all.parcel").write_bytes(octets)
        (folder / "unit.json").write_bytes((tmp_path / neighbour.code / "unit.json").read_bytes())
        return folder

    return write


def test_a_disc_that_holds_it_still_brings_what_others_sent(disc, city, county, neighbour):
    publish(county, BAD)
    publish(neighbour, b"of the neighbour")
    with refusing_tables(city):
        said, failed = carry("in", disc())
    assert failed
    assert "fits no table" in said
    assert applied_bodies(city) == [b"of the neighbour"]
    with unit_context(city):
        assert Incident.objects.get().name == "malformed"


def test_a_disc_with_the_document_of_one_issuer_brings_that_ones_parcels(
    disc, city, county, neighbour
):
    publish(county, b"of the county")
    publish(neighbour, b"of the neighbour")
    with unit_context(city):
        Peer.objects.filter(origin=origin_of(county)).update(accepted_there=None)
    said, failed = carry("in", disc())
    assert failed
    assert "unit.json" in said
    assert applied_bodies(city) == [b"of the neighbour"]


@pytest.mark.rabbitmq
def test_the_receiver_takes_a_parcel_with_it_once(sharing, county, city):
    before = standing(city, county)[1]
    publish(county, BAD)
    with refusing_tables(city):
        send(county)
        with receiving(city):
            wait_until(lambda: due(city, county))
    with unit_context(city):
        held = Incident.objects.get()
        assert (held.name, held.times) == ("malformed", 1)
    assert standing(city, county)[1] == before
