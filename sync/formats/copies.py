"""A copied tree: up to 256 leaves in each bundle, roots of full bundles, and what can be computed from them. Pure."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from sync.errors import ProofFault
from sync.formats import merkle

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WIDTH = 256
_HEIGHT = 8


def leaf_of(commitment: bytes) -> bytes:
    """Return the leaf hash of a commitment (32 octets): of the log entry 0x01 || commitment."""
    return merkle.leaf_hash(b"\x01" + commitment)


def bundle_root(commitments: bytes) -> bytes:
    """Return the subtree root of a bundle's commitments, 32 octets each."""
    level = [
        sha256(b"\x00\x01" + commitments[at : at + 32]).digest()
        for at in range(0, len(commitments), 32)
    ]
    return merkle.root_of(level)


class Tree:
    """The roots of a log's full bundles and the commitments of the last, unfilled one."""

    def __init__(self, roots: Sequence[bytes], tail: bytes) -> None:
        if len(tail) % 32 or len(tail) >= WIDTH * 32:
            raise ProofFault("The last bundle must have fewer than 256 whole commitments.")
        self._roots = roots
        self._tail = [leaf_of(tail[at : at + 32]) for at in range(0, len(tail), 32)]

    @property
    def size(self) -> int:
        """Number of leaves."""
        return len(self._roots) * WIDTH + len(self._tail)

    def root(self) -> bytes:
        """Return the root over all leaves."""
        edge = [*merkle.extend((), 0, self._roots)[0], *merkle.extend((), 0, self._tail)[0]]
        return merkle.root(edge)

    def node(self, height: int, index: int) -> bytes:
        """Return the root of a complete subtree; below height 8 only within the unfilled bundle."""
        if height >= _HEIGHT:
            width = 1 << (height - _HEIGHT)
            part = self._roots[index * width : (index + 1) * width]
        else:
            width = 1 << height
            start = (index << height) - len(self._roots) * WIDTH
            if start < 0:
                raise ProofFault("The leaves of that full bundle are not at hand.")
            part = self._tail[start : start + width]
        if len(part) != width:
            raise ProofFault("The subtree lies outside the tree.")
        return merkle.root_of(part)


class Opened:
    """A tree with the leaves of one more bundle at hand: all that two sizes and the hashes between them need."""

    def __init__(self, tree: Tree, number: int, commitments: bytes) -> None:
        self._tree = tree
        self._number = number
        self._leaves = [leaf_of(commitments[at : at + 32]) for at in range(0, len(commitments), 32)]

    def __call__(self, height: int, index: int) -> bytes:
        """Return the root of a complete subtree, as ``Tree.node`` does."""
        if height < _HEIGHT and (index << height) // WIDTH == self._number:
            start = (index << height) % WIDTH
            return merkle.root_of(self._leaves[start : start + (1 << height)])
        return self._tree.node(height, index)


def cover(first: int, last: int) -> Iterator[tuple[int, int]]:
    """Yield (height, index) of the complete subtrees that make up the leaves from ``first`` to before ``last``."""
    while first < last:
        height = (last - first).bit_length() - 1
        if first:
            height = min(height, (first & -first).bit_length() - 1)
        yield height, first >> height
        first += 1 << height


def fold(start: int, edge: Sequence[bytes], more: Sequence[bytes], last: int) -> bytes:
    """Return the root of a tree of ``last`` leaves from the edge at ``start`` and the subtrees that follow.

    Raises:
        ProofFault: the hashes are not as many as the two sizes need.
    """
    before, after = list(cover(0, start)), list(cover(start, last))
    if len(before) != len(edge) or len(after) != len(more) or start > last:
        raise ProofFault("The number of hashes does not fit the two sizes.")
    stack = [(height, value) for (height, _), value in zip(before, edge, strict=True)]
    for (height, _), value in zip(after, more, strict=True):
        top = (height, value)
        while stack and stack[-1][0] == top[0]:
            top = (top[0] + 1, merkle.node_hash(stack.pop()[1], top[1]))
        stack.append(top)
    return merkle.root([value for _, value in stack])
