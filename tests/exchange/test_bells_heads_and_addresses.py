"""Doorbells are worth nothing but time, heads seen ring none, and nothing is fetched from where it should not."""

from __future__ import annotations

import contextlib
import datetime
import socket

import httpcore
import httpx
import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync import identity, ledger
from sync.errors import NoteFault
from sync.exchange import client, doorbell, heads_seen, peers, pull, ringing, tasks, upkeep, wire
from sync.formats import framing, notes
from sync.formats.framing import FramingFault
from sync.models import Incident, Peer
from sync.models.exchange import Contact
from sync.refusals import PeerFault
from tenants.current import unit_context
from tests.support import liar as lies
from tests.support.exchange import KIND, applied_bodies, publish
from tests.support.served import connect


@pytest.fixture
def queued(monkeypatch):
    """Collect what is put into the queue instead of sending it."""
    sent = []
    for name in ("pull_peer", "ring_peers", "ring_again", "ask_witnesses", "tell_acceptances"):
        monkeypatch.setattr(
            getattr(tasks, name),
            "apply_async",
            lambda *, args, name=name, **options: sent.append((name, *args)),
            raising=False,
        )
    return sent


def test_a_bell_brings_a_pull_and_a_lost_bell_only_a_later_one(port, county, city, queued):
    connect(county, city, port, KIND)
    with unit_context(city):
        ours = identity.origin()
        pull.pull(Peer.objects.get())
        assert not Contact.objects.filter(direction="pull", due_at__lte=timezone.now()).exists()
    queued.clear()
    publish(county, b"news")
    assert ("ring_peers", county.schema_name) in queued
    with unit_context(county):
        theirs = identity.origin()
        assert ringing.ring_peers() == 1
    assert ("pull_peer", city.schema_name, theirs) in queued
    queued.clear()  # the queue lost it
    with unit_context(city):
        upkeep.sweep()
        assert ("pull_peer", city.schema_name, theirs) in queued
        queued.clear()
        upkeep.sweep()
        assert not [task for task in queued if task[0] == "pull_peer"]
        pull.pull(Peer.objects.get())
    assert applied_bodies(city) == [b"news"]
    assert ours != theirs


def test_a_queue_that_is_away_stops_neither_sealing_nor_the_bell(port, county, city, monkeypatch):
    def away(**options):
        raise OSError

    connect(county, city, port, KIND)
    for name in ("pull_peer", "ring_peers"):
        monkeypatch.setattr(getattr(tasks, name), "apply_async", away, raising=False)
    publish(county, b"news")
    with unit_context(county):
        assert ringing.ring_peers() == 1
    with unit_context(city):
        assert Contact.objects.filter(direction="pull", due_at__lte=timezone.now()).exists()


def test_a_peer_that_does_not_hear_is_rung_again_after_a_pause(county, db):
    with lies.Liar().served() as liar, unit_context(county):
        liar.recipient = identity.origin()
        ledger.publish()
        state = peers.connection_request(liar.address)
        peers.connection_accept(state.origin, state.fingerprint)
        Peer.objects.update(accepted_there=Peer.objects.get().accepted_here)
        liar.misbehave("/exchange/doorbell", lies.hanging_up)
        assert ringing.ring_peers() == 0
        contact = Contact.objects.get(direction="ring")
        assert contact.failures == 1
        assert (
            timezone.now() - datetime.timedelta(seconds=5)
            < contact.due_at
            <= timezone.now() + datetime.timedelta(seconds=10)
        )
        assert not Incident.objects.exists()


def test_heads_seen_are_logged_once_a_day_and_ring_no_bell(port, county, city, queued):
    connect(county, city, port, KIND)
    publish(city, b"something")
    with unit_context(county):
        pull.pull(Peer.objects.get())
        queued.clear()
        assert heads_seen.heads_seen_log()
        assert not heads_seen.heads_seen_log()
        assert not [task for task in queued if task[0] == "ring_peers"]
    with unit_context(city):
        pull.pull(Peer.objects.get())
        assert not Incident.objects.exists()
    publish(county, b"something else")
    assert [task for task in queued if task[0] == "ring_peers"]


def test_a_head_with_more_than_heads_seen_rings(county, db):
    with unit_context(county):
        before = peers.published_size()
        publish(county, b"one")
        assert not heads_seen.only_heads_seen(before, peers.published_size())
        assert not heads_seen.only_heads_seen(5, 5)


def test_doorbells_wait_for_the_commit(county, db, queued, django_capture_on_commit_callbacks):
    with lies.Liar().served() as liar, unit_context(county):
        publish(county, b"one")
        state = peers.connection_request(liar.address)
        peers.connection_accept(state.origin, state.fingerprint)
        Peer.objects.update(accepted_there=Peer.objects.get().accepted_here)
        queued.clear()
        with django_capture_on_commit_callbacks(execute=False) as waiting:
            doorbell.published(0, peers.published_size())
        assert queued == []
        assert len(waiting) == 1


