"""The ledger: append in the business transaction, seal after commit, sign, publish.

Way of a record: `append` writes a pending row in the transaction of the change itself. `seal` gives dense
indexes to everything committed and commits the grown tree durably; then the signer signs the head; then
the head is published. A crash between any two of these leaves work that the next `seal` does: it
always first looks for a tree that is larger than its last published head.

Locks: an append holds its chain's row (one subject, one audience) until its transaction ends. A seal holds
the advisory lock (SEAL, unit number) from before it reads anything until the tree is committed; publishing
holds (SIGN, unit number). Who waited for a lock finds the work done.
"""

from __future__ import annotations

import logging
import secrets
import uuid
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import Error, connection, transaction
from django.utils import timezone

from sync import audiences, identity
from sync.errors import LedgerFault, SyncFault
from sync.formats import records
from sync.ledger import publishing, rounds, slots, tree
from sync.ledger.appends import place
from tenants.current import current_unit, unit_context

if TYPE_CHECKING:
    from sync.ledger.heads import SignedHead
    from tenants.models import Unit

logger = logging.getLogger("sync.ledger")

SEAL = 0x6D71_0001
"""Class of the advisory lock of who seals; the second key is the unit's number."""

BATCH = 8192
"""Most staff records that one transaction seals."""

PAD = "sync.pad"

_PADS = """
INSERT INTO sync_pending (unit, slotted, kind, subject, audience, commitment, header, body, salt)
SELECT %s, true, %s, pad.subject, %s, pad.commitment, pad.header, '', pad.salt
FROM unnest(%s::text[], %s::bytea[], %s::bytea[], %s::bytea[]) AS pad (subject, commitment, header, salt)
RETURNING subject, id
"""
# The migrations ``0009_seal_in_few_calls`` and ``0011_a_round_in_fewer_calls`` say what this does.
_MOVE = "SELECT * FROM ledger_move(%s, %s, %s, %s)"
# A staff record that waits before a slotted one of its subject goes with it: nobody enters the log before his predecessor.
_SLOTTED = "SELECT id, subject FROM sync_pending WHERE slotted OR subject IN (SELECT subject FROM sync_pending WHERE slotted) ORDER BY id"
_GROWN = "UPDATE sync_log SET size = %s, edge = %s"

_rounds: defaultdict[tuple[str, str], rounds.Rounds[SignedHead]] = defaultdict(rounds.Rounds)


def seal() -> SignedHead:
    """Seal every committed record that waits for no slot; return the published head that covers them.

    Call it after the commit. Many callers share one seal: who waited finds his record sealed.

    Raises:
        SignerUnreachable, SignerRefused: nothing is lost; the next seal goes on.
        RolledBack: the database is older than what was signed; nothing was written.
    """
    return _rounds[place()].join(_seal, publishing.tell)


def _seal() -> SignedHead:
    while True:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            state, grown = _move(cursor, None)
        if grown.count < BATCH:
            return (
                publishing.publish_grown(state, grown)
                if grown.count
                else publishing.publish_unsigned()
            )


def seal_slot(slot: int | None = None) -> SignedHead:
    """End a slot: seal its records, shuffled and filled with pads; an empty one is pads only.

    Args:
        slot: its number, to do nothing where it is sealed already; without it the slot is ended now.

    Raises:
        SignerUnreachable, SignerRefused, RolledBack: as ``seal``.
    """
    unit = current_unit()
    publishing.refuse_rolled_back(publishing.read())
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        last = slots.last_believed(publishing.read(SEAL).last_slot)
        if slot is None or slot > last:
            cursor.execute(_SLOTTED)
            found = [(subject, key) for key, subject in cursor.fetchall()]
            pads = _pads(cursor, unit, slots.pads_for(len(found)))
            ordered = slots.shuffled([*found, *pads])
            if _move(cursor, ordered)[1].count != len(ordered):
                raise LedgerFault(
                    "Pending records vanished under the seal lock; nothing was sealed."
                )
            ended = slots.number_now() if slot is None else slot
            cursor.execute("UPDATE sync_log SET last_slot = %s", [max(last, ended)])
    return publish()


def seal_due() -> None:
    """Do whatever sealing is due for the current unit: what the sweep calls. Where nothing is, one look costs one statement."""
    state, now = publishing.read(), slots.number_now()
    if state.waiting or state.size != state.published:
        seal()
    if now > slots.last_believed(state.last_slot):
        seal_slot(now)


def refuse_behind() -> None:
    """Refuse to go on where this database is older than what was signed: nothing that it says of us can be relied on.

    Raises:
        RolledBack: it is an old backup or a copy, or the log is halted.
        SignerUnreachable, SignerRefused: nobody can say.
    """
    publishing.refuse_rolled_back(publishing.read())


def seal_soon() -> None:
    """Seal once the present transaction has committed; a failure is logged and left to the sweep."""
    transaction.on_commit(partial(_seal_after_commit, current_unit()))


def publish() -> SignedHead:
    """Have the tree as it stands signed and published, unless it is already.

    Raises:
        SignerUnreachable, SignerRefused, RolledBack: nothing was published.
    """
    published = publishing.publish_unsigned()
    publishing.tell()
    return published


def _seal_after_commit(unit: Unit) -> None:
    try:
        with unit_context(unit):
            seal()
    except (SyncFault, Error) as fault:
        logger.warning("sealing waits for the next sweep: %s", type(fault).__name__)


def _move(cursor: Any, chosen: list[int] | None) -> tuple[publishing.State, tree.Grown]:
    """Give the next dense indexes to the given pending rows in that order, else to the first that wait for no slot.

    Returns:
        The state before, and how the tree grew.

    Raises:
        RolledBack: this database is an old one; the transaction around is to be undone.
    """
    cursor.execute(_MOVE, [SEAL, current_unit().pk, BATCH, chosen])
    *row, commitments = cursor.fetchone()
    state = publishing.state_of(row)
    if commitments:
        publishing.refuse_rolled_back(state)
    grown = tree.grow(state.unit, state.edge, state.size, bytes(commitments))
    if grown.count:
        cursor.execute(_GROWN, [grown.size, b"".join(grown.edge)])
    return state, grown


def _pads(cursor: Any, unit: Unit, count: int) -> list[tuple[str, int]]:
    """Write pads: ordinary records for the unit itself that say nothing and open at an audit."""
    origin, day = identity.origin(), timezone.localdate().isoformat()
    audience = audiences.for_unit(origin)
    pads = []
    for _ in range(count):
        subject, salt = uuid.uuid4().hex, secrets.token_bytes(records.SALT_LENGTH)
        header = records.encode_header(
            records.Header(
                audience=audience, chain=records.Chain(n=1, prev=""), day=day, kind=PAD,
                media_type="application/octet-stream", origin=origin, schema=1, subject=subject,
            )
        )  # fmt: skip
        pads.append((subject, bytes.fromhex(records.commitment(salt, header, b"")), header, salt))
    columns = [list(column) for column in zip(*pads, strict=True)] or [[], [], [], []]
    cursor.execute(_PADS, [unit.code, PAD, audience, *columns])
    return list(cursor.fetchall())
