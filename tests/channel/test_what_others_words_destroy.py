"""Another unit's word destroys no report: what a lying or captured unit says, and what is left for whom."""

from __future__ import annotations

import datetime

import pytest
from django.utils.timezone import now

from minqing.accounts.errors import NotAllowed
from minqing.accounts.models import Role
from minqing.archives.models import Official
from minqing.channel import boxes, exchange, parcels, selectors, services
from minqing.channel.errors import MoveRefused, TooLarge
from minqing.channel.models import Case, Message, SealedBox, SealedReport
from minqing.channel.services import keeping
from minqing.channel.services.records import JSON, json_body, record_for
from minqing.channel.travelling import Status
from sync.errors import RecordRejected
from sync.formats.records import decode_header
from sync.identity import origin
from sync.kinds import ReceivedRecord
from sync.models import Pending
from tenants.current import unit_context
from tests.support.channel import (
    MARKED,
    accept_all,
    connect,
    custodians,
    handler,
    lodged,
    photo,
    staff,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_county")]


def handed_on(county, neighbour, courier, **more):
    """A report lodged at the county and handed to the neighbour; returns papers and the case's subject."""
    connect(county, neighbour)
    with unit_context(neighbour):
        there_origin = origin()
    taken = lodged(MARKED, **more)
    services.case_refer(by=handler(), number=taken.number, origin=there_origin, reason="")
    courier.carry(county, neighbour)
    return taken, Case.objects.get().subject


def says(unit, county_origin, about, state, **more):
    """Have a unit say where a case stands, as root there could."""
    with unit_context(unit):
        status = Status(about=about, state=state, note="", day="2026-11-22", **more)
        record_for(county_origin, "channel.status", "case-x", json_body(status), JSON)


def test_a_unit_that_says_sealed_leaves_the_report_to_the_first_receivers_custodians(
    county, neighbour, courier
):
    (keeper, private), _ = custodians()
    taken, about = handed_on(county, neighbour, courier, contact="李样本", photos=(photo(),))
    services.follow_up(code=taken.code, words=b"later words")
    says(neighbour, origin(), about, "sealed")
    courier.carry(neighbour, county)
    assert not Message.objects.exists()
    assert selectors.desk_cases(staff("chief", Role.SUPERVISOR)) == []
    (row,) = selectors.sealed_for(keeper)
    content = services.sealed_open(by=keeper, report=row.id, private_key=private)
    assert (content.words, content.later, content.contact) == (MARKED, (b"later words",), "李样本")
    assert len(content.photos) == 1
    assert any("转送 隆回县" in line for line in content.course)
    assert not any(MARKED in bytes(box.box) for box in SealedBox.objects.all())
    view = selectors.case_by_code(taken.code)
    assert (view.sealed, view.copy_kept, view.messages, view.label) == (
        True,
        True,
        (),
        "已转为密件",
    )
    courier.carry(neighbour, county, again=True)
    assert SealedReport.objects.count() == 1


def test_what_nobody_can_open_yet_waits_for_custodians_and_shows_as_a_count(
    county, neighbour, courier, time_machine
):
    operator, supervisor = staff("op", Role.OPERATOR), staff("chief", Role.SUPERVISOR)
    _taken, about = handed_on(county, neighbour, courier)
    says(neighbour, origin(), about, "sealed")
    courier.carry(neighbour, county)
    keeping.waiting_sealed()
    assert SealedReport.objects.get().waits
    assert selectors.unopened(operator).copies == 0, "counted from the next day on"
    time_machine.move_to(now() + datetime.timedelta(days=1))
    told = selectors.unopened(operator)
    assert (told.copies, told.lacks_superior, told.lacks_custodians) == (1, True, True)
    assert selectors.unopened(supervisor).total == 0
    with pytest.raises(NotAllowed):
        selectors.unopened(handler("h2"))
    (keeper, private), _ = custodians()
    keeping.waiting_sealed()
    (row,) = selectors.sealed_for(keeper)
    assert services.sealed_open(by=keeper, report=row.id, private_key=private).words == MARKED
    assert selectors.unopened(operator).copies == 0
    assert SealedReport.objects.count() == 1


def test_the_copy_goes_to_the_unit_above_but_never_to_the_unit_that_emptied_the_case(
    city, county, neighbour, courier
):
    connect(city, county)
    connect(city, neighbour)
    with unit_context(city):
        (above, private), _ = custodians()
        above_origin = origin()
    courier.carry(city, county)
    accept_all()
    _taken, about = handed_on(county, neighbour, courier)
    says(neighbour, origin(), about, "sealed")
    courier.carry(neighbour, county)
    assert SealedReport.objects.get().receiver == above_origin
    parcels.parcels_send()
    courier.carry(county, city)
    with unit_context(city):
        (row,) = selectors.sealed_for(above)
        assert services.sealed_open(by=above, report=row.id, private_key=private).words == MARKED
    liar = lodged(MARKED)
    services.case_refer(by=handler("h2"), number=liar.number, origin=above_origin, reason="")
    courier.carry(county, city)
    says(city, origin(), Case.objects.get(number=liar.number).subject, "sealed")
    courier.carry(city, county)
    kept = SealedReport.objects.get()
    assert (kept.receiver, kept.waits) == ("", True)
    keeping.waiting_sealed()
    assert SealedReport.objects.get().waits


def test_a_first_receiver_cannot_have_erased_what_went_up_over_its_head(city, county, courier):
    connect(city, county)
    with unit_context(city):
        (above, private), _ = custodians()
        city_origin = origin()
    Official.objects.create(name="李样本", home=origin())
    words = "李样本拿钱".encode()
    lodged(words)
    courier.carry(county, city)
    with unit_context(city):
        about = Case.objects.get().source_subject
    says(county, city_origin, about, "sealed")
    courier.carry(county, city)
    with unit_context(city):
        assert not Message.objects.exists()
        (row,) = selectors.sealed_for(above)
        assert services.sealed_open(by=above, report=row.id, private_key=private).words == words


def test_a_unit_that_only_handles_a_case_keeps_nothing_once_its_first_receiver_sealed_it(
    county, neighbour, courier
):
    custodians()
    with unit_context(neighbour):
        custodians()
    taken, _ = handed_on(county, neighbour, courier)
    services.case_seal(by=handler("h2"), number=taken.number)
    courier.carry(county, neighbour)
    with unit_context(neighbour):
        assert not Message.objects.exists()
        assert not SealedReport.objects.exists()
    view = selectors.case_by_code(taken.code)
    assert (view.sealed, view.copy_kept) == (True, False)


def test_a_custodian_whom_the_words_name_gets_no_copy(county, neighbour, courier):
    (keeper, _), (other, _) = custodians()
    connect(county, neighbour)
    with unit_context(neighbour):
        there = origin()
    taken = lodged(f"找{keeper.name}没用".encode())
    services.case_refer(by=handler(), number=taken.number, origin=there, reason="")
    says(neighbour, origin(), Case.objects.get().subject, "sealed")
    courier.carry(neighbour, county)
    assert SealedReport.objects.get().waits
    assert selectors.sealed_for(keeper) == selectors.sealed_for(other) == []


def test_what_cannot_be_sealed_is_not_erased(county, neighbour, courier, monkeypatch):
    _taken, about = handed_on(county, neighbour, courier)
    says(neighbour, origin(), about, "sealed")

    def too_large(*_given):
        raise TooLarge

    monkeypatch.setattr(keeping, "parts_of", too_large)
    with pytest.raises(RecordRejected, match="stays"):
        courier.carry(neighbour, county)
    assert bytes(Message.objects.get().octets) == MARKED


def test_photos_that_fill_more_than_one_box_are_sealed_apart(monkeypatch):
    monkeypatch.setattr(boxes, "SIZES", boxes.SIZES[:1])
    content = boxes.Content(words=MARKED, photos=(b"a" * 40_000, b"b" * 40_000))
    words, *photos = keeping.parts_of(content)
    assert (words.words, words.photos) == (MARKED, ())
    assert [part.photos for part in photos] == [(b"a" * 40_000,), (b"b" * 40_000,)]


def test_a_sealed_cases_later_news_is_nobodys_fault(county, neighbour, courier):
    custodians()
    taken, about = handed_on(county, neighbour, courier)
    services.case_seal(by=handler("h2"), number=taken.number)
    says(neighbour, origin(), about, "accepted")
    courier.carry(neighbour, county)
    assert selectors.case_by_code(taken.code).sealed


def test_the_word_answered_without_an_answer_changes_nothing(county, neighbour, courier):
    taken, about = handed_on(county, neighbour, courier)
    before = selectors.channel_figures()
    says(neighbour, origin(), about, "answered")
    says(neighbour, origin(), about, "closed")
    courier.carry(neighbour, county)
    view = selectors.case_by_code(taken.code)
    assert view.state == "in_progress"
    assert view.answer_by.met_on is None
    assert not any(step.state == "answered" for step in view.steps)
    assert selectors.channel_figures() == before


def test_a_case_closed_at_once_may_still_be_rated_and_opened_again():
    by, taken = handler(), lodged()
    services.case_accept(by=by, number=taken.number)
    services.case_answer(by=by, number=taken.number, words="办好了。".encode())
    services.case_close(by=by, number=taken.number)
    assert selectors.case_by_code(taken.code).may_rate
    services.rate(code=taken.code, verdict="unsatisfied")
    assert selectors.case_by_code(taken.code).state == "reopened"
    other = lodged()
    services.case_accept(by=by, number=other.number)
    services.case_answer(by=by, number=other.number, words="办好了。".encode())
    services.case_close(by=by, number=other.number)
    services.rate(code=other.code, verdict="satisfied")
    view = selectors.case_by_code(other.code)
    assert (view.state, view.may_rate, view.verdict_label) == ("closed", False, "满意")
    with pytest.raises(MoveRefused):
        services.rate(code=other.code, verdict="satisfied")


def test_a_case_handed_over_again_after_a_return_waits_there_again(county, neighbour, courier):
    taken, _ = handed_on(county, neighbour, courier)
    with unit_context(neighbour):
        there, there_origin = handler("there"), origin()
        (row,) = selectors.desk_cases(there)
        services.case_return(by=there, number=row.number, reason="不归我们")
    courier.carry(neighbour, county)
    services.case_refer(by=handler("h2"), number=taken.number, origin=there_origin, reason="归你们")
    courier.carry(county, neighbour)
    courier.carry(county, neighbour, again=True)
    with unit_context(neighbour):
        (row,) = selectors.desk_cases(there)
        assert row.state == "received"
        assert selectors.case_for(there, row.number).steps[-1].note == "归你们"


def test_what_goes_back_by_itself_says_nothing_of_names_or_of_opening(city, county, courier):
    connect(city, county)
    with unit_context(county):
        Official.objects.create(name="李样本", home=origin())
        county_origin = origin()
    with unit_context(city):
        by = handler("above")
        taken = lodged("李样本拿钱".encode())
        services.case_refer(by=by, number=taken.number, origin=county_origin, reason="")
    courier.carry(city, county)
    courier.carry(county, city)
    with unit_context(city):
        view = selectors.case_by_code(taken.code)
        assert view.referrals[0].state == "returned"
        assert view.steps[-1].note == "这件事不由本单位承办，请另行安排"
        services.case_refer(by=by, number=taken.number, origin=county_origin, reason="再转")
    courier.carry(city, county)
    courier.carry(county, city)
    with unit_context(city):
        assert selectors.case_by_code(taken.code).referrals[0].state == "returned"
    assert not Message.objects.exists()
    assert selectors.desk_cases(staff("chief", Role.SUPERVISOR)) == []


def test_what_nobody_may_open_at_the_unit_it_was_handed_to_goes_back(county, neighbour, courier):
    connect(county, neighbour)
    with unit_context(neighbour):
        there = origin()
        staff("chief", Role.SUPERVISOR, name="演示督办")
        reader = staff("there", Role.HANDLER)
    by = handler()
    taken = []
    for words in ("隆回的演示督办不管", "路灯坏了"):
        taken.append(lodged(words.encode()))
        services.case_refer(by=by, number=taken[-1].number, origin=there, reason="")
    courier.carry(county, neighbour)
    courier.carry(neighbour, county)
    states = [selectors.case_by_code(one.code).referrals[0].state for one in taken]
    assert states == ["returned", "received"]
    services.follow_up(code=taken[1].code, words="演示督办也来过".encode())
    courier.carry(county, neighbour)
    courier.carry(neighbour, county)
    view = selectors.case_by_code(taken[1].code)
    assert (view.referrals[0].state, view.sealed) == ("returned", False)
    with unit_context(neighbour):
        assert selectors.desk_cases(reader) == []
        assert not Message.objects.exists()
    services.follow_up(code=taken[1].code, words="还在等".encode())
    assert "message" in "".join(courier.carry(county, neighbour))


def test_a_report_whose_keys_were_replaced_on_its_way_is_not_lost(city, county, courier):
    connect(city, county)
    with unit_context(city):
        (keeper, private), (other, _) = custodians()
    courier.carry(city, county)
    accept_all()
    services.sealed_by_staff(by=handler(), words=MARKED, way="box")
    parcels.parcels_send()
    with unit_context(city):
        for one in (keeper, other):
            key = boxes.keys_made()[1]
            services.custodian_register(by=None, staff=one, post="室主任", key=key)
    courier.carry(county, city)
    with unit_context(city):
        (row,) = selectors.sealed_for(keeper)
        assert services.sealed_open(by=keeper, report=row.id, private_key=private).words == MARKED


def test_a_unit_cannot_fill_a_case_with_photos(county, neighbour, courier):
    handed_on(county, neighbour, courier, photos=(photo(), photo(), photo()))
    record = Pending.objects.filter(kind="channel.attachment").first()
    header = decode_header(bytes(record.header))
    more = ReceivedRecord(
        origin=origin(), index=9, commitment="cd" * 32, header=header, body=bytes(record.body)
    )
    with unit_context(neighbour), pytest.raises(RecordRejected, match="all the photos"):
        exchange.apply_attachments([more])
