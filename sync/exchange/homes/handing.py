"""What people do about a handover: offer, accept, cancel; notice, order and objection where a home is dead or frozen.

Each call appends one public record in the transaction of whoever calls. The other steps (close, taken) follow by themselves.
"""

from __future__ import annotations

import datetime

from django.conf import settings
from django.utils import timezone

from sync import identity
from sync.exchange.homes import custody, handover
from sync.exchange.homes.rows import history_of
from sync.exchange.peers import connected_peers
from sync.formats import handovers
from sync.formats.handovers import Accept, Cancel, Notice, Objection, Offer, Order
from sync.models.exchange import Peer, PeerHead
from sync.models.handovers import Custody, Handover, Reassignment
from sync.refusals import PeerFault


class HandoverRefused(PeerFault):
    """A step cannot be taken now. ``code`` says why, for whoever words it for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def offer(subject: str, to: str) -> str:
    """Offer a subject to a connected unit; return the offer's commitment.

    Raises:
        HandoverRefused: ``not-home``, ``open`` (an offer is open), ``contested``, ``not-connected``.
    """
    own = identity.origin()
    row = Custody.objects.select_for_update().filter(subject=subject).first()
    if custody.home_of(subject) != own:
        raise HandoverRefused("not-home", "This unit does not keep the subject.")
    _refuse_contested(subject, row)
    before = Handover.objects.filter(subject=subject, giver=own)
    if before.filter(state__in=("open", "accepted")).exists():
        raise HandoverRefused("open", "An offer is open: cancel it first.")
    if not any(peer.origin == to and peer.frozen_on is None for peer in connected_peers()):
        raise HandoverRefused("not-connected", "The unit is not connected, or it is frozen.")
    history = history_of(subject)
    return handover.issue(
        Offer(
            subject=subject, number=before.count() + 1, records=len(history), root=handovers.history_root(history), to=to,
        )
    )  # fmt: skip


def accept(offered: str) -> str:
    """Accept an offer made to this unit, once its history is here; return the accept's commitment.

    Raises:
        HandoverRefused: ``settled`` (cancelled or accepted before), ``not-asked``, ``contested``, ``incomplete``.
    """
    found = Handover.objects.select_for_update().filter(offer=offered).first()
    if found is None or found.taker != identity.origin():
        raise HandoverRefused("not-asked", "No such offer was made to this unit.")
    if found.state != "open":
        raise HandoverRefused("settled", "The offer was cancelled, accepted or closed before.")
    _refuse_contested(
        found.subject, Custody.objects.select_for_update().filter(subject=found.subject).first()
    )
    history = history_of(found.subject)
    same = len(history) == found.records and handovers.history_root(history) != found.root
    if len(history) < found.records or same:
        raise HandoverRefused("incomplete", "The history that the offer counts is not here yet.")
    return handover.issue(Accept(subject=found.subject, offer=offered))


def cancel(offered: str, reason: str) -> str:
    """Take an offer of this unit back before it is closed; return the cancel's commitment.

    Raises:
        HandoverRefused: ``not-asked``, ``settled``.
    """
    found = Handover.objects.select_for_update().filter(offer=offered).first()
    if found is None or found.giver != identity.origin():
        raise HandoverRefused("not-asked", "This unit made no such offer.")
    if (
        found.settled
    ):  # after the close this unit is no longer the home: there is nothing to take back
        raise HandoverRefused("settled", "The offer was closed or cancelled before.")
    return handover.issue(Cancel(subject=found.subject, offer=offered, reason=reason))


def notice(subject: str, to: str, reason: str) -> str:
    """Give public notice, as the superior of a dead or frozen home; return the notice's commitment.

    Raises:
        HandoverRefused: ``not-superior``, ``not-home`` (nobody is known to keep it), ``not-connected``, ``open``.
    """
    home = custody.home_of(subject)
    if not home:
        raise HandoverRefused("not-home", "Nobody is known to keep the subject.")
    if custody.superior_of(home) != identity.origin():
        raise HandoverRefused(
            "not-superior", "The directory does not name this unit superior to the home."
        )
    if to != identity.origin() and not any(peer.origin == to for peer in connected_peers()):
        raise HandoverRefused("not-connected", "The unit that is to take over is not connected.")
    if Reassignment.objects.filter(subject=subject, giver=home, objection="").exists():
        raise HandoverRefused("open", "A notice about this subject stands already.")
    return handover.issue(
        Notice(subject=subject, home=home, reason=reason, size=_proven_size(home), to=to)
    )


def order(noticed: str) -> str:
    """Order what a notice of this unit announced, after it stood long enough; return the order's commitment.

    Raises:
        HandoverRefused: ``not-asked``, ``settled``, ``early``, ``objected``, ``contested``.
    """
    found = Reassignment.objects.select_for_update().filter(notice=noticed).first()
    if found is None or found.superior != identity.origin():
        raise HandoverRefused("not-asked", "This unit gave no such notice.")
    if found.order:
        raise HandoverRefused("settled", "The order was given before.")
    if found.objection:
        raise HandoverRefused("objected", "The home objected: it lives.")
    if timezone.localdate() < due_on(found.noticed_on):
        raise HandoverRefused("early", "The public notice has not stood long enough.")
    _refuse_contested(
        found.subject,
        Custody.objects.select_for_update().filter(subject=found.subject).first(),
        but="forked",  # what froze the home is what the order is for
    )
    return handover.issue(Order(subject=found.subject, notice=noticed))


def object_to(noticed: str, reason: str) -> str:
    """Object, as the home that a notice calls dead or frozen; return the objection's commitment.

    Raises:
        HandoverRefused: ``not-asked``, ``settled``.
    """
    found = Reassignment.objects.select_for_update().filter(notice=noticed).first()
    if found is None or found.giver != identity.origin():
        raise HandoverRefused("not-asked", "No notice names this unit so.")
    if found.objection:
        raise HandoverRefused("settled", "The objection stands already.")
    return handover.issue(Objection(subject=found.subject, notice=noticed, reason=reason))


def due_on(noticed: datetime.date) -> datetime.date:
    """Return the first day on which an order may follow a notice."""
    days: int = settings.MINQING.notice_days
    return noticed + datetime.timedelta(days=days)


def _proven_size(home: str) -> int:
    """Size of the largest head of a home that was proven here; of our own log there is none to judge."""
    found = (
        PeerHead.objects.filter(peer__origin=home, proven=True)
        .order_by("-size")
        .values_list("size", flat=True)
        .first()
    )
    if found is None and Peer.objects.filter(origin=home).exists():
        raise HandoverRefused("not-home", "No head of that home was ever proven here.")
    return found or 0


def _refuse_contested(subject: str, row: Custody | None, *, but: str = "") -> None:
    stands = custody.standing(subject) if row is not None else None
    if stands is not None and stands.contested not in ("", but):
        raise HandoverRefused("contested", "It is contested who keeps the subject: people decide.")
