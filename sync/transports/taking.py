"""Taking parcels in. Whoever carried them is believed in nothing; the issuer answers for what it signed.

A parcel that its issuer did not sign is the carrier's matter: it is dropped and held against nobody. One that it signed
meets the same judge as an answer of its own to a pull: what does not hold is an incident with evidence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sync.exchange import faults, keyring, mirror, pull
from sync.exchange.incidents import incident_record
from sync.identity import origin
from sync.models.exchange import Following, Peer
from sync.refusals import ExchangeFault, PeerLied
from sync.transports import boxes
from sync.transports.parcels import Label, Parcel, ParcelFault
from sync.transports.sources import Held, Missing, Parcels

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class Taken:
    """How far we are with the issuer after taking parcels in."""

    epoch: int
    mirrored: int
    applied: int
    fault: str = ""
    """One sentence when something in them did not hold; what came before it is taken in."""

    missing: str = ""
    """One sentence on where they end, or why they do not continue what is here."""

    busy: bool = False
    """Somebody else takes in from this issuer at this moment."""


def issuer_of(parcel: Parcel) -> Peer:
    """Return the connected peer that made a parcel for the current unit.

    Raises:
        ParcelFault: it is for another unit, of a stranger, or not what its issuer signed.
    """
    label = parcel.label
    if label.recipient != origin():
        raise ParcelFault(f"It is for {label.recipient}, not for this unit.")
    peer = Peer.objects.filter(origin=label.issuer).first()
    if peer is None or peer.accepted_here is None or peer.ended_on is not None:
        raise ParcelFault(f"It is of {label.issuer}, with which this unit is not connected.")
    parcel.check(keyring.verifiers(peer, "peer"))
    return peer


def known(following: Following, label: Label) -> bool:
    """Whether everything in a parcel is here already."""
    return (
        label.epoch <= following.epoch
        and max(label.size, label.leaves[1]) <= following.mirrored
        and label.records[1] <= following.applied
    )


def take(peer: Peer, held: Sequence[Held]) -> Taken:
    """Take checked parcels of a peer in, as far as they continue what is here. Repeatable; never applies twice."""
    with pull.alone(peer) as first:
        following = Following.objects.get(peer=peer)
        if not first:
            return replace(_taken(following), busy=True)
        usable, missing = _of_one_epoch(following, held)
        fault = ""
        if usable:
            try:
                with faults.of_the_peer():
                    _take(peer, Parcels(usable, boxes.opener()))
            except Missing as gap:
                missing = str(gap)
            except PeerLied as lie:
                incident_record(peer, lie)
                fault = lie.sentence
            except ExchangeFault as other:
                fault = str(other)
        # Windows before the last do not wait for the disk: what is said to be here from now on must be.
        Following.objects.filter(peer=peer).update(peer=peer)
        following.refresh_from_db()
    return replace(_taken(following), fault=fault, missing=missing)


def _take(peer: Peer, source: Parcels) -> None:
    try:
        mirror.mirror(peer, source)
    except Missing:
        if not Following.objects.filter(peer=peer, mirrored__gt=0).exists():
            raise
    except PeerLied as lie:
        if lie.name != "rolled-back":  # an old parcel that came late rolls nothing back
            raise
    pull.take_all(peer, source)


def _of_one_epoch(following: Following, held: Sequence[Held]) -> tuple[list[Held], str]:
    """Return the parcels under the newest grants. New grants begin again at 0; parcels that do not are left alone."""
    newest = max((each.label.epoch for each in held), default=0)
    usable = [each for each in held if each.label.epoch == newest or each.label.records == (0, 0)]
    if newest < following.epoch:
        return [], "They were made under older grants."
    starts = [each.label.records[0] for each in usable if each.label.records[1]]
    if newest > following.epoch and following.applied and min(starts, default=1):
        return [], "The issuer changed its grants: its records begin again at index 0."
    return usable, ""


def _taken(following: Following) -> Taken:
    return Taken(epoch=following.epoch, mirrored=following.mirrored, applied=following.applied)
