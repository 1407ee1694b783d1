"""Proof files for public records of followed units, made from our own proven copy of their log.

A reader need not ask the unit that issued a record: whoever follows it holds the record, the leaves and the
signed head, and hands them on unchanged. Nothing is signed again here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync import audiences
from sync.errors import NoteFault
from sync.exchange import keyring, mirror
from sync.formats import merkle, notes, proofs
from sync.models.exchange import PeerHead, Received

if TYPE_CHECKING:
    from sync.formats.notes import VerifierKey
    from sync.models.exchange import Peer

_HEADS = 16
"""Newest proven heads among which the one for a proof is chosen."""


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
    head = _head_over(found.peer, found.index)
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


def _head_over(peer: Peer, index: int) -> PeerHead | None:
    """Return, of the newest proven heads over an index, the one that most known witnesses have countersigned."""
    witnesses = keyring.counted_witnesses(peer)
    proven = PeerHead.objects.filter(peer=peer, proven=True, size__gt=index).order_by("-size")
    heads = list(proven[:_HEADS])
    return max(heads, key=lambda head: (_countersigned(head, witnesses), head.size), default=None)


def _countersigned(head: PeerHead, witnesses: list[VerifierKey]) -> int:
    try:
        return len(notes.cosigned_by(notes.parse_note(bytes(head.note)), witnesses))
    except NoteFault:
        return 0
