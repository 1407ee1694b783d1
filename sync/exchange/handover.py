"""How a subject changes its home, step by step, the same at every unit: at the old home, the new one and whoever follows both.

The home changes at one index of the old home's log, that of the close, and nowhere else. Nothing is decided by who
is heard first: steps of one log come in its order, and what depends on another log waits in quarantine until that one is
read. Where a log contradicts itself or two logs contradict each other the subject is contested: nothing moves, people decide.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction

from sync import audiences, identity, ledger
from sync.errors import NoteFault, RecordFault, RecordRejected
from sync.exchange import custody, keyring, mirror, replay
from sync.exchange import handover_rows as rows
from sync.exchange.handover_rows import Event
from sync.exchange.incidents import incident_record
from sync.formats import handovers, heads
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
from sync.models.exchange import Peer, PeerHead, Quarantine
from sync.models.handovers import Custody, Handover, Reassignment, Tenure
from sync.refusals import PeerLied

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.kinds import ReceivedRecord

OWN_END = 0
"""``until`` of a tenure of our own that ended: our own log is not judged by index, its services refuse."""

NEVER = 2**62
"""``after`` of a unit that accepted an offer not known here yet: whatever it issues about the subject waits."""

_OPEN = ("open", "accepted")


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
    """Take one step in."""
    step = event.step
    match step:
        case Offer():
            _offer(event, step)
        case Accept():
            _accept(event, step)
        case Close():
            _close(event, step)
        case Cancel():
            _cancel(event, step)
        case Taken():
            _taken(event, step)
        case Notice():
            _notice(event, step)
        case Order():
            _order(event, step)
        case Objection():
            _objection(event, step)
    charge = custody.charge_of(event.subject)
    if charge is not None:
        charge.changed(event.subject)


def try_again() -> None:
    """Take in what was held back until a step came that has come now; part of every sweep."""
    # All news at once: a log that tells much of it has what waits tried once, not once for each.
    if Custody.objects.filter(news=True).update(news=False):
        retry()


def retry() -> int:
    """Try everything again that was held back; return how many records were taken in."""
    waiting = Quarantine.objects.filter(reason="rejected").values("peer")
    peers = Peer.objects.filter(pk__in=waiting, frozen_on=None)
    return sum(replay.replay(peer, everything=True) for peer in peers)


# --- the ordinary way ----------------------------------------------------------------------------


def _offer(event: Event, step: Offer) -> None:
    if Handover.objects.filter(offer=event.commitment).exists():
        return
    row = rows.locked(event)
    if row.home != event.origin:
        event.reject("It offers what another unit keeps, as far as is known here.")
    if step.to == event.origin:
        event.reject("A unit cannot offer to itself.")
    before = Handover.objects.filter(subject=event.subject, giver=event.origin)
    if step.number != before.count() + 1:
        event.reject("The offers of one subject are numbered without gaps.")
    still_open = before.filter(state__in=_OPEN).exists()
    early = Tenure.objects.filter(
        subject=event.subject, origin=step.to, cites=event.commitment, after=NEVER
    ).first()
    Handover.objects.create(
        accept=early.taken if early is not None else "", state="accepted" if early is not None else "open",
        subject=event.subject, number=step.number, giver=event.origin, taker=step.to, offer=event.commitment,
        offered_on=event.day, records=step.records, root=step.root,
    )  # fmt: skip
    if early is not None:
        early.delete()
    if still_open:
        rows.contest(row, "two-offers")
    rows.news(row)


def _accept(event: Event, step: Accept) -> None:
    found = (
        Handover.objects.select_for_update().filter(subject=event.subject, offer=step.offer).first()
    )
    if (
        found is None
    ):  # its own accept says that another unit is the home: no reason to believe it sooner
        Tenure.objects.get_or_create(
            subject=event.subject, origin=event.origin, cites=step.offer,
            defaults={"after": NEVER, "proven": False, "taken": event.commitment},
        )  # fmt: skip
        return
    if found.taker != event.origin:
        event.reject("It accepts what was offered to another unit.")
    if found.accept == event.commitment:
        return
    if found.accept:
        if found.state != "closed":
            event.reject("This offer was accepted before.")
        rows.contest(rows.locked(event), "accept-differs")
        return
    found.accept = event.commitment
    if found.state == "open":
        found.state = "accepted"
    found.save()
    if found.state == "accepted" and found.giver == identity.origin():
        _close_own(event, found)


def _close_own(event: Event, found: Handover) -> None:
    """The accept has come: let go at once, unless the offer is contested."""
    if rows.locked(event).contested:
        return
    history = rows.history_of(event.subject)
    issue(
        Close(
            subject=event.subject, accept=found.accept, offer=found.offer, records=len(history),
            root=handovers.history_root(history),
        )
    )  # fmt: skip


def _close(event: Event, step: Close) -> None:
    closed = rows.passage(event, step.offer)
    again = closed.settled not in ("", event.commitment)
    if again and closed.state == "closed" and closed.giver == event.origin:
        if closed.accept != step.accept:  # the same once more says nothing new
            rows.void(
                event, "void-close",
                "It closes an offer that it had closed for another accept: the home had changed, and this close is void.",
            )  # fmt: skip
        return
    found = _settled_before(event, step.offer)
    if found is None:
        return
    row = rows.locked(event)
    differs = bool(found.accept) and found.accept != step.accept
    unasked = not found.accept and found.taker == identity.origin()
    found.state, found.accept = "closed", found.accept or step.accept
    found.records, found.root = step.records, step.root
    _settle(found, event)
    if differs or unasked:
        rows.contest(row, "accept-differs")
    elif not row.contested:
        until = OWN_END if event.index is None else event.index
        _move(row, found.giver, found.taker, cites=event.commitment, until=until, event=event)


def _cancel(event: Event, step: Cancel) -> None:
    closed = rows.passage(event, step.offer)
    if closed.state == "closed" and closed.giver == event.origin:
        rows.void(
            event, "void-cancel",
            "It cancels an offer that it had closed: the home had changed, and the cancel is void.",
        )  # fmt: skip
        return
    found = _settled_before(event, step.offer)
    if found is not None:
        found.state, found.reason = "cancelled", step.reason
        _settle(found, event)


def _settle(found: Handover, event: Event) -> None:
    found.settled, found.settled_at, found.settled_on = event.commitment, event.index, event.day
    found.save()


def _settled_before(event: Event, offer: str) -> Handover | None:
    """The offer that is to be closed or cancelled now; once only, and by the unit that made it."""
    found = rows.passage(event, offer)
    if found.giver != event.origin:
        event.reject("Only the unit that offered closes or cancels.")
    if found.settled == event.commitment:
        return None
    if found.settled:
        rows.contest(rows.locked(event), "settled-twice")
        return None
    return found


def _taken(event: Event, step: Taken) -> None:
    """The new home says under which head of the old one it holds the close: two histories of that log are found here."""
    closed = Handover.objects.filter(
        subject=event.subject, settled=step.cites, state="closed", taker=event.origin
    )
    ordered = Reassignment.objects.filter(
        subject=event.subject, order=step.cites, taker=event.origin
    )
    row = Custody.objects.select_for_update().filter(subject=event.subject).first()
    proven = row is not None and row.home == event.origin and (closed.exists() or ordered.exists())
    Tenure.objects.update_or_create(
        subject=event.subject,
        origin=event.origin,
        cites=step.cites,
        defaults={
            "after": -1 if event.index is None else event.index,
            "proven": proven,
            "taken": event.commitment,
        },
    )
    if row is not None and proven:
        rows.news(row)
    _compare_head(step)


def _compare_head(step: Taken) -> None:
    peer = Peer.objects.filter(origin=step.of).first()
    if peer is None:
        return
    octets = step.head.encode()
    try:
        heads.open_head(octets, keyring.log_keys(peer))
        mirror.head_keep(peer, octets)
        mirror.judge_heads(peer)
    except NoteFault:
        return  # without the old home's own signature it is nobody's word
    except PeerLied as lie:
        incident_record(peer, lie)


def _move(row: Custody, giver: str, taker: str, *, cites: str, until: int, event: Event) -> None:
    Tenure.objects.filter(subject=row.subject, origin=giver, until=None).update(until=until)
    Tenure.objects.filter(subject=row.subject, origin=taker, cites=cites).update(proven=True)
    row.home = taker
    rows.news(row)
    charge = custody.charge_of(row.subject)
    if charge is not None:
        charge.moved(row.subject, giver, taker)
    said = Tenure.objects.filter(subject=row.subject, origin=taker, cites=cites).exclude(taken="")
    if taker == identity.origin() and charge is not None and not said.exists():
        head = (
            PeerHead.objects.filter(
                peer__origin=event.origin, proven=True, size__gt=event.index or 0
            )
            .order_by("size")
            .first()
        )
        own = heads.own_lines(bytes(head.note), keyring.log_keys(head.peer)) if head else b""
        issue(Taken(subject=row.subject, cites=cites, head=own.decode(), of=event.origin))


# --- a dead or frozen home -------------------------------------------------------------------------


def _notice(event: Event, step: Notice) -> None:
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
        notice=event.commitment, noticed_on=event.day,
    )  # fmt: skip


def _order(event: Event, step: Order) -> None:
    found = Reassignment.objects.filter(
        subject=event.subject, notice=step.notice, superior=event.origin
    ).first()
    if found is None:
        event.reject("The order names no notice of this unit.")
    if found.order == event.commitment:
        return
    if (event.day - found.noticed_on).days < settings.MINQING.notice_days:
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
        _move(
            row, found.giver, found.taker, cites=event.commitment, until=found.size - 1, event=event
        )


def _objection(event: Event, step: Objection) -> None:
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
