"""Bringing back what an old backup lacks: leaves that lead to a head with our own signature, and openings that fit them.

Where the leaves come from does not matter: the signed root and the commitments say whether they are the right ones. A
halted log seals nothing, whatever the signer would say, until an operator adopts it (``adoption``).
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, connection, transaction

from sync import identity
from sync.errors import LedgerFault, RecordFault, SignerFault
from sync.formats import heads, merkle, notes, records
from sync.ledger import erasure, tree
from sync.ledger.sealing import SEAL
from sync.models import Log, Opening
from tenants.current import current_unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sync.formats.framing import Opening as Given

_ENTER = """
INSERT INTO sync_entry (index, unit, commitment)
SELECT %s + place - 1, %s, commitment FROM unnest(%s::bytea[]) WITH ORDINALITY AS given (commitment, place)
"""
_MOVE = """
WITH moved AS (
    DELETE FROM sync_pending USING sync_entry WHERE sync_pending.commitment = sync_entry.commitment
    RETURNING sync_entry.index, sync_pending.*
)
INSERT INTO sync_opening (index, unit, kind, subject, audience, header, body, salt)
SELECT index, unit, kind, subject, audience, header, body, salt FROM moved
"""
_CHAIN = """
INSERT INTO sync_chain (subject, audience, unit, n, last) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (subject, audience) DO UPDATE SET n = excluded.n, last = excluded.last WHERE sync_chain.n <= excluded.n
"""
_OPEN = """
SELECT index, encode(commitment, 'hex'), EXISTS (SELECT FROM sync_opening WHERE sync_opening.index = sync_entry.index)
FROM sync_entry WHERE index = ANY(%s)
"""
_FIRST_CLOSED = """
SELECT coalesce((
    SELECT index FROM sync_entry WHERE NOT EXISTS (SELECT FROM sync_opening WHERE sync_opening.index = sync_entry.index)
    ORDER BY index LIMIT 1
), (SELECT size FROM sync_log))
"""
_CLOSED = """
SELECT index, encode(commitment, 'hex') FROM sync_entry WHERE NOT EXISTS (
    SELECT FROM sync_opening WHERE sync_opening.index = sync_entry.index
) ORDER BY index
"""


def own_keys() -> heads.LogKeys:
    """Return the keys that sign for the current unit's own log: as its database knows them, and as the signer does."""
    current = [identity.log_key()]
    with contextlib.suppress(
        SignerFault
    ):  # a copied signer answers nothing until the log is adopted
        current += identity.log_keys()
    return heads.LogKeys(current=tuple(dict.fromkeys(current)))


def own_head(note: bytes, keys: heads.LogKeys) -> notes.Checkpoint:
    """Read a head of our own log, from wherever it came: it counts only with our own signature on it.

    Raises:
        NoteFault: it is none.
    """
    return heads.open_head(note, keys)


def root_at(size: int) -> bytes:
    """Return the root of our own tree at a size that it has reached."""
    return merkle.root(merkle.edge_of(size, tree.node_at(size)))


def halted() -> str:
    """Return why the current unit's log seals nothing at present, or nothing."""
    return Log.objects.values_list("halted", flat=True).get(unit=current_unit().code)


def halt(reason: str, note: bytes) -> None:
    """Seal nothing until the log is adopted. ``note`` is a head with our own signature; one known before stays if it is larger."""
    with transaction.atomic():
        log = Log.objects.select_for_update().get(unit=current_unit().code)
        known = max(bytes(log.known), note, key=_size) if log.known else note
        Log.objects.filter(pk=log.pk).update(halted=reason[:300], known=known)


def known_size() -> int:
    """Return the size of the largest head with our own signature that a halted log knows of; 0 where it knows of none."""
    known = bytes(Log.objects.values_list("known", flat=True).get(unit=current_unit().code))
    return _size(known) if known else 0


def _size(note: bytes) -> int:
    return notes.parse_checkpoint(notes.parse_note(note).text).size


def heed(note: bytes) -> bool:
    """Halt if a head that we signed is not in this database; whether it does.

    Raises:
        NoteFault: it carries no signature of ours, so it says nothing about us.
    """
    head = own_head(note, own_keys())
    size = Log.objects.values_list("size", flat=True).get(unit=current_unit().code)
    if head.size <= size and root_at(head.size) == head.root:
        return False
    halt(
        f"A head of {head.size} entries carries this unit's own signature, and this database ({size} entries) does not "
        "lead to it: it was restored or this is a copy. `minqing restore from-peers` brings back what others hold.",
        note,
    )
    return True


def refill(note: bytes, commitments: Sequence[bytes]) -> None:
    """Append the leaves that lead from our tree to a head of ours, and publish that head again. All or nothing.

    Raises:
        NoteFault: the head is not ours.
        LedgerFault: the leaves do not lead to it; nothing was written.
    """
    keys = own_keys()
    head = own_head(note, keys)
    try:
        _append(head, commitments, _own_lines(note, keys))
    except IntegrityError as fault:
        raise LedgerFault("These leaves repeat what stands in the log already.") from fault


