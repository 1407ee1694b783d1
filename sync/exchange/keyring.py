"""A peer's keys: those in its row, and those that its log announced since (``sync.key``, see ``keys``).

A key that comes is good beside the one it replaces until that one ends; a log key that ended proves nothing beyond
the size named then, and below it only with a countersignature from outside.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from django.conf import settings

from sync.errors import PolicyFault, SignerFault
from sync.exchange import region
from sync.formats.heads import LogKeys
from sync.formats.notes import VerifierKey, decode64
from sync.identity import identity, witness_key
from sync.models.exchange import Following, Peer, PeerKey

if TYPE_CHECKING:
    from sync.formats.policies import Policy


COMING = 4
"""How many announced keys of one use count beside the one in the row, the newest: each costs every request of the peer's."""


def good_keys(peer: Peer, use: str) -> list[str]:
    """Return a peer's keys of one use that are good now: the one in its row first, then one that comes."""
    first = [getattr(peer, f"{use}_key")] if hasattr(peer, f"{use}_key") else []
    coming = PeerKey.objects.filter(peer=peer, use=use, last=None).exclude(key__in=first)
    return [*first, *coming.order_by("-id").values_list("key", flat=True)[:COMING]]


def verifiers(peer: Peer, use: str) -> list[VerifierKey]:
    """Return the same as verifier keys."""
    return [VerifierKey.parse(text) for text in good_keys(peer, use)]


def others_holding(peer: Peer) -> bool:
    """Tell whether another unit, or this one, is known by a key that a peer announces. Deployments share one witness key."""
    mine = {_public(peer, use) for use in ("log", "ack", "peer", "box")}
    others = Peer.objects.exclude(pk=peer.pk)
    known = {_public(other, use) for other in others for use in ("log", "ack", "peer", "box")}
    us = identity()
    known |= {VerifierKey.parse(text).public for text in (us.log_key, us.ack_key, us.peer_key)}
    known.add(decode64(us.box_key))
    witnesses = [(_public(other, "witness"), other.operator) for other in others]
    witnesses.append((VerifierKey.parse(us.witness_key).public, us.operator))
    witness = _public(peer, "witness")
    return bool(mine & known) or any(
        key == witness and operator != peer.operator for key, operator in witnesses
    )


def _public(peer: Peer, use: str) -> bytes:
    text: str = getattr(peer, f"{use}_key")
    return decode64(text) if use == "box" else VerifierKey.parse(text).public


def log_keys(peer: Peer) -> LogKeys:
    """Return everything known about who signs a peer's heads: its own word in its log, and the region's policy."""
    current = verifiers(peer, "log")
    policy, withdrawn = region.keys_said()
    former = {
        VerifierKey.parse(row.key): row.last
        for row in PeerKey.objects.filter(peer=peer, use="log").exclude(last=None)
        if row.last is not None
    }
    if policy is not None:
        current += [key for key in policy.log_keys(peer.origin).current if key not in current]
    if withdrawn is not None:  # also by a policy that nobody renewed
        said = withdrawn.log_keys(peer.origin).former
        former |= {key: min(last, former.get(key, last)) for key, last in said.items()}
    if withdrawn is not None and peer.origin in withdrawn.successors:
        # That log ended where it was proven; another goes on in its place.
        proven = Following.objects.filter(peer=peer).values_list("mirrored", flat=True).first() or 0
        former |= {key: min(proven, former.get(key, proven)) for key in current}
    return LogKeys(
        current=tuple(key for key in current if key not in former),
        former=former,
        witnesses=tuple(outside_witnesses(peer)) if former else (),
    )


def outside_witnesses(peer: Peer) -> dict[VerifierKey, str]:
    """Return witness keys known here with their operators, without the peer's own."""
    others = Peer.objects.filter(ended_on=None).exclude(accepted_here=None)
    known = {
        key: other.operator
        for other in others.exclude(operator=peer.operator)
        for key in verifiers(other, "witness")
    }
    if settings.MINQING.operator != peer.operator:
        with contextlib.suppress(SignerFault):
            known[witness_key()] = settings.MINQING.operator
    return known


def counted_witnesses(peer: Peer) -> list[VerifierKey]:
    """Return witness keys of other operators that are known here or named by the region's policy."""
    policy = _region_policy()
    named = policy.outside(peer.origin).values() if policy is not None else ()
    return [*outside_witnesses(peer), *named]


def _region_policy() -> Policy | None:
    try:
        found = region.current()
    except PolicyFault:
        return None  # one that ended or lost its signer says nothing any more
    return found.policy if found is not None else None
