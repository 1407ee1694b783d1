"""What an honest unit does when things go wrong (its clock, an erasure) is held against nobody; the lie beside it still is."""

from __future__ import annotations

import datetime
import json
from email.utils import format_datetime

import pytest
from django.db import connection
from django.utils import timezone

from sync import identity, ledger
from sync.errors import SignerUnreachable
from sync.exchange import mirror, peers, pull
from sync.exchange.contacts import contacts_due
from sync.ledger import erasure
from sync.models import Entry, Following, Incident, Opening, Peer, Quarantine, Received
from sync.models.exchange import Contact
from sync.signer import client
from tenants.current import unit_context
from tests.support import liar as lies
from tests.support.exchange import KIND, applied_bodies, publish
from tests.support.served import connect, served


@pytest.fixture
def liar(county):
    """A made-up unit, connected to 新邵县."""
    with lies.Liar().served() as liar:
        liar.add(b"true")
        with unit_context(county):
            liar.recipient = identity.origin()
            state = peers.connection_request(liar.address)
            peers.connection_accept(state.origin, state.fingerprint)
            Peer.objects.update(accepted_there=Peer.objects.get().accepted_here)
        yield liar


def fetch(unit):
    with unit_context(unit):
        return pull.pull(Peer.objects.get())


def incidents(unit):
    with unit_context(unit):
        return [row.name for row in Incident.objects.all()]


def refusing_the_signature(hours):
    """Refuse a signed request as a unit does whose clock differs by so many hours."""

    def handler(http):
        http.send_response_only(401)
        now = timezone.now() + datetime.timedelta(hours=hours)
        http.send_header("Date", format_datetime(now.astimezone(datetime.UTC), usegmt=True))
        http.send_header("Minqing-Refusal", "signature")
        http.send_header("Content-Length", "0")
        http.end_headers()

    return handler


@pytest.mark.parametrize("hours", [-30, -1, 5, 9000])
def test_where_two_clocks_differ_nobody_is_accused_and_the_sentence_says_it(liar, county, hours):
    liar.misbehave("/exchange/records", refusing_the_signature(hours))
    assert "h apart" in fetch(county).fault
    with unit_context(county):
        assert "clock" in Contact.objects.get(direction="pull").last_error
    assert incidents(county) == []
    liar.behave()
    assert fetch(county).fault == ""
    assert applied_bodies(county) == [b"true"]


def test_a_refused_signature_between_equal_clocks_is_an_incident(liar, county):
    liar.misbehave("/exchange/records", refusing_the_signature(0))
    assert "refused" in fetch(county).fault
    assert incidents(county) == ["refused"]


def test_what_a_wrong_clock_put_off_for_days_is_due_once_it_is_right(liar, county):
    with unit_context(county):
        for hours, due in ((0.9, False), (50, True), (-1, True)):
            later = timezone.now() + datetime.timedelta(hours=hours)
            Contact.objects.update(due_at=later)
            assert contacts_due("pull").exists() == due


def order(liar, *indexes):
    """Let the made-up unit erase records by order, as the real one does: their openings are not shown any more."""
    commitments = [liar.commitments()[index] for index in indexes]
    body = json.dumps({"basis": "《演示办法》第一条", "commitments": commitments}).encode()
    liar.add(body, kind=erasure.KIND, subject="erasure", media_type="application/json")
    liar.hidden.update(indexes)


def test_a_chain_whose_middle_was_erased_before_it_came_accuses_nobody(liar, county):
    for words in (b"one", b"two", b"three"):
        liar.add(words, subject="case")
    order(liar, 2)
    assert fetch(county).fault == ""
    assert incidents(county) == []
    assert applied_bodies(county) == [b"true", b"one", b"three"]
    with unit_context(county):
        assert not Quarantine.objects.exists()


class _Away:
    """A signer that does not answer."""

    def ask(self, request):
        raise SignerUnreachable("It is away.")


