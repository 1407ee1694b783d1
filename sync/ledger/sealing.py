"""The ledger: append in the business transaction, seal after commit, sign, publish.

Way of a record: `append` writes a pending row in the transaction of the change itself. `seal` gives dense
indexes to everything committed and commits the grown tree durably; then the signer signs the head; then
the head is published. A crash between any two of these leaves work that the next `seal` does: it
always first looks for a tree that is larger than its last published head.

Locks: an append holds its chain's row (one subject, one audience) until its transaction ends. A seal holds
the advisory lock (SEAL, unit number) from before it reads anything until the tree is committed; asking the
signer and publishing hold (SIGN, unit number). Who waited for a lock finds the work done.
"""

from __future__ import annotations

import logging
import secrets
import uuid
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import Error, connection, transaction
from django.utils import timezone

from sync import audiences, identity, sweeps
from sync.errors import LedgerFault, RolledBack, SignerRefused, SyncFault
from sync.formats import merkle, notes, records, tiles
from sync.ledger import rounds, slots, tree
from sync.ledger.appends import Appended, append, place
from sync.models import Cosignature
from sync.models import Head as HeadRow
from sync.signer import client
from sync.signer.messages import LastHead, SignHead
from tenants.current import current_unit, unit_context

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tenants.models import Unit

__all__ = [
    "Appended",
    "SignedHead",
    "append",
    "head",
    "publish",
    "seal",
    "seal_due",
    "seal_slot",
    "seal_soon",
]

logger = logging.getLogger("sync.ledger")

SEAL, SIGN = 0x6D71_0001, 0x6D71_0002
"""Classes of the advisory locks; the second key is the unit's number."""

BATCH = 8192
"""Most staff records that one transaction seals."""

PAD = "sync.pad"

_PADS = """
INSERT INTO sync_pending (unit, slotted, kind, subject, audience, commitment, header, body, salt)
SELECT %s, true, %s, pad.subject, %s, pad.commitment, pad.header, '', pad.salt
FROM unnest(%s::text[], %s::bytea[], %s::bytea[], %s::bytea[]) AS pad (subject, commitment, header, salt)
RETURNING subject, id
"""
# The migration ``0009_seal_in_few_calls`` says what these two do.
_STATE = "SELECT * FROM ledger_state(%s, %s)"
_MOVE = "SELECT * FROM ledger_move(%s, %s, %s, %s)"
# A staff record that waits before a slotted one of its subject goes with it: nobody enters the log before his predecessor.
_SLOTTED = "SELECT id, subject FROM sync_pending WHERE slotted OR subject IN (SELECT subject FROM sync_pending WHERE slotted) ORDER BY id"
_GROWN = "UPDATE sync_log SET size = %s, edge = %s"
# The newest head with its cosignatures in one statement: every reader of the log begins with it.
_NEWEST = """
SELECT size, root, note, ARRAY(
    SELECT line FROM sync_cosignature own WHERE own.size = head.size AND own.root = head.root ORDER BY witness_key
) FROM sync_head head ORDER BY size DESC LIMIT 1
"""
_HEAD = "INSERT INTO sync_head (size, unit, root, note) VALUES (%s, %s, %s, %s)"


_rounds: defaultdict[tuple[str, str], rounds.Rounds[SignedHead]] = defaultdict(rounds.Rounds)
_untold: dict[tuple[str, str], tuple[int, int]] = {}
"""Sizes between which heads were published since somebody was told last."""


@dataclass(frozen=True, kw_only=True)
class SignedHead:
    """A published head of the current unit's log."""

    origin: str
    size: int
    root: bytes
    note: bytes
    """The signed checkpoint with the cosignatures known so far."""


def seal() -> SignedHead:
    """Seal every committed record that waits for no slot; return the published head that covers them.

    Call it after the commit. Many callers share one seal: who waited finds his record sealed.

    Raises:
        SignerUnreachable, SignerRefused: nothing is lost; the next seal goes on.
        RolledBack: the database is older than what was signed; nothing was written.
    """
    return _rounds[place()].join(_seal, _tell)


