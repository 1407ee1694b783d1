"""A desk of the demonstration that is opened for the first time has work on it."""

from __future__ import annotations

import pytest

from minqing.channel.demo import demo_load
from minqing.channel.models import Case
from minqing.channel.states import State
from tenants.current import unit_context
from tests.support.channel import handler
from tests.support.desk import signed_in

pytestmark = pytest.mark.django_db


def test_three_reports_wait_are_accepted_and_are_answered_and_no_second_load_adds_any(county):
    with unit_context(county):
        by = handler()
        demo_load(handler=by)
        demo_load(handler=by)
        states = {case.state for case in Case.objects.all()}
        assert states == {State.RECEIVED, State.ACCEPTED, State.ANSWERED}
        assert Case.objects.count() == 3
    page = signed_in(county, by).get("/desk/cases/").content.decode()
    assert all(case.number in page for case in cases_of(county))


def cases_of(unit):
    with unit_context(unit):
        return list(Case.objects.exclude(state=State.ANSWERED))
