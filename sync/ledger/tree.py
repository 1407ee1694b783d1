"""The tree in the database: reading tiles of any published size, writing the full ones.

Only full tiles are stored, once. A partial tile is made from entries (level 0) or from the roots of
full tiles one level below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection

from sync.errors import LedgerFault
from sync.formats import merkle, records, tiles

if TYPE_CHECKING:
    from collections.abc import Sequence

_FULL = "SELECT hashes FROM sync_tile WHERE level = %s AND index = %s"
_COMMITMENTS = "SELECT commitment FROM sync_entry WHERE index >= %s AND index < %s ORDER BY index"
_ROOTS = "SELECT root FROM sync_tile WHERE level = %s AND index >= %s AND index < %s ORDER BY index"
_STORE = "INSERT INTO sync_tile (unit, level, index, root, hashes) VALUES (%s, %s, %s, %s, %s)"


def leaf(commitment: bytes) -> bytes:
    """Return the leaf hash of a commitment's 32 octets."""
    return merkle.leaf_hash(b"\x01" + commitment)


def read_tile(tile: tiles.Tile) -> bytes:
    """Return a tile of the current unit's tree.

    Raises:
        LedgerFault: the tree has no such hashes.
    """
    if tile.width == tiles.WIDTH:
        with connection.cursor() as cursor:
            cursor.execute(_FULL, [tile.level, tile.index])
            row = cursor.fetchone()
        if row is None:
            raise LedgerFault(f"The log has no full tile {tile.path}.")
        return bytes(row[0])
    return b"".join(_hashes(tile.level, tile.index * tiles.WIDTH, tile.width))


def node_at(size: int) -> merkle.Node:
    """Return the reader of subtree roots of the tree of ``size`` leaves."""
    return tiles.node_reader(read_tile, size)


def read_entries(first: int, count: int) -> list[bytes]:
    """Return the log entries from an index on.

    Raises:
        LedgerFault: the log does not reach so far.
    """
    return [records.log_entry(commitment.hex()) for commitment in _commitments(first, count)]


def grow(unit: str, edge: bytes, size: int, commitments: Sequence[bytes]) -> bytes:
    """Append leaves: store the tiles that become full, return the new edge (concatenated hashes).

    Runs inside the transaction that holds the seal lock.
    """
    leaves = [leaf(commitment) for commitment in commitments]
    grown, _ = merkle.extend(tiles.split(edge) if edge else [], size, leaves)
    level, start, new = 0, size, leaves
    while new:
        first, inside = divmod(start, tiles.WIDTH)
        full = (inside + len(new)) // tiles.WIDTH
        roots = []
        if full:
            hashes = [*_hashes(level, start - inside, inside), *new]
            roots = _store(
                unit,
                level,
                first,
                [hashes[at * tiles.WIDTH : (at + 1) * tiles.WIDTH] for at in range(full)],
            )
        level, start, new = level + 1, first, roots
    return b"".join(grown)


def _store(unit: str, level: int, first: int, cut: Sequence[Sequence[bytes]]) -> list[bytes]:
    roots = [merkle.root_of(hashes) for hashes in cut]
    rows = [
        (unit, level, first + at, root, b"".join(hashes))
        for at, (root, hashes) in enumerate(zip(roots, cut, strict=True))
    ]
    with connection.cursor() as cursor:
        cursor.executemany(_STORE, rows)
    return roots


def _hashes(level: int, first: int, count: int) -> list[bytes]:
    if not level:
        return [leaf(commitment) for commitment in _commitments(first, count)]
    with connection.cursor() as cursor:
        cursor.execute(_ROOTS, [level - 1, first, first + count])
        found = [bytes(root) for (root,) in cursor.fetchall()]
    return _whole(found, count)


def _commitments(first: int, count: int) -> list[bytes]:
    with connection.cursor() as cursor:
        cursor.execute(_COMMITMENTS, [first, first + count])
        found = [bytes(commitment) for (commitment,) in cursor.fetchall()]
    return _whole(found, count)


def _whole(found: list[bytes], count: int) -> list[bytes]:
    if len(found) != count:
        raise LedgerFault(
            f"The log lacks {count - len(found)} of {count} hashes that were asked for."
        )
    return found
