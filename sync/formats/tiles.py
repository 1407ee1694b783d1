"""Tiles and entry bundles: how a log's tree is cut for serving (c2sp.org/tlog-tiles). Pure.

A tile holds up to 256 hashes of one level: level 0 leaf hashes, level L roots of full tiles of level L-1.
A bundle holds up to 256 entries, each behind its length as a 16-bit big-endian number.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sync.errors import ProofFault
from sync.formats import merkle

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WIDTH = 256
"""Hashes in a full tile and entries in a full bundle."""

HEIGHT = 8
"""Levels of the tree that one tile spans."""

RUN = 256 * WIDTH
"""Most leaves in one answer of ``/ledger/leaves``: 2 MiB of commitments."""

FULL_TILE = WIDTH * merkle.HASH_LENGTH
ENTRY_LIMIT = 65_535

_TOP_LEVEL = 63
_PATH = re.compile(r"(?:x[0-9]{3}/){0,6}[0-9]{3}")


@dataclass(frozen=True, order=True)
class Tile:
    """Which hashes: level, index in the level, and how many of them (256: full)."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """``0/x001/234`` or ``0/x001/234.p/12``: the address after ``tile/``."""
        return f"{self.level}/{encode_index(self.index)}{_partial(self.width)}"


class TileReader(Protocol):
    """Gives tiles of one tree."""

    def __call__(self, tile: Tile, /) -> bytes:
        """Return the tile's hashes, ``32 * width`` octets."""


def encode_index(index: int) -> str:
    """Return an index as ``x001/x234/067``."""
    groups = []
    number = index
    while True:
        number, group = divmod(number, 1000)
        groups.append(f"{group:03d}")
        if not number:
            break
    return "/".join([*(f"x{group}" for group in reversed(groups[1:])), groups[0]])


def decode_index(path: str) -> int:
    """Read ``x001/x234/067``.

    Raises:
        ProofFault: not the one spelling of an index.
    """
    if not _PATH.fullmatch(path):
        raise ProofFault("A tile's index reads like x001/x234/067.")
    index = int(path.replace("x", "").replace("/", ""))
    if encode_index(index) != path:
        raise ProofFault("A tile's index has no leading groups of zeros.")
    return index


def bundle_path(index: int, width: int = WIDTH) -> str:
    """Return the address of a bundle after ``tile/``."""
    return f"entries/{encode_index(index)}{_partial(width)}"


def _partial(width: int) -> str:
    return "" if width == WIDTH else f".p/{width}"


def width_at(level: int, index: int, size: int) -> int:
    """Return how many hashes a tile has in a tree of ``size`` leaves: 0 (none) to 256."""
    return max(0, min(WIDTH, (size >> (HEIGHT * level)) - index * WIDTH))


def tiles_of(size: int, *, start: int = 0) -> Iterator[Tile]:
    """Yield every tile of a tree that a tree of ``start`` leaves does not have in full, level by level."""
    for level in range(_TOP_LEVEL + 1):
        hashes = size >> (HEIGHT * level)
        if not hashes:
            return
        first = (start >> (HEIGHT * level)) // WIDTH
        for index in range(first, -(-hashes // WIDTH)):
            yield Tile(level, index, min(WIDTH, hashes - index * WIDTH))


def split(hashes: bytes) -> list[bytes]:
    """Cut a tile into its hashes.

    Raises:
        ProofFault: not whole hashes, or more than 256.
    """
    if not hashes or len(hashes) % merkle.HASH_LENGTH or len(hashes) > FULL_TILE:
        raise ProofFault("A tile has 1 to 256 hashes of 32 octets.")
    return [
        hashes[at : at + merkle.HASH_LENGTH] for at in range(0, len(hashes), merkle.HASH_LENGTH)
    ]


def node_reader(read: TileReader, size: int) -> merkle.Node:
    """Read subtree roots of a tree of ``size`` leaves out of its tiles.

    Each tile is read once; its width is what a tree of that size has.
    """
    kept: dict[tuple[int, int], list[bytes]] = {}

    def node(height: int, index: int) -> bytes:
        level, inner = divmod(height, HEIGHT)
        place, offset = divmod(index << inner, WIDTH)
        hashes = kept.get((level, place))
        if hashes is None:
            width = width_at(level, place, size)
            hashes = split(read(Tile(level, place, width)))
            if len(hashes) != width:
                raise ProofFault(
                    f"Tile {level}/{place} has {len(hashes)} hashes instead of {width}."
                )
            kept[level, place] = hashes
        wanted = hashes[offset : offset + (1 << inner)]
        if len(wanted) != 1 << inner:
            raise ProofFault("A proof asks for a subtree outside the tree.")
        return merkle.root_of(wanted)

    return node


def is_run(first: int, stop: int) -> bool:
    """Tell whether a range is one that ``/ledger/leaves`` serves.

    Runs are as long as a power of two, from one bundle to ``RUN``, and begin at a multiple of their length: a proxy keeps
    each of them for ever, and nobody can have the same leaves in ever new pieces.
    """
    length = stop - first
    return WIDTH <= length <= RUN and not length & (length - 1) and first % length == 0


def run_end(first: int, stop: int) -> int:
    """Return where the longest run ends that begins at ``first`` and does not pass ``stop``; both between bundles."""
    length = RUN
    while first % length or first + length > stop:
        length //= 2
    return first + length


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Return entries behind their lengths.

    Raises:
        ProofFault: an entry is too long, or there are more than 256.
    """
    if len(entries) > WIDTH or any(len(entry) > ENTRY_LIMIT for entry in entries):
        raise ProofFault("A bundle has at most 256 entries of at most 65,535 octets.")
    return b"".join(struct.pack(">H", len(entry)) + entry for entry in entries)


def decode_bundle(octets: bytes) -> list[bytes]:
    """Cut a bundle into its entries.

    Raises:
        ProofFault: it ends inside an entry or has more than 256.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(octets):
        if at + 2 > len(octets) or len(entries) == WIDTH:
            raise ProofFault("The bundle is cut off or has more than 256 entries.")
        (length,) = struct.unpack_from(">H", octets, at)
        at += 2
        entry = octets[at : at + length]
        if len(entry) != length:
            raise ProofFault("The bundle ends inside an entry.")
        entries.append(entry)
        at += length
    return entries
