"""What handlers see. One narrow place decides which cases those are; every reading is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Prefetch, Q
from django.utils import timezone

from minqing.accounts.audit import read_recorded
from minqing.accounts.models import Role
from minqing.accounts.permissions import require
from minqing.channel import roster
from minqing.channel.errors import UnknownCase, UnknownCode
from minqing.channel.models import Case, Message, Purpose, Sender
from minqing.channel.selectors.reporter import photo_of
from minqing.channel.selectors.shown import (
    deadlines_of,
    messages_of,
    photos_of,
    referrals_of,
    shown_text,
    steps_of,
    verdict_of,
)
from minqing.channel.states import MAX_RETURNS, MOVES, OPEN, State
from minqing.channel.values import DeskCase, DeskRow
from sync.models.exchange import Peer

if TYPE_CHECKING:
    import datetime

    from django.db.models import QuerySet

    from minqing.accounts.models import Staff

READERS = (Role.HANDLER, Role.SUPERVISOR)
_SUMMARY = 60
_AT_A_TIME = 200


def visible_cases(by: Staff) -> QuerySet[Case]:
    """The cases this person may know of: none that only the superior opens, none that was sealed.

    What names somebody here and waits for a unit above is known to supervisors who are not named.
    """
    open_to_them = Q(kept_from=None)
    if by.has_role(Role.SUPERVISOR):
        open_to_them |= ~Q(kept_from__contains=[by.pk])
    return Case.objects.filter(open_to_them, superior="").exclude(state=State.SEALED)


def case_locked(by: Staff, number: str) -> Case:
    """Return a case visible to this person, locked, inside a transaction; the caller has checked the role.

    Raises:
        UnknownCase: there is none of that number that they may know of.
    """
    case = visible_cases(by).select_for_update(of=("self",)).filter(number=number).first()
    if case is None or names_them(case, by):
        raise UnknownCase
    return case


def desk_cases(
    by: Staff, *, state: str = "", late: bool = False, limit: int = 200
) -> list[DeskRow]:
    """Return the queue: pressed first, then by the next limit; what came unproven from a crowded line last.

    ``state`` picks one state; without it, all in which something is owed. ``late`` picks those past a limit.

    Raises:
        NotAllowed: ``by`` is no handler or supervisor of this unit.
    """
    by = require(by, *READERS)
    states = [state] if state in State.values else [str(value) for value in OPEN]
    cases = visible_cases(by).filter(state__in=states).select_related("place__within")
    names = unit_names()
    first = Prefetch("messages", queryset=Message.objects.filter(purpose=Purpose.REPORT))
    rows = [
        _row(case, names, timezone.localdate())
        for case in cases.prefetch_related(
            "deadlines", "referrals", first, "messages__masks"
        ).iterator(chunk_size=_AT_A_TIME)  # a flood of long reports must not fill the memory
        if not any(roster.is_named(bytes(message.octets), by) for message in case.messages.all())
    ]
    rows.sort(key=lambda row: (row.behind, not row.pressed, row.due is None, row.due, row.number))
    return [row for row in rows if row.late or not late][:limit]


def case_for(by: Staff, number: str) -> DeskCase:
    """Return one case whole and record that it was read.

    Raises:
        NotAllowed: ``by`` is no handler or supervisor of this unit.
        UnknownCase: there is none of that number that they may know of.
    """
    by = require(by, *READERS)
    case = _visible(by, number)
    read_recorded(by, "case", case.subject)
    return DeskCase(
        number=case.number, state=case.state, label=str(State(case.state).label), kind_label=str(case.get_kind_display()),
        way_label=str(case.get_way_display()), place=case.where, day=case.day, contact=case.contact, office=case.office,
        returns=case.returns, messages=messages_of(case), photos=photos_of(case), steps=steps_of(case),
        deadlines=deadlines_of(case), referrals=referrals_of(case), from_unit=unit_names().get(case.source, ""),
        verdict_label=verdict_of(case), moves=moves_for(by, case), may_refer=case.state in OPEN, may_seal=True,
    )  # fmt: skip


def photo_for(by: Staff, number: str, photo: str) -> bytes:
    """Return a photo's shown copy (JPEG) to a handler; the reading is recorded.

    Raises:
        NotAllowed, UnknownCase: as for the case.
    """
    by = require(by, *READERS)
    case = _visible(by, number)
    read_recorded(by, "photo", case.subject)
    try:
        return photo_of(case, photo)
    except UnknownCode as error:
        raise UnknownCase from error


def moves_for(by: Staff, case: Case) -> tuple[str, ...]:
    """Return the states to which this person may bring the case now."""
    onward = set(MOVES[State(case.state)]) - {State.SEALED, State.RATED, State.REOPENED}
    if case.state == State.RETURNED:
        spent = case.returns >= MAX_RETURNS
        onward -= {State.RECEIVED} if spent or not by.has_role(Role.SUPERVISOR) else {State.RULED}
        if not by.has_role(Role.SUPERVISOR):
            onward -= {State.RULED}
    return tuple(sorted(onward))


def unit_names() -> dict[str, str]:
    """Return the names of the units we are or were connected with, by origin."""
    return dict(Peer.objects.values_list("origin", "name"))


def _visible(by: Staff, number: str) -> Case:
    case = visible_cases(by).select_related("place__within").filter(number=number).first()
    if case is None or names_them(case, by):
        raise UnknownCase
    return case


def names_them(case: Case, by: Staff) -> bool:
    """Say whether the reporter's words name this person, who may have come here, or by that name, after the report."""
    said = case.messages.filter(sender=Sender.CITIZEN).values_list("octets", flat=True)
    return any(roster.is_named(bytes(octets), by) for octets in said)


def _row(case: Case, names: dict[str, str], today: datetime.date) -> DeskRow:
    limits = [limit for limit in case.deadlines.all() if limit.met_on is None]
    next_limit = min(limits, key=lambda limit: limit.day) if limits else None
    first = next(iter(case.messages.all()), None)
    return DeskRow(
        number=case.number, state=case.state, label=str(State(case.state).label), kind_label=str(case.get_kind_display()),
        place=case.where, day=case.day, summary=shown_text(first)[:_SUMMARY] if first is not None else "",
        due=next_limit.day if next_limit else None, provisional=next_limit is not None and next_limit.provisional,
        late=next_limit is not None and next_limit.day < today, pressed=case.pressed_on is not None,
        escalated=case.escalated_on is not None, from_unit=names.get(case.source, case.source),
        referred_to="、".join(referral.name for referral in case.referrals.all()), behind=case.behind,
    )  # fmt: skip
