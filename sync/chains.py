"""Chains of received records: per subject and audience, each naming its predecessor by commitment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from django.db import connection

from sync import audiences, erasure
from sync.judged import REFUSED_REASONS
from sync.models.exchange import Quarantine, Received

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sync.judged import Judged
    from sync.models.exchange import Peer

Place = tuple[str, str, int]
"""Subject, audience and number."""


def without_known(peer: Peer, items: list[Judged], start: int) -> list[Judged]:
    """Leave out what was received before (by index): a changed grant makes a peer send again from the beginning."""
    known = set(
        Received.objects.filter(
            peer=peer, index__gte=start, index__lte=items[-1].opening.index
        ).values_list("index", flat=True)
        if items
        else ()
    )
    return [item for item in items if item.opening.index not in known] if known else items


def check(peer: Peer, items: Sequence[Judged], grants: dict[str, int]) -> None:
    """Refuse repeated commitments; hold records whose predecessor is another, missing, or taken already.

    ``grants`` says from which index ``connected`` records of a kind are disclosed: such a chain may begin in its middle.
    """
    open_items = [
        item for item in items if item.state == Received.APPLIED and item.header is not None
    ]
    known = _known_commitments(peer, items)
    seen = _known_places(peer, open_items)
    begun = _begun(peer, open_items, grants)
    for item in items:
        if item.state == Received.ERASED:
            known[item.commitment] = Received.ERASED
    for item in open_items:
        if item.commitment in known:
            item.refuse("repeated", "its commitment stood in the log before.")
            continue
        known[item.commitment] = item.state
        _judge(peer, item, seen, known, begun, grants)


def _judge(
    peer: Peer,
    item: Judged,
    seen: dict[Place, bytes],
    known: dict[bytes, int],
    begun: set[tuple[str, str]],
    grants: dict[str, int],
) -> None:
    assert item.header is not None
    subject, audience = item.chain
    n, previous = item.header.chain.n, item.header.chain.prev
    if (subject, audience, n) in seen:
        item.hold("broken-chain", f"number {n} of its chain was given to another record.")
        return
    before = seen.get((subject, audience, n - 1))
    if n > 1 and before is None:
        middle = audience == audiences.CONNECTED and grants.get(item.header.kind, 0) > 0
        erased = known.get(bytes.fromhex(previous)) == Received.ERASED or previous in erased_by(
            peer
        )
        if not erased and not (middle and (subject, audience) not in begun):
            item.hold(
                "broken-chain", f"its predecessor, number {n - 1} of its chain, was not disclosed."
            )
    elif n > 1 and before != bytes.fromhex(previous):
        item.hold("broken-chain", "it names another predecessor than the one before it.")
    seen[subject, audience, n] = item.commitment
    begun.add((subject, audience))


def _known_commitments(peer: Peer, items: Sequence[Judged]) -> dict[bytes, int]:
    """Which of these commitments, and of the predecessors they name, were received before, and their state."""
    wanted = [item.commitment for item in items]
    wanted += [
        bytes.fromhex(item.header.chain.prev)
        for item in items
        if item.header is not None and item.header.chain.prev
    ]
    if not wanted:
        return {}
    named = {
        bytes.fromhex(item.header.chain.prev)
        for item in items
        if item.header is not None and item.header.chain.prev
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT commitment, state FROM sync_received WHERE peer_id = %s AND commitment = ANY(%s)",
            [peer.pk, wanted],
        )
        rows = [(bytes(commitment), state) for commitment, state in cursor.fetchall()]
    own = {item.commitment for item in items}
    return {
        commitment: state
        for commitment, state in rows
        if commitment in own or (commitment in named and state == Received.ERASED)
    }


def _known_places(peer: Peer, items: Iterable[Judged]) -> dict[Place, bytes]:
    """Received records at these places of their chains, and at the places before them."""
    places: set[Place] = set()
    for item in items:
        assert item.header is not None
        n = item.header.chain.n
        places.add((*item.chain, n))
        if n > 1:
            places.add((*item.chain, n - 1))
    if not places:
        return {}
    subjects, audience_names, numbers = zip(*places, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.subject, r.audience, r.n, r.commitment"
            " FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS w(subject, audience, n)"
            " JOIN sync_received r ON r.peer_id = %s AND r.subject = w.subject AND r.audience = w.audience AND r.n = w.n"
            " WHERE r.state <> %s",
            [list(subjects), list(audience_names), list(numbers), peer.pk, Received.REFUSED],
        )
        return {
            (subject, audience, n): bytes(commitment)
            for subject, audience, n, commitment in cursor.fetchall()
        }


def _begun(peer: Peer, items: Iterable[Judged], grants: dict[str, int]) -> set[tuple[str, str]]:
    """Chains that may begin in their middle, of which something was received before."""
    asked = {
        item.header.subject
        for item in items
        if item.header is not None
        and item.header.audience == audiences.CONNECTED
        and item.header.chain.n > 1
        and any(grants.values())
    }
    if not asked:
        return set()
    rows = Received.objects.filter(
        peer=peer, subject__in=asked, audience=audiences.CONNECTED
    ).exclude(state=Received.REFUSED)
    return {
        (subject, audiences.CONNECTED)
        for subject in rows.values_list("subject", flat=True).distinct()
        if subject
    }


def hold_followers(peer: Peer, items: Sequence[Judged]) -> None:
    """Hold everything that follows, in its own chain, a record that is held back (now or since earlier)."""
    subjects = {item.header.subject for item in items if item.header is not None}
    holding = Quarantine.objects.filter(peer=peer).exclude(reason__in=REFUSED_REASONS)
    held = (
        set(holding.filter(subject__in=subjects).values_list("subject", "audience"))
        if holding.exists()
        else set()
    )
    for item in items:
        if item.header is None:
            continue
        if item.state == Received.HELD:
            held.add(item.chain)
        elif item.state == Received.APPLIED and item.chain in held:
            item.hold("waits", "An earlier record of its chain is held back.")


def follows(peer: Peer, item: Judged) -> bool:
    """Whether a held record's predecessor is taken in now, and no other record has its place."""
    assert item.header is not None
    n, previous = item.header.chain.n, item.header.chain.prev
    places = Received.objects.filter(
        peer=peer, subject=item.header.subject, audience=item.header.audience
    ).exclude(state=Received.REFUSED)
    if places.filter(n=n).exclude(index=item.opening.index).exists():
        return False
    if n == 1:
        return True
    if Received.objects.filter(
        peer=peer, commitment=bytes.fromhex(previous), state=Received.ERASED
    ).exists():
        return True
    if previous in erased_by(peer):
        return True
    before = places.filter(n=n - 1).first()
    if before is None:
        return not places.filter(
            index__lt=item.opening.index
        ).exists() and _may_begin_in_the_middle(peer, item)
    return bytes(before.commitment).hex() == previous and before.state == Received.APPLIED


def _may_begin_in_the_middle(peer: Peer, item: Judged) -> bool:
    """A chain held for another reason than its beginning stays allowed to begin where it did."""
    held = Quarantine.objects.filter(peer=peer, index=item.opening.index).first()
    return held is not None and held.reason != "broken-chain"


def erased_by(peer: Peer) -> set[str]:
    """Commitments that the peer's own erasure orders name: a chain may lack these."""
    orders = Received.objects.filter(peer=peer, kind=erasure.KIND).values_list("body", flat=True)
    erased: set[str] = set()
    for body in orders:
        try:
            erased.update(msgspec.json.decode(bytes(body or b""), type=erasure.Order).commitments)
        except msgspec.DecodeError:
            continue
    return erased
