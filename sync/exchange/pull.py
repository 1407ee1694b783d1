"""Pulling from a peer: copy and prove its log, then take in what it discloses to us. Repeatable at any point.

One puller per peer at a time (an advisory lock of the session). What a peer sends is held against it as
an incident; being unreachable never is. Correctness needs no doorbell: the sweep pulls every peer that is due.
"""

from __future__ import annotations

import datetime
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection
from django.utils import timezone

from sync.exchange import disclosures, faults, keys, learning, mirror, reading, replay, windows
from sync.exchange.apply import take
from sync.exchange.contacts import contact_note, idle_longer, idle_pause
from sync.exchange.incidents import incident_once, incident_record
from sync.exchange.judging import Parties
from sync.exchange.peers import client_for
from sync.exchange.room import check_room
from sync.exchange.windows import EpochChanged, Position
from sync.identity import origin as own_origin
from sync.models.exchange import Contact, Following, Peer
from sync.refusals import PeerFault, PeerLied, Refused, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sync.exchange.sources import Source


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """What a pull brought about."""

    mirrored: int
    applied: int
    busy: bool = False
    """Somebody else pulls from this peer at this moment; they will see what we would have seen."""

    fault: str = ""
    """One sentence when it ended early; it will be tried again."""


def pull(peer: Peer) -> Pulled:
    """Fetch, verify, copy and apply what is new at a peer; note when to try again.

    Never raises for what the peer does: that is in ``fault``, in the contact's last error and in incidents.

    Raises:
        PeerFault: the peer is not connected.
    """
    if not peer.connected:
        raise PeerFault(f"{peer.name} is not connected: both sides must accept first.")
    with alone(peer) as first:
        if not first:
            return Pulled(mirrored=0, applied=0, busy=True)
        while True:
            before = Following.objects.filter(peer=peer).values_list("mirrored", "applied").first()
            until = timezone.now() + datetime.timedelta(seconds=idle_pause())
            contact, _ = Contact.objects.get_or_create(
                peer=peer, direction="pull", defaults={"due_at": until}
            )
            Contact.objects.filter(pk=contact.pk).update(due_at=until)
            pulled = _attempt(peer, contact)
            rung = Contact.objects.filter(pk=contact.pk, due_at__lte=timezone.now()).exists()
            if not pulled.fault and not rung:
                idle_longer(peer, until, news=before != (pulled.mirrored, pulled.applied))
            if pulled.fault or not rung:
                return pulled


def _attempt(peer: Peer, contact: Contact) -> Pulled:
    fault = ""
    retry_after = None
    try:
        with faults.of_the_peer(), client_for(peer) as client:
            mirror.mirror(peer, client)
            take_all(peer, client)
    except Unreachable as unreachable:
        fault, retry_after = str(unreachable), unreachable.retry_after
    except PeerLied as lie:
        incident_record(peer, lie)
        fault = lie.sentence
    except Refused as refused:
        fault = str(refused)
        # A peer on an old backup does not know the key that came; it reads our log first.
        if refused.reason != "signature" or not keys.has_ended("peer"):
            said = f"{refused.status} {refused.reason}".encode()
            incident_record(peer, PeerLied("refused", fault, {"status": said}))
    contact_note(contact, fault, retry_after=retry_after)
    mirrored, applied = Following.objects.values_list("mirrored", "applied").get(peer=peer)
    return Pulled(mirrored=mirrored, applied=applied, fault=fault)


@contextmanager
def alone(peer: Peer) -> Iterator[bool]:
    """Hold this peer for this session, unless somebody else does; a crash lets go of it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_lock(hashtext(current_schema() || ':pull'), %s)", [peer.pk]
        )
        (held,) = cursor.fetchone()
    try:
        yield held
    finally:
        if held:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_advisory_unlock(hashtext(current_schema() || ':pull'), %s)",
                    [peer.pk],
                )


# --- records ---------------------------------------------------------------------------------


def take_all(peer: Peer, source: Source) -> None:
    """Take in everything disclosed below the mirror cursor; a frozen peer's records stay where they are."""
    peer.refresh_from_db(fields=["frozen_on", "peer_key"])
    if peer.frozen_on is not None:
        return
    if replay.due(peer):
        replay.replay(peer, everything=True)
    try:
        _take_from_here(peer, source)
    except PeerLied as unknown:
        if unknown.name != "unknown-key" or not _learned(peer, source):
            raise
        _take_from_here(peer, source)
    if replay.gaps(peer):
        replay.replay(peer)
        for lie in replay.unexplained(peer):
            incident_once(peer, lie)
        replay.gaps_tried(peer)


def _learned(peer: Peer, source: Source) -> bool:
    """Whether the log itself says, further on, with which keys the peer signs now."""
    following = Following.objects.get(peer=peer)
    return learning.keys_ahead(peer, source, following.applied, following.mirrored)


def _take_from_here(peer: Peer, source: Source) -> None:
    following = Following.objects.get(peer=peer)
    position = _position(following)
    try:
        _take_from(peer, source, position, following.mirrored)
    except EpochChanged as changed:
        _begin_again(peer, changed.epoch)
        try:
            _take_from(
                peer,
                source,
                Position(epoch=changed.epoch, start=0, counted=0, last=""),
                following.mirrored,
            )
        except EpochChanged:
            raise Unreachable(
                "The peer changed its grants while it was asked; asked again later."
            ) from None


def _position(following: Following) -> Position:
    return Position(
        epoch=following.epoch,
        start=following.applied,
        counted=following.counted,
        last=following.last,
    )


def _begin_again(peer: Peer, epoch: int) -> None:
    Following.objects.filter(peer=peer).update(epoch=epoch, applied=0, counted=0, last="")


def _take_from(peer: Peer, source: Source, position: Position, stop: int) -> None:
    """Take in window after window, from a position to the mirror cursor."""
    us = own_origin()
    between = Parties(issuer=peer.origin, issuer_id=peer.pk, us=us)
    earlier = disclosures.Earlier(peer, position.epoch) if position.start < stop else None
    ends = earlier.ends() if earlier is not None else ()
    windows_coming = reading.windows_ahead(peer, source, between, position.start, stop, ends)
    with closing(windows_coming) as coming:
        for window in coming:
            said = window.disclosure
            if said.epoch != position.epoch:
                if position.start:
                    raise EpochChanged(said.epoch)
                _begin_again(peer, said.epoch)
                position = Position(epoch=said.epoch, start=0, counted=0, last="")
            windows.check_count(window.answer, window.commitments, position)
            if said.size == position.start:
                return  # nothing new, and nothing to write: most pulls end here
            check_room()
            taken = take(peer, us, window, position, flush=said.size >= stop)
            for lie in taken.lies:
                incident_record(peer, lie)
            if earlier is not None:
                earlier.compare(said, window.answer.note)
            if taken.stopping is not None:
                raise taken.stopping
            if taken.position is None:
                return  # somebody else took it in meanwhile
            position = taken.position
