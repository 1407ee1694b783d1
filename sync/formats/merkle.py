"""The Merkle tree of RFC 6962, apart from any storage.

A tree of ``size`` leaves is held as its *edge*: the roots of its complete subtrees, largest first,
one per bit of the size. The edge is all that is needed to append and to tell the root. Proofs read
complete subtrees through a ``Node`` callable: ``node(height, index)`` is the root of the ``index``-th
subtree of ``2**height`` leaves.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from sync.errors import ProofFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

HASH_LENGTH = 32
EMPTY_ROOT = sha256(b"").digest()
"""Root of the tree without leaves (RFC 6962, 2.1)."""

_LONGEST_PROOF = 64


class Node(Protocol):
    """Gives the root of a complete subtree that lies inside the tree."""

    def __call__(self, height: int, index: int, /) -> bytes:
        """Return the 32 octets of the ``index``-th subtree of ``2**height`` leaves."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf: SHA-256(0x00 || entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def extend(
    edge: Sequence[bytes], size: int, leaves: Iterable[bytes], *, height: int = 0
) -> tuple[list[bytes], int]:
    """Append leaf hashes, or whole subtrees, to a tree given by its edge.

    Args:
        edge: roots of the complete subtrees, largest first.
        size: number of leaves so far.
        leaves: leaf hashes to append; with a height, roots of subtrees of ``2**height`` leaves.
        height: more than 0 only where ``size`` is a multiple of ``2**height``.

    Returns:
        The new edge and the new size.

    Raises:
        ProofFault: the edge does not belong to a tree of that size.
    """
    stack = list(edge)
    if len(stack) != size.bit_count():
        raise ProofFault(
            f"A tree of {size} leaves has {size.bit_count()} complete subtrees, not {len(stack)}."
        )
    if size & ((1 << height) - 1):
        raise ProofFault(f"No subtree of height {height} stands after {size} leaves.")
    places = size >> height
    for leaf in leaves:
        top = leaf
        merges = places
        while merges & 1:
            top = sha256(b"\x01" + stack.pop() + top).digest()
            merges >>= 1
        stack.append(top)
        places += 1
    return stack, places << height


def root(edge: Sequence[bytes]) -> bytes:
    """Return the root of the tree with this edge; the empty edge has ``EMPTY_ROOT``."""
    if not edge:
        return EMPTY_ROOT
    top = edge[-1]
    for left in reversed(edge[:-1]):
        top = node_hash(left, top)
    return top


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Return the root over a sequence of leaf hashes (or of node hashes of one height)."""
    if not hashes:
        return EMPTY_ROOT
    level = list(hashes)
    while (
        len(level) > 1
    ):  # level by level, a last one without a neighbour rises: the same root, in half the time
        alone = level[-1:] if len(level) % 2 else []
        level = [
            sha256(b"\x01" + left + right).digest()
            for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        level += alone
    return level[0]


def edge_of(size: int, node: Node) -> list[bytes]:
    """Return the edge of a tree of ``size`` leaves by reading its complete subtrees."""
    return [node(height, index) for height, index in complete(0, size)]


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """Return the audit path of a leaf, from its sibling to the root's child (RFC 6962, 2.1.1).

    Raises:
        ProofFault: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ProofFault(f"A tree of {size} leaves has no leaf {index}.")
    path: list[bytes] = []
    first, last = 0, size
    while last - first > 1:
        middle = first + _split(last - first)
        if index < middle:
            path.append(_range_root(middle, last, node))
            last = middle
        else:
            path.append(_range_root(first, middle, node))
            first = middle
    return path[::-1]


def consistency_proof(old: int, new: int, node: Node) -> list[bytes]:
    """Return the proof that a tree of ``old`` leaves is the beginning of one of ``new`` (RFC 6962, 2.1.2).

    Empty when ``old`` is 0 or equals ``new``.

    Raises:
        ProofFault: ``old`` is larger than ``new``.
    """
    if not 0 <= old <= new:
        raise ProofFault(f"A tree of {old} leaves is not the beginning of one of {new}.")
    if old in {0, new}:
        return []
    path: list[bytes] = []
    first, last, whole = 0, new, True
    while old != last:
        middle = first + _split(last - first)
        if old <= middle:
            path.append(_range_root(middle, last, node))
            last = middle
        else:
            path.append(_range_root(first, middle, node))
            first, whole = middle, False
    if not whole:
        path.append(_range_root(first, last, node))
    return path[::-1]


def verify_inclusion(
    *, index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Check an audit path (RFC 9162, 2.1.3.2).

    Raises:
        ProofFault: the path does not lead from the leaf hash to the root.
    """
    if not 0 <= index < size or len(proof) > _LONGEST_PROOF:
        raise ProofFault("The inclusion proof names a leaf outside the tree.")
    _check_hashes(leaf, root, *proof)
    top = leaf
    for sibling, left in _turns(index, size - 1, proof):
        top = node_hash(sibling, top) if left else node_hash(top, sibling)
    if top != root:
        raise ProofFault("The inclusion proof does not lead to the root.")


def verify_consistency(
    *, old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the tree of ``old`` leaves is the beginning of the tree of ``new`` (RFC 9162, 2.1.4.2).

    Raises:
        ProofFault: it is not shown to be.
    """
    if not 0 <= old <= new or len(proof) > _LONGEST_PROOF:
        raise ProofFault("The consistency proof runs from a larger tree to a smaller one.")
    _check_hashes(old_root, new_root, *proof)
    if old in {0, new}:
        _verify_trivial(old, new, old_root, new_root, proof)
        return
    if not proof:
        raise ProofFault("The consistency proof is empty.")
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    node, last = old - 1, new - 1
    while node & 1:
        node >>= 1
        last >>= 1
    before = after = path[0]
    for sibling, left in _turns(node, last, path[1:]):
        before = node_hash(sibling, before) if left else before
        after = node_hash(sibling, after) if left else node_hash(after, sibling)
    if before != old_root or after != new_root:
        raise ProofFault("The consistency proof does not fit the two roots.")


def _turns(node: int, last: int, proof: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Climb from a node to the root: yield each sibling and whether it stands on the left."""
    for sibling in proof:
        if last == 0:
            raise ProofFault("The proof is too long.")
        left = bool(node & 1) or node == last
        yield sibling, left
        while left and node and not node & 1:
            node >>= 1
            last >>= 1
        node >>= 1
        last >>= 1
    if last != 0:
        raise ProofFault("The proof is too short.")


def _verify_trivial(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    if proof:
        raise ProofFault(
            "From the empty tree, or to the same size, the consistency proof must be empty."
        )
    if old == 0 and old_root != EMPTY_ROOT:
        raise ProofFault("The root of the empty tree is SHA-256 of nothing.")
    if old == new and old_root != new_root:
        raise ProofFault("Two roots are claimed for one size.")


def _check_hashes(*hashes: bytes) -> None:
    if any(len(value) != HASH_LENGTH for value in hashes):
        raise ProofFault(f"Every hash has {HASH_LENGTH} octets.")


def _split(width: int) -> int:
    """Largest power of two smaller than the width."""
    return 1 << ((width - 1).bit_length() - 1)


def complete(first: int, last: int) -> Iterable[tuple[int, int]]:
    """Yield (height, index) of the complete subtrees that make up the leaves ``first`` up to ``last``, left to right."""
    while first < last:
        height = (last - first).bit_length() - 1
        yield height, first >> height
        first += 1 << height


def _range_root(first: int, last: int, node: Node) -> bytes:
    return root([node(height, index) for height, index in complete(first, last)])
