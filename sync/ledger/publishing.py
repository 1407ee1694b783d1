"""The log's state, and its newest head: signed by the signer, then published.

What the signer signed must be in this database, or it was restored or is a copy: that is asked before the tree grows,
and it shows again when a head is signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

from sync import identity, sweeps
from sync.errors import LedgerFault, RolledBack, SignerRefused
from sync.formats import merkle, notes, tiles
from sync.ledger import tree
from sync.ledger.appends import place
from sync.ledger.heads import SignedHead, head
from sync.signer import client
from sync.signer.messages import LastHead, SignHead
from tenants.current import current_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

SIGN = 0x6D71_0002
"""Class of the advisory lock of who publishes; the second key is the unit's number."""

# The migrations ``0009_seal_in_few_calls`` and ``0011_a_round_in_fewer_calls`` say what these do.
_STATE = "SELECT * FROM ledger_state(%s, %s)"
_PUBLISH = "SELECT ledger_publish(%s, %s, %s, %s, %s)"

_untold: dict[tuple[str, str], tuple[int, int]] = {}
"""Sizes between which heads were published since somebody was told last."""


class _SignedFurther(Exception):
    """The signer signed a larger head: for another process, or for a newer database than this."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


@dataclass(frozen=True)
class State:
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


def read(lock: int | None = None) -> State:
    """Read the state; with a lock, which is held to the transaction's end, what its former holder left."""
    with connection.cursor() as cursor:
        cursor.execute(_STATE, [lock, current_unit().pk])
        return state_of(cursor.fetchone())


def state_of(row: Sequence[Any]) -> State:
    """Return the state that a row of the database's function tells."""
    unit, origin, log_key, size, edge, last_slot, published, root, waiting, halted = row
    return State(
        unit, origin, log_key, size, bytes(edge), last_slot, published, bytes(root), waiting, halted
    )


def _key(state: State) -> notes.VerifierKey:
    return notes.VerifierKey.parse(state.log_key) if state.log_key else identity.log_key()


def refuse_rolled_back(state: State) -> None:
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
    if read().size < size:
        return b""
    return merkle.root(merkle.edge_of(size, tree.node_at(size)))


def _rolled_back(signed: int, size: int) -> RolledBack:
    return RolledBack(
        f"The signer signed {signed} entries and they are not what this database holds ({size}): it was restored or this "
        "is a copy. Nothing is sealed until the newer data is back."
    )


def publish_grown(before: State, grown: tree.Grown) -> SignedHead:
    """Have the tree that a round grew signed and published; where another process was quicker, look anew.

    No lock is held while the signer is asked: it signs what continues its last head and nothing else, and the database
    takes a head behind a smaller one only.

    Args:
        before: the state that the round found, under its lock.
        grown: what it made of it, committed.
    """
    try:
        signed = _signed(before, grown.size, merkle.root(grown.edge), grown)
    except _SignedFurther:
        return publish_unsigned()
    if not _is_kept(signed):
        return head()
    _tell_later(before, grown.size)
    return signed


def publish_unsigned() -> SignedHead:
    """Publish what grew and was not published, if anything did: after a crash or a refusal, or another process's work.

    Raises:
        SignerUnreachable, SignerRefused, RolledBack: nothing was published.
    """
    state = read()
    while state.size != state.published:
        with transaction.atomic(durable=True):  # never from inside the transaction that grows it
            try:
                signed = _signed(state, state.size, _root(state), None)
            except _SignedFurther as further:
                if read().size < further.size:  # growth is committed before the signer hears of it
                    raise _rolled_back(further.size, state.size) from further
            else:
                if _is_kept(signed):
                    _tell_later(state, state.size)
                    return signed
        state = read()
    return head()


def tell() -> None:
    """Tell whoever wants to know what was published since somebody was told last: bells, witnesses."""
    sizes = _untold.pop(place(), None)
    if sizes is not None:
        sweeps.tell_published(*sizes)


def _tell_later(before: State, size: int) -> None:
    first, _ = _untold.get(place(), (max(before.published, 0), 0))
    _untold[place()] = first, size


def _root(state: State) -> bytes:
    return merkle.root(tiles.split(state.edge) if state.edge else [])


def _is_kept(signed: SignedHead) -> bool:
    """Publish a head; say whether it is the newest, or else that a larger one stands there already."""
    with connection.cursor() as cursor:
        cursor.execute(_PUBLISH, [SIGN, current_unit().pk, signed.size, signed.root, signed.note])
        (is_newest,) = cursor.fetchone()
    return bool(is_newest)


def _signed(state: State, size: int, root: bytes, grown: tree.Grown | None) -> SignedHead:
    """Have a head signed that continues the published one of this state.

    Raises:
        _SignedFurther: the signer signed a larger one.
    """
    key = _key(state)  # made by the first question for it
    note = _ask_signature(state, size, root, grown)
    checkpoint = notes.open_checkpoint(note, key)
    if (checkpoint.size, checkpoint.root) != (size, root):
        raise LedgerFault("The signer signed another head than it was asked for.")
    return SignedHead(origin=state.origin, size=size, root=root, note=note)


def _ask_signature(state: State, size: int, root: bytes, grown: tree.Grown | None) -> bytes:
    """Ask with a proof from the last published head, then from where the signer really is."""
    signer, old = client.signer(), max(state.published, 0)
    while True:
        known = grown is not None and (grown.start, grown.size) == (old, size)
        node = grown.node if grown is not None and known else tree.node_at(size)
        proof = merkle.consistency_proof(old, size, node)
        request = SignHead(origin=state.origin, size=size, root=root, old=old, proof=proof)
        try:
            return signer.ask(request).note
        except SignerRefused as refusal:
            if refusal.code == "rolled-back":
                raise _SignedFurther(refusal.size) from refusal
            if refusal.code != "conflict" or not old < refusal.size <= size:
                raise
            old = refusal.size  # where the last publishing broke off, or another process is
