"""A peer that answers slowly or not at all delays nobody else; a peer with nothing new is asked ever more rarely."""

from __future__ import annotations

import datetime
import threading
from types import SimpleNamespace

import pytest
from django.db import connection
from django.utils import timezone

from sync import identity, ledger, sweeps
from sync.exchange import contacts, doorbell, peers, pull, ringing, tasks, upkeep
from sync.models import Peer
from sync.models.exchange import Contact
from tenants.current import unit_context
from tests.support import liar as lies
from tests.support.exchange import publish

DOORBELL = "/exchange/doorbell"


@pytest.fixture
def queued(monkeypatch):
    """Collect the names of tasks that would be queued."""
    sent = []
    for name in ("pull_peer", "ring_peers", "ring_again", "ask_witnesses", "tell_acceptances"):
        monkeypatch.setattr(
            getattr(tasks, name),
            "apply_async",
            lambda *, name=name, **options: sent.append(name),
            raising=False,
        )
    return sent


def _connect(liar):
    liar.recipient = identity.origin()
    state = peers.connection_request(liar.address)
    peers.connection_accept(state.origin, state.fingerprint)
    Peer.objects.update(accepted_there=timezone.localdate())


def _bells(liar):
    return [body for _, path, _, body in liar.seen if path == DOORBELL]


def test_while_one_peer_hangs_the_others_are_rung_and_it_hears_the_newest_head_afterwards(
    fresh_database, county, queued, monkeypatch
):
    monkeypatch.setattr(ringing, "RING_SECONDS", 60.0)
    asked, let_go = threading.Event(), threading.Event()

    def hang(http):
        asked.set()
        let_go.wait(60)
        http.send_response(200)
        http.send_header("Content-Length", "0")
        http.end_headers()

    def ring_apart():
        with unit_context(county):
            heard.append(ringing.ring_peers())
        connection.close()

    heard = []
    with lies.Liar("430581").served() as silent, lies.Liar("430582").served() as quick:
        silent.misbehave(DOORBELL, hang)
        with unit_context(county):
            ledger.publish()
            _connect(silent)
            _connect(quick)
        first = threading.Thread(target=ring_apart)
        first.start()
        try:
            assert asked.wait(60)
            newest = publish(county, b"news")
            with unit_context(county):
                assert ringing.ring_peers() == 1  # returns although the other bell still rings
            assert _bells(quick)[-1] == newest.note
            assert len(_bells(silent)) == 1
        finally:
            let_go.set()
            first.join()
        assert heard == [2]
        assert _bells(silent)[1:] == [newest.note]
        with unit_context(county):
            assert ringing.ring_peers() == 2  # nobody's lane is left taken


def test_whoever_did_not_hear_the_bell_is_rung_again_by_the_sweep_and_nobody_else(
    fresh_database, county, queued
):
    with (
        lies.Liar("430581").served() as away,
        lies.Liar("430582").served() as quick,
        unit_context(county),
    ):
        ledger.publish()
        _connect(away)
        _connect(quick)
        away.misbehave(DOORBELL, lies.hanging_up)
        assert ringing.ring_peers() == 1
        away.behave()
        upkeep.bells()
        unheard = Contact.objects.filter(direction="ring", failures__gt=0)
        assert unheard.count() == 1
        unheard.update(due_at=timezone.now())
        upkeep.bells()
        assert "ring_again" in queued
        assert ringing.ring_peers(again=True) == 1
        assert (len(_bells(away)), len(_bells(quick))) == (2, 1)
        queued.clear()
        upkeep.bells()
        assert queued == []


def test_without_connected_peers_a_new_head_queues_nothing(county, db, queued):
    with unit_context(county):
        doorbell.published(0, publish(county, b"news").size)
        assert queued == []


def test_the_pause_grows_while_nothing_is_new_and_a_bell_or_news_ends_it(county, db, queued):
    with lies.Liar().served() as liar, unit_context(county):
        ledger.publish()
        _connect(liar)
        liar.add(b"one")
        pauses = []
        for _ in range(7):
            before = timezone.now()
            assert pull.pull(Peer.objects.get()).fault == ""
            pauses.append((Contact.objects.get(direction="pull").due_at - before).total_seconds())
        assert pauses[0] <= contacts.IDLE + 30
        assert pauses[-1] > 8 * contacts.IDLE > pauses[1]
        doorbell.heard(Peer.objects.get())
        assert Contact.objects.get(direction="pull").due_at <= timezone.now()
        liar.add(b"two")
        assert pull.pull(Peer.objects.get()).applied == 2
        soon = timezone.now() + datetime.timedelta(seconds=contacts.IDLE)
        assert Contact.objects.get(direction="pull").due_at <= soon


def test_a_chore_is_done_when_its_time_has_come_round_and_one_that_fails_stops_none(
    county, neighbour, monkeypatch
):
    clock, done = [1000.0], []

    def fail():
        done.append("failing")
        raise OSError

    monkeypatch.setattr(sweeps, "_sweeps", {})
    monkeypatch.setattr(sweeps, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(sweeps, "_done_at", {})
    sweeps.register_sweep("failing", fail)
    sweeps.register_sweep("rare", lambda: done.append("rare"), every=10)
    for second in range(21):
        clock[0] = 1000.0 + second * 0.98
        with unit_context(county):
            sweeps.sweep_due()
    assert (done.count("failing"), done.count("rare")) == (21, 3)
    with unit_context(neighbour):
        sweeps.sweep_due()
    assert (done.count("failing"), done.count("rare")) == (22, 4)
