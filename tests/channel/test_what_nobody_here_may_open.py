"""Reports that name whoever would read them, and those whose custodians or keys change: kept, passed up, never lost."""

from __future__ import annotations

import datetime
import json

import pytest
from django.utils.timezone import now

from minqing.accounts.models import Role
from minqing.archives import services as archives
from minqing.archives.models import Official
from minqing.channel import boxes, selectors, services, upkeep
from minqing.channel.errors import TooLarge, UnknownCase
from minqing.channel.models import Case, SealedBox, SealedReport
from minqing.channel.services import keeping, passing_up
from sync.identity import origin
from sync.models import Pending
from tenants.current import unit_context
from tests.support.archives import Office
from tests.support.channel import (
    MARKED,
    connect,
    custodians,
    handler,
    lodged,
    staff,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_county")]


def test_what_the_unit_above_sends_back_opens_for_supervisors_who_are_not_named(
    city, county, courier
):
    connect(city, county)
    Official.objects.create(name="李样本", home=origin())
    chief, named = staff("chief", Role.SUPERVISOR), staff("named", Role.SUPERVISOR, name="演示督办")
    taken = lodged("李样本和演示督办都不管".encode())
    courier.carry(county, city)
    assert selectors.desk_cases(chief) == []
    with unit_context(city):
        by = handler("above")
        (row,) = selectors.desk_cases(by)
        services.case_return(by=by, number=row.number, reason="请你们先办")
    courier.carry(city, county)
    assert [row.number for row in selectors.desk_cases(chief)] == [taken.number]
    assert selectors.desk_cases(named) == selectors.desk_cases(handler()) == []
    passing_up.waiting_passed_up()
    assert [row.number for row in selectors.desk_cases(chief)] == [taken.number]


def test_a_report_about_every_supervisor_reaches_the_custodians_and_later_the_unit_above(
    city, county, courier, time_machine
):
    operator = staff("op", Role.OPERATOR)
    chief = staff("chief", Role.SUPERVISOR, name="演示督办")
    words = "演示督办不管事".encode()
    taken = lodged(words)
    passing_up.waiting_passed_up()
    assert selectors.desk_cases(chief) == selectors.desk_cases(handler()) == []
    assert selectors.unopened(operator).cases == 0
    time_machine.move_to(now() + datetime.timedelta(days=1))
    assert (selectors.unopened(operator).cases, selectors.unopened(chief).cases) == (1, 0)
    (keeper, private), _ = custodians()
    upkeep.waiting_passed_up()
    upkeep.waiting_passed_up()
    assert selectors.unopened(operator).cases == 0
    (row,) = selectors.sealed_for(keeper)
    assert services.sealed_open(by=keeper, report=row.id, private_key=private).words == words
    services.follow_up(code=taken.code, words=b"more")
    upkeep.waiting_passed_up()
    assert len(selectors.sealed_for(keeper)) == 2
    connect(city, county)
    upkeep.waiting_passed_up()
    courier.carry(county, city)
    with unit_context(city):
        (above,) = selectors.desk_cases(handler("above"))
        assert above.summary == words.decode()
    assert selectors.case_by_code(taken.code).state == "received"


def test_whoever_comes_here_later_reads_no_report_that_names_them(time_machine):
    about = "演示新来在镇上吃拿卡要"
    plain = lodged(about.encode())
    Official.objects.create(name="李样本", home=origin())
    kept = lodged(f"李样本和{about}".encode())
    come = staff("new", Role.SUPERVISOR, Role.HANDLER, name="演示新来")
    old = staff("old", Role.SUPERVISOR)
    assert len(selectors.desk_cases(old)) == 2
    assert selectors.desk_cases(come) == []
    for taken in (plain, kept):
        for act in (
            lambda number=taken.number: selectors.case_for(come, number),
            lambda number=taken.number: services.case_seal(by=come, number=number),
        ):
            with pytest.raises(UnknownCase):
                act()
    passing_up.waiting_passed_up()
    assert Case.objects.get(number=kept.number).kept_from == [come.pk]


def test_what_fails_for_one_report_holds_up_no_other(monkeypatch):
    staff("chief", Role.SUPERVISOR, name="演示督办")
    words = ["演示督办一".encode(), "演示督办二".encode()]
    for said in words:
        lodged(said)
    custodians()
    whole = keeping.content_of

    def fails_once(case, **more):
        if bytes(case.messages.get(n=0).octets) == words[0]:
            raise TooLarge
        return whole(case, **more)

    monkeypatch.setattr(keeping, "content_of", fails_once)
    upkeep.waiting_passed_up()
    assert SealedReport.objects.count() == 1
    monkeypatch.undo()
    SealedReport.objects.update(waits=True)
    SealedBox.objects.filter(pk=SealedBox.objects.first().pk).delete()
    SealedBox.objects.update(box=b"broken")
    keeping.waiting_sealed()
    assert SealedReport.objects.filter(waits=True).count() == 1


def test_a_custodians_new_key_hides_nothing_that_was_sealed_to_the_old_one():
    (keeper, private), (other, other_private) = custodians()
    services.sealed_lodge(words=MARKED)
    _, public = boxes.keys_made()
    for operator in (staff("op", Role.OPERATOR), staff("op2", Role.OPERATOR)):
        services.custodian_register(by=operator, staff=keeper, post="室主任", key=public)
    (row,) = selectors.sealed_for(keeper)
    assert services.sealed_open(by=keeper, report=row.id, private_key=private).words == MARKED
    with pytest.raises(UnknownCase):
        services.sealed_open(by=keeper, report=row.id, private_key=other_private)
    assert [one.opened_by_me for one in selectors.sealed_for(keeper)] == [1]
    assert [(one.opened_by_me, one.opened_by_others) for one in selectors.sealed_for(other)] == [
        (0, 1)
    ]
    acts = [
        json.loads(bytes(one.body))
        for one in Pending.objects.filter(kind="accounts.act").order_by("id")
    ]
    assert (acts[-1]["by"], acts[-1]["what"], public in acts[-1]["subject"]) == (
        "op2", "custodian.key", True,
    )  # fmt: skip


def test_nobody_alone_moves_a_report_to_a_desk_by_writing_a_name_anew_or_taking_a_page_down():
    office = Office()
    official = office.official("王示例")
    clerk = staff("clerk2", Role.CLERK)
    by = handler()
    for hide in (
        lambda: archives.official_edit(by=clerk, official=official, name="王示"),
        lambda: archives.official_withdraw(by=office.reviewer, official=official, reason="调整"),
    ):
        hide()
        lodged("王示例把修路的钱拿走了。".encode())
        assert selectors.desk_cases(by) == []
    lodged(MARKED)
    assert len(selectors.desk_cases(by)) == 1
