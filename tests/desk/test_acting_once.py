"""A button pressed at the same moment by two requests acts once; what refuses leaves nothing behind."""

from __future__ import annotations

import datetime
import threading
import time
import uuid

import pytest
from django.db import connection, connections
from django.test import RequestFactory

from minqing.archives.errors import BadValue
from minqing.desk import once, seen, work
from minqing.desk.differences import differences
from minqing.desk.models import Submission
from tenants.current import unit_context

TODAY = datetime.date(2026, 11, 22)


def form(**values):
    return RequestFactory().post("/desk/", values)


def somebody_waits_for_a_lock():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return cursor.fetchone()[0] > 0


def test_two_requests_with_one_form_act_once_and_go_to_the_same_place(fresh_database, county):
    token = str(uuid.uuid4())
    acted, went, inside = [], [], threading.Event()

    def first():
        acted.append("first")
        inside.set()
        waiting.wait(30)
        return "/desk/entries/1/"

    def second():
        acted.append("second")
        return "/desk/entries/2/"

    waiting = threading.Event()

    def press(act):
        try:
            with unit_context(county):
                went.append(once.carry_out(form(once=token), act))
        finally:
            connections.close_all()

    one, two = (
        threading.Thread(target=press, args=(first,)),
        threading.Thread(target=press, args=(second,)),
    )
    one.start()
    assert inside.wait(20)
    two.start()
    until = time.monotonic() + 20
    while not somebody_waits_for_a_lock():
        assert time.monotonic() < until, "the second request never waited for the first"
        time.sleep(0.02)
    waiting.set()
    one.join(30)
    two.join(30)
    assert acted == ["first"]
    assert went == ["/desk/entries/1/", "/desk/entries/1/"]


def test_a_form_that_was_refused_may_be_sent_again(county):
    token = str(uuid.uuid4())

    def refuse():
        raise BadValue("x")

    with unit_context(county):
        with pytest.raises(BadValue):
            once.carry_out(form(once=token), refuse)
        assert not Submission.objects.exists()
        assert once.carry_out(form(once=token), lambda: "/desk/") == "/desk/"


def test_tokens_of_earlier_days_are_forgotten_and_strange_ones_do_not_stop_the_work(county):
    with unit_context(county):
        Submission.objects.create(
            token=uuid.uuid4(), day=datetime.date(2026, 1, 1), went_to="/desk/"
        )
        for token in ("", "x" * 5000, "\x00"):
            assert once.carry_out(form(once=token), lambda: "/desk/plan/") == "/desk/plan/"
        once.carry_out(form(once=str(uuid.uuid4())), lambda: "/desk/")
        assert Submission.objects.count() == 1


def test_a_stamp_tells_what_was_shown_and_not_what_it_was(county):
    with unit_context(county):
        seen.require_unchanged(form(seen=seen.stamp(("a", 1))), ("a", 1))
        seen.require_unchanged(form(), ("a", 1))
        with pytest.raises(seen.ChangedMeanwhile):
            seen.require_unchanged(form(seen=seen.stamp(("a", 1))), ("a", 2))
        with pytest.raises(seen.ChangedMeanwhile):
            seen.require_unchanged(form(seen="x"), ("a", 1))


def test_differences_make_both_wordings_again():
    for before, after in (
        ("", "新"),
        ("旧", ""),
        ("四个村", "三个村庄"),
        ("一\n" * 1900, "一\n" * 1899 + "二\n"),
        ("\n" * 10_000, "二\n" + "\n" * 9_999),
        ("同", "同"),
    ):
        pieces = differences(before, after)
        assert "".join(piece.text for piece in pieces if piece.kind != "gone") == after
        assert "".join(piece.text for piece in pieces if piece.kind != "new") == before


def test_wordings_of_very_many_lines_are_shown_as_two_blocks():
    assert [piece.kind for piece in differences("\n" * 10_000, "二" + "\n" * 10_000)] == [
        "gone",
        "new",
    ]


def test_late_jobs_stand_first_and_what_is_beyond_the_first_thirty_is_counted():
    days = [*range(40, -5, -1), None]
    jobs = [
        work.Job(title=str(left), about="", href="/", verb="", due=None if left is None else TODAY + datetime.timedelta(days=left), today=TODAY)
        for left in days
    ]  # fmt: skip
    section = work.section("x", "", "/", jobs)
    assert [job.title for job in section.jobs[:5]] == ["-4", "-3", "-2", "-1", "0"]
    assert (section.total, section.more, section.late) == (46, 16, 4)
    assert [job.urgency for job in section.jobs[3:9]] == [
        "overdue",
        "soon",
        "soon",
        "soon",
        "soon",
        "",
    ]
    assert (section.jobs[0].when, section.jobs[4].when, section.jobs[5].when) == (
        "逾期 4 天",
        "今天到期",
        "还有 1 天",
    )
