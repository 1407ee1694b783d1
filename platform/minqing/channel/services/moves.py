"""The one way in which a case moves, and the messages that go with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from minqing.channel.errors import MoveRefused
from minqing.channel.frames import MEDIA_TYPE, frame_encode
from minqing.channel.models import Case, Message, Purpose, Sender, Step, Tally
from minqing.channel.models.tally import DAYS
from minqing.channel.services.records import JSON, TEXT, json_body, own_record, record_for
from minqing.channel.states import (
    ANSWER_RULE,
    MAX_RETURNS,
    RETURN_RULE,
    TELL_FORWARDED_RULE,
    TELL_RULE,
    State,
    may_move,
)
from minqing.channel.travelling import MessageDetails, Status
from tenants.current import current_unit

if TYPE_CHECKING:
    import datetime

    from minqing.accounts.models import Staff

_TELLS = {State.ACCEPTED, State.IN_PROGRESS, State.ANSWERED}


def move(
    case: Case,
    state: State,
    *,
    note: str = "",
    by: Staff | None = None,
    unit: str = "",
    told_by: str = "",
    verdict: str = "",
) -> None:
    """Bring a locked case to a state, with its step, its deadlines, its counters and the word to its first receiver.

    ``unit`` names the unit that took the step, this one by default; ``told_by`` is the origin whose record
    brought the move, which is not told again.

    Raises:
        MoveRefused: the state does not follow; nothing was changed.
    """
    again = case.state == State.RETURNED and state is State.RECEIVED
    if not may_move(case.state, state) or (again and case.returns >= MAX_RETURNS):
        raise MoveRefused(
            _("这件事现在是“%(now)s”，不能改为“%(then)s”。")
            % {"now": State(case.state).label, "then": state.label}
        )
    today = timezone.localdate()
    case.state = state
    case.save(update_fields=["state"])
    step_add(case, state, note=note, by=by, unit=unit)
    if state in _TELLS:
        case.deadlines.filter(
            rule__in=[TELL_RULE, TELL_FORWARDED_RULE, RETURN_RULE], met_on=None
        ).update(met_on=today)
    if counts(case):
        _count(case, state, today)
    if state is State.ANSWERED:
        case.deadlines.filter(rule=ANSWER_RULE, met_on=None).update(met_on=today)
    for origin in _to_be_told(case, state):
        if origin != told_by:
            status_tell(case, origin, state=state, note=note, verdict=verdict)


def _to_be_told(case: Case, state: State) -> list[str]:
    """The first receiver hears every move; units it was handed to hear what only the reporter can bring."""
    told = [case.source] if case.source else []
    if state in {State.RATED, State.REOPENED, State.CLOSED}:
        told += case.referrals.values_list("origin", flat=True)
    return told


def status_tell(
    case: Case, origin: str, *, state: str, note: str = "", verdict: str = "", pressed: bool = False
) -> None:
    """Append the record that tells one unit where the case stands."""
    status = Status(
        about=case.source_subject if origin == case.source else case.subject,
        state=state, note=note, day=timezone.localdate().isoformat(), verdict=verdict, pressed=pressed,
    )  # fmt: skip
    record_for(origin, "channel.status", case.subject, json_body(status), JSON)


def step_add(
    case: Case, state: str, *, note: str = "", by: Staff | None = None, unit: str = ""
) -> None:
    """Write one line of the course."""
    last = case.steps.aggregate(last=Max("n"))["last"]
    Step.objects.create(
        case=case, n=0 if last is None else last + 1, state=state, note=note[:500], by=by,
        unit=unit or current_unit().name, day=timezone.localdate(),
    )  # fmt: skip


def message_add(case: Case, sender: Sender, purpose: Purpose, octets: bytes) -> Message:
    """Keep a message as its octets, commit to them in the ledger, and hand them to the units concerned."""
    kind = "channel.words" if sender is Sender.CITIZEN else "channel.answer"
    commitment = own_record(kind, case.subject, octets, TEXT)
    message_hand_on(case, sender, purpose, octets)
    return message_keep(case, sender, purpose, octets, commitment, timezone.localdate())


def message_hand_on(
    case: Case, sender: Sender, purpose: Purpose, octets: bytes, *, told_by: str = ""
) -> None:
    """Append the octets for the units concerned, but not for ``told_by``, which sent them."""
    for origin in _correspondents(case, sender):
        if origin == told_by:
            continue
        details = MessageDetails(
            about=case.source_subject if origin == case.source else case.subject,
            purpose=purpose, day=timezone.localdate().isoformat(),
        )  # fmt: skip
        record_for(
            origin, "channel.message", case.subject, frame_encode(details, octets), MEDIA_TYPE
        )


def message_keep(
    case: Case, sender: str, purpose: str, octets: bytes, commitment: str, day: datetime.date
) -> Message:
    """Write the row of a message whose record stands already."""
    last = case.messages.aggregate(last=Max("n"))["last"]
    return Message.objects.create(
        case=case,
        n=0 if last is None else last + 1,
        sender=sender,
        purpose=purpose,
        octets=octets,
        commitment=commitment,
        day=day,
    )


def _correspondents(case: Case, sender: Sender) -> list[str]:
    """Citizen's words go down to the units that handle the case; staff's words go up to the first receiver."""
    if sender is Sender.CITIZEN:
        return list(case.referrals.values_list("origin", flat=True))
    return [case.source] if case.source else []


def _count(case: Case, state: State, today: datetime.date) -> None:
    """Count a move of our own case. What was sent back counts from the acceptance on, as everything does.

    After how many days the first answer came is counted by the month: with the day, it would tell the day of the report.
    """
    if state is State.ACCEPTED:
        tally("accepted", today)
        if case.returns:
            tally("returned", today, case.returns)
    if state is State.REOPENED:
        tally("reopened", today)
    if state is State.ANSWERED:
        tally("answered", today)
        if case.deadlines.filter(rule=ANSWER_RULE, met_on=None, day__gte=today).exists():
            tally("in_time", today)
        if case.steps.filter(state=State.ANSWERED).count() == 1:
            tally(f"{DAYS}{max(0, (today - case.day).days)}", today.replace(day=1))


def counts(case: Case) -> bool:
    """Say whether a case may move a public figure: not one that this unit's desk does not know of.

    Who works at the desk holds the figures against its own list: what they are more by would be reports that name somebody here.
    """
    return not case.source and not case.superior and case.kept_from is None


def tally(name: str, day: datetime.date, n: int = 1) -> None:
    """Count more for the figures."""
    Tally.objects.create(day=day, name=name, n=n)


def tallies_add_up(today: datetime.date) -> None:
    """Make one row of each counter of the days before; part of the daily upkeep. What is added meanwhile waits a day."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH gone AS (DELETE FROM channel_tally WHERE (day, name) IN"
            " (SELECT day, name FROM channel_tally WHERE day < %s GROUP BY day, name HAVING count(*) > 1)"
            " RETURNING day, name, n) SELECT day, name, sum(n) FROM gone GROUP BY day, name",
            [today],
        )
        Tally.objects.bulk_create(
            Tally(day=day, name=name, n=n) for day, name, n in cursor.fetchall()
        )
