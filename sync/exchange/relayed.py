"""Proof files for public records of followed units, made from our own proven copy of their log.

A reader need not ask the unit that issued a record: whoever follows it holds the record, the leaves and the
signed head, and hands them on unchanged. Nothing is signed again here.
"""

from __future__ import annotations

from sync import audiences
from sync.exchange import mirror
from sync.formats import merkle, proofs
from sync.models.exchange import PeerHead, Received


def prove_followed(commitment: str) -> bytes | None:
    """Return the proof of a followed unit's public record; None for what is not known, not public or erased."""
    found = (
        Received.objects.select_related("peer")
        .filter(commitment=bytes.fromhex(commitment), audience=audiences.PUBLIC)
        .exclude(header=None)
        .first()
    )
    if found is None or found.header is None or found.salt is None or found.body is None:
        return None
    head = (
        PeerHead.objects.filter(peer=found.peer, proven=True, size__gt=found.index)
        .order_by("-size")
        .first()
    )
    if head is None:
        return None
    path = merkle.inclusion_proof(
        found.index, head.size, mirror.opened(found.peer, head.size, found.index)
    )
    opening = proofs.Opening(
        header=bytes(found.header), salt=bytes(found.salt), body=bytes(found.body)
    )
    return proofs.encode(
        proofs.Proof(opening=opening, index=found.index, path=tuple(path), note=bytes(head.note))
    )