@pytest.mark.parametrize(
    "address",
    [
        "", "ftp://xinshao.example.cn", "xinshao.example.cn", "http://xinshao.example.cn", "http://8.8.8.8", "https://", "https://a b.cn",
        "https://user:word@xinshao.example.cn", "https://xinshao.example.cn/?next=1", "https://xinshao.example.cn/#x",
        "https://xinshao.example.cn:port", "file:///etc/passwd", "https://新邵.cn", "https://[", "http://[::1",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_unit_is_refused_with_a_sentence(address):
    with pytest.raises(PeerFault, match=r"address|https|scheme"):
        client.check_address(address)


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://xinshao.example.cn:443/", "https://xinshao.example.cn"),
        ("http://xinshao.localhost:8000", "http://xinshao.localhost:8000"),
        ("https://county.example.cn/township/", "https://county.example.cn/township"),
        ("http://10.1.2.3:81", "http://10.1.2.3:81"),
        (" http://[::1]:8000 ", "http://[::1]:8000"),
    ],
)
def test_an_address_has_one_form(address, kept):
    assert client.check_address(address) == kept


def test_of_a_name_with_very_many_addresses_a_few_are_tried(county, db, monkeypatch):
    """Each may be silent for as long as one: who owns a name must not hold us for hours."""
    tried = []
    connect_to = httpcore.SyncBackend.connect_tcp

    def tcp(self, host, *arguments):
        tried.append(host)
        return connect_to(self, host, *arguments)

    def resolved(host, port, *_, **__):
        named = addresses if host == "many.example.cn" else [host]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in named]

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", tcp)
    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    with lies.Liar().served() as liar, unit_context(county):
        address = f"http://many.example.cn:{httpx.URL(liar.address).port}/ledger/checkpoint"
        addresses = [f"127.0.9.{number}" for number in range(1, 100)]
        with (
            wire.deadline(60),
            wire.Transport(secure=False) as transport,
            pytest.raises(httpcore.ConnectError),
        ):
            transport.handle_request(httpx.Request("GET", address))
        assert tried == addresses[:4]
        tried.clear()
        addresses = ["127.0.9.1", "127.0.9.1", "127.0.9.2", "127.0.0.1"]
        with wire.deadline(60), wire.Transport(secure=False) as transport:
            assert transport.handle_request(httpx.Request("GET", address)).status_code == 200
        assert tried == ["127.0.9.1", "127.0.9.2", "127.0.0.1"]


def test_nothing_is_fetched_from_an_address_that_only_an_offer_named(port, county, city):
    with unit_context(county):
        ledger.publish()
    with lies.Liar().served() as liar, unit_context(county):
        from sync.exchange import documents

        peers.connection_asked(documents.read_document(liar.document()))
        (state,) = peers.peers_with_state()
        assert (state.state, state.address) == ("offered", liar.address)
        with pytest.raises(PeerFault):
            peers.client_for(Peer.objects.get())
        with pytest.raises(PeerFault):
            pull.pull(Peer.objects.get())
        upkeep.sweep()
        assert liar.seen == []


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(
        st.tuples(
            st.binary(min_size=32, max_size=32), st.binary(max_size=60), st.binary(max_size=200)
        ),
        max_size=8,
    ),
    st.binary(min_size=1, max_size=80),
)
def test_rows_come_back_as_they_were(rows, note):
    openings = [framing.Opening(index, *row) for index, row in enumerate(rows)]
    openings.append(framing.Opening(len(rows), None, None, None))
    assert framing.split(b"".join(framing.row(row) for row in openings) + framing.end(note)) == (
        openings,
        note,
    )


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.binary(max_size=300))
def test_no_octets_break_the_reader(octets):
    with contextlib.suppress(FramingFault):
        openings, note = framing.split(octets)
        assert b"".join(framing.row(row) for row in openings) + framing.end(note) == octets


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_a_stream_cut_anywhere_is_refused(data):
    whole = framing.row(framing.Opening(7, bytes(32), b"header", b"body")) + framing.end(b"note")
    at = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(FramingFault):
        framing.split(whole[:at])
    with pytest.raises(FramingFault):
        framing.split(whole + b"x")


def test_a_disclosure_note_reads_back_and_a_changed_one_does_not():
    key = notes.SigningKey.from_seed("minqing/430522/00000000/peer", bytes(32))
    said = framing.Disclosure(
        issuer="minqing/430522/00000000", recipient="minqing/430500/00000000", epoch=3, size=9, count=2, last="ab" * 32,
        grants=(("tests.line", 4), ("tests.other", 0)),
    )  # fmt: skip
    note = said.sign(key)
    assert framing.read_disclosure(note, key.verifier) == said
    with pytest.raises(NoteFault):
        framing.read_disclosure(note.replace(b"records 2", b"records 1"), key.verifier)
