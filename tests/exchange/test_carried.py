"""Logs and records on discs, between two units whose networks do not meet; and what happens to discs on the way."""

from __future__ import annotations

import dataclasses

import pytest
from django.db import transaction

from sync import audiences, identity, ledger
from sync.exchange import documents, peers
from sync.formats import framing
from sync.ledger import erasure
from sync.models import Entry, Incident, Opening, Quarantine
from sync.transports import boxes, discs, parcels
from tenants.current import unit_context
from tests.support.carried import carry, carry_out, origin_of, parcel_of, standing
from tests.support.exchange import KIND, applied_bodies, publish
from tests.support.liar import Liar

pytestmark = pytest.mark.usefixtures("fresh_database", "long_logs")
"""Discs are taken in by code that opens threads: the data must be committed."""


def test_records_come_on_a_disc_and_the_cursor_makes_the_next_one_short(met, disc, tmp_path):
    county, city = met
    only_city = audiences.for_unit(origin_of(city))
    publish(county, b"first", b"second")
    publish(county, b"for the city alone", audience=only_city)
    said, failed = carry_out(county, city, disc)
    assert not failed, said
    assert b"for the city alone" not in b"".join(path.read_bytes() for path in disc.iterdir())
    said, failed = carry("in", disc)
    assert not failed, said
    assert applied_bodies(city) == [b"first", b"second", b"for the city alone"]
    mirrored, applied = standing(city, county)
    assert mirrored == applied
    with unit_context(city):
        assert peers.peers_with_state()[0].state == "connected"
    cursor = disc / discs.cursor_name(issuer=origin_of(county), reader=origin_of(city))
    publish(county, b"third")
    said, failed = carry_out(county, city, tmp_path / "next", "--cursor", str(cursor))
    assert not failed, said
    (records,) = (tmp_path / "next").glob("records-*")
    assert parcel_of(records).label.records[0] == applied
    assert not carry("in", tmp_path / "next")[1]
    assert applied_bodies(city)[-1] == b"third"
    with unit_context(county):
        assert peers.peers_with_state()[0].delivered == applied


def test_one_way_the_next_disc_begins_where_the_reader_said(met, disc, tmp_path):
    county, city = met
    publish(county, b"first")
    carry_out(county, city, disc)
    assert not carry("in", disc, "--cursors", str(tmp_path / "kept"))[1]
    assert not list(disc.glob("cursor*"))
    publish(county, b"second")
    start = standing(city, county)[1]
    assert not carry_out(county, city, tmp_path / "next", "--from", str(start))[1]
    assert not carry("in", tmp_path / "next")[1]
    assert applied_bodies(city) == [b"first", b"second"]


def test_a_disc_whose_predecessor_was_lost_says_what_to_ask_for_and_loses_nothing(
    met, disc, tmp_path
):
    county, city = met
    publish(county, b"first")
    publish(county, *[b"%d" % number for number in range(300)])
    with unit_context(county):
        start = ledger.head().size - 2
    assert not carry_out(county, city, disc, "--from", str(start))[1]
    said, failed = carry("in", disc)
    assert failed
    assert "--from 0" in said
    assert applied_bodies(city) == []
    assert not carry_out(county, city, tmp_path / "whole")[1]
    assert not carry("in", tmp_path / "whole")[1]
    assert len(applied_bodies(city)) == 301


def test_an_older_disc_after_a_newer_one_changes_nothing(met, disc, tmp_path):
    county, city = met
    publish(county, b"first")
    carry_out(county, city, disc)
    publish(county, b"second")
    carry_out(county, city, tmp_path / "newer")
    assert not carry("in", tmp_path / "newer")[1]
    before = standing(city, county)
    said, failed = carry("in", disc)
    assert not failed, said
    assert standing(city, county) == before
    with unit_context(city):
        assert not Incident.objects.exists()


def test_the_disc_of_another_unit_is_refused_by_name(met, neighbour, disc):
    county, city = met
    publish(county, b"first")
    carry_out(county, city, disc)
    theirs = origin_of(city)
    with unit_context(city):
        peers.connection_end(origin_of(county))
    said, failed = carry("in", disc)
    assert failed
    assert "is not connected" in said
    assert applied_bodies(city) == []
    said, failed = carry_out(neighbour, city, disc)
    assert failed
    assert theirs in said


def test_new_grants_begin_again_and_apply_nothing_twice(met, disc, tmp_path):
    county, city = met
    publish(county, b"public")
    publish(county, b"other", kind="tests.other")
    carry_out(county, city, disc)
    assert not carry("in", disc)[1]
    with unit_context(county):
        peers.grant_set(origin_of(city), "tests.other", history=True)
    publish(county, b"last")
    said, failed = carry_out(county, city, tmp_path / "short", "--from", "2")
    assert not failed, said
    said, failed = carry("in", tmp_path / "short")
    assert failed
    assert "--from 0" in said
    assert not carry_out(county, city, disc)[1]  # the cursor lies in it and is of the older grants
    said, failed = carry("in", disc)
    assert not failed, said
    assert applied_bodies(city) == [b"public", b"other", b"last"]


