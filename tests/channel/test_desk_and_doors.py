"""Who may see and do what: handlers, supervisors, custodians, other units; and what sealing leaves."""

from __future__ import annotations

import datetime

import msgspec
import pytest
from django.db import IntegrityError, connection, transaction
from django.utils.timezone import localdate

from minqing.accounts.errors import NotAllowed
from minqing.accounts.models import Role, Staff
from minqing.channel import boxes, parcels, selectors, services, states, upkeep
from minqing.channel.boxes import KeyFault
from minqing.channel.covers import covers
from minqing.channel.errors import (
    FormFault,
    MoveRefused,
    NoReceiver,
    NotDesignated,
    TooLarge,
    UnknownCase,
    UnknownCode,
    WordsFault,
)
from minqing.channel.models import (
    Case,
    Custodian,
    Designation,
    Forgetting,
    Message,
    SealedBox,
    SealedPart,
    SealedReport,
)
from minqing.channel.states import MOVES, State
from sync import ledger
from sync.errors import LedgerFault, RecordRejected
from sync.formats.records import decode_header
from sync.identity import origin
from sync.kinds import ReceivedRecord
from sync.models import Opening, Pending
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

pytestmark = pytest.mark.django_db
ANSWER = "办好了。".encode()


@pytest.fixture(autouse=True)
def _in_the_county(county):
    with unit_context(county):
        yield


STEPS = {
    "list": lambda by, number: selectors.desk_cases(by),
    "read": selectors.case_for,
    "photo": lambda by, number: selectors.photo_for(by, number, "x"),
    "accept": lambda by, number: services.case_accept(by=by, number=number),
    "return": lambda by, number: services.case_return(by=by, number=number, reason="r"),
    "assign": lambda by, number: services.case_assign(by=by, number=number, office="o"),
    "start": lambda by, number: services.case_start(by=by, number=number),
    "ask": lambda by, number: services.case_ask(by=by, number=number, words=b"?"),
    "answer": lambda by, number: services.case_answer(by=by, number=number, words=b"!"),
    "close": lambda by, number: services.case_close(by=by, number=number),
    "mask": lambda by, number: services.message_mask(by=by, number=number, n=0, stretches=[(0, 1)], reason="r"),
    "refer": lambda by, number: services.case_refer(by=by, number=number, origin="x", reason="r"),
    "seal": lambda by, number: services.case_seal(by=by, number=number),
}  # fmt: skip


@pytest.mark.parametrize("role", [Role.CLERK, Role.REVIEWER, Role.CUSTODIAN, Role.OPERATOR])
def test_only_handlers_and_supervisors_come_near_a_case(role):
    taken = lodged()
    by = staff("someone", role)
    for step in STEPS.values():
        with pytest.raises(NotAllowed):
            step(by, taken.number)
    assert Case.objects.get().state == State.RECEIVED
    assert not Pending.objects.filter(kind="accounts.read").exists()


@pytest.mark.parametrize(("note", "fault"), [("a\0b", FormFault), ("长" * 451, TooLarge)])
def test_what_staff_write_beside_a_step_is_kept_whole_or_refused(county, neighbour, note, fault):
    connect(county, neighbour)
    with unit_context(neighbour):
        there = origin()
    by, taken = staff("lead", Role.HANDLER, Role.SUPERVISOR), lodged()
    for step in (
        lambda: services.case_return(by=by, number=taken.number, reason=note),
        lambda: services.case_assign(by=by, number=taken.number, office=note),
        lambda: services.case_start(by=by, number=taken.number, note=note),
        lambda: services.case_close(by=by, number=taken.number, note=note),
        lambda: services.case_refer(by=by, number=taken.number, origin=there, reason=note),
    ):
        with pytest.raises(fault):
            step()
    assert Case.objects.get().state == State.RECEIVED


