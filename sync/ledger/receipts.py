"""Two papers for who lodged a record: the acknowledgement at once, the proof after the slot.

The acknowledgement is the unit's signed promise that a commitment will stand in its log by a day; a log that
lacks it then breaks the promise visibly. The proof shows the record in the tree under a signed head. Neither
holds anything derived from a query code.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Protocol

from django.db import connection

from sync import audiences, identity, ledger
from sync.errors import LedgerFault, NoteFault
from sync.formats import merkle, notes, proofs, records
from sync.ledger import tree
from sync.ledger.heads import with_cosignatures
from sync.models import Cosignature, Entry, Head, Opening

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

TITLE = "minqing/acknowledgement/v1"

_HEADER = """
SELECT header FROM sync_pending WHERE commitment = %s
UNION ALL SELECT header FROM sync_opening JOIN sync_entry USING (index) WHERE commitment = %s
"""


class ForeignProver(Protocol):
    """Proves a public record of a followed unit."""

    def __call__(self, commitment: str, /) -> bytes | None:
        """Return the proof file, or None where the record is not known."""


_HEADS = 64
"""Newest heads among which the one for a proof is chosen."""

_provers: list[ForeignProver] = []


class Quorum(Protocol):
    """Knows what a reader of this region asks of a head."""

    def __call__(self) -> Callable[[Collection[str]], bool] | None:
        """Return what says whether witnesses with these keys are enough, or None where nothing is asked."""


_quorums: list[Quorum] = []


def register_quorum(quorum: Quorum) -> None:
    """Have somebody asked which heads have countersignatures enough."""
    if quorum not in _quorums:
        _quorums.append(quorum)


def register_prover(prover: ForeignProver) -> None:
    """Have somebody asked for proofs of other units' public records."""
    if prover not in _provers:
        _provers.append(prover)


def acknowledge(commitment: str) -> bytes:
    """Return the signed acknowledgement note of a record appended here; the same one each time.

    Raises:
        LedgerFault: no such record, or its opening was erased.
    """
    records.check_commitment(commitment)
    octets = bytes.fromhex(commitment)
    with connection.cursor() as cursor:
        cursor.execute(_HEADER, [octets, octets])
        row = cursor.fetchone()
    if row is None:
        raise LedgerFault("There is no such record to acknowledge.")
    header = records.decode_header(bytes(row[0]))
    return notes.sign(
        acknowledgement_text(header.origin, commitment, header.day), *identity.ack_keys()
    ).encode()


def acknowledgement_text(origin: str, commitment: str, day: str) -> str:
    """Return the text of an acknowledgement. Its second line is no number: it never reads as a checkpoint."""
    latest = datetime.date.fromisoformat(day) + datetime.timedelta(days=1)
    lines = (
        TITLE,
        f"origin {origin}",
        f"commitment {commitment}",
        f"day {day}",
        f"in the log by {latest}",
    )
    return "".join(f"{line}\n" for line in lines)


def open_acknowledgement(octets: bytes, keys: Sequence[notes.VerifierKey]) -> tuple[str, str, str]:
    """Return origin, commitment and latest day of an acknowledgement that one of the keys signed.

    Raises:
        NoteFault: not an acknowledgement, or not signed by a known key.
    """
    text = notes.open_note(octets, keys)
    try:
        _, origin, commitment, day, latest, end = text.split("\n")
        same = text == acknowledgement_text(
            origin.removeprefix("origin "),
            commitment.removeprefix("commitment "),
            day.removeprefix("day "),
        )
    except ValueError as fault:
        raise NoteFault("This note is no acknowledgement.") from fault
    if not same or end:
        raise NoteFault("This note is no acknowledgement.")
    return (
        origin.removeprefix("origin "),
        commitment.removeprefix("commitment "),
        latest.removeprefix("in the log by "),
    )


def proof(commitment: str) -> bytes | None:
    """Return the proof file of one of our records; None while its slot has not passed.

    Whoever may see the record may have the proof: the caller has checked that.

    Raises:
        LedgerFault: the record was erased; its place in the log stays.
    """
    records.check_commitment(commitment)
    entry = Entry.objects.filter(commitment=bytes.fromhex(commitment)).first()
    head = _head_over(entry.index) if entry is not None else None
    if entry is None or head is None:
        return None
    opening = Opening.objects.filter(index=entry.index).first()
    if opening is None:
        raise LedgerFault("This record was erased; only its place in the log remains.")
    return _prove(opening, head)


def prove_public(commitment: str) -> bytes | None:
    """Return the proof file of a public record of this unit or of a followed one; None for everything else."""
    records.check_commitment(commitment)
    entry = Entry.objects.filter(commitment=bytes.fromhex(commitment)).first()
    if entry is not None:
        opening = Opening.objects.filter(index=entry.index, audience=audiences.PUBLIC).first()
        head = _head_over(entry.index)
        return _prove(opening, head) if opening is not None and head is not None else None
    return next(
        (found for found in (prover(commitment) for prover in _provers) if found is not None), None
    )


def _prove(opening: Opening, head: ledger.SignedHead) -> bytes:
    path = merkle.inclusion_proof(opening.index, head.size, tree.node_at(head.size))
    opened = proofs.Opening(
        header=bytes(opening.header), salt=bytes(opening.salt), body=bytes(opening.body)
    )
    return proofs.encode(
        proofs.Proof(opening=opened, index=opening.index, path=tuple(path), note=head.note)
    )


def _head_over(index: int) -> ledger.SignedHead | None:
    """Return, of the newest heads over an index, the newest that has the countersignatures which the region's policy asks for.

    Where none has them, or nobody asks, the one that most operators have countersigned, the newest of several: a reader may ask
    for more than one operator, and the newest head has the first signature before it has the others.
    """
    over = Cosignature.objects.filter(size__gt=index)
    newest = list(over.order_by("-size").values_list("size", flat=True).distinct()[:_HEADS])
    signed: dict[int, list[tuple[str, str]]] = {size: [] for size in newest}
    for size, key, operator in over.filter(size__in=newest).values_list(
        "size", "witness_key", "operator"
    ):
        signed[size].append((key, operator))
    met = next((found for found in (asks() for asks in _quorums) if found is not None), None)
    enough = (size for size in newest if met and met({key for key, _ in signed[size]}))
    most = max(newest, key=lambda size: (len({name for _, name in signed[size]}), size), default=0)
    heads = Head.objects.filter(size__gt=index).order_by("-size")
    row = heads.filter(size=next(enough, most)).first() or heads.first()
    return with_cosignatures(row) if row is not None else None