def test_while_an_order_is_not_sealed_nobody_is_shown_the_gap(
    fresh_database, county, neighbour, signer
):
    with served() as port:
        connect(county, neighbour, port, KIND)
        publish(neighbour, b"one", b"two", subjects=1)
        client.stand_in(_Away)
        with unit_context(neighbour):
            gone = Opening.objects.filter(kind=KIND).order_by("index").first()
            commitment = bytes(Entry.objects.get(index=gone.index).commitment).hex()
            erasure.erase([commitment], basis="《演示办法》第一条")
        assert "status 429" in fetch(county).fault
        assert (incidents(county), applied_bodies(county)) == ([], [])
        client.stand_in(signer)
        with unit_context(neighbour):
            ledger.seal()
        assert fetch(county).fault == ""
        assert (incidents(county), applied_bodies(county)) == ([], [b"two"])


def _erase_first(unit):
    with unit_context(unit):
        gone = Opening.objects.filter(kind=KIND).order_by("index").first()
        commitment = bytes(Entry.objects.get(index=gone.index).commitment).hex()
        erasure.erase([commitment], basis="《演示办法》第一条")
        ledger.seal()


def test_an_order_many_answers_behind_the_gap_it_explains_holds_no_newcomer_up(
    fresh_database, county, neighbour, monkeypatch
):
    monkeypatch.setattr("sync.formats.framing.WINDOW_LEAVES", 4)
    lines = [f"line {number}".encode() for number in range(12)]
    with served() as port:
        connect(county, neighbour, port, KIND)
        publish(neighbour, *lines, subjects=1)
        _erase_first(neighbour)
        assert fetch(county).fault == ""
        assert (incidents(county), applied_bodies(county)) == ([], lines[1:])


def test_an_order_behind_the_head_that_was_copied_shows_the_gap_with_the_next_head_only(
    fresh_database, county, neighbour, monkeypatch
):
    copying = mirror.mirror

    def copied_just_before_the_order(*parties):
        copying(*parties)
        monkeypatch.undo()
        _erase_first(neighbour)

    with served() as port:
        connect(county, neighbour, port, KIND)
        publish(neighbour, b"one", b"two", subjects=1)
        monkeypatch.setattr(mirror, "mirror", copied_just_before_the_order)
        assert "status 429" in fetch(county).fault
        assert (incidents(county), applied_bodies(county)) == ([], [])
        assert fetch(county).fault == ""
        assert (incidents(county), applied_bodies(county)) == ([], [b"two"])


def test_a_unit_that_was_set_back_counts_anew_what_was_erased_meanwhile(
    fresh_database, county, neighbour
):
    with served() as port:
        connect(county, neighbour, port, KIND)
        publish(neighbour, b"one", b"two")
        assert fetch(county).fault == ""
        with unit_context(county):
            backup = Following.objects.values(
                "mirrored", "applied", "epoch", "counted", "last"
            ).get()
        for words in (b"three", b"four", b"five"):
            publish(neighbour, words)
            assert fetch(county).fault == ""
        with unit_context(neighbour):
            gone = Opening.objects.filter(kind=KIND).order_by("index").first()
            commitment = bytes(Entry.objects.get(index=gone.index).commitment).hex()
            erasure.erase([commitment], basis="《演示办法》第一条")
            ledger.seal()
        with unit_context(county), connection.cursor() as cursor:
            Following.objects.update(**backup)
            Received.objects.filter(index__gte=backup["applied"]).delete()
            cursor.execute("DELETE FROM tests_applied WHERE index >= %s", [backup["applied"]])
        assert fetch(county).fault == ""
        assert incidents(county) == []
        assert applied_bodies(county) == [b"one", b"two", b"three", b"four", b"five"]
        publish(neighbour, b"six")
        assert fetch(county).fault == ""
        assert applied_bodies(county)[-1] == b"six"


def test_a_gap_that_the_order_does_not_name_is_an_incident_once(liar, county):
    for words in (b"one", b"two", b"three"):
        liar.add(words, subject="case")
    order(liar, 1)
    liar.hidden.add(2)
    assert fetch(county).fault == ""
    assert incidents(county) == ["broken-chain"]
    assert applied_bodies(county) == [b"true"]
    assert fetch(county).fault == ""
    with unit_context(county):
        assert Incident.objects.get().times == 1
        assert b"three" in bytes(Incident.objects.get().evidence.get().content)
