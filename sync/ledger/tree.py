"""The tree in the database: reading tiles of any published size, writing the full ones.

Only full tiles are stored, once. A partial tile is made from entries (level 0) or from the roots of
full tiles one level below.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from django.db import connection

from sync.errors import LedgerFault
from sync.formats import merkle, tiles

_FULL = "SELECT hashes FROM sync_tile WHERE level = %s AND index = %s"
_COMMITMENTS = (
    "SELECT string_agg(commitment, ''::bytea ORDER BY index) FROM sync_entry"
    " WHERE index >= %s AND index < %s"
)
_ROOTS = "SELECT root FROM sync_tile WHERE level = %s AND index >= %s AND index < %s ORDER BY index"
_ENTRY_V1 = b"\x01"
_STORE = """
INSERT INTO sync_tile (unit, level, index, root, hashes)
SELECT %s, %s, %s + place - 1, root, hashes
FROM unnest(%s::bytea[], %s::bytea[]) WITH ORDINALITY AS full_tile (root, hashes, place)
"""


@dataclass(frozen=True)
class Grown:
    """A tree after leaves were appended, with what is needed to show that it continues the one before."""

    start: int
    before: list[bytes]
    """Edge of the tree of ``start`` leaves."""

    leaves: list[bytes]
    edge: list[bytes]

    @property
    def count(self) -> int:
        """How many leaves were appended."""
        return len(self.leaves)

    @property
    def size(self) -> int:
        """How many leaves the tree has now."""
        return self.start + len(self.leaves)

    def node(self, height: int, index: int) -> bytes:
        """Return a complete subtree's root: one of the former edge, or one within the new leaves."""
        first = (index << height) - self.start
        if first < 0:
            return self._former[height, index]
        return merkle.root_of(self.leaves[first : first + (1 << height)])

    @cached_property
    def _former(self) -> dict[tuple[int, int], bytes]:
        return dict(zip(merkle.complete(0, self.start), self.before, strict=True))


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
    return [_ENTRY_V1 + commitment for commitment in _commitments(first, count)]


def read_commitments(first: int, count: int) -> bytes:
    """Return the commitments from an index on, 32 octets each.

    Raises:
        LedgerFault: the log does not reach so far.
    """
    with connection.cursor() as cursor:
        cursor.execute(_COMMITMENTS, [first, first + count])
        (found,) = cursor.fetchone()
    joined = bytes(found or b"")
    if len(joined) != count * merkle.HASH_LENGTH:
        raise LedgerFault(f"The log does not hold all of {first} to {first + count}.")
    return joined


def grow(unit: str, edge: bytes, size: int, commitments: bytes) -> Grown:
    """Append leaves, given by their commitments one after the other: store the tiles that become full.

    Runs inside the transaction that holds the seal lock.
    """
    length = merkle.HASH_LENGTH
    leaves = [
        sha256(b"\x00\x01" + commitments[at : at + length]).digest()
        for at in range(0, len(commitments), length)
    ]
    before = tiles.split(edge) if edge else []
    level, start, new = 0, size, leaves
    roots_of_leaves: list[bytes] = []
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
        if not level:
            roots_of_leaves = roots
        level, start, new = level + 1, first, roots
    return Grown(size, before, leaves, _extended(before, size, leaves, roots_of_leaves))


def _extended(edge: list[bytes], size: int, leaves: list[bytes], roots: list[bytes]) -> list[bytes]:
    """Append the leaves; those of a tile that is new and full by the tile's root, which is known already."""
    apart = -size % tiles.WIDTH  # leaves that fill the tile that was begun
    if len(roots) > (apart > 0):
        whole = roots[apart > 0 :]
        edge, size = merkle.extend(edge, size, leaves[:apart])
        edge, size = merkle.extend(edge, size, whole, height=tiles.HEIGHT)
        leaves = leaves[apart + len(whole) * tiles.WIDTH :]
    return merkle.extend(edge, size, leaves)[0]


def _store(unit: str, level: int, first: int, cut: list[list[bytes]]) -> list[bytes]:
    roots = [merkle.root_of(hashes) for hashes in cut]
    with connection.cursor() as cursor:
        cursor.execute(_STORE, [unit, level, first, roots, [b"".join(hashes) for hashes in cut]])
    return roots


def _hashes(level: int, first: int, count: int) -> list[bytes]:
    if not level:
        return [leaf(commitment) for commitment in _commitments(first, count)]
    with connection.cursor() as cursor:
        cursor.execute(_ROOTS, [level - 1, first, first + count])
        found = [bytes(root) for (root,) in cursor.fetchall()]
    return _whole(found, count)


def _commitments(first: int, count: int) -> list[bytes]:
    joined = read_commitments(first, count)
    return [joined[at : at + 32] for at in range(0, len(joined), 32)]


def _whole(found: list[bytes], count: int) -> list[bytes]:
    if len(found) != count:
        raise LedgerFault(
            f"The log lacks {count - len(found)} of {count} hashes that were asked for."
        )
    return found
