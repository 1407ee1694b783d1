"""Adopting a log: an operator vouches for its state after the signer lost what it signed last. Logged, publicly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from django.db import transaction

from sync import identity, ledger
from sync.audiences import PUBLIC
from sync.errors import LedgerFault, SignerRefused, SyncFault
from sync.formats import merkle, tiles
from sync.ledger import erasure, refill, tree
from sync.models import Log, Opening
from sync.signer import client
from sync.signer.messages import Adopt
from tenants.current import current_unit
from tenants.errors import UnitFault

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from tenants.models import Unit

KIND = "sync.adoption"
SUBJECT = "signer"
UNOPENED_LIMIT = 1_000_000
"""Most runs that one adoption tells of: what lies in a run that is not told of keeps its number in its chain at every peer."""


class Adopted(msgspec.Struct, frozen=True, kw_only=True):
    """Body of an adoption record."""

    size: int
    root: str
    """In hexadecimal."""

    unopened: list[tuple[int, int]] = []
    """First and last index of each run that could not be opened then, told once and for all."""

    set_aside: list[str] = []
    """Commitments that waited and will never be sealed, because the log held their places already."""


def adopt_unit(unit: Unit) -> str:
    """Adopt the log of one unit; registered with ``tenants.services.register_adopter``.

    Raises:
        UnitFault: with the signer's reason.
    """
    try:
        adopted = adopt()
    except SyncFault as fault:
        raise UnitFault(str(fault)) from fault
    told = f"{unit.code}: log adopted at {adopted.size} entries; the adoption stands in the log"
    if adopted.set_aside:
        told += (
            f"; {len(adopted.set_aside)} records written after the restore were set aside, because the log held their "
            "places already: look through what was done since and do it again"
        )
    return told


def adoptions() -> QuerySet[Opening]:
    """Return the adoptions that stand in our log."""
    return Opening.objects.filter(subject=SUBJECT, kind=KIND)


def adopt() -> Adopted:
    """Tell the signer the log's state, append the adoption as a public record, seal it; return its body.

    Raises:
        LedgerFault: a head with our own signature is known that this database does not lead to.
        SignerRefused: the signer knows a later head: newer data exist.
        SignerUnreachable: the signer does not run.
    """
    key = identity.log_key()
    log = Log.objects.get(unit=current_unit().code)
    root = merkle.root(tiles.split(bytes(log.edge)) if log.edge else [])
    _refuse_behind(log)
    _ask(Adopt(origin=key.name, size=log.size, root=root))
    erasure.replay()
    identity.log_key_pin(identity.log_keys()[0])  # a backup may be older than the key
    with transaction.atomic():
        adopted = Adopted(
            size=log.size,
            root=root.hex(),
            unopened=refill.ranges(refill.unopened())[:UNOPENED_LIMIT],
            set_aside=refill.set_aside(),
        )
        body = msgspec.json.encode(adopted, order="deterministic")
        Log.objects.filter(unit=log.unit).update(halted="", known=b"")
        ledger.append(kind=KIND, subject=SUBJECT, body=body, audience=PUBLIC)
    ledger.seal()
    return adopted


def _refuse_behind(log: Log) -> None:
    if not log.known:
        return
    head = refill.own_head(bytes(log.known), refill.own_keys())
    if head.size > log.size or refill.root_at(head.size) != head.root:
        raise LedgerFault(
            f"This unit signed {head.size} entries and this database does not lead there: bring them back with "
            "`minqing restore from-peers` first."
        )


def _ask(request: Adopt) -> None:
    """Ask the signer; one whose folder was restored too knows an older head and wants the proof from there."""
    signer = client.signer()
    try:
        signer.ask(request)
    except SignerRefused as refusal:
        if refusal.code != "inconsistent":
            raise
        proof = merkle.consistency_proof(refusal.size, request.size, tree.node_at(request.size))
        signer.ask(msgspec.structs.replace(request, proof=proof))
