"""Sealing late: what becomes of a case that turns out to be an accusation, and of its records."""

from __future__ import annotations

import datetime

import msgspec
import pytest

from minqing.accounts.models import Role, Staff
from minqing.channel import selectors, services, upkeep
from minqing.channel.covers import covers
from minqing.channel.errors import (
    UnknownCase,
    UnknownCode,
)
from minqing.channel.models import (
    Forgetting,
    Message,
    SealedBox,
    SealedReport,
)
from sync import ledger
from sync.identity import origin
from sync.models import Opening, Pending
from tenants.current import unit_context
from tests.support.channel import (
    MARKED,
    Courier,
    connect,
    custodians,
    handler,
    lodged,
    photo,
    staff,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_county")]


def test_sealing_late_takes_the_case_from_every_list_and_tells_the_reporter():
    (keeper, private), _ = custodians()
    taken = lodged(MARKED, contact="李样本", photos=(photo(),), village="430522100001")
    services.follow_up(code=taken.code, words=b"later words")
    by = handler()
    services.case_accept(by=by, number=taken.number)
    figures = selectors.channel_figures()
    services.case_seal(by=by, number=taken.number)
    assert selectors.desk_cases(by) == selectors.desk_cases(by, state="sealed") == []
    with pytest.raises(UnknownCase):
        selectors.case_for(by, taken.number)
    view = selectors.case_by_code(taken.code)
    assert (view.sealed, view.messages, view.photos, view.steps, view.place) == (
        True,
        (),
        (),
        (),
        "",
    )
    assert selectors.proof_by_code(taken.code) is None
    for door in (
        lambda: services.follow_up(code=taken.code, words=b"x"),
        lambda: services.rate(code=taken.code, verdict="satisfied"),
    ):
        with pytest.raises(UnknownCode):
            door()
    assert selectors.channel_figures() == figures
    assert not Message.objects.exists()
    content = services.sealed_open(
        by=keeper, report=selectors.sealed_for(keeper)[0].id, private_key=private
    )
    assert (content.words, content.later, content.contact) == (MARKED, (b"later words",), "李样本")
    assert content.taken_by == (by.name,)
    assert len(content.photos) == 1


def test_a_custodian_whom_the_words_name_gets_no_box_while_two_others_can_open_it():
    (named, private), *_others = custodians("纪检", "组织", "审计")
    Staff.objects.filter(pk=named.pk).update(name="钱虚构")
    by = handler()
    services.case_seal(by=by, number=lodged("钱虚构收了修路的钱。".encode()).number)
    services.sealed_by_staff(by=by, words="钱虚构又来过。".encode(), way="box")
    assert selectors.sealed_for(named) == []
    assert SealedBox.objects.count() == 4
    with pytest.raises(UnknownCase):
        services.sealed_open(
            by=named, report=str(SealedReport.objects.first().pk), private_key=private
        )


def test_what_was_sealed_is_erased_from_the_ledger_under_cover_of_pads_each_day(time_machine):
    from django.utils.timezone import now

    custodians()
    taken = lodged(MARKED)
    ledger.seal_slot()
    ledger.seal_slot()
    ledger.seal_slot()
    services.case_seal(by=handler(), number=taken.number)
    upkeep.daily()
    assert not any(MARKED in bytes(opening.body) for opening in Opening.objects.all())
    assert not Forgetting.objects.exists()
    time_machine.move_to(now() + datetime.timedelta(days=1))
    ledger.seal_slot()
    upkeep.daily()
    upkeep.daily()
    orders = [
        bytes(row.body).decode()
        for rows in (Pending, Opening)
        for row in rows.objects.filter(kind="sync.erasure")
    ]
    assert len(orders) == 2, "one a day, whether or not anything was sealed"
    assert len({len(order) for order in orders}) == 1
    assert not any("检举" in order or "密封" in order for order in orders)


def test_pads_erased_beside_a_report_are_of_every_age_and_stand_together_as_its_records_do(county):
    """Erasures are public: among pads of the last days alone, an old report would show its hour."""
    begin, count = 10_000, 8_000
    rows = [
        Opening(
            index=begin + n, unit=county.code, kind=ledger.PAD, subject=f"{n}", audience="x", header=b"", body=b"", salt=b""
        )
        for n in range(count)
    ]  # fmt: skip
    Opening.objects.bulk_create(rows)
    days = [covers(32) for _ in range(40)]
    assert {len(day) for day in days} == {32}
    assert any(index < begin + count // 2 for day in days for index in day)
    old = [{index for index in day if index < begin + count // 2} for day in days]
    assert any(index + step in day for day in old for index in day for step in range(1, 32))


def test_a_log_too_young_for_a_days_erasure_is_asked_once(county, django_assert_num_queries):
    """The sweep comes back every half a minute until there are pads enough."""
    assert not Opening.objects.exists()
    with django_assert_num_queries(1):
        assert covers(32) == set()
    ledger.seal_slot()
    few = set(Opening.objects.filter(kind=ledger.PAD).values_list("index", flat=True))
    with django_assert_num_queries(1):
        assert covers(len(few) + 1) == few
    assert covers(len(few)) == few


def test_a_report_of_many_records_makes_no_larger_erasure_than_any_day():
    custodians()
    by, taken = handler(), lodged(MARKED, photos=[photo(), photo(), photo()])
    for n in range(30):
        services.follow_up(code=taken.code, words=f"又一段 {n}".encode())
    ledger.seal_slot()
    ledger.seal_slot()
    ledger.seal_slot()
    services.case_seal(by=by, number=taken.number)
    for _day in range(2):
        upkeep.forget()
        ledger.seal()
    assert not any("又一段".encode() in bytes(opening.body) for opening in Opening.objects.all())
    assert not Forgetting.objects.exists()
    named = [
        len(msgspec.json.decode(bytes(row.body))["commitments"])
        for row in Opening.objects.filter(kind="sync.erasure")
    ]
    assert named == [32, 32]


def test_sealing_reaches_the_units_it_had_been_handed_to(county, neighbour):
    courier = Courier()
    connect(county, neighbour)
    custodians()
    by = handler()
    with unit_context(neighbour):
        there = staff("there", Role.HANDLER)
        there_origin = origin()
    taken = lodged(MARKED)
    services.case_refer(by=by, number=taken.number, origin=there_origin, reason="")
    courier.carry(county, neighbour)
    services.case_seal(by=by, number=taken.number)
    courier.carry(county, neighbour)
    with unit_context(neighbour):
        assert selectors.desk_cases(there) == []
        assert not Message.objects.exists()
        assert Forgetting.objects.count() == 1
    courier.carry(neighbour, county)


def test_the_unit_it_was_handed_to_may_seal_as_well(county, neighbour):
    courier = Courier()
    connect(county, neighbour)
    by = handler()
    with unit_context(neighbour):
        there = staff("there", Role.HANDLER)
        there_origin = origin()
        custodians()
    taken = lodged(MARKED)
    services.case_refer(by=by, number=taken.number, origin=there_origin, reason="")
    courier.carry(county, neighbour)
    with unit_context(neighbour):
        services.case_seal(by=there, number=selectors.desk_cases(there)[0].number)
        assert SealedReport.objects.count() == 1
    courier.carry(neighbour, county)
    assert selectors.desk_cases(by) == []
    assert selectors.case_by_code(taken.code).sealed
    assert not Message.objects.exists()
