"""Real connections: counting for the public figures makes nobody wait, and nobody wait in a circle."""

from __future__ import annotations

import datetime
import threading
from concurrent.futures import ThreadPoolExecutor

from django.db import connection, transaction
from django.utils import timezone

from minqing.channel.models import Case, Tally
from minqing.channel.services.moves import move, tallies_add_up, tally
from minqing.channel.states import State
from tenants.current import unit_context
from tests.support.channel import lodged

WORDS = "路灯不亮。".encode()


def locked(pk):
    return Case.objects.select_for_update(of=("self",)).get(pk=pk)


def test_a_pull_that_counts_and_goes_on_to_a_case_and_a_desk_that_holds_it_both_come_to_an_end(
    fresh_database, county
):
    held, counted = threading.Event(), threading.Event()
    with unit_context(county):
        one, two = (Case.objects.get(number=lodged(WORDS).number).pk for _ in range(2))

    def pull():
        with transaction.atomic():
            assert held.wait(30)
            move(locked(one), State.ACCEPTED)
            counted.set()
            move(locked(two), State.IN_PROGRESS)

    def desk():
        with transaction.atomic():
            case = locked(two)
            held.set()
            assert counted.wait(30)
            move(case, State.ACCEPTED)

    def run(act):
        try:
            with unit_context(county):
                act()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        for acted in [pool.submit(run, act) for act in (pull, desk)]:
            acted.result(60)
    with unit_context(county):
        states = dict(Case.objects.values_list("pk", "state"))
        assert (states[one], states[two]) == (State.ACCEPTED, State.IN_PROGRESS)
        assert [row.n for row in Tally.objects.filter(name="accepted")] == [1, 1]


def test_counters_are_added_up_the_next_day_and_nothing_of_today_is_touched(db, county):
    with unit_context(county):
        today = timezone.localdate()
        before = today - datetime.timedelta(days=1)
        for day, name, n in (
            (before, "accepted", 2),
            (before, "accepted", 1),
            (before, "answered", 1),
        ):
            tally(name, day, n)
        tally("accepted", today)
        tally("accepted", today)
        for _ in range(2):
            tallies_add_up(today)
            rows = list(Tally.objects.order_by("day", "name").values_list("day", "name", "n"))
            assert rows == [
                (before, "accepted", 3), (before, "answered", 1), (today, "accepted", 1), (today, "accepted", 1),
            ]  # fmt: skip