def test_staff_of_another_unit_are_nobody_here(neighbour):
    taken = lodged()
    with unit_context(neighbour):
        stranger = staff("handler", Role.HANDLER, Role.SUPERVISOR)
        with pytest.raises(UnknownCase):
            selectors.case_for(stranger, taken.number)
        assert selectors.desk_cases(stranger) == []
    staff("handler", Role.HANDLER)
    for name, step in STEPS.items():
        with pytest.raises(NotAllowed):
            pytest.fail(f"{name} let a stranger in: {step(stranger, taken.number)}")


def test_a_number_that_is_not_there_and_one_that_may_not_be_seen_answer_alike():
    by = staff("both", Role.HANDLER, Role.SUPERVISOR)
    taken = lodged()
    Case.objects.update(superior="minqing/430500/00000000")
    for name, step in STEPS.items():
        if name == "list":
            assert step(by, "") == []
            continue
        answers = []
        for number in (taken.number, "2026-XS-none"):
            with pytest.raises(UnknownCase) as refusal:
                step(by, number)
            answers.append(str(refusal.value))
        assert answers[0] == answers[1]


def test_every_reading_is_recorded():
    taken = lodged(photos=(photo(),))
    by = handler()
    case = selectors.case_for(by, taken.number)
    assert selectors.photo_for(by, taken.number, case.photos[0].id)[:2] == b"\xff\xd8"
    readings = Pending.objects.filter(kind="accounts.read", slotted=True)
    assert readings.count() == 2
    assert all(taken.number.encode() not in bytes(row.body) for row in readings)


def test_a_case_walks_its_way():
    taken = lodged()
    by = handler()
    services.case_accept(by=by, number=taken.number, office="交通股")
    services.case_start(by=by, number=taken.number)
    services.case_answer(by=by, number=taken.number, words=ANSWER)
    services.rate(code=taken.code, verdict="satisfied")
    services.case_close(by=by, number=taken.number)
    assert [step.state for step in selectors.case_by_code(taken.code).steps] == [
        "received", "accepted", "in_progress", "answered", "rated", "closed",
    ]  # fmt: skip
    with pytest.raises(MoveRefused):
        services.follow_up(code=taken.code, words=b"more")
    assert selectors.desk_cases(by) == []
    assert [row.number for row in selectors.desk_cases(by, state="closed")] == [taken.number]


def test_an_answer_needs_no_second_click_but_an_acceptance():
    taken = lodged()
    by = handler()
    with pytest.raises(MoveRefused, match="已收到"):
        services.case_answer(by=by, number=taken.number, words=ANSWER)
    assert Message.objects.count() == 1
    services.case_accept(by=by, number=taken.number)
    services.case_answer(by=by, number=taken.number, words=ANSWER)
    with pytest.raises(WordsFault):
        services.case_answer(by=by, number=taken.number, words=b"\xff")


def test_a_case_is_sent_back_twice_at_most_and_then_ruled_on():
    taken = lodged()
    by, chief = handler(), staff("chief", Role.SUPERVISOR)
    with pytest.raises(FormFault, match="理由"):
        services.case_return(by=by, number=taken.number, reason=" ")
    for _ in range(2):
        services.case_return(by=by, number=taken.number, reason="不归我们")
        with pytest.raises(NotAllowed):
            services.case_assign(by=by, number=taken.number, office="水利股")
        services.case_assign(by=chief, number=taken.number, office="水利股")
    assert Case.objects.get().state == State.RULED
    with pytest.raises(MoveRefused, match="两次"):
        services.case_return(by=by, number=taken.number, reason="还是不归")
    services.case_accept(by=by, number=taken.number)
    with pytest.raises(IntegrityError), transaction.atomic():
        Case.objects.update(returns=3)


def test_limits_that_are_met_and_missed_are_told(time_machine):
    from django.utils.timezone import now

    taken = lodged()
    by = handler()
    assert not selectors.desk_cases(by)[0].late
    time_machine.move_to(now() + datetime.timedelta(days=16))
    row = selectors.desk_cases(by, late=True)[0]
    assert row.late
    services.case_accept(by=by, number=taken.number)
    told, answer = selectors.case_for(by, taken.number).deadlines
    assert told.late
    assert told.met_on == localdate()
    assert not answer.late
    assert "信访工作条例" in answer.basis


