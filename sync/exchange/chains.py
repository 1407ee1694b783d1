"""Chains of received records: per subject and audience, each naming its predecessor by commitment."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
from django.db import connection

from sync import audiences
from sync.errors import UNREADABLE
from sync.exchange.judged import REFUSED_REASONS
from sync.exchange.links import ANOTHER, link
from sync.ledger import adoption, erasure
from sync.models.exchange import Quarantine, Received

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.db.models import QuerySet

    from sync.exchange.judged import Judged
    from sync.exchange.links import Links, Place
    from sync.formats.framing import Opening
    from sync.models.exchange import Peer


def known_indexes(peer: Peer, openings: Sequence[Opening], start: int) -> set[int]:
    """Return which of these were received before: a changed grant makes a peer send again from the beginning."""
    if not openings:
        return set()
    received = Received.objects.filter(peer=peer, index__gte=start, index__lte=openings[-1].index)
    return set(received.values_list("index", flat=True))


def link_thoroughly(peer: Peer, items: Sequence[Judged]) -> Links:
    """Link records that were perhaps there before, under this commitment or at this place in their chain.

    Catching up leaves these two questions to the database's own unique constraints: it would ask them of tens of thousands
    of records a second. When the constraints object, they are asked.
    """
    return link(items, known=_known_commitments(peer, items), taken=_taken_places(peer, items))


def check(peer: Peer, links: Links, grants: dict[str, int]) -> None:
    """Hold records whose predecessor, from before the answer, is another or missing.

    ``grants`` says from which index ``connected`` records of a kind are disclosed: with the first from there on, such a
    chain begins in its middle, or goes on there if something of it came under a grant that was taken back since.
    """
    if not links.back:
        return
    items = [item for item, _ in links.back]
    seen, before_grant = _places_before(peer, items), _latest_before(peer, items, grants)
    gone = _erased_of(
        peer,
        {
            item.header.chain.prev
            for item in items
            if item.header is not None
            and (item.header.subject, item.header.audience, item.header.chain.n - 1) not in seen
            and bytes.fromhex(item.header.chain.prev) not in links.erased
        },
    )
    for item, latest in links.back:
        header = item.header
        assert header is not None
        subject, audience, n = header.subject, header.audience, header.chain.n
        previous = header.chain.prev
        before = seen.get((subject, audience, n - 1))
        if before is not None:
            if before != bytes.fromhex(previous):
                item.hold("broken-chain", ANOTHER)
            continue
        granted = grants.get(header.kind, 0) if audience == audiences.CONNECTED else 0
        latest = max(latest, before_grant.get(item.opening.index, -1))
        first_granted = granted > 0 and latest < granted <= item.opening.index
        if (
            not first_granted
            and bytes.fromhex(previous) not in links.erased
            and previous not in gone
        ):
            item.hold(
                "broken-chain", f"its predecessor, number {n - 1} of its chain, was not disclosed."
            )


def _known_commitments(peer: Peer, items: Sequence[Judged]) -> set[bytes]:
    """Which of these commitments were received before."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT commitment FROM sync_received WHERE peer_id = %s AND commitment = ANY(%s)",
            [peer.pk, [item.commitment for item in items]],
        )
        return {bytes(commitment) for (commitment,) in cursor.fetchall()}


def _taken_places(peer: Peer, items: Sequence[Judged]) -> dict[Place, bytes]:
    """Received records at the very places of these.

    Those that their issuer lost give their number up: it told so when it adopted its log, and could not know that we hold
    them (we did not answer then). So do those that were erased before an adoption: nobody could tell the issuer their number
    any more. They stay as they are otherwise.
    """
    headers = [item.header for item in items if item.header is not None]
    found = _received_at(peer, {(h.subject, h.audience, h.chain.n) for h in headers})
    adopted = _adoptions(peer, items) if found else []
    lost = {
        place: index
        for place, (index, _, state) in found.items()
        if any(_is_lost(index, state, *adoption) for adoption in adopted)
    }
    if lost:
        Received.objects.filter(peer=peer, index__in=lost.values()).update(n=None)
    return {place: commitment for place, (_, commitment, _) in found.items() if place not in lost}


def _is_lost(index: int, state: int, at: int, runs: Sequence[tuple[int, int]]) -> bool:
    """Whether an issuer that adopted its log at an index, telling of these runs, cannot know a record's number."""
    if state == Received.ERASED:
        return index < at
    return any(first <= index <= last for first, last in runs)


