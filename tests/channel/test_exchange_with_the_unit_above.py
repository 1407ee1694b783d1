"""Cases that pass through a unit between, go up, or are taken by the unit above."""

from __future__ import annotations

import pytest

from minqing.accounts.models import Role
from minqing.archives.models import Official
from minqing.channel import selectors, services
from minqing.channel.errors import MoveRefused, UnknownCase
from minqing.channel.models import Case
from sync.identity import origin
from tenants.current import unit_context
from tests.support.channel import MARKED, connect, lodged, staff

pytestmark = pytest.mark.django_db


def test_who_is_named_never_receives(city, county, courier):
    connect(city, county)
    with unit_context(city):
        Official.objects.create(name="赵虚构", home=origin())
        above = staff("above", Role.HANDLER)
    with unit_context(county):
        Official.objects.create(name="李样本", home=origin())
        taken = lodged("李样本和赵虚构一起".encode())
    courier.carry(county, city)
    with unit_context(city):
        assert selectors.desk_cases(above) == []
        assert len(selectors.desk_cases(staff("other", Role.SUPERVISOR))) == 1
    courier.carry(city, county)
    with unit_context(county):
        assert selectors.desk_cases(staff("here", Role.SUPERVISOR)) == []
        assert selectors.case_by_code(taken.code).state == "received"


def test_words_and_answers_pass_through_the_unit_between(city, county, neighbour, courier):
    connect(city, county)
    connect(city, neighbour)
    with unit_context(city):
        above, above_origin = staff("above", Role.HANDLER), origin()
    with unit_context(neighbour):
        there, there_origin = staff("there", Role.HANDLER), origin()
    with unit_context(county):
        here = staff("here", Role.HANDLER)
        taken = lodged()
        services.case_refer(by=here, number=taken.number, origin=above_origin, reason="")
    courier.carry(county, city)
    with unit_context(city):
        (row,) = selectors.desk_cases(above)
        services.case_refer(by=above, number=row.number, origin=there_origin, reason="")
    courier.carry(city, neighbour)
    with unit_context(county):
        services.follow_up(code=taken.code, words=MARKED)
    courier.carry(county, city)
    courier.carry(city, neighbour)
    with unit_context(neighbour):
        (row,) = selectors.desk_cases(there)
        assert selectors.case_for(there, row.number).messages[-1].octets == MARKED
        services.case_accept(by=there, number=row.number)
        services.case_answer(by=there, number=row.number, words="已修好。".encode())
    courier.carry(neighbour, city)
    courier.carry(city, county)
    with unit_context(county):
        assert selectors.case_by_code(taken.code).messages[-1].text == "已修好。"


def test_a_case_that_opens_above_is_handled_there_and_read_here_by_code_only(city, county, courier):
    connect(city, county)
    with unit_context(city):
        above = staff("above", Role.HANDLER)
    with unit_context(county):
        Official.objects.create(name="李样本", home=origin())
        taken = lodged("李样本态度不好\r\n".encode())
    courier.carry(county, city)
    with unit_context(city):
        (row,) = selectors.desk_cases(above)
        services.case_accept(by=above, number=row.number)
        services.case_answer(by=above, number=row.number, words="已核实。".encode())
    courier.carry(city, county)
    with unit_context(county):
        view = selectors.case_by_code(taken.code)
        assert view.state == "answered"
        assert view.messages[-1].text == "已核实。"
        here = staff("here", Role.HANDLER)
        assert selectors.desk_cases(here, state="answered") == []
        with pytest.raises(UnknownCase):
            selectors.case_for(here, taken.number)
        services.rate(code=taken.code, verdict="satisfied")
    courier.carry(county, city)
    with unit_context(city):
        assert Case.objects.get().state == "rated"


def test_a_late_case_may_be_taken_above_once(city, county, courier, time_machine):
    import datetime

    from django.utils.timezone import now

    connect(city, county)
    with unit_context(county):
        taken = lodged()
        with pytest.raises(MoveRefused):
            services.escalate(code=taken.code)
        time_machine.move_to(now() + datetime.timedelta(days=16))
        assert selectors.case_by_code(taken.code).may_escalate
        services.escalate(code=taken.code)
        assert selectors.desk_cases(staff("here", Role.HANDLER))[0].escalated
        with pytest.raises(MoveRefused):
            services.escalate(code=taken.code)
    courier.carry(county, city)
    with unit_context(city):
        assert selectors.desk_cases(staff("above", Role.SUPERVISOR))[0].from_unit == "新邵县"