def _seal() -> SignedHead:
    state, grown = _state(), None
    while state.waiting:
        _refuse_rolled_back(state)
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            grown = _move(cursor, None)
        if grown.count < BATCH:
            break
        state = _state()
    return _publish_grown(grown)


def seal_slot(slot: int | None = None) -> SignedHead:
    """End a slot: seal its records, shuffled and filled with pads; an empty one is pads only.

    Args:
        slot: its number, to do nothing where it is sealed already; without it the slot is ended now.

    Raises:
        SignerUnreachable, SignerRefused, RolledBack: as ``seal``.
    """
    unit = current_unit()
    _refuse_rolled_back(_state())
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        last = slots.last_believed(_state(SEAL).last_slot)
        if slot is None or slot > last:
            cursor.execute(_SLOTTED)
            found = [(subject, key) for key, subject in cursor.fetchall()]
            pads = _pads(cursor, unit, slots.pads_for(len(found)))
            ordered = slots.shuffled([*found, *pads])
            if _move(cursor, ordered).count != len(ordered):
                raise LedgerFault(
                    "Pending records vanished under the seal lock; nothing was sealed."
                )
            ended = slots.number_now() if slot is None else slot
            cursor.execute("UPDATE sync_log SET last_slot = %s", [max(last, ended)])
    return publish()


def seal_due() -> None:
    """Do whatever sealing is due for the current unit: what the sweep calls. Where nothing is, one look costs one statement."""
    state, now = _state(), slots.number_now()
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
    _refuse_rolled_back(_state())


def seal_soon() -> None:
    """Seal once the present transaction has committed; a failure is logged and left to the sweep."""
    transaction.on_commit(partial(_seal_after_commit, current_unit()))


def publish() -> SignedHead:
    """Have the tree as it stands signed and published, unless it is already.

    Raises:
        SignerUnreachable, SignerRefused, RolledBack: nothing was published.
    """
    published = _publish_grown(None)
    _tell()
    return published


def _publish_grown(grown: tree.Grown | None) -> SignedHead:
    if grown is None:
        state = _state()
        if state.size == state.published:
            return head()
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        state = _state(SIGN)
        if state.size == state.published:
            return head()
        signed = _publish(cursor, state, grown)
        before, _ = _untold.get(place(), (max(state.published, 0), 0))
        _untold[place()] = before, state.size
    return signed


def _tell() -> None:
    """Tell whoever wants to know what was published since somebody was told last: bells, witnesses."""
    sizes = _untold.pop(place(), None)
    if sizes is not None:
        sweeps.tell_published(*sizes)


def head() -> SignedHead:
    """Return the newest published head.

    Raises:
        LedgerFault: none was published yet.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST)
        row = cursor.fetchone()
    if row is None:
        raise LedgerFault("This log has no published head yet.")
    size, root, note, lines = row
    return _signed_head(size, bytes(root), bytes(note), lines)


def with_cosignatures(row: HeadRow) -> SignedHead:
    """Return a published head with the cosignatures of outside witnesses under it."""
    root = bytes(row.root)
    lines = (
        Cosignature.objects.filter(size=row.size, root=root)
        .order_by("witness_key")
        .values_list("line", flat=True)
    )
    return _signed_head(row.size, root, bytes(row.note), lines)


def _signed_head(size: int, root: bytes, note: bytes, lines: Iterable[str]) -> SignedHead:
    origin = note.split(b"\n", 1)[0].decode()
    whole = note + "".join(line.strip() + "\n" for line in lines).encode()
    return SignedHead(origin=origin, size=size, root=root, note=whole)


def _seal_after_commit(unit: Unit) -> None:
    try:
        with unit_context(unit):
            seal()
    except (SyncFault, Error) as fault:
        logger.warning("sealing waits for the next sweep: %s", type(fault).__name__)


@dataclass(frozen=True)
class _State:
    """The log's row and its newest published head, read in one statement."""

    unit: str
    origin: str
    log_key: str
    size: int
    edge: bytes
    last_slot: int
    published: int
    """Size of the newest published head; -1 before the first."""

    published_root: bytes
    waiting: bool
    """Whether a committed record waits that need not wait for the slot."""

    halted: str
    """Why nothing is sealed until the log is adopted; empty: it goes on."""


