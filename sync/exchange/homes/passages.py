"""The ordinary way of a handover: offer, accept, close or cancel, taken. Each function takes one step in.

What a step makes this unit say itself is returned, and appended by whoever called (``handover.issue``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync import identity
from sync.errors import NoteFault
from sync.exchange import keyring, mirror
from sync.exchange.homes import custody, rows
from sync.exchange.incidents import incident_record
from sync.formats import handovers, heads
from sync.formats.handovers import Accept, Cancel, Close, Offer, Taken
from sync.models.exchange import Peer, PeerHead
from sync.models.handovers import Custody, Handover, Reassignment, Tenure
from sync.refusals import PeerLied

if TYPE_CHECKING:
    from sync.exchange.homes.rows import Event

OWN_END = 0
"""``until`` of a tenure of our own that ended: our own log is not judged by index, its services refuse."""

NEVER = 2**62
"""``after`` of a unit that accepted an offer not known here yet: whatever it issues about the subject waits."""

_OPEN = ("open", "accepted")


def offer(event: Event, step: Offer) -> None:
    """Take in that the home offers the subject to another unit."""
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


def accept(event: Event, step: Accept) -> Close | None:
    """Take in that the unit that was asked accepts; where this unit offered, it closes."""
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
        return None
    if found.taker != event.origin:
        event.reject("It accepts what was offered to another unit.")
    if found.accept == event.commitment:
        return None
    if found.accept:
        if found.state != "closed":
            event.reject("This offer was accepted before.")
        rows.contest(rows.locked(event), "accept-differs")
        return None
    found.accept = event.commitment
    if found.state == "open":
        found.state = "accepted"
    found.save()
    if found.state == "accepted" and found.giver == identity.origin():
        return _own_close(event, found)
    return None


def _own_close(event: Event, found: Handover) -> Close | None:
    """The accept has come: let go at once, unless the offer is contested."""
    if rows.locked(event).contested:
        return None
    history = rows.history_of(event.subject)
    return Close(
        subject=event.subject, accept=found.accept, offer=found.offer, records=len(history),
        root=handovers.history_root(history),
    )  # fmt: skip


def close(event: Event, step: Close) -> Taken | None:
    """Take in that the home lets go: here the home changes."""
    closed = rows.passage(event, step.offer)
    again = closed.settled not in ("", event.commitment)
    if again and closed.state == "closed" and closed.giver == event.origin:
        if closed.accept != step.accept:  # the same once more says nothing new
            rows.void(
                event, "void-close",
                "It closes an offer that it had closed for another accept: the home had changed, and this close is void.",
            )  # fmt: skip
        return None
    found = _settled_before(event, step.offer)
    if found is None:
        return None
    row = rows.locked(event)
    differs = bool(found.accept) and found.accept != step.accept
    unasked = not found.accept and found.taker == identity.origin()
    found.state, found.accept = "closed", found.accept or step.accept
    found.records, found.root = step.records, step.root
    history = rows.history_of(event.subject)
    found.agrees = (step.records, step.root) == (len(history), handovers.history_root(history))
    _settle(found, event)
    if differs or unasked:
        rows.contest(row, "accept-differs")
    elif not row.contested:
        until = OWN_END if event.index is None else event.index
        return move(
            row, found.giver, found.taker, cites=event.commitment, until=until, of=event.origin, index=event.index
        )  # fmt: skip
    return None


def cancel(event: Event, step: Cancel) -> None:
    """Take in that the home takes an offer back."""
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


def taken(event: Event, step: Taken) -> None:
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


def move(
    row: Custody, giver: str, taker: str, *, cites: str, until: int, of: str, index: int | None
) -> Taken | None:
    """Let the home change; where it is this unit now, return what it says of it.

    ``cites`` is the close or the order, which stands in the log ``of`` at ``index``; the giver's records count up to ``until``.
    """
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
            PeerHead.objects.filter(peer__origin=of, proven=True, size__gt=index or 0)
            .order_by("size")
            .first()
        )
        own = heads.own_lines(bytes(head.note), keyring.log_keys(head.peer)) if head else b""
        return Taken(subject=row.subject, cites=cites, head=own.decode(), of=of)
    return None
