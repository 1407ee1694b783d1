"""What a superior says of a dead or frozen home: notice, order, and the home's objection. Each function takes one step in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Max
from django.utils import timezone

from sync.exchange.homes import custody, passages, rows
from sync.models.exchange import PeerHead
from sync.models.handovers import Reassignment

if TYPE_CHECKING:
    import datetime

    from sync.exchange.homes.rows import Event
    from sync.formats.handovers import Notice, Objection, Order, Taken


def notice(event: Event, step: Notice) -> None:
    """Take in a superior's notice that a home is dead or frozen."""
    if Reassignment.objects.filter(notice=event.commitment).exists():
        return
    if custody.superior_of(step.home) != event.origin:
        event.reject("The directory here does not name this unit superior to the home.")
    if rows.locked(event).home != step.home:
        event.reject("The notice names a home that is not the home here.")
    if step.to == step.home:
        event.reject("The notice names the same unit twice.")
    Reassignment.objects.create(
        subject=event.subject, superior=event.origin, giver=step.home, taker=step.to, size=step.size, reason=step.reason,
        notice=event.commitment, noticed_on=event.day, stands_from=_stands_from(event),
    )  # fmt: skip


def _stands_from(event: Event) -> datetime.date:
    """The day it bears, or the later one on which its log still showed a head without it."""
    if event.index is None:
        return event.day
    without = PeerHead.objects.filter(peer__origin=event.origin, size__lte=event.index)
    seen = without.aggregate(last=Max("seen_on"))["last"]
    return max(event.day, seen or event.day)


def order(event: Event, step: Order) -> Taken | None:
    """Take in the order that follows a notice; where it names this unit, return what it says of it."""
    found = Reassignment.objects.filter(
        subject=event.subject, notice=step.notice, superior=event.origin
    ).first()
    if found is None:
        event.reject("The order names no notice of this unit.")
    if found.order == event.commitment:
        return None
    if not _stood_long_enough(found, event.day):
        event.reject("The order comes before the public notice has stood long enough.")
    row = rows.locked(event)
    others = (
        Reassignment.objects.filter(subject=event.subject, giver=found.giver)
        .exclude(order="")
        .exclude(pk=found.pk)
    )
    twice = bool(found.order) or others.exists()
    found.order, found.ordered_on = found.order or event.commitment, event.day
    found.save()
    if twice:
        rows.contest(row, "two-orders")
    elif found.objection:
        rows.contest(row, "objected")
    elif row.home != found.giver:
        rows.contest(row, "order-after-close")
    elif not row.contested:
        return passages.move(
            row, found.giver, found.taker, cites=event.commitment, until=found.size - 1,
            of=event.origin, index=event.index,
        )  # fmt: skip
    return None


def _stood_long_enough(found: Reassignment, ordered_on: datetime.date) -> bool:
    """Both by the days that the superior wrote, and by what this unit saw until today."""
    days, today = settings.MINQING.notice_days, timezone.localdate()
    said = ordered_on - found.noticed_on
    seen = today - (found.stands_from or found.noticed_on)
    return ordered_on <= today and min(said, seen).days >= days


def objection(event: Event, step: Objection) -> None:
    """Take in that the home lives."""
    found = Reassignment.objects.filter(subject=event.subject, notice=step.notice).first()
    if found is None:
        event.reject("It objects to a notice that is not known here.")
    if found.giver != event.origin:
        event.reject("Only the home that a notice names objects to it.")
    if found.objection:
        return
    found.objection, found.objected_on = event.commitment, event.day
    found.save()
    if found.order:
        rows.contest(rows.locked(event), "objected")
