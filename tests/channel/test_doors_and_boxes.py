"""The second door: designations, custodians, sealed forms and boxes, here and at units above."""

from __future__ import annotations

import pytest
from django.db import connection
from django.utils.timezone import localdate

from minqing.accounts.errors import NotAllowed
from minqing.accounts.models import Role, Staff
from minqing.channel import boxes, selectors, services, upkeep
from minqing.channel.boxes import KeyFault
from minqing.channel.errors import (
    FormFault,
    MoveRefused,
    NoReceiver,
    NotDesignated,
    UnknownCase,
)
from minqing.channel.models import (
    Case,
    Custodian,
    Designation,
    SealedBox,
    SealedReport,
)
from minqing.channel.states import State
from sync.errors import LedgerFault
from sync.identity import origin
from sync.models import Pending
from tenants.current import unit_context
from tests.support.channel import (
    MARKED,
    Courier,
    accept_all,
    connect,
    custodians,
    handler,
    lodged,
    photo,
    staff,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_county")]


def test_without_a_designation_there_are_the_numbers_only():
    door = selectors.competent_receivers()
    assert [number.value for number in door.numbers] == ["12388", "12380"]
    assert door.receivers == ()
    with pytest.raises(NotDesignated):
        services.sealed_lodge(words=MARKED)
    taken = lodged()
    with pytest.raises(NoReceiver):
        services.case_seal(by=handler(), number=taken.number)
    assert Case.objects.get().state == State.RECEIVED


def test_a_designation_needs_two_custodians_of_different_offices():
    operator = staff("op", Role.OPERATOR)
    with pytest.raises(FormFault, match="两名"):
        services.designation_enter(by=operator, document="d", issuer="i", day=localdate())
    keeper, twin = (
        staff("k1", Role.CUSTODIAN, office="纪检"),
        staff("k2", Role.CUSTODIAN, office="纪检"),
    )
    _, public = boxes.keys_made()
    second = staff("op2", Role.OPERATOR)
    for by, post, counts in ((operator, "主任", False), (operator, "主任", False), (second, "主人", False), (operator, "主任", False), (second, "主任", True)):  # fmt: skip
        made = services.custodian_register(by=by, staff=keeper, post=post, key=public)
        assert made is counts  # nobody alone, nor two who say different things
        assert Custodian.objects.filter(staff=keeper).exists() is counts
    with pytest.raises(FormFault, match="不同"):
        services.custodian_register(by=operator, staff=twin, post="主任", key=boxes.keys_made()[1])
    with pytest.raises(KeyFault):
        services.custodian_register(
            by=operator, staff=staff("k3", Role.CUSTODIAN, office="组织"), post="主任", key=public
        )
    with pytest.raises(KeyFault):
        services.custodian_register(by=operator, staff=keeper, post="主任", key="not a key")
    with pytest.raises(NotAllowed):
        services.custodian_register(by=keeper, staff=keeper, post="主任", key=public)


def test_the_form_closes_when_a_custodians_account_is_shut_or_loses_the_role():
    operator = staff("op", Role.OPERATOR)
    keepers = [
        staff(f"k{n}", Role.CUSTODIAN, office=office) for n, office in enumerate(("纪检", "组织"))
    ]
    for keeper in keepers:
        services.custodian_register(by=None, staff=keeper, post="主任", key=boxes.keys_made()[1])
    services.designation_enter(by=operator, document="d", issuer="i", day=localdate())
    assert selectors.own_form_open()
    for change in ({"is_active": False}, {"is_active": True, "roles": [Role.CLERK]}):
        Staff.objects.filter(pk=keepers[0].pk).update(**change)
        assert not selectors.own_form_open()
        with pytest.raises(NotDesignated):
            services.sealed_lodge(words=MARKED)
    Staff.objects.filter(pk=keepers[0].pk).update(roles=[Role.CUSTODIAN])
    assert selectors.own_form_open()


def test_a_sealed_report_is_stored_for_its_custodians_eyes_only():
    (keeper, private), (other, other_private) = custodians()
    lodged_sealed = services.sealed_lodge(words=MARKED, contact="李样本", photos=(photo(),))
    assert lodged_sealed.openers == ("纪检 · 室主任", "组织 · 室主任")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(t::text, '') FROM (SELECT row_to_json(b) t FROM channel_sealedbox b) x"
        )
        assert MARKED.hex() not in cursor.fetchone()[0]
    assert {len(bytes(box.box)) - 48 for box in SealedBox.objects.all()} == {boxes.SIZES[0]}
    (row,) = selectors.sealed_for(keeper)
    content = services.sealed_open(by=keeper, report=row.id, private_key=private)
    assert (content.words, content.contact) == (MARKED, "李样本")
    assert selectors.sealed_for(other)[0].opened_by_others == 1
    assert selectors.sealed_by_code(lodged_sealed.code).openings == 1
    assert Pending.objects.filter(kind="accounts.read").count() == 1
    with pytest.raises(UnknownCase):
        services.sealed_open(by=keeper, report=row.id, private_key=other_private)
    with pytest.raises(UnknownCase):
        services.sealed_open(by=other, report=row.id, private_key=boxes.keys_made()[0])
    with pytest.raises(KeyFault):
        services.sealed_open(by=keeper, report=row.id, private_key="x")
    for outsider in (handler(), staff("s", Role.SUPERVISOR, Role.OPERATOR)):
        with pytest.raises(NotAllowed):
            selectors.sealed_for(outsider)
        with pytest.raises(NotAllowed):
            services.sealed_open(by=outsider, report=row.id, private_key=private)


