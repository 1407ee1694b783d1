"""People decide where a subject is kept whose home is contested: here, for this unit, with a reason that the page shows.

Each unit decides for itself, as with a log that forked. What other units decided is not known here; after the decision the
steps of the home that was named count again, so that it can offer, cancel and close.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from sync.exchange.homes import custody, handover, passages
from sync.exchange.homes.handing import HandoverRefused
from sync.models.handovers import Custody, Handover, Reassignment, Tenure

if TYPE_CHECKING:
    from sync.formats.handovers import Taken


def settle(subject: str, home: str, why: str) -> None:
    """Name the home of a contested subject.

    Args:
        subject: ``official:<uuid>``.
        home: origin of one of the logs that its steps make its home.
        why: what the decision rests on; it is shown in public.

    Raises:
        HandoverRefused: ``not-contested``, ``forked`` (settle the incident instead), ``no-step`` (nothing made that log its home).
    """
    with transaction.atomic():
        row = Custody.objects.select_for_update().filter(subject=subject).first()
        stands = custody.standing(subject)
        if row is None or stands is None or not stands.contested:
            raise HandoverRefused("not-contested", "Nobody contests who keeps the subject.")
        if stands.contested == "forked":
            raise HandoverRefused(
                "forked", "The home's log forked: settle that incident (`minqing peer settle`)."
            )
        said = _move(row, home) if home != row.home else None
        row.contested, row.news = "", True
        row.settled_on, row.settled_for, row.settled_why = timezone.localdate(), home, why[:400]
        row.save()
        for ruling in Reassignment.objects.filter(subject=subject):
            ruling.late_known = custody.late_records(subject, ruling.giver, ruling.size)
            ruling.save(update_fields=["late_known"])
        charge = custody.charge_of(subject)
        if charge is not None:
            charge.changed(subject)
        if said is not None:
            handover.issue(said)
    handover.try_again()


def _move(row: Custody, home: str) -> Taken | None:
    """Do what an order or a close would have done, or go back to a home that gave the subject away."""
    present = Tenure.objects.filter(subject=row.subject, origin=row.home, until=None)
    ordered = Reassignment.objects.filter(subject=row.subject, taker=home).exclude(order="").last()
    if ordered is not None:
        present.exclude(origin=ordered.giver).update(proven=False)
        return passages.move(
            row, ordered.giver, home, cites=ordered.order, until=ordered.size - 1,
            of=ordered.superior, index=None,
        )  # fmt: skip
    closed = Handover.objects.filter(subject=row.subject, taker=home, state="closed").last()
    if closed is not None:
        present.exclude(origin=closed.giver).update(proven=False)
        until = passages.OWN_END if closed.settled_at is None else closed.settled_at
        return passages.move(
            row, closed.giver, home, cites=closed.settled, until=until, of=closed.giver, index=closed.settled_at
        )  # fmt: skip
    kept = Tenure.objects.filter(subject=row.subject, origin=home).filter(proven=True).last()
    if kept is None:
        raise HandoverRefused("no-step", "No step known here makes that log the subject's home.")
    present.update(proven=False)
    kept.until = None
    kept.save(update_fields=["until"])
    former, row.home = row.home, home
    charge = custody.charge_of(row.subject)
    if charge is not None:
        charge.moved(row.subject, former, home)
    return None
