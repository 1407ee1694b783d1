"""Abuse is slowed and never refused; two raters at once rate once; guesses wait their turn."""

from __future__ import annotations

import base64
import datetime
import json
import threading

import altcha
import pytest
from django.db import connections
from django.utils.timezone import now

from minqing.channel import abuse, boxes, codes, services
from minqing.channel.errors import MoveRefused
from minqing.channel.models import Rating
from minqing.channel.services import keeping, lodging
from tenants.current import unit_context
from tests.support.channel import handler, lodged


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    monkeypatch.setattr(abuse, "_cells", abuse.Cells())
    monkeypatch.setattr(abuse, "_spent", abuse.Spent())


def solved(challenge: str) -> str:
    made = altcha.Challenge.from_dict(json.loads(challenge))
    solution = altcha.solve_challenge(made)
    assert solution is not None
    payload = {
        "challenge": made.to_dict(),
        "solution": {"counter": solution.counter, "derivedKey": solution.derived_key},
    }
    return base64.b64encode(json.dumps(payload).encode()).decode()


def test_a_solution_counts_once_and_only_here(county, neighbour):
    with unit_context(county):
        answer = solved(abuse.challenge("203.0.113.7"))
        with unit_context(neighbour):
            assert not abuse.worked(answer)
        assert abuse.worked(answer)
        assert not abuse.worked(answer)


def test_forged_altered_and_late_solutions_do_not_count(county, time_machine):
    with unit_context(county):
        answer = solved(abuse.challenge("203.0.113.7"))
        payload = json.loads(base64.b64decode(answer))
        for change in ({"max": 1, "unit": "430522"}, {"max": 8192, "unit": "430524"}):
            forged = json.loads(json.dumps(payload))
            forged["challenge"]["parameters"]["data"] = change
            assert not abuse.worked(base64.b64encode(json.dumps(forged).encode()).decode())
        copied = json.loads(json.dumps(payload))
        copied["solution"] = {
            "counter": 0,
            "derivedKey": payload["challenge"]["parameters"]["keyPrefix"],
        }
        assert not abuse.worked(base64.b64encode(json.dumps(copied).encode()).decode())
        for junk in ("", "x", "e30=", base64.b64encode(b"[]").decode(), "x" * 5000):
            assert not abuse.worked(junk)
        time_machine.move_to(now().timestamp() + 3 * 3600)
        assert not abuse.worked(answer)


def test_a_challenge_tells_no_time_finer_than_the_hour(county):
    with unit_context(county):
        assert json.loads(abuse.challenge("203.0.113.7"))["parameters"]["expiresAt"] % 3600 == 0


def test_a_crowded_line_is_asked_for_more_and_listed_behind_but_never_refused(county):
    with unit_context(county):
        first = json.loads(abuse.challenge("203.0.113.7"))["parameters"]["data"]["max"]
        behind = [abuse.comes_behind("203.0.113.7", "") for _ in range(40)]
        assert behind[0] is False
        assert behind[-1] is True
        assert json.loads(abuse.challenge("203.0.113.7"))["parameters"]["data"]["max"] > first
        assert not abuse.comes_behind("203.0.113.7", solved(abuse.challenge("198.51.100.9")))
        assert abuse.tries_asked(10**6) == abuse.tries_asked(10**3)


def test_the_cells_key_dies_at_midnight(time_machine):
    cells = abuse.Cells()
    for _ in range(5):
        cells.arrived("203.0.113.7")
    key = cells._key
    time_machine.move_to(now().timestamp() + 86400)
    assert cells.seen("203.0.113.7") == 0
    assert cells._key != key
    assert len(cells._counts) == abuse.CELLS
    assert sum(cells._counts) == 0


def test_two_who_rate_at_once_rate_once(county, fresh_database):
    with unit_context(county):
        taken = lodged()
        by = handler()
        services.case_accept(by=by, number=taken.number)
        services.case_answer(by=by, number=taken.number, words=b"done")
    start = threading.Barrier(4)
    outcomes: list[str] = []

    def rate(verdict: str) -> None:
        with unit_context(county):
            start.wait(timeout=30)
            try:
                services.rate(code=taken.code, verdict=verdict)
                outcomes.append("rated")
            except MoveRefused:
                outcomes.append("refused")
        connections.close_all()

    threads = [
        threading.Thread(target=rate, args=(verdict,))
        for verdict in ("satisfied", "unsatisfied") * 2
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["rated", "refused", "refused", "refused"]
    with unit_context(county):
        assert Rating.objects.count() == 1


def test_guesses_are_stretched_two_at_a_time(county, monkeypatch):
    running, most = 0, 0
    lock = threading.Lock()
    real = codes.hashlib.scrypt

    def counted(*args, **kwargs):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        try:
            return real(*args, **kwargs)
        finally:
            with lock:
                running -= 1

    monkeypatch.setattr(codes.hashlib, "scrypt", counted)
    monkeypatch.setattr(codes, "current_unit", lambda: county)
    threads = [threading.Thread(target=codes.code_stretched, args=("1" * 16,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= 2


@pytest.mark.parametrize("address", ["", "127.0.0.1", "::1"])
def test_nobody_is_slowed_where_a_proxy_hides_all_addresses(county, address):
    with unit_context(county):
        assert not any(abuse.comes_behind(address, "") for _ in range(200))
        assert json.loads(abuse.challenge(address))["parameters"]["data"][
            "max"
        ] == abuse.tries_asked(0)


def test_whoever_holds_a_code_cannot_bury_the_case_under_follow_ups(county, time_machine):
    with unit_context(county):
        taken = lodged()
        for _ in range(lodging.MOST_A_DAY):
            services.follow_up(code=taken.code, words=b"more")
        with pytest.raises(MoveRefused, match="明天"):
            services.follow_up(code=taken.code, words=b"more")
        time_machine.move_to(now() + datetime.timedelta(days=1))
        services.follow_up(code=taken.code, words=b"tomorrow")


def test_a_report_is_sealed_however_much_was_said_later():
    content = boxes.Content(
        words=b"first", contact="x", later=tuple(bytes([n]) * 100_000 for n in range(200)), course=("a", "b"),
        photos=(b"p" * 8_000_000, b"q" * 8_000_000),
    )  # fmt: skip
    assert not boxes.fits(content)
    parts = keeping.parts_of(content)
    assert all(boxes.fits(part) and part.words == b"first" for part in parts)
    assert [part.contact for part in parts] == ["x", *[""] * (len(parts) - 1)]
    for name in ("later", "course", "photos"):
        assert tuple(piece for part in parts for piece in getattr(part, name)) == getattr(
            content, name
        )