def _append(head: notes.Checkpoint, commitments: Sequence[bytes], note: bytes) -> None:
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [SEAL, current_unit().pk])
        cursor.execute("SELECT unit, size, edge FROM sync_log")
        unit, size, edge = cursor.fetchone()
        if size + len(commitments) != head.size:
            raise LedgerFault(f"{len(commitments)} leaves do not lead from {size} to {head.size}.")
        cursor.execute(_ENTER, [size, unit, list(commitments)])
        grown = tree.grow(unit, bytes(edge), size, b"".join(commitments))
        if merkle.root(grown.edge) != head.root:
            raise LedgerFault("These leaves do not lead to the head that this unit signed.")
        cursor.execute(
            "UPDATE sync_log SET size = %s, edge = %s", [head.size, b"".join(grown.edge)]
        )
        cursor.execute(_MOVE)
        cursor.execute(
            "INSERT INTO sync_head (size, unit, root, note) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [head.size, unit, head.root, note],
        )


def _own_lines(note: bytes, keys: heads.LogKeys) -> bytes:
    """Return the note with our own signatures only, as a head is kept."""
    whole = notes.parse_note(note)
    places = {(key.name, key.id) for key in keys.current}
    own = tuple(line for line in whole.signatures if (line.name, line.key_id) in places)
    return notes.Note(whole.text, own).encode()


def open_again(given: Iterable[Given]) -> int:
    """Keep openings that fit our leaves, move their chains on; return how many were missing. What was erased stays so.

    Raises:
        RecordFault: an opening does not fit the leaf at its index, or is not ours; none of them was kept.
    """
    openings = [opening for opening in given if opening.header is not None]
    gone, count = erasure.erased(), 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_OPEN, [[opening.index for opening in openings]])
        leaves = {index: (commitment, is_open) for index, commitment, is_open in cursor.fetchall()}
        for opening in openings:
            commitment, is_open = leaves.get(opening.index, ("", False))
            header = _own_header(opening, commitment)
            if not is_open and commitment not in gone:
                _keep(cursor, opening, header, commitment)
                leaves[opening.index] = (commitment, True)
                count += 1
    return count


def _own_header(opening: Given, commitment: str) -> records.Header:
    salt, header, body = opening.salt or b"", opening.header or b"", opening.body or b""
    fits = len(salt) == records.SALT_LENGTH and records.commitment(salt, header, body) == commitment
    read = records.decode_header(header)
    if not fits or read.origin != identity.origin():
        raise RecordFault(f"The record shown for index {opening.index} is not ours.")
    return read


def _keep(cursor: Any, opening: Given, header: records.Header, commitment: str) -> None:
    unit = current_unit().code
    Opening.objects.create(
        index=opening.index, unit=unit, kind=header.kind, subject=header.subject, audience=header.audience,
        header=opening.header, body=opening.body, salt=opening.salt,
    )  # fmt: skip
    chain = [header.subject, header.audience, unit, header.chain.n, bytes.fromhex(commitment)]
    cursor.execute(_CHAIN, chain)


def first_closed() -> int:
    """Return the first index that cannot be opened here, whatever the reason; the size where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_CLOSED)
        (index,) = cursor.fetchone()
        return int(index)


def set_aside() -> list[str]:
    """Take back waiting records whose place in their chain was taken before the restore; return their commitments.

    A unit that was set back goes on working from the old ends of its chains until it is found out. What it wrote then
    cannot be sealed: the log would hold two records of one number, and peers would rightly refuse the second.
    """
    aside: list[str] = []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, subject, audience, commitment, header FROM sync_pending ORDER BY id"
        )
        ends: dict[tuple[str, str], tuple[int, str]] = {}
        for number, subject, audience, commitment, header in cursor.fetchall():
            chain, link = (subject, audience), records.decode_header(bytes(header)).chain
            if chain not in ends:
                ends[chain] = _sealed_end(cursor, chain)
            if link.n > ends[chain][0] and _is_there(cursor, link.prev, ends[chain][1]):
                ends[chain] = (link.n, bytes(commitment).hex())
                continue
            cursor.execute("DELETE FROM sync_pending WHERE id = %s", [number])
            aside.append(bytes(commitment).hex())
        for (subject, audience), (n, last) in ends.items():
            cursor.execute(
                "UPDATE sync_chain SET n = %s, last = %s WHERE subject = %s AND audience = %s AND %s > 0",
                [n, bytes.fromhex(last), subject, audience, n],
            )
    return aside


def _sealed_end(cursor: Any, chain: tuple[str, str]) -> tuple[int, str]:
    """Return number and commitment of the last record of a chain that the log can open."""
    cursor.execute(
        "SELECT header, encode(commitment, 'hex') FROM sync_opening JOIN sync_entry USING (index)"
        " WHERE subject = %s AND audience = %s ORDER BY index DESC LIMIT 1",
        chain,
    )
    row = cursor.fetchone()
    return (records.decode_header(bytes(row[0])).chain.n, row[1]) if row is not None else (0, "")


def _is_there(cursor: Any, before: str, end: str) -> bool:
    """Whether a predecessor stands: as the chain's end, or sealed though erased since."""
    if before == end:
        return True
    cursor.execute(
        "SELECT FROM sync_entry WHERE commitment = %s AND NOT EXISTS"
        " (SELECT FROM sync_opening WHERE sync_opening.index = sync_entry.index)",
        [bytes.fromhex(before)],
    )
    return cursor.fetchone() is not None


def unopened() -> list[int]:
    """Return the indexes that nobody here can open and no erasure explains."""
    gone = erasure.erased()
    with connection.cursor() as cursor:
        cursor.execute(_CLOSED)
        return [index for index, commitment in cursor.fetchall() if commitment not in gone]


def ranges(indexes: Iterable[int]) -> list[tuple[int, int]]:
    """Return the same as first and last of each run."""
    runs: list[tuple[int, int]] = []
    for index in indexes:
        if runs and runs[-1][1] == index - 1:
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    return runs
