"""The current unit's own log for the audit: the same paths as over HTTP, and every opening it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync import ledger
from sync.formats import tiles
from sync.ledger import tree
from sync.ledger.audit import PublicOpening
from sync.models import Opening

if TYPE_CHECKING:
    from collections.abc import Iterator


def local_fetch(path: str) -> bytes:
    """Return what ``path`` would serve, straight from the database.

    Raises:
        LedgerFault: no such resource.
    """
    parts = path.removeprefix("/ledger/")
    if parts == "checkpoint":
        return ledger.head().note
    _, level, place = parts.split("/", 2)
    name, _, width = place.partition(".p/")
    tile = tiles.Tile(
        0 if level == "entries" else int(level), tiles.decode_index(name), int(width or tiles.WIDTH)
    )
    if level == "entries":
        return tiles.encode_bundle(tree.read_entries(tile.index * tiles.WIDTH, tile.width))
    return tree.read_tile(tile)


def local_openings(size: int) -> Iterator[PublicOpening]:
    """Yield every opening below a size, of whatever audience, in order of index."""
    for row in Opening.objects.filter(index__lt=size).order_by("index").iterator(chunk_size=512):
        yield PublicOpening(
            index=row.index, header=bytes(row.header), salt=bytes(row.salt), body=bytes(row.body)
        )