def test_boxes_have_one_of_few_sizes():
    custodians()
    services.sealed_lodge(words=b"x")
    services.sealed_lodge(words=b"y" * 60_000)
    services.sealed_lodge(words=b"z" * 70_000)
    assert {len(bytes(box.box)) - 48 for box in SealedBox.objects.all()} == set(boxes.SIZES[:2])


def test_a_sealed_report_leaves_no_count_number_or_record():
    custodians()
    before = list(Pending.objects.values_list("commitment", flat=True))
    figures = selectors.channel_figures()
    services.sealed_lodge(words=MARKED)
    assert list(Pending.objects.values_list("commitment", flat=True)) == before
    assert selectors.channel_figures() == figures
    assert selectors.desk_cases(handler()) == []
    assert not Case.objects.exists()


def test_connected_units_show_who_may_open_and_never_this_units_own_people(county, city):
    courier = Courier()
    connect(city, county)
    with unit_context(city):
        custodians()
    courier.carry(city, county)
    assert selectors.competent_receivers().receivers == ()
    with pytest.raises(NoReceiver):
        services.sealed_by_staff(by=handler(), words=MARKED, way="box")
    operator = staff("op3", Role.OPERATOR)
    (offered,) = selectors.foreign_designations(operator)
    assert (offered.name, offered.superior, offered.accepted_on) == ("邵阳市", True, None)
    with pytest.raises(NotAllowed):
        services.receiver_accept(by=staff("sup", Role.SUPERVISOR), commitment=offered.commitment)
    with pytest.raises(NotDesignated):
        services.receiver_accept(by=operator, commitment="0" * 64)
    assert not services.receiver_accept(
        by=staff("op4", Role.OPERATOR), commitment=offered.commitment
    )
    assert selectors.competent_receivers().receivers == ()
    assert services.receiver_accept(by=operator, commitment=offered.commitment)
    with pytest.raises(MoveRefused):
        services.receiver_accept(by=operator, commitment=offered.commitment)
    assert selectors.foreign_designations(operator)[0].accepted_by == operator.name
    (receiver,) = selectors.competent_receivers().receivers
    assert (receiver.name, receiver.address, receiver.openers[0]) == (
        "邵阳市",
        "http://shaoyang.localhost",
        "纪检 · 室主任",
    )
    assert "演示keeper0" not in str(receiver)
    Designation.objects.update(name="邵阳市纪律检查委员会")
    (receiver,) = selectors.competent_receivers().receivers
    assert receiver.name == "邵阳市", "a unit stands under the name it was accepted with"
    services.receiver_end(by=operator, commitment=offered.commitment)
    assert selectors.competent_receivers().receivers == ()
    services.receiver_accept(by=None, commitment=offered.commitment)
    with unit_context(city):
        services.designation_withdraw(by=staff("op2", Role.OPERATOR))
        with pytest.raises(NotDesignated):
            services.sealed_lodge(words=MARKED)
    courier.carry(city, county)
    assert selectors.competent_receivers().receivers == ()


