"""Every service and every desk read against every role; whoever is not named is refused."""

from __future__ import annotations

import inspect
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from minqing.accounts.errors import NotAllowed
from minqing.accounts.models import Role, Staff
from minqing.accounts.services import staff_disable
from minqing.archives import errors, selectors, services
from minqing.archives.importing import official_import
from minqing.archives.matrix import PlanItem, Source
from tenants.current import unit_context
from tests.support.archives import DAY, Office, staff, wording

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_county")]
NONE = uuid.UUID(int=0)
NOWHERE = "ab" * 32
POST: dict[str, Any] = {"unit_name": "坪上镇", "title": "镇长", "from_month": "202403"}
PLAN: dict[str, Any] = {
    "item": PlanItem.PLEDGE,
    "document_number": "1号",
    "document_title": "方案",
    "document_day": DAY,
}

WRITES = {
    "official_create": ({Role.CLERK}, lambda by: services.official_create(by=by, name="李样本")),
    "official_edit": (
        {Role.CLERK},
        lambda by: services.official_edit(by=by, official=NONE, name="李样本"),
    ),
    "post_add": ({Role.CLERK}, lambda by: services.post_add(by=by, official=NONE, **POST)),
    "post_edit": (
        {Role.CLERK},
        lambda by: services.post_edit(by=by, official=NONE, post=0, **POST),
    ),
    "post_remove": ({Role.CLERK}, lambda by: services.post_remove(by=by, official=NONE, post=0)),
    "official_publish": (
        {Role.REVIEWER},
        lambda by: services.official_publish(by=by, official=NONE),
    ),
    "official_withdraw": (
        {Role.REVIEWER},
        lambda by: services.official_withdraw(by=by, official=NONE, reason="x"),
    ),
    "entry_draft": (
        {Role.CLERK},
        lambda by: services.entry_draft(by=by, source=Source.VISIT, wording=wording()),
    ),
    "entry_edit": (
        {Role.CLERK},
        lambda by: services.entry_edit(by=by, entry=NONE, wording=wording()),
    ),
    "entry_submit": ({Role.CLERK}, lambda by: services.entry_submit(by=by, entry=NONE)),
    "entry_return": (
        {Role.REVIEWER},
        lambda by: services.entry_return(by=by, entry=NONE, reason="x"),
    ),
    "entry_publish": ({Role.REVIEWER}, lambda by: services.entry_publish(by=by, entry=NONE)),
    "entry_correct": (
        {Role.CLERK},
        lambda by: services.entry_correct(by=by, entry=NONE, wording=wording(), reason="x"),
    ),
    "entry_withdraw": (
        {Role.REVIEWER},
        lambda by: services.entry_withdraw(by=by, entry=NONE, reason="x"),
    ),
    "reply_attach": (
        {Role.CLERK},
        lambda by: services.reply_attach(by=by, entry=NONE, text="x", day=DAY),
    ),
    "reply_publish": ({Role.REVIEWER}, lambda by: services.reply_publish(by=by, reply=NONE)),
    "official_offer": (
        {Role.SUPERVISOR},
        lambda by: services.official_offer(by=by, official=NONE, to="x"),
    ),
    "offer_accept": ({Role.SUPERVISOR}, lambda by: services.offer_accept(by=by, offer=NOWHERE)),
    "offer_cancel": (
        {Role.SUPERVISOR},
        lambda by: services.offer_cancel(by=by, offer=NOWHERE, reason="x"),
    ),
    "notice_give": (
        {Role.SUPERVISOR},
        lambda by: services.notice_give(by=by, official=NONE, to="x", reason="x"),
    ),
    "notice_object": (
        {Role.SUPERVISOR},
        lambda by: services.notice_object(by=by, notice=NOWHERE, reason="x"),
    ),
    "order_enter": (
        {Role.SUPERVISOR},
        lambda by: services.order_enter(by=by, notice=NOWHERE, document_number="1号"),
    ),
    "order_confirm": (
        {Role.SUPERVISOR},
        lambda by: services.order_confirm(by=by, notice=NOWHERE),
    ),
    "entry_records": (
        {Role.SUPERVISOR},
        lambda by: services.entry_records(by=by, entry=NONE),
    ),
    "official_records": (
        {Role.SUPERVISOR},
        lambda by: services.official_records(by=by, official=NONE),
    ),
    "erasure_enter": (
        {Role.SUPERVISOR},
        lambda by: services.erasure_enter(by=by, commitments=[NOWHERE], basis="x"),
    ),
    "erasure_confirm": (
        {Role.SUPERVISOR},
        lambda by: services.erasure_confirm(by=by, entry=NONE),
    ),
    "erasure_drop": ({Role.SUPERVISOR}, lambda by: services.erasure_drop(by=by, entry=NONE)),
    "erasures_entered": ({Role.SUPERVISOR}, services.erasures_entered),
    "plan_enter": ({Role.SUPERVISOR}, lambda by: services.plan_enter(by=by, **PLAN)),
    "plan_end": ({Role.SUPERVISOR}, lambda by: services.plan_end(by=by, item=PlanItem.PLEDGE)),
}
READERS = {Role.CLERK, Role.REVIEWER, Role.SUPERVISOR}
READS = {
    "desk_entries": (READERS, selectors.desk_entries),
    "desk_entry": (READERS, lambda by: selectors.desk_entry(by, NONE)),
    "desk_officials": (READERS, selectors.desk_officials),
    "desk_official": (READERS, lambda by: selectors.desk_official(by, NONE)),
    "desk_handovers": (READERS, selectors.desk_handovers),
    "desk_handover": (READERS, lambda by: selectors.desk_handover(by, NONE)),
    "officials_below": (READERS, selectors.officials_below),
    "plan_lines": (READERS, selectors.plan_lines),
}
OTHER = {
    "official_import": ({Role.CLERK}, lambda by: official_import(by=by, files=[], apply=False))
}
DOORS: dict[str, Any] = {**WRITES, **READS, **OTHER}


def test_every_door_is_in_the_table():
    assert {
        name
        for name in services.__all__
        if "by" in inspect.signature(getattr(services, name)).parameters
    } == set(WRITES)
    assert {
        name
        for name in selectors.__all__
        if "by" in inspect.signature(getattr(selectors, name)).parameters
    } == set(READS)


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("door", list(DOORS))
def test_a_role_opens_its_own_doors_only(door, role):
    allowed, act = DOORS[door]
    by = staff("somebody", role)
    if role in allowed:
        try:
            act(by)
        except errors.ArchiveError:  # let in, and told that there is no such thing
            return
    else:
        with pytest.raises(NotAllowed):
            act(by)


@pytest.mark.parametrize("door", list(DOORS))
def test_nobody_the_dismissed_and_the_neighbours_staff_are_refused(door, neighbour):
    act = DOORS[door][1]
    dismissed = staff("dismissed", *Role)
    staff_disable(staff=Staff.objects.get(pk=dismissed.pk))
    with unit_context(neighbour):
        stranger = staff("dismissed", *Role)
    for by in (
        None,
        AnonymousUser(),
        Staff(username="made-up", roles=list(Role)),
        dismissed,
        stranger,
    ):
        with pytest.raises(NotAllowed):
            act(by)


def test_a_role_that_was_taken_away_counts_at_once():
    office = Office()
    entry = office.submitted()
    Staff.objects.filter(username="reviewer").update(roles=[Role.HANDLER])
    with pytest.raises(NotAllowed):
        services.entry_publish(by=office.reviewer, entry=entry)
