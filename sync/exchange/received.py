"""Received records that are let go: their contents leave this unit, their place in the chain stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection

from sync.erasers import Gone, commitments_of
from sync.models.exchange import Evidence, Received

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sync.models.exchange import Peer

_SALT = 32
_FEW = 64
"""Up to so many salts, looking for each is quicker than looking at every place."""

# Number, subject and audience stay, so that what follows in the chain can still be judged.
_EMPTY = """
WITH before AS (
    SELECT peer_id, index, state, salt FROM sync_received
    WHERE commitment = ANY(%(commitments)s) AND (%(peer)s IS NULL OR peer_id = %(peer)s) AND state <> %(erased)s
    FOR UPDATE
), gone AS (
    UPDATE sync_received r SET state = %(erased)s, salt = NULL, header = NULL, body = NULL
    FROM before b WHERE (r.peer_id, r.index) = (b.peer_id, b.index)
    RETURNING encode(r.commitment, 'hex') AS commitment, r.kind, r.subject, b.peer_id, b.index, b.state, b.salt
), unheld AS (
    DELETE FROM sync_quarantine q USING gone g WHERE (q.peer_id, q.index) = (g.peer_id, g.index)
)
SELECT commitment, origin, kind, subject, state, peer_id, salt FROM gone JOIN sync_peer ON sync_peer.id = peer_id ORDER BY index
"""


def forget(commitments: Iterable[str], *, peer: Peer | None = None) -> list[Gone]:
    """Empty received records, out of quarantine and evidence too; return those that had been taken in or held.

    A record that was refused (of another origin, repeated) is emptied, but nothing can have been made from it: it is
    not returned, or a peer that copied somebody else's record into its own log could have that one's erased.
    Call it inside a transaction. ``peer`` narrows to one issuer's log.
    """
    wanted = [bytes.fromhex(commitment) for commitment in commitments]
    with connection.cursor() as cursor:
        cursor.execute(
            _EMPTY,
            {
                "commitments": wanted,
                "peer": peer.pk if peer else None,
                "erased": Received.ERASED,
            },
        )
        rows = cursor.fetchall()
    salts: dict[int, set[bytes]] = {}
    for *_, issuer, salt in rows:
        if salt is not None:
            salts.setdefault(issuer, set()).add(bytes(salt))
    _clear_evidence(salts)
    return [
        Gone(commitment=commitment, origin=origin, kind=kind or "", subject=subject or "")
        for commitment, origin, kind, subject, state, _, _ in rows
        if state != Received.REFUSED
    ]


def _clear_evidence(salts: dict[int, set[bytes]]) -> None:
    """Empty evidence that holds a record with one of these salts, by the issuer's key: each file is read once, however many."""
    if not salts:
        return
    kept = Evidence.objects.filter(incident__peer__in=salts).exclude(content=b"")
    files = kept.values_list("pk", "incident__peer", "content").iterator(chunk_size=8)
    holding = [pk for pk, issuer, content in files if _holds(bytes(content), salts[issuer])]
    if holding:
        Evidence.objects.filter(pk__in=holding).update(content=b"")


def _holds(octets: bytes, salts: set[bytes]) -> bool:
    """Tell whether one of these salts stands anywhere in octets that a peer sent: in whatever form, even a broken one."""
    if len(salts) <= _FEW:
        return any(salt in octets for salt in salts)
    return any(octets[at : at + _SALT] in salts for at in range(len(octets) - _SALT + 1))


def here(commitments: Sequence[str]) -> list[Gone]:
    """Finder of this room: received records with these commitments whose contents are here."""
    rows = (
        Received.objects.filter(commitment__in=[bytes.fromhex(text) for text in commitments])
        .exclude(state=Received.REFUSED)
        .exclude(header=None, body=None)
        .select_related("peer")
    )
    return [
        Gone(
            commitment=bytes(row.commitment).hex(), origin=row.peer.origin, kind=row.kind or "", subject=row.subject or "",
        )
        for row in rows
    ]  # fmt: skip


def let_go(gone: Sequence[Gone]) -> None:
    """Eraser of this room: received records that others ordered away are emptied, after a restore too."""
    forget(commitments_of(gone))