def test_a_later_document_or_other_keys_of_the_same_unit_are_accepted_anew(county, city):
    courier = Courier()
    connect(city, county)
    with unit_context(city):
        (keeper, _private), _ = custodians()
    courier.carry(city, county)
    accept_all()
    assert len(selectors.competent_receivers().receivers) == 1
    with unit_context(city):
        services.custodian_register(by=None, staff=keeper, post="室主任", key=boxes.keys_made()[1])
    courier.carry(city, county)
    assert selectors.competent_receivers().receivers == ()
    accept_all()
    assert len(selectors.competent_receivers().receivers) == 1
    with unit_context(city):
        services.custodian_end(by=None, staff=keeper)
        assert selectors.competent_receivers().receivers == ()
    courier.carry(city, county)
    assert selectors.foreign_designations(None) == []


def test_the_unit_above_comes_first_then_this_one_then_others(county, city, neighbour):
    courier = Courier()
    connect(neighbour, county)
    connect(city, county)
    for unit in (neighbour, city):
        with unit_context(unit):
            custodians()
        courier.carry(unit, county)
    custodians()
    accept_all()
    names = [receiver.name for receiver in selectors.competent_receivers().receivers]
    assert names == ["邵阳市", "新邵县", "隆回县"]
    services.sealed_by_staff(by=handler(), words=MARKED, way="box")
    with unit_context(city):
        above = origin()
    assert SealedReport.objects.get().receiver == above


def test_paper_and_telephone_are_typed_straight_into_a_box():
    (keeper, private), _ = custodians()
    clerk = staff("clerk", Role.CLERK)
    services.sealed_by_staff(by=clerk, words=MARKED, way="phone")
    content = services.sealed_open(
        by=keeper, report=selectors.sealed_for(keeper)[0].id, private_key=private
    )
    assert (content.words, content.taken_by, content.way) == (MARKED, ("演示clerk",), "phone")
    with pytest.raises(NotAllowed):
        services.sealed_by_staff(by=keeper, words=MARKED, way="phone")


def test_an_erasure_without_its_records_is_refused():
    with pytest.raises(LedgerFault):
        upkeep.erasure.erase(["ab" * 32], basis=upkeep.BASIS)


def test_a_unit_is_set_up_from_the_command_line(capsys, tmp_path, county):
    from django.core.management import CommandError, call_command

    for username, office in (("k1", "纪检"), ("k2", "组织")):
        staff(username, Role.CUSTODIAN, office=office)
        call_command("channel", "keys")
        public = capsys.readouterr().out.split("public  ")[1].split("\n")[0]
        call_command(
            "channel", "custodian", username, public, "--post", "主任", "--unit", county.code
        )
    call_command(
        "channel",
        "designate",
        "邵纪发〔2026〕1号",
        "--issuer",
        "市纪委监委",
        "--day",
        "2026-11-01",
        "--unit",
        county.code,
    )
    with unit_context(county):
        assert selectors.own_form_open()
        call_command("channel", "withdraw", "--unit", county.code)
    with unit_context(county):
        assert not selectors.own_form_open()
    places = tmp_path / "places.csv"
    places.write_text("code,name,within\n430522100,新镇,\n")
    call_command("channel", "places", str(places), "--unit", county.code)
    places.write_bytes(b"\xff\xff")
    for wrong in (
        ("places", str(places), "--unit", county.code), ("places", str(tmp_path / "none"), "--unit", county.code),
        ("withdraw", "--unit", county.code), ("withdraw", "--unit", "999999"),
        ("custodian", "nobody", "x", "--post", "p", "--unit", county.code),
    ):  # fmt: skip
        with pytest.raises(CommandError):
            call_command("channel", *wrong)
