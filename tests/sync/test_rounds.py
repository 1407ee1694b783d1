"""Rounds: what is asked for while one runs is done in the next, once for all who asked."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sync.ledger.rounds import Rounds


class Work:
    """Counts its rounds; each waits until it is let go, and the named ones fail."""

    def __init__(self, faults=()):
        self.rounds, self.told = 0, []
        self.begun, self.go = threading.Semaphore(0), threading.Semaphore(0)
        self.faults = dict(faults)

    def __call__(self):
        self.rounds += 1
        number = self.rounds
        self.begun.release()
        assert self.go.acquire(timeout=30)
        if number in self.faults:
            raise self.faults[number]
        return number

    def tell(self):
        self.told.append(self.rounds)


@pytest.fixture
def pool():
    with ThreadPoolExecutor(8) as made:
        yield made


def ask(pool, rounds, work, count):
    """Have so many threads join; return what they will get, once all of them wait."""
    entered = threading.Semaphore(0)

    def join():
        entered.release()
        return rounds.join(work, work.tell)

    asked = [pool.submit(join) for _ in range(count)]
    for _ in asked:
        assert entered.acquire(timeout=30)
    return asked


def waiting(rounds):
    """Whether somebody waits to lead the next round."""
    return rounds._coming is not None


def until(condition):
    while not condition():
        threading.Event().wait(0.001)


def test_who_comes_while_a_round_runs_shares_the_next_one_and_never_gets_the_running_ones_outcome(
    pool,
):
    rounds, work = Rounds(), Work()
    (first,) = ask(pool, rounds, work, 1)
    assert work.begun.acquire(timeout=30)
    later = ask(pool, rounds, work, 5)
    until(lambda: waiting(rounds))
    work.go.release()
    assert first.result(30) == 1
    assert work.begun.acquire(timeout=30)
    work.go.release(5)
    got = {one.result(30) for one in later}
    assert 1 not in got
    assert work.rounds <= 6


def test_a_fault_goes_to_everybody_of_its_round_and_to_nobody_else(pool):
    rounds, work = Rounds(), Work({1: ValueError("no")})
    work.go.release(100)
    with pytest.raises(ValueError, match="no"):
        rounds.join(work, work.tell)
    assert rounds.join(work, work.tell) == 2


def test_a_leader_who_is_broken_off_leaves_nobody_waiting(pool):
    rounds, work = Rounds(), Work({2: SystemExit()})
    (first,) = ask(pool, rounds, work, 1)
    assert work.begun.acquire(timeout=30)
    others = ask(pool, rounds, work, 4)
    until(lambda: waiting(rounds))
    work.go.release(100)
    assert first.result(30) == 1
    ended = [one.exception(30) for one in others]
    assert [type(fault) for fault in ended if fault is not None] == [SystemExit]


def test_what_follows_a_round_is_left_to_the_leader_who_waits_already(pool):
    rounds, work = Rounds(), Work()
    (first,) = ask(pool, rounds, work, 1)
    assert work.begun.acquire(timeout=30)
    (second,) = ask(pool, rounds, work, 1)
    until(lambda: waiting(rounds))
    rounds._afterwards_at = float("inf")  # nothing is so late that it cannot be put off
    work.go.release()
    assert first.result(30) == 1
    assert work.told == []
    work.go.release()
    assert second.result(30) == 2
    assert work.told == [2]


def test_what_follows_is_not_put_off_for_ever(pool):
    rounds, work = Rounds(), Work()
    (first,) = ask(pool, rounds, work, 1)
    assert work.begun.acquire(timeout=30)
    (second,) = ask(pool, rounds, work, 1)
    until(lambda: waiting(rounds))
    rounds._afterwards_at = float("-inf")  # the last time is long ago
    work.go.release()
    assert first.result(30) == 1
    assert len(work.told) == 1
    work.go.release()
    assert second.result(30) == 2
