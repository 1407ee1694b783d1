"""Keeping a unit's calendar: the one that comes with a release, and the unit's own rows over it."""

from __future__ import annotations

import csv
import datetime
from importlib import resources
from typing import TYPE_CHECKING

from django.db import transaction

from minqing.workdays.errors import WorkdayFault
from minqing.workdays.models import DayException, Effect

if TYPE_CHECKING:
    from tenants.models import Unit


def calendar_load(unit: Unit) -> None:
    """Bring the unit's calendar to this release's; rows the unit entered itself stay as they are."""
    text = (
        resources.files("minqing.workdays")
        .joinpath("data/exceptions.csv")
        .read_text(encoding="utf-8")
    )
    rows = [
        DayException(
            day=datetime.date.fromisoformat(row["day"]),
            effect=row["effect"],
            name=row["name"],
            announced=row["announced"] == "yes",
        )
        for row in csv.DictReader(text.splitlines())
    ]
    with transaction.atomic():
        DayException.objects.filter(own=False).delete()
        DayException.objects.bulk_create(rows, ignore_conflicts=True)


def exception_set(*, day: datetime.date, effect: str, name: str, announced: bool = True) -> None:
    """Enter or change one day by hand; whoever calls has checked who asks.

    Raises:
        WorkdayFault: the effect is unknown or the name is empty.
    """
    if effect not in Effect.values:
        raise WorkdayFault("请选择“放假”或“上班”。")
    if not name.strip():
        raise WorkdayFault("请写明这一天的名称，例如“国庆节”。")
    DayException.objects.update_or_create(
        day=day,
        defaults={"effect": effect, "name": name.strip()[:40], "announced": announced, "own": True},
    )


def exception_remove(*, day: datetime.date) -> None:
    """Let the plain week hold again on the day. A day that a release brings comes back with the next one."""
    DayException.objects.filter(day=day).delete()