def _adoptions(peer: Peer, items: Sequence[Judged]) -> list[tuple[int, Sequence[tuple[int, int]]]]:
    """Return where a peer adopted its log, as it told since or now, and first and last index of each run that it could not open then."""
    told = Received.objects.filter(peer=peer, subject=adoption.SUBJECT, kind=adoption.KIND)
    bodies = [(index, bytes(body or b"")) for index, body in told.values_list("index", "body")]
    bodies += [
        (item.opening.index, item.opening.body or b"")
        for item in items
        if item.header is not None and item.header.kind == adoption.KIND
    ]
    adoptions: list[tuple[int, Sequence[tuple[int, int]]]] = []
    for index, body in bodies:
        with suppress(*UNREADABLE):
            adoptions.append((index, msgspec.json.decode(body, type=adoption.Adopted).unopened))
    return adoptions


def _places_before(peer: Peer, items: Sequence[Judged]) -> dict[Place, bytes]:
    """Received records at the places before these."""
    headers = [item.header for item in items if item.header is not None]
    found = _received_at(peer, {(h.subject, h.audience, h.chain.n - 1) for h in headers})
    return {place: commitment for place, (_, commitment, _) in found.items()}


def _received_at(peer: Peer, places: set[Place]) -> dict[Place, tuple[int, bytes, int]]:
    """Index, commitment and state of the records received at places in chains."""
    if not places:
        return {}
    subjects, audience_names, numbers = zip(*places, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.subject, r.audience, r.n, r.index, r.commitment, r.state"
            " FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS w(subject, audience, n)"
            " JOIN sync_received r ON r.peer_id = %s AND r.subject = w.subject AND r.audience = w.audience AND r.n = w.n"
            " WHERE r.state < 3",
            [list(subjects), list(audience_names), list(numbers), peer.pk],
        )
        return {
            (subject, audience, n): (index, bytes(commitment), state)
            for subject, audience, n, index, commitment, state in cursor.fetchall()
        }


def _erased_of(peer: Peer, commitments: set[str]) -> set[str]:
    """Which of these records are gone by the issuer's own orders or came erased: chains may lack them."""
    if not commitments:
        return set()
    came = Received.objects.filter(
        peer=peer,
        commitment__in=[bytes.fromhex(text) for text in commitments],
        state=Received.ERASED,
    )
    gone = {bytes(found).hex() for found in came.values_list("commitment", flat=True)}
    return gone if gone == commitments else gone | (commitments & erased_by(peer))


def _latest_before(peer: Peer, items: Iterable[Judged], grants: dict[str, int]) -> dict[int, int]:
    """Index of what was received last of the chain before each ``connected`` record, where there is any and it may matter."""
    if not any(grants.values()):
        return {}
    asked = [
        (item.header.subject, item.opening.index)
        for item in items
        if item.header is not None and item.header.audience == audiences.CONNECTED
    ]
    if not asked:
        return {}
    subjects, indexes = zip(*asked, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT w.index, max(r.index) FROM unnest(%s::text[], %s::bigint[]) AS w(subject, index)"
            " JOIN sync_received r ON r.peer_id = %s AND r.subject = w.subject AND r.audience = %s AND r.index < w.index"
            " WHERE r.state < 3 GROUP BY w.index",
            [list(subjects), list(indexes), peer.pk, audiences.CONNECTED],
        )
        return dict(cursor.fetchall())


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
    if _erased_of(peer, {previous}):
        return True
    before = places.filter(n=n - 1).first()
    if before is None:
        return _may_begin_in_the_middle(peer, item)
    return bytes(before.commitment).hex() == previous and before.state == Received.APPLIED


def _may_begin_in_the_middle(peer: Peer, item: Judged) -> bool:
    """A chain held for another reason than its beginning stays allowed to begin where it did."""
    held = Quarantine.objects.filter(peer=peer, index=item.opening.index).first()
    return held is not None and held.reason != "broken-chain"


def orders_of(peer: Peer) -> QuerySet[Received]:
    """Return a peer's erasure orders. By subject, which has an index, for records that were not refused."""
    return Received.objects.filter(
        peer=peer, subject=erasure.SUBJECT, kind=erasure.KIND, state__lt=Received.REFUSED
    )


def erased_by(peer: Peer) -> set[str]:
    """Commitments that the peer's own erasure orders name: a chain may lack these."""
    erased: set[str] = set()
    for body in orders_of(peer).values_list("body", flat=True):
        try:
            erased.update(msgspec.json.decode(bytes(body or b""), type=erasure.Order).commitments)
        except UNREADABLE:
            continue
    return erased
