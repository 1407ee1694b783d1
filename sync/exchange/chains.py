"""Chains of received records: per subject and audience, each naming its predecessor by commitment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from django.db import connection

from sync import audiences
from sync.errors import UNREADABLE
from sync.exchange.judged import REFUSED_REASONS
from sync.ledger import erasure
from sync.models.exchange import Quarantine, Received

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sync.exchange.judged import Judged
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


def check(
    peer: Peer, items: Sequence[Judged], grants: dict[str, int], *, thorough: bool = False
) -> None:
    """Refuse repeated commitments; hold records whose predecessor is another, missing, or taken already.

    Without ``thorough`` the database's own unique constraints stand for two of the questions (was this commitment,
    was this place in the chain there before?): catching up asks them of tens of thousands of records a second.
    When the constraints object, the caller asks again thoroughly.

    ``grants`` says from which index ``connected`` records of a kind are disclosed: such a chain may begin in its middle.
    """
    open_items = [
        item for item in items if item.state == Received.APPLIED and item.header is not None
    ]
    known = _known_commitments(peer, items) if thorough else set()
    seen = _known_places(peer, open_items, thorough=thorough)
    begun = _begun(peer, open_items, grants)
    erased = {item.commitment for item in items if item.state == Received.ERASED}
    for item in open_items:
        if item.commitment in known:
            item.refuse("repeated", "its commitment stood in the log before.")
            continue
        known.add(item.commitment)
        _judge(peer, item, seen, erased, begun, grants)


def _judge(
    peer: Peer,
    item: Judged,
    seen: dict[Place, bytes],
    erased: set[bytes],
    begun: set[tuple[str, str]],
    grants: dict[str, int],
) -> None:
    header = item.header
    assert header is not None
    subject, audience, n = header.subject, header.audience, header.chain.n
    place = (subject, audience, n)
    if place in seen:
        item.refuse("broken-chain", f"number {n} of its chain was given to another record.")
        return
    seen[place] = item.commitment
    goes_on = (subject, audience) in begun
    if audience == audiences.CONNECTED:
        begun.add((subject, audience))
    if n == 1:
        return
    previous = header.chain.prev
    before = seen.get((subject, audience, n - 1))
    if before is None:
        middle = audience == audiences.CONNECTED and grants.get(header.kind, 0) > 0
        if (
            not (middle and not goes_on)
            and bytes.fromhex(previous) not in erased
            and not _is_erased(peer, previous)
        ):
            item.hold(
                "broken-chain", f"its predecessor, number {n - 1} of its chain, was not disclosed."
            )
    elif before != bytes.fromhex(previous):
        item.hold("broken-chain", "it names another predecessor than the one before it.")


def _known_commitments(peer: Peer, items: Sequence[Judged]) -> set[bytes]:
    """Which of these commitments were received before."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT commitment FROM sync_received WHERE peer_id = %s AND commitment = ANY(%s)",
            [peer.pk, [item.commitment for item in items]],
        )
        return {bytes(commitment) for (commitment,) in cursor.fetchall()}


def _known_places(peer: Peer, items: Sequence[Judged], *, thorough: bool) -> dict[Place, bytes]:
    """Received records at the places before these in their chains (``thorough``: and at these)."""
    headers = [item.header for item in items if item.header is not None]
    places = {(h.subject, h.audience, h.chain.n - 1) for h in headers if h.chain.n > 1}
    if thorough:
        places.update((h.subject, h.audience, h.chain.n) for h in headers)
    elif places:
        places.difference_update((h.subject, h.audience, h.chain.n) for h in headers)
    if not places:
        return {}
    subjects, audience_names, numbers = zip(*places, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.subject, r.audience, r.n, r.commitment"
            " FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS w(subject, audience, n)"
            " JOIN sync_received r ON r.peer_id = %s AND r.subject = w.subject AND r.audience = w.audience AND r.n = w.n"
            " WHERE r.state < 3",
            [list(subjects), list(audience_names), list(numbers), peer.pk],
        )
        return {
            (subject, audience, n): bytes(commitment)
            for subject, audience, n, commitment in cursor.fetchall()
        }


def _is_erased(peer: Peer, commitment: str) -> bool:
    """Whether a record is gone by the issuer's own order or came erased: its chain may lack it."""
    came = Received.objects.filter(
        peer=peer, commitment=bytes.fromhex(commitment), state=Received.ERASED
    )
    return came.exists() or commitment in erased_by(peer)


def _begun(peer: Peer, items: Iterable[Judged], grants: dict[str, int]) -> set[tuple[str, str]]:
    """Chains that may begin in their middle, of which something was received before."""
    if not any(grants.values()):
        return set()
    asked = {
        item.header.subject
        for item in items
        if item.header is not None
        and item.header.audience == audiences.CONNECTED
        and item.header.chain.n > 1
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
    holding = Quarantine.objects.filter(peer=peer).exclude(reason__in=REFUSED_REASONS)
    held: set[tuple[str, str]] = set()
    if holding.exists():
        subjects = {item.header.subject for item in items if item.header is not None}
        held.update(holding.filter(subject__in=subjects).values_list("subject", "audience"))
    elif not any(item.state for item in items):
        return
    for item in items:
        if item.header is None:
            continue
        if item.state == Received.HELD or item.reason == "broken-chain":
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
    if _is_erased(peer, previous):
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
        except UNREADABLE:
            continue
    return erased