def _state(lock: int | None = None) -> _State:
    """Read the state; with a lock, which is held to the transaction's end, what its former holder left."""
    with connection.cursor() as cursor:
        cursor.execute(_STATE, [lock, current_unit().pk])
        row = cursor.fetchone()
    unit, origin, log_key, size, edge, last_slot, published, root, waiting, halted = row
    return _State(
        unit, origin, log_key, size, bytes(edge), last_slot, published, bytes(root), waiting, halted
    )


def _key(state: _State) -> notes.VerifierKey:
    return notes.VerifierKey.parse(state.log_key) if state.log_key else identity.log_key()


def _refuse_rolled_back(state: _State) -> None:
    """Ask the signer before the tree grows: what it signed must be in this database."""
    if state.halted:
        raise RolledBack(state.halted)
    signed = client.signer().ask(LastHead(origin=_key(state).name))
    if signed.size == state.published:
        root = state.published_root
    elif signed.size <= state.size:  # signed, but the crash came before it was published
        root = merkle.root(merkle.edge_of(signed.size, tree.node_at(signed.size)))
    else:
        root = _state_grown_to(signed.size)
    if root != signed.root:
        raise _rolled_back(signed.size, state.size)


def _state_grown_to(size: int) -> bytes:
    """Return the root at a size that another process may have reached since we looked; else nothing."""
    if _state().size < size:
        return b""
    return merkle.root(merkle.edge_of(size, tree.node_at(size)))


def _rolled_back(signed: int, size: int) -> RolledBack:
    return RolledBack(
        f"The signer signed {signed} entries and they are not what this database holds ({size}): it was restored or this "
        "is a copy. Nothing is sealed until the newer data is back."
    )


def _move(cursor: Any, chosen: list[int] | None) -> tree.Grown:
    """Give the next dense indexes to the given pending rows in that order, else to the first that wait for no slot."""
    cursor.execute(_MOVE, [SEAL, current_unit().pk, BATCH, chosen])
    unit, size, edge, commitments = cursor.fetchone()
    grown = tree.grow(unit, bytes(edge), size, bytes(commitments))
    if grown.count:
        cursor.execute(_GROWN, [grown.size, b"".join(grown.edge)])
    return grown


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


def _publish(cursor: Any, state: _State, grown: tree.Grown | None) -> SignedHead:
    key, root = _key(state), merkle.root(tiles.split(state.edge) if state.edge else [])
    note = _ask_signature(state, root, grown)
    checkpoint = notes.open_checkpoint(note, key)
    if (checkpoint.size, checkpoint.root) != (state.size, root):
        raise LedgerFault("The signer signed another head than it was asked for.")
    cursor.execute(_HEAD, [state.size, state.unit, root, note])
    return SignedHead(origin=state.origin, size=state.size, root=root, note=note)


def _ask_signature(state: _State, root: bytes, grown: tree.Grown | None) -> bytes:
    """Ask with a proof from the last published head, and once more from where the signer really is."""
    signer, old = client.signer(), max(state.published, 0)
    for attempt in range(2):
        known = grown is not None and (grown.start, grown.size) == (old, state.size)
        node = grown.node if grown is not None and known else tree.node_at(state.size)
        proof = merkle.consistency_proof(old, state.size, node)
        request = SignHead(origin=state.origin, size=state.size, root=root, old=old, proof=proof)
        try:
            return signer.ask(request).note
        except SignerRefused as refusal:
            if refusal.code == "rolled-back":
                raise _rolled_back(refusal.size, state.size) from refusal
            if refusal.code != "conflict" or attempt:
                raise
            old = refusal.size
    raise LedgerFault("The signer answers differently each time.")
