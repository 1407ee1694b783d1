"""The supervisors' figures: what lies on the desk, and what became of it by month.

They are made to be printed and handed round, so they tell less than the desk does. Cases whose words name somebody who reads
cases here stand in nobody's figures: two sheets with different sums would tell that person. What breaks cases down by
place or kind puts together what is under ``LEAST``, and days and ratings of fewer than ``LEAST`` are not given. What
happened is taken from counters that nothing is taken back from, so that no later sheet tells that a report was sealed.
"""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext as _

from minqing.accounts.models import Role, Staff
from minqing.accounts.permissions import require
from minqing.channel import roster
from minqing.channel.models import Case, Deadline, Kind, Message, Sender, Tally, Verdict
from minqing.channel.models.tally import DAYS
from minqing.channel.states import State
from minqing.channel.values import DeskFigures, Period, Work

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable, Mapping

LEAST = 5
"""Fewer than this are put together or not given."""
MONTHS = 12
_AT_A_TIME = 200
"""Messages held in memory at once: a flood of long reports must not fill it."""
_READERS = [Role.HANDLER, Role.SUPERVISOR]
_SHOWN = [
    State.RECEIVED,
    State.RETURNED,
    State.RULED,
    State.ACCEPTED,
    State.IN_PROGRESS,
    State.REOPENED,
    State.ANSWERED,
    State.RATED,
]
"""In the order of a case's way; what is closed shows in the months."""


def desk_figures(by: Staff) -> DeskFigures:
    """Return how things stand with this unit's cases, and what happened in the last months, up to yesterday.

    Raises:
        NotAllowed: ``by`` does not supervise.
    """
    require(by, Role.SUPERVISOR)
    today = timezone.localdate()
    cases = _on_the_desk()
    late = set(
        Deadline.objects.filter(case__in=cases, met_on=None, day__lt=today).values_list(
            "case_id", flat=True
        )
    )
    months = _months(today)
    return DeskFigures(
        total=_work("", "", cases, late),
        states=tuple(
            _work(state, str(state.label), [case for case in cases if case.state == state], late)
            for state in _SHOWN
            if any(case.state == state for case in cases)
        ),
        places=merged(_by_place(cases, late)),
        kinds=merged(
            [
                _work(kind, str(kind.label), [case for case in cases if case.kind == kind], late)
                for kind in Kind
            ]
        ),
        until=today - datetime.timedelta(days=1),
        months=tuple(_period(first, months[first]) for first in sorted(months, reverse=True)),
        year=_period(None, sum(months.values(), Counter())),
    )


def merged(lines: Iterable[Work]) -> tuple[Work, ...]:
    """Return the lines, largest first, with those under ``LEAST`` put together into one of at least ``LEAST``.

    To fill that one, the smallest of the others joins it. Where all together are fewer than ``LEAST``, nothing is returned.
    """
    filled = sorted((line for line in lines if line.cases), key=lambda line: -line.cases)
    shown = [line for line in filled if line.cases >= LEAST]
    rest = filled[len(shown) :]
    while rest and shown and sum(line.cases for line in rest) < LEAST:
        rest.append(shown.pop())
    together = sum(line.cases for line in rest)
    if together >= LEAST:
        late = sum(line.late for line in rest)
        shown.append(Work(name="", label=_("其他"), cases=together, late=late))
    return tuple(shown)


def _on_the_desk() -> list[Case]:
    """Cases in hand whose words name nobody who reads cases here; who is named must not tell from a sum."""
    readers = list(Staff.objects.filter(is_active=True, roles__overlap=_READERS))
    found = Case.objects.filter(superior="", kept_from=None, state__in=_SHOWN)
    said = Message.objects.filter(case__in=found, sender=Sender.CITIZEN)
    named = {
        case
        for case, octets in said.values_list("case_id", "octets").iterator(chunk_size=_AT_A_TIME)
        if roster.any_is_named(bytes(octets), readers)
    }
    return [case for case in found.select_related("place__within") if case.pk not in named]


def _work(name: str, label: str, cases: list[Case], late: set[uuid.UUID]) -> Work:
    return Work(
        name=name, label=label, cases=len(cases), late=sum(case.pk in late for case in cases)
    )


def _by_place(cases: list[Case], late: set[uuid.UUID]) -> list[Work]:
    """Cases by township; those of no place of the list together."""
    by_place: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in cases:
        top = case.place and (case.place.within or case.place)
        by_place[(top.code, top.name) if top else ("", _("没有写明地点"))].append(case)
    return [_work(code, name, found, late) for (code, name), found in by_place.items()]


def _months(today: datetime.date) -> dict[datetime.date, Counter[str]]:
    """Return what was counted in each of the last months up to yesterday; months without anything are left out.

    Days of answers are kept by the month, so that those of the running month hold today's.
    """
    number = today.year * 12 + today.month - MONTHS
    first = datetime.date(number // 12, number % 12 + 1, 1)
    months: dict[datetime.date, Counter[str]] = defaultdict(Counter)
    rows = Tally.objects.filter(day__gte=first, day__lt=today)
    for day, name, n in rows.values_list("day", "name", "n"):
        months[day.replace(day=1)][name] += n
    return {
        month: counted
        for month, counted in months.items()
        if not all(name.startswith(DAYS) for name in counted)
    }


def _period(first: datetime.date | None, counted: Mapping[str, int]) -> Period:
    days = sorted(
        (int(name.removeprefix(DAYS)), n) for name, n in counted.items() if name.startswith(DAYS)
    )
    timed = sum(n for _days, n in days)
    verdicts = {verdict: counted.get(verdict, 0) for verdict in Verdict}
    rated = sum(verdicts.values())
    given = {verdict: n if rated >= LEAST else None for verdict, n in verdicts.items()}
    return Period(
        first=first, accepted=counted.get("accepted", 0), answered=counted.get("answered", 0), in_time=counted.get("in_time", 0),
        returned=counted.get("returned", 0), reopened=counted.get("reopened", 0),
        timed=timed, half_within=_half(days, timed) if timed >= LEAST else None,
        rated=rated, satisfied=given[Verdict.SATISFIED], basically=given[Verdict.BASICALLY], unsatisfied=given[Verdict.UNSATISFIED],
    )  # fmt: skip


def _half(days: list[tuple[int, int]], timed: int) -> int:
    """Return the days within which at least half of the answers came."""
    came = 0
    for after, n in days:
        came += n
        if 2 * came >= timed:
            return after
    raise ValueError("Half of nothing was asked for.")