def test_what_came_unproven_from_a_crowded_line_is_listed_after_the_others():
    first = lodged(behind=True)
    second = lodged()
    assert [row.number for row in selectors.desk_cases(handler())] == [second.number, first.number]


def test_the_shown_copy_is_masked_and_the_original_is_not_touched():
    words = "找 13900000000 王示例\r\n".encode()
    taken = lodged(words)
    by = handler()
    services.message_mask(by=by, number=taken.number, n=0, stretches=[(2, 11)], reason="第三人电话")
    message = selectors.case_for(by, taken.number).messages[0]
    assert message.text == "找 ■■■■■■■■■■■ 王示例\r\n"
    assert message.octets == words
    assert selectors.desk_cases(by)[0].summary.startswith("找 ■")
    record = Pending.objects.get(kind="channel.mask")
    assert message.commitment.encode() in bytes(record.body)
    for stretches in ([(0, 0)], [(0, 99)], [(-1, 2)], [(0, 3), (2, 2)], []):
        with pytest.raises(FormFault):
            services.message_mask(by=by, number=taken.number, n=0, stretches=stretches, reason="r")


def test_a_table_of_moves_with_a_hole_is_refused():
    with pytest.raises(ValueError, match="line"):
        states._check({State.RECEIVED: frozenset()})
    with pytest.raises(ValueError, match="Sealing"):
        states._check(
            {**MOVES, State.ANSWERED: frozenset({State.RATED, State.CLOSED, State.IN_PROGRESS})}
        )
    with pytest.raises(ValueError, match="No move leads"):
        states._check({state: onward - {State.RULED} for state, onward in MOVES.items()})
    with pytest.raises(ValueError, match="follow sealing"):
        states._check({**MOVES, State.SEALED: frozenset({State.RECEIVED})})


# --- the second door ----------------------------------------------------------------------------


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


def test_a_report_sealed_here_reaches_the_custodians_above_in_parcels_of_one_size(county, city):
    courier = Courier()
    connect(city, county)
    with unit_context(city):
        (keeper, private), _ = custodians()
    courier.carry(city, county)
    accept_all()
    parcels.parcels_send()
    taken = lodged(MARKED, photos=(photo(),))
    large = b"x" * 100_000 + b" " + bytes(range(65, 90)) * 4
    by = handler()
    services.case_seal(by=by, number=taken.number)
    services.sealed_by_staff(by=by, words=large, way="box")
    for _ in range(5):
        parcels.parcels_send()
    bodies = [bytes(row.body) for row in Pending.objects.filter(kind="channel.parcel")]
    assert len(bodies) == 6
    assert len({len(body) for body in bodies}) == 1
    assert not SealedReport.objects.exists()
    courier.carry(county, city)
    courier.carry(county, city, again=True)
    with unit_context(city):
        opened = [
            services.sealed_open(by=keeper, report=row.id, private_key=private).words
            for row in selectors.sealed_for(keeper)
        ]
        assert sorted(opened) == sorted([MARKED, large])
        assert not SealedPart.objects.exists()


def test_a_parcel_for_somebody_else_is_refused(county, city, neighbour):
    connect(city, county)
    courier = Courier()
    with unit_context(city):
        custodians()
    courier.carry(city, county)
    accept_all()
    parcels.parcels_send()
    row = Pending.objects.get(kind="channel.parcel")
    header = decode_header(bytes(row.header))
    for body in (bytes(row.body), b"", bytes(row.body)[:-1]):
        record = ReceivedRecord(
            origin=header.origin, index=0, commitment="ab" * 32, header=header, body=body
        )
        with unit_context(neighbour), pytest.raises(RecordRejected):
            parcels.apply_parcels([record])


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
