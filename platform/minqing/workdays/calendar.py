"""Counting days for the current unit: working days with its exceptions, and when a limit falls due."""

from __future__ import annotations

import calendar
import datetime
from dataclasses import dataclass

from minqing.workdays.models import DayException, Effect
from minqing.workdays.rules import Count, Rule, rule_named

_DAY = datetime.timedelta(days=1)
_SATURDAY = 5


@dataclass(frozen=True, kw_only=True)
class Due:
    """When something is due.

    ``provisional`` (暂定): working days were counted through a year whose holidays are not announced
    yet, so that the day may move.
    """

    day: datetime.date
    provisional: bool


def is_workday(day: datetime.date) -> bool:
    """Say whether offices work on the day, by this unit's calendar."""
    effect = DayException.objects.filter(day=day).values_list("effect", flat=True).first()
    return _works(day, effect)


def add_workdays(day: datetime.date, n: int) -> datetime.date:
    """Return the n-th working day after ``day``, which itself is not counted; ``n`` ≥ 0.

    With ``n`` = 0 the day itself is returned, working or not.
    """
    effects: dict[datetime.date, str] = {}
    known_until = day
    left = n
    while left > 0:
        day += _DAY
        if day > known_until:
            known_until = day + datetime.timedelta(days=2 * left + 30)
            rows = DayException.objects.filter(day__range=(day, known_until))
            effects = dict(rows.values_list("day", "effect"))
        left -= _works(day, effects.get(day))
    return day


def due(day: datetime.date, rule: Rule | str) -> Due:
    """Return when a limit that runs from an event on ``day`` falls due.

    Raises:
        UnknownRule: no rule has that name.
    """
    rule = rule_named(rule) if isinstance(rule, str) else rule
    return _after(day, rule.n, rule.unit)


def due_extended(day: datetime.date, rule: Rule | str) -> Due:
    """Return when the limit falls due after an approved extension (批准延期); the plain due day if none is allowed."""
    rule = rule_named(rule) if isinstance(rule, str) else rule
    plain = due(day, rule)
    if rule.extension is None:
        return plain
    later = _after(plain.day, *rule.extension)
    return Due(day=later.day, provisional=plain.provisional or later.provisional)


def _after(day: datetime.date, n: int, unit: Count) -> Due:
    match unit:
        case Count.CALENDAR_DAY:
            return Due(day=day + n * _DAY, provisional=False)
        case Count.MONTH:
            return Due(day=_add_months(day, n), provisional=False)
        case Count.YEAR:
            return Due(day=_add_months(day, 12 * n), provisional=False)
        case Count.WORKDAY:
            end = add_workdays(day, n)
            return Due(day=end, provisional=not _announced(day.year, end.year))


def _announced(first: int, last: int) -> bool:
    """Say whether every year of the span has exceptions and all of them are announced."""
    rows = (
        DayException.objects.filter(day__year__range=(first, last))
        .values_list("day__year", "announced")
        .distinct()
    )
    found = set(rows)
    return all(
        (year, True) in found and (year, False) not in found for year in range(first, last + 1)
    )


def _add_months(day: datetime.date, months: int) -> datetime.date:
    """Return the same day of a later month, or that month's last day where it has none such."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return day.replace(
        year=year, month=month + 1, day=min(day.day, calendar.monthrange(year, month + 1)[1])
    )


def _works(day: datetime.date, effect: str | None) -> bool:
    return effect == Effect.WORK if effect is not None else day.weekday() < _SATURDAY