def test_a_disc_from_the_beginning_after_an_erasure_contradicts_no_earlier_one(met, disc, tmp_path):
    county, city = met
    publish(county, b"first", b"erased")
    assert not carry_out(county, city, disc)[1]
    assert not carry("in", disc)[1]
    with unit_context(county):
        (erased,) = Entry.objects.filter(index=Opening.objects.get(body=b"erased").index)
        erasure.erase([bytes(erased.commitment).hex()], basis="示例依据")
        ledger.seal()
    publish(county, b"last")
    assert not carry_out(county, city, tmp_path / "next", "--from", "0")[1]
    said, failed = carry("in", tmp_path / "next")
    assert not failed, said
    with unit_context(city):
        assert not Incident.objects.exists()
    assert applied_bodies(city) == [b"first", b"erased", b"last"]


def test_no_disc_shows_a_gap_whose_order_is_not_sealed_yet(met, disc):
    county, city = met
    publish(county, b"one", b"two", subjects=1)
    with unit_context(county):
        gone = Opening.objects.filter(kind=KIND).earliest("index")
        commitment = bytes(Entry.objects.get(index=gone.index).commitment).hex()
        with transaction.atomic():  # the order is there, and whoever seals is not
            erasure.erase([commitment], basis="《演示办法》第一条")
            said, failed = carry_out(county, city, disc)
            assert failed
            assert "erasure order" in said
            assert "repeat the command" in said
        ledger.seal()
    assert not carry_out(county, city, disc)[1]
    assert not carry("in", disc)[1]
    assert applied_bodies(city) == [b"two"]


def test_what_a_handler_rejects_waits_in_quarantine_as_with_a_pull(met, disc):
    county, city = met
    publish(county, b"reject", subject="a")
    publish(county, b"fine", subject="b")
    carry_out(county, city, disc)
    assert not carry("in", disc)[1]
    assert applied_bodies(city) == [b"fine"]
    with unit_context(city):
        assert Quarantine.objects.get().reason == "rejected"


def test_a_file_that_is_no_cursor_of_the_peers_is_named(met, disc, tmp_path):
    county, city = met
    publish(county, b"first")
    carry_out(county, city, disc)
    assert not carry("in", disc)[1]
    cursor = disc / discs.cursor_name(issuer=origin_of(county), reader=origin_of(city))
    for octets in (
        b"",
        disc.joinpath("unit.json").read_bytes(),
        cursor.read_bytes().replace(b"applied ", b"applied 1"),
    ):
        other = tmp_path / "cursor"
        other.write_bytes(octets)
        said, failed = carry_out(county, city, tmp_path / "next", "--cursor", str(other))
        assert failed
        assert str(other) in said


def test_what_the_issuer_itself_signed_and_does_not_hold_is_an_incident_with_evidence(city, disc):
    liar = Liar()
    liar.address = "https://liar.example"
    with unit_context(city):
        document = documents.read_document(liar.document())
        peers.connection_asked(document)
        peers.connection_accept(liar.origin, document.fingerprint)
        peers.connection_accepted(peers.peer_by_origin(liar.origin), document)
        liar.recipient, box_key = identity.origin(), identity.identity().box_key
    for number in range(3):
        liar.add(b"%d" % number)
    rows = liar.rows(0, 3)
    rows[1].body = b"changed"
    stream = b"".join(framing.row(row) for row in rows) + framing.end(liar.note(3))
    label = parcels.Label(
        issuer=liar.origin, recipient=liar.recipient, epoch=0, size=3, leaves=(0, 3), records=(0, 3)
    )
    disc.mkdir()
    (disc / "all.parcel").write_bytes(
        parcels.pack(
            label, liar.keys["peer"], head=liar.checkpoint(), sealed=boxes.seal(stream, box_key),
            leaves=b"".join(bytes.fromhex(text) for text in liar.commitments()),
        )
    )  # fmt: skip
    said, failed = carry("in", disc)
    assert failed
    assert "Record 1 is not what the log committed to" in said
    assert applied_bodies(city) == []
    liar.records[0] = (liar.records[0][0], liar.records[0][1], b"another history")
    forked = dataclasses.replace(label, records=(0, 0))
    (disc / "all.parcel").write_bytes(
        parcels.pack(
            forked, liar.keys["peer"], head=liar.checkpoint(),
            leaves=b"".join(bytes.fromhex(text) for text in liar.commitments()),
        )
    )  # fmt: skip
    assert carry("in", disc)[1]
    with unit_context(city):
        assert set(Incident.objects.values_list("name", flat=True)) == {"changed", "forked"}
        assert peers.peers_with_state()[0].frozen
