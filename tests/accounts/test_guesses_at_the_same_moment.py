"""Sign-in under a burst: committed counters, several connections."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from django.db import connection

from minqing.accounts import throttle
from minqing.accounts.errors import TooManyAttempts
from tenants.current import unit_context


def test_a_burst_of_guesses_at_the_same_moment_gets_no_more_than_a_row_of_them(
    fresh_database, county
):
    gate = threading.Barrier(12)

    def one(_number):
        with unit_context(county):
            gate.wait()
            try:
                throttle.attempt("clerk")
            except TooManyAttempts:
                return 0
            finally:
                connection.close()
            return 1

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(one, range(12))) == throttle.FREE_ATTEMPTS + 1
