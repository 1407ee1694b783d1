"""An answer ends with the record that makes it long enough, however the leaves are gone through to find it."""

from __future__ import annotations

import pytest

from sync import ledger
from sync.exchange import feed, peers, pull
from sync.formats import framing
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
