"""A peer that answers slowly or not at all delays nobody else; a peer with nothing new is asked ever more rarely."""

from __future__ import annotations

import datetime
import threading
import time
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
from django.db import connection
from django.utils import timezone

from sync import identity, ledger, sweeps
from sync.exchange import (
    client,
    contacts,
    doorbell,
    pace,
    peers,
    pull,
    pulling,
    ringing,
    tasks,
    upkeep,
)
from sync.models import Following, Incident, Peer
from sync.models.exchange import Contact
from sync.refusals import Unreachable
from tenants.current import unit_context
from tests.support import liar as lies
from tests.support.exchange import publish
from tests.support.waiting import wait_until

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
    # On a busy machine the rest of the test may take longer than a peer is given: only the test ends the silence.
    monkeypatch.setattr(ringing, "RING_SECONDS", 300.0)
    monkeypatch.setattr(client, "READ_SECONDS", 300.0)
    asked, let_go = threading.Event(), threading.Event()

    def hang(http):
        asked.set()
        let_go.wait(300)
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
            deadline = time.monotonic() + 60
            while len(ringing._lanes._newer) > 1:  # the first bell at the quick one is over
                assert time.monotonic() < deadline
                time.sleep(0.01)
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


@pytest.mark.parametrize("fault", [OSError, RuntimeError, KeyError])
def test_a_chore_is_done_when_its_time_has_come_round_and_one_that_fails_stops_none(
    county, neighbour, monkeypatch, fault
):
    clock, done = [1000.0], []

    def fail():
        done.append("failing")
        raise fault

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


# --- pulls: a slow peer holds a thread of its own, for a while, and no worker ---------------------


@pytest.fixture
def hanging(fresh_database, county, monkeypatch):
    """Four peers that hang when they are asked for their head, and one that answers."""
    monkeypatch.setattr(pulling, "PATIENCE", 0.2)
    monkeypatch.setattr(pulling, "LINGER", 0.0)  # no thread outlives the test's database
    monkeypatch.setattr(client, "READ_SECONDS", 300.0)
    let_go, asked = threading.Event(), threading.Semaphore(0)

    def hang(http):
        asked.release()
        let_go.wait(300)

    with ExitStack() as stack:
        stack.callback(let_go.set)
        liars = [stack.enter_context(lies.Liar(f"43058{n}").served()) for n in range(1, 6)]
        for liar in liars[:4]:
            liar.misbehave("/ledger/checkpoint", hang)
        stack.enter_context(unit_context(county))
        ledger.publish()
        for liar in liars:
            liar.add(b"news")
            _connect(liar)
        yield Hanging(liars, asked)
        let_go.set()
        wait_until(lambda: not pulling._slots._taken)


class Hanging:
    """Five peers, and a semaphore that counts questions to those that hang."""

    def __init__(self, liars, asked):
        self.silent, self.quick, self._asked = liars[:4], liars[4], asked

    def hang_up(self):
        """Have all four hang at this moment."""
        for liar in self.silent:
            assert pulling.pull_beside(liar.origin)
        for _ in self.silent:
            assert self._asked.acquire(timeout=60)


def taken_in(liar):
    return Following.objects.get(peer__origin=liar.origin).applied


def test_four_hanging_peers_hold_no_worker_and_a_fifth_is_pulled_from(hanging):
    hanging.hang_up()
    assert pulling.pull_beside(hanging.quick.origin)
    wait_until(lambda: taken_in(hanging.quick) == 1)


def test_peers_that_failed_before_leave_places_free_for_those_that_answer(hanging, monkeypatch):
    monkeypatch.setattr(pulling, "SLOTS", 3)
    monkeypatch.setattr(pulling, "DOUBTFUL", 2)
    silent = Contact.objects.filter(
        direction="pull", peer__origin__in=[liar.origin for liar in hanging.silent]
    )
    silent.update(failures=1, due_at=timezone.now() + datetime.timedelta(hours=1))
    places = [pulling.pull_beside(liar.origin) for liar in hanging.silent]
    assert places == [True, True, False, False]
    assert silent.filter(due_at__lte=timezone.now()).count() == 2  # the sweep asks again
    assert pulling.pull_beside(hanging.quick.origin)
    wait_until(lambda: taken_in(hanging.quick) == 1)


def test_a_free_thread_takes_the_next_pull_and_ends_when_none_comes(monkeypatch):
    monkeypatch.setattr(pulling, "LINGER", 0.5)
    crew, ran, both = pulling._Crew(), [], threading.Barrier(2)

    def note():
        ran.append(threading.current_thread())

    for _ in range(3):
        assert crew.begin(note).wait(60)
        wait_until(lambda: crew._free == 1)
    assert len(set(ran)) == 1
    together = [crew.begin(lambda: both.wait(60)) for _ in range(2)]  # one is free, one is new
    assert all(done.wait(60) for done in together)
    wait_until(lambda: crew._free == 0)
    assert crew.begin(note).wait(60)
    assert ran[-1] is not ran[0]


def test_a_peer_that_drips_ends_by_its_rate_and_is_no_liar(county, db, monkeypatch):
    monkeypatch.setattr(pace, "GRACE", 0.5)
    with lies.Liar().served() as liar, unit_context(county):
        ledger.publish()
        _connect(liar)
        liar.add(b"one")
        liar.misbehave("/exchange/records", lies.dripping)
        assert "too slowly" in pull.pull(Peer.objects.get()).fault
        assert not Incident.objects.exists()
        assert Contact.objects.get(direction="pull").failures == 1
        liar.behave()
        assert pull.pull(Peer.objects.get()).applied == 1


def test_patience_grows_with_what_came_and_ends_at_last(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    quick = pace.Pace()
    for _ in range(100):
        began = quick.begin()
        clock[0] += 30.0
        quick.check(began, 30 * pace.RATE)
        quick.end(began, 30 * pace.RATE)
    clock[0] = 100.0 + pace.LONGEST + 1
    with pytest.raises(Unreachable):
        quick.begin()
    slow = pace.Pace()
    began = slow.begin()
    clock[0] += pace.GRACE + 1
    slow.check(began, 2 * pace.RATE)
    with pytest.raises(Unreachable, match="too slowly"):
        slow.check(began, pace.RATE // 2)
