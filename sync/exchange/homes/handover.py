"""How a subject changes its home, step by step, the same at every unit: at the old home, the new one and whoever follows both.

The home changes at one index of the old home's log, that of the close, and nowhere else. Nothing is decided by who
is heard first: steps of one log come in its order, and what depends on another log waits in quarantine until that one is
read. Where a log contradicts itself or two logs contradict each other the subject is contested: nothing moves, people decide.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from sync import audiences, ledger
from sync.errors import RecordFault, RecordRejected
from sync.exchange import replay
from sync.exchange.homes import custody, passages, rows, rulings
from sync.exchange.homes.rows import Event
from sync.formats import handovers
from sync.formats.handovers import (
    Accept,
    AnyStep,
    Cancel,
    Close,
    Notice,
    Objection,
    Offer,
    Order,
    Taken,
)
from sync.models.exchange import Peer, Quarantine
from sync.models.handovers import Custody

_STEPS = 5000
"""So many steps are tried again each day, those that wait longest: a peer can have many wait."""

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from sync.kinds import ReceivedRecord


def apply(records: Sequence[ReceivedRecord]) -> None:
    """Apply handler of ``sync.handover``."""
    behind = rows.is_behind()
    for record in records:
        if behind:
            raise RecordRejected(record.commitment, rows.BEHIND)
        try:
            step = handovers.decode(record.body)
        except RecordFault as fault:
            raise RecordRejected(record.commitment, str(fault)) from fault
        event = Event(
            origin=record.origin,
            index=record.index,
            commitment=record.commitment,
            day=datetime.date.fromisoformat(record.header.day),
            step=step,
        )
        if record.header.audience != audiences.PUBLIC:
            event.reject("Steps of a handover are public.")
        if record.header.subject != handovers.subject_of(step.subject):
            event.reject("The step is about another subject than its header says.")
        note(event)
    transaction.on_commit(try_again, robust=True)


def issue(step: AnyStep) -> str:
    """Append a step of our own and note it through the code that notes everybody's; return its commitment.

    Raises:
        RolledBack, SignerUnreachable: as ``ledger.refuse_behind``.
    """
    ledger.refuse_behind()
    appended = ledger.append(
        kind=handovers.KIND,
        subject=handovers.subject_of(step.subject),
        body=handovers.encode(step),
        audience=audiences.PUBLIC,
    )
    note(
        Event(
            origin=appended.origin,
            index=None,
            commitment=appended.commitment,
            day=appended.day,
            step=step,
        )
    )
    ledger.seal_soon()
    transaction.on_commit(try_again, robust=True)
    return appended.commitment


def note(event: Event) -> None:
    """Take one step in; say ourselves what follows from it."""
    said = _take(event)
    charge = custody.charge_of(event.subject)
    if charge is not None:
        charge.changed(event.subject)
    if said is not None:
        issue(said)


def _take(event: Event) -> AnyStep | None:
    step = event.step
    said: AnyStep | None = None
    match step:
        case Offer():
            passages.offer(event, step)
        case Accept():
            said = passages.accept(event, step)
        case Close():
            said = passages.close(event, step)
        case Cancel():
            passages.cancel(event, step)
        case Taken():
            passages.taken(event, step)
        case Notice():
            rulings.notice(event, step)
        case Order():
            said = rulings.order(event, step)
        case Objection():
            rulings.objection(event, step)
    return said


def try_again() -> None:
    """Take in what was held back until a step came that has come now; part of every sweep."""
    # All news at once: a log that tells much of it has what waits tried once, not once for each.
    with transaction.atomic():
        told = Custody.objects.select_for_update().filter(news=True)
        about = list(told.values_list("subject", flat=True))
        Custody.objects.filter(subject__in=about).update(news=False)
    _try(about)


def try_steps() -> None:
    """Try the steps again that were held back: a notice has stood long enough by now, a superior is another. Part of a sweep each day."""
    steps = Quarantine.objects.filter(kind=handovers.KIND, reason="rejected").exclude(about="")
    _try(list(steps.order_by("since").values_list("about", flat=True)[:_STEPS]))


def _try(about: list[str]) -> None:
    waiting = Quarantine.objects.filter(reason="rejected", about__in=about)
    for peer in _sound(waiting) if about else ():
        replay.replay(peer, about=about)


def retry() -> int:
    """Try everything again that was held back; return how many records were taken in."""
    waiting = Quarantine.objects.filter(reason="rejected")
    return sum(replay.replay(peer, everything=True) for peer in _sound(waiting))


def _sound(waiting: QuerySet[Quarantine]) -> QuerySet[Peer]:
    return Peer.objects.filter(pk__in=waiting.values("peer"), frozen_on=None)
