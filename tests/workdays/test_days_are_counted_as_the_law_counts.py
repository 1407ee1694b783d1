from __future__ import annotations

import datetime

import pytest

from minqing.workdays.calendar import add_workdays, due, due_extended, is_workday
from minqing.workdays.errors import UnknownRule, WorkdayFault
from minqing.workdays.models import DayException
from minqing.workdays.rules import RULES
from minqing.workdays.services import calendar_load, exception_remove, exception_set
from tenants.current import unit_context

day = datetime.date.fromisoformat


@pytest.fixture(autouse=True)
def _in_the_county(county):
    with unit_context(county):
        yield


@pytest.mark.parametrize(
    ("start", "n", "end"),
    [
        ("2026-09-23", 5, "2026-10-08"),
        ("2026-02-10", 5, "2026-02-24"),
        ("2026-04-30", 15, "2026-05-25"),
        ("2026-11-20", 0, "2026-11-20"),
    ],
)
def test_working_days_skip_holidays_and_count_made_up_days(start, n, end):
    assert add_workdays(day(start), n) == day(end)


def test_a_saturday_may_be_worked_and_a_thursday_free():
    assert is_workday(day("2026-10-10"))
    assert not is_workday(day("2026-10-01"))
    assert not is_workday(day("2026-11-22"))
    assert is_workday(day("2026-11-23"))


def test_the_day_of_the_event_is_not_counted():
    assert due(day("2026-11-22"), "petition-tell").day == day("2026-12-07")
    assert due(day("2026-11-22"), "petition-answer").day == day("2027-01-21")


def test_calendar_days_are_certain_and_working_days_through_an_unannounced_year_are_not():
    assert not due(day("2026-11-22"), "petition-answer").provisional
    assert not due(day("2026-11-02"), "petition-return").provisional
    assert due(day("2026-12-28"), "petition-return").provisional
    assert due(day("2029-03-01"), "petition-return").provisional


def test_a_year_becomes_certain_when_its_notice_is_entered():
    for row in DayException.objects.filter(day__year=2027):
        exception_set(day=row.day, effect=row.effect, name=row.name)
    assert not due(day("2026-12-28"), "petition-return").provisional


def test_what_a_unit_entered_outlives_the_next_release(county):
    exception_set(day=day("2026-11-25"), effect="off", name="县里放假")
    exception_set(day=day("2026-10-10"), effect="off", name="改休")
    calendar_load(county)
    assert not is_workday(day("2026-11-25"))
    assert not is_workday(day("2026-10-10"))
    exception_remove(day=day("2026-11-25"))
    assert is_workday(day("2026-11-25"))


def test_one_units_calendar_is_not_anothers(neighbour):
    exception_set(day=day("2026-11-25"), effect="off", name="县里放假")
    with unit_context(neighbour):
        assert is_workday(day("2026-11-25"))


def test_months_end_on_the_last_day_where_there_is_no_such_day():
    assert due(day("2026-01-31"), "pledge-progress").day == day("2026-02-28")
    assert due(day("2026-11-30"), "recommended-trial").day == day("2027-02-28")
    assert due(day("2024-02-29"), "village-review").day == day("2025-02-28")


def test_an_extension_is_counted_from_the_plain_due_day():
    assert due_extended(day("2026-11-22"), "petition-answer").day == day("2027-02-20")
    assert due_extended(day("2026-11-22"), "petition-tell") == due(
        day("2026-11-22"), "petition-tell"
    )


def test_every_rule_can_be_counted():
    for name in RULES:
        assert due(day("2026-11-22"), name).day > day("2026-11-22")


def test_what_is_unknown_or_unclear_is_refused_with_a_sentence():
    with pytest.raises(UnknownRule, match="没有名为"):
        due(day("2026-11-22"), "no-such-rule")
    with pytest.raises(WorkdayFault, match="放假"):
        exception_set(day=day("2026-11-25"), effect="half", name="半天")
    with pytest.raises(WorkdayFault, match="名称"):
        exception_set(day=day("2026-11-25"), effect="off", name="  ")
