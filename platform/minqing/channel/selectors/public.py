"""What everybody may see: lists for the form, who stands behind the second door, the figures."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from django.db.models import Sum
from django.utils import timezone

from minqing.channel.models import Kind, Place, Tally, Verdict, Way
from minqing.channel.selectors.receivers import receivers_in_order
from minqing.channel.values import Choice, Figures, Receiver, SecondDoor, Township

if TYPE_CHECKING:
    from minqing.channel.models import Designation
    from sync.exchange.standing import PeerUnit

NUMBERS = (
    Choice(value="12388", label="纪检监察机关"),
    Choice(value="12380", label="组织部门（选人用人）"),
)
"""Numbers that hold everywhere and are always shown."""


def kinds() -> tuple[Choice, ...]:
    """Return the kinds of the first door; 说不清 last."""
    return tuple(Choice(value=kind.value, label=str(kind.label)) for kind in Kind)


def verdicts() -> tuple[Choice, ...]:
    """Return what a reporter may say of an answer."""
    return tuple(Choice(value=verdict.value, label=str(verdict.label)) for verdict in Verdict)


def ways() -> tuple[Choice, ...]:
    """Return how words may reach staff who lodge for somebody else."""
    return tuple(
        Choice(value=way.value, label=str(way.label))
        for way in Way
        if way not in {Way.WEB, Way.PEER}
    )


def villages() -> tuple[Township, ...]:
    """Return townships with their villages in order of code; empty where the unit has no list (free text then)."""
    below: dict[str, list[Choice]] = {}
    tops: list[Place] = []
    for place in Place.objects.all():
        if place.within_id is None:
            tops.append(place)
        else:
            below.setdefault(place.within_id, []).append(Choice(value=place.code, label=place.name))
    return tuple(
        Township(code=top.code, name=top.name, villages=tuple(below.get(top.code, ())))
        for top in tops
    )


def village_name(code: str) -> str:
    """Return a village with its township, as people write it; empty where the list has no such code."""
    place = Place.objects.select_related("within").filter(code=code).first()
    if place is None:
        return ""
    return place.name if place.within is None else f"{place.within.name} {place.name}"


def competent_receivers() -> SecondDoor:
    """Return what stands behind the second door, the unit above first.

    Another unit is named only when an operator here accepted its designation, with its own address (its form is there,
    never here) and as its connection was accepted: what a unit calls itself later does not count, or it could stand
    here as somebody else.
    """
    receivers = [_receiver(designation, unit) for designation, unit in receivers_in_order()]
    return SecondDoor(numbers=NUMBERS, receivers=tuple(receivers))


def _receiver(designation: Designation, other: PeerUnit | None) -> Receiver:
    return Receiver(
        origin=designation.origin, code=designation.code, name=other.name if other is not None else designation.name,
        address=other.address if other is not None else "",
        document=designation.document, issuer=designation.issuer, day=designation.day,
        openers=tuple(f"{opener['office']} · {opener['post']}" for opener in designation.openers),
    )  # fmt: skip


def channel_figures() -> Figures:
    """Return counts up to yesterday: a page that is asked every second tells nobody's hour.

    Cases count from their acceptance on; sealed reports count nowhere, and sealing takes nothing back.
    """
    today = timezone.localdate()
    rows = Tally.objects.filter(day__lt=today).values_list("name").annotate(total=Sum("n"))
    totals = {name: int(total) for name, total in rows}
    return Figures(
        until=today - datetime.timedelta(days=1),
        accepted=totals.get("accepted", 0), answered=totals.get("answered", 0), in_time=totals.get("in_time", 0),
        satisfied=totals.get(Verdict.SATISFIED, 0), basically=totals.get(Verdict.BASICALLY, 0),
        unsatisfied=totals.get(Verdict.UNSATISFIED, 0),
    )  # fmt: skip
