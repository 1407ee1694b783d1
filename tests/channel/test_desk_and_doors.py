"""Who may see and do what at the desk: handlers, supervisors, other units; how a case walks its way."""

from __future__ import annotations

import datetime

import pytest
from django.db import IntegrityError, transaction
from django.utils.timezone import localdate

from minqing.accounts.errors import NotAllowed
from minqing.accounts.models import Role
from minqing.channel import selectors, services, states
from minqing.channel.errors import (
    FormFault,
    MoveRefused,
    TooLarge,
    UnknownCase,
    WordsFault,
)
from minqing.channel.models import (
    Case,
    Message,
)
from minqing.channel.states import MOVES, State
from sync.identity import origin
from sync.models import Pending
from tenants.current import unit_context
from tests.support.channel import (
    connect,
    handler,
    lodged,
    photo,
    staff,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_county")]
ANSWER = "办好了。".encode()


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
