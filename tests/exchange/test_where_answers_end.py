"""An answer ends with the record that makes it long enough, however the leaves are gone through to find it."""

from __future__ import annotations

import json

import psycopg2.extensions
import pytest
from django.db import connection

from sync import ledger
from sync.exchange import feed, peers, pull, returning
from sync.formats import framing
from sync.ledger import views
from sync.models import Opening, Peer
from tenants.current import unit_context
from tests.support.carried import origin_of
from tests.support.exchange import KIND, publish
from tests.support.served import connect, served

ELSEWHERE = "unit:minqing/430599/00000000"
LENGTHS = [0, 700, 3, 90, 2_500, 1, 1, 1, 400, 9_000, 60, 60, 60, 800, 5, 1_200, 30, 30, 30, 30]


@pytest.fixture
def read(fresh_database, county, city):
    """新邵, which 邵阳市 reads, with records of many lengths and others between them that no peer may have."""
    with served() as port:
        connect(county, city, port, KIND)
        for number, length in enumerate(LENGTHS):
            publish(county, b"%03d" % number + bytes(length))
            if number % 3 == 0:
                hidden = [bytes(5_000)] * (number % 4)
                publish(county, *hidden, audience=ELSEWHERE, subject=f"hidden-{number}")
        yield county


def answers(size):
    """Walk the log from answer to answer; return each one's openings and where its note says that it ends."""
    found, at = [], 0
    while at < size:
        stream = b"".join(feed.disclose(Peer.objects.get(), at, size, known=size))
        openings, note = framing.split(stream)
        said = [line for line in note.decode().splitlines() if line.startswith("size ")]
        at = int(said[0].removeprefix("size "))
        found.append((openings, at))
    return found


@pytest.mark.parametrize("step", [1, 2, 5, 1024])
@pytest.mark.parametrize(("octets", "records"), [(1, 100), (2_000, 100), (2_000, 2), (10**6, 7)])
def test_every_record_comes_once_and_answers_are_as_long_as_they_may_be(
    read, monkeypatch, step, octets, records
):
    monkeypatch.setattr(feed, "_STEP", step)
    monkeypatch.setattr(framing, "WINDOW_OCTETS", octets)
    monkeypatch.setattr(framing, "WINDOW_RECORDS", records)
    with unit_context(read):
        size = ledger.head().size
        disclosed = [row.index for row in Opening.objects.exclude(audience=ELSEWHERE).order_by("index")]  # fmt: skip
        found = answers(size)
    assert [opening.index for openings, _ in found for opening in openings] == disclosed
    for openings, end in found[:-1]:
        lengths = [len(opening.header) + len(opening.body) for opening in openings]
        assert sum(lengths[:-1]) < octets, "it went on after it was long enough"
        assert len(openings) <= records
        assert sum(lengths) >= octets or len(openings) == records, "it ended too early"
        assert end == openings[-1].index + 1


def test_the_reader_takes_all_of_them_in(read, city, monkeypatch):
    monkeypatch.setattr(feed, "_STEP", 3)
    monkeypatch.setattr(framing, "WINDOW_OCTETS", 1_500)
    with unit_context(city):
        pulled = pull.pull(peers.peer_by_origin(origin_of(read)))
    assert pulled.fault == ""
    with unit_context(read):
        assert pulled.applied == ledger.head().size


@pytest.fixture
def octets_read():
    """Count what the database hands over in columns of octets from now on."""
    counted = []

    def cast(value, cursor):
        found = psycopg2.BINARY(value, cursor)
        counted.append(0 if found is None else len(found))
        return found

    def count():
        connection.ensure_connection()
        kind = psycopg2.extensions.new_type(psycopg2.BINARY.values, "COUNTED", cast)
        psycopg2.extensions.register_type(kind, connection.connection)
        return counted

    return count


def test_records_past_the_end_of_an_answer_are_not_even_read(
    read, city, visit, monkeypatch, octets_read
):
    monkeypatch.setattr(framing, "WINDOW_OCTETS", 5_000)
    monkeypatch.setattr(views, "PAGE_OCTETS", 5_000)
    with unit_context(city):
        peer = peers.peer_by_origin(origin_of(read))
        assert pull.pull(peer).fault == ""
    room = 9_003 + 2_000  # the one longer than an answer comes alone; headers and salts
    lengths, at = [], 0
    while at is not None:
        with unit_context(city):
            counted = octets_read()
            counted.clear()
            openings, following = framing.split(returning.records_for(peer, at))
        assert sum(counted) <= room
        lengths += [
            len(row.body) - 3
            for row in openings
            if row.body and row.header and KIND.encode() in row.header
        ]
        at = int(following) if following else None
    assert lengths == LENGTHS
    lengths, at = [], 0
    while at is not None:
        octets_read().clear()
        shown = json.loads(visit(read).get(f"/ledger/openings/{at}").content)
        assert sum(octets_read()) <= room
        lengths += [len(row["body"]) for row in shown["records"]]
        at = shown["next"]
    assert len(lengths) >= len(LENGTHS)
