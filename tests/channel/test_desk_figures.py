"""The supervisors' figures: what is in hand, what became of it, and nothing that leads to a person."""

from __future__ import annotations

import datetime

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from minqing.accounts.errors import NotAllowed
from minqing.accounts.models import Role
from minqing.channel import selectors, services
from minqing.channel.models import Case, Place, Tally
from minqing.channel.selectors.figures import LEAST, merged
from minqing.channel.values import Work
from tests.support.channel import custodians, handler, lodged, staff
from tests.support.desk import signed_in, staff_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_county")]
DAY = datetime.timedelta(days=1)
counts = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(sorted)


def supervisor(username="supervisor", name=""):
    return staff(username, Role.SUPERVISOR, name=name)


def answered(by, after, time_machine, verdict=""):
    """Lodge a report, answer it some days later, and say what was thought of the answer."""
    then = timezone.now()
    taken = lodged()
    services.case_accept(by=by, number=taken.number)
    time_machine.move_to(then + after * DAY, tick=False)
    services.case_answer(by=by, number=taken.number, words=b"by Friday")
    if verdict:
        services.rate(code=taken.code, verdict=verdict)
    time_machine.move_to(then, tick=False)
    return taken


def test_nobody_but_a_supervisor_gets_them():
    with pytest.raises(NotAllowed):
        selectors.desk_figures(handler())
    assert selectors.desk_figures(supervisor()).total.cases == 0


def test_what_is_in_hand_stands_by_state_with_what_is_late(time_machine):
    by = handler()
    for _ in range(3):
        lodged()
    taken = lodged()
    services.case_accept(by=by, number=taken.number)
    time_machine.move_to(timezone.now() + 200 * DAY)
    shown = selectors.desk_figures(supervisor())
    assert [(one.name, one.cases, one.late) for one in shown.states] == [
        ("received", 3, 3),
        ("accepted", 1, 1),
    ]
    assert (shown.total.cases, shown.total.late) == (4, 4)
    services.case_answer(by=by, number=taken.number, words=b"done")
    assert selectors.desk_figures(supervisor("second")).total.late == 3


def test_what_is_closed_is_in_hand_no_more(time_machine):
    taken = answered(by := handler(), 1, time_machine)
    assert [one.name for one in selectors.desk_figures(supervisor()).states] == ["answered"]
    services.case_close(by=by, number=taken.number)
    assert selectors.desk_figures(supervisor("second")).states == ()


@given(st.lists(counts, max_size=8))
def test_no_line_is_small_and_nothing_gets_lost_in_putting_together(rows):
    lines = [
        Work(name=str(n), label=str(n), cases=cases, late=late)
        for n, (late, cases) in enumerate(rows)
    ]
    shown = merged(lines)
    assert all(line.cases >= LEAST for line in shown)
    total = sum(line.cases for line in lines)
    assert sum(line.cases for line in shown) == (total if total >= LEAST else 0)
    assert sum(line.late for line in shown) in {0, sum(line.late for line in lines)}
    # what is put together never holds one line alone, whose number the sum would tell
    apart = {line.name for line in shown if line.name}
    together = [line for line in lines if line.cases and line.name not in apart]
    assert len(together) != 1 or not shown


def test_places_with_few_cases_are_put_together():
    for code, name, n in (("430522101", "坪上镇", 6), ("430522102", "小塘镇", 5), ("430522103", "陈家坊镇", 1)):  # fmt: skip
        Place.objects.update_or_create(code=code, defaults={"name": name, "within": None})
        village = Place.objects.filter(within=code).first()
        for _ in range(n):
            lodged(village=village.code if village else code)
    shown = selectors.desk_figures(supervisor()).places
    assert [(one.label, one.cases) for one in shown] == [("坪上镇", 6), ("其他", 6)]


def test_a_case_that_names_a_reader_stands_in_nobodys_figures():
    first = supervisor("first", name="郑督办")
    lodged("来了新的督办钱模板，路还是没有修。".encode())
    lodged()
    assert selectors.desk_figures(first).total.cases == 2
    named = supervisor("second", name="钱模板")  # who came after the report
    assert selectors.desk_figures(first) == selectors.desk_figures(named)
    assert selectors.desk_figures(named).total.cases == 1


def test_days_and_ratings_are_given_from_five_on_and_up_to_yesterday(time_machine):
    time_machine.move_to(datetime.datetime(2026, 10, 12, 4, tzinfo=datetime.UTC), tick=False)
    by, asking = handler(), supervisor()
    for after, verdict in ((1, "satisfied"), (2, "satisfied"), (3, "unsatisfied"), (9, "")):
        answered(by, after, time_machine, verdict)
    assert selectors.desk_figures(asking).months == ()
    time_machine.move_to(timezone.now() + 30 * DAY, tick=False)
    (month,) = selectors.desk_figures(asking).months
    assert (month.accepted, month.answered, month.timed, month.half_within) == (4, 4, 4, None)
    assert (month.rated, month.satisfied, month.unsatisfied) == (3, None, None)
    time_machine.move_to(timezone.now() - 30 * DAY, tick=False)
    for after, verdict in ((4, "basically"), (4, "basically")):
        answered(by, after, time_machine, verdict)
    time_machine.move_to(timezone.now() + 30 * DAY, tick=False)
    shown = selectors.desk_figures(asking)
    assert shown.months[0].half_within == 3
    assert (shown.year.rated, shown.year.satisfied, shown.year.basically) == (5, 2, 2)
    assert shown.months[0].first == datetime.date(2026, 10, 1)


def test_a_case_counts_as_sent_back_once_it_is_accepted_and_its_first_answer_alone_is_timed(
    time_machine,
):
    by, asking = handler(), supervisor()
    taken = lodged()
    services.case_return(by=by, number=taken.number, reason="归交通局")
    services.case_assign(by=asking, number=taken.number, office="交通局")
    assert not Tally.objects.exists()
    services.case_accept(by=by, number=taken.number)
    services.case_answer(by=by, number=taken.number, words=b"soon")
    services.rate(code=taken.code, verdict="unsatisfied")
    services.case_answer(by=by, number=taken.number, words=b"now")
    time_machine.move_to(timezone.now() + 40 * DAY)
    year = selectors.desk_figures(asking).year
    assert (year.returned, year.reopened, year.answered, year.timed) == (1, 1, 2, 1)


def test_no_row_tells_the_day_of_a_report_and_sealing_takes_nothing_back(time_machine):
    custodians()
    by, asking = handler(), supervisor()
    taken = answered(by, 3, time_machine)
    assert [row.day.day for row in Tally.objects.filter(name__startswith="days.")] == [1]
    time_machine.move_to(timezone.now() + 40 * DAY)
    before = selectors.desk_figures(asking)
    services.case_seal(by=by, number=taken.number)
    after = selectors.desk_figures(asking)
    assert (after.months, after.year) == (before.months, before.year)
    assert after.total.cases == 0
    assert Case.objects.get().state == "sealed"


def test_the_page_shows_them_and_offers_the_lists_behind(county):
    for _ in range(3):
        lodged()
    client = signed_in(county, staff_of(county, "asking", Role.SUPERVISOR))
    page = client.get("/desk/figures/").content.decode()
    assert "在办 3 件，都还在期限内。" in page
    assert '?state=received">已收到</a></th><td class="n">3</td>' in page
    assert "哪一类" not in page  # three cases are too few to be broken down
    assert "还没有数字" in page
