"""The demonstration's archives come in through the doors that staff use, and name nobody real."""

from __future__ import annotations

import datetime

import pytest

from minqing.accounts.models import Role
from minqing.archives import selectors
from minqing.archives.demo import demo_entries, demo_files, demo_load, demo_offices
from minqing.archives.models import Entry, EntryVersion, Official, Post, PublicEntryRow
from minqing.archives.states import State
from sync.models import Pending
from tenants.current import unit_context
from tests.support.archives import staff

pytestmark = pytest.mark.django_db
LEAST = {"430522": 6, "430524": 4, "430500": 3}


class People:
    """The three who act."""

    def __init__(self) -> None:
        self.clerk = staff("clerk", Role.CLERK)
        self.reviewer = staff("reviewer", Role.REVIEWER)
        self.supervisor = staff("supervisor", Role.SUPERVISOR)

    def load(self):
        return demo_load(clerk=self.clerk, reviewer=self.reviewer, supervisor=self.supervisor)


@pytest.fixture(params=["county", "neighbour", "city"])
def unit(request):
    found = request.getfixturevalue(request.param)
    with unit_context(found):
        yield found


def test_a_unit_is_filled_once(unit):
    people = People()
    report = people.load()
    assert report.refused == 0
    assert {file.action for file in report.files} == {"new"}
    assert Official.objects.count() >= LEAST[unit.code]
    assert Post.objects.count() >= 2 * Official.objects.count()
    assert Entry.objects.count() == len(demo_entries(unit.code))
    shown = selectors.recent_entries(100)
    assert len(shown) == sum(entry.stage == "published" for entry in demo_entries(unit.code))
    officials = selectors.officials_of_unit(unit.code)
    assert {official.name for official in officials} == {
        office.name for office in demo_offices(unit.code)
    }
    assert all(
        official.duties and official.telephone.startswith("0739-000") for official in officials
    )
    assert EntryVersion.objects.filter(state=State.SUBMITTED).exists() == (unit.code != "430500")
    records = Pending.objects.count()
    again = people.load()
    assert {file.action for file in again.files} == {"unchanged"}
    assert Pending.objects.count() == records


def test_an_earlier_clock_puts_everything_back_by_whole_weeks(county, time_machine):
    time_machine.move_to(datetime.datetime(2025, 3, 3, 9, tzinfo=datetime.UTC))
    with unit_context(county):
        People().load()
        days = set(
            PublicEntryRow.objects.filter(event_day__isnull=False).values_list(
                "event_day", flat=True
            )
        )
    assert max(days) <= datetime.date(2025, 3, 3)
    assert {day.weekday() for day in days} <= {0, 1, 2, 3, 4}


def test_the_words_are_of_working_days_and_hold_no_private_number():
    assert len(demo_entries()) >= 25
    assert {entry.day.weekday() for entry in demo_entries()} <= {0, 1, 2, 3, 4}
    for code, least in LEAST.items():
        found = demo_files(code)
        assert len(found) >= least
        for file in found:
            text = file.octets.decode("utf-8-sig")
            assert "<ShenFenZheng></ShenFenZheng>" in text
            assert "<ZhaoPian></ZhaoPian>" in text
