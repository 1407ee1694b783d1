"""The log over HTTP (c2sp.org/tlog-tiles): checkpoint, tiles, entry bundles; and the public records that open.

Everything here is public and free of cookies. A full tile or bundle never changes; a partial one exists for
published sizes only; the checkpoint is never cached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from django.db import connection
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from sync import audiences, ledger
from sync.errors import LedgerFault, ProofFault
from sync.formats import tiles
from sync.ledger import tree
from sync.ledger.audit import OpeningsPage, PublicOpening
from sync.ledger.paging import page
from sync.models import Opening

if TYPE_CHECKING:
    from django.http import HttpRequest

FOREVER = "public, max-age=31536000, immutable"
NEVER = "no-store"
PAGE_RECORDS = 256
PAGE_OCTETS = 8 * 1024 * 1024

_NOT_HERE = "这里没有这个文件。 There is no such resource in this log.\n"
# A tile of width W exists for sizes s with (s >> 8 level) - 256 index = W; a full one for all larger sizes too.
_PUBLISHED = "SELECT EXISTS (SELECT FROM sync_head WHERE size >= %s AND size < %s)"


@require_safe
def checkpoint(request: HttpRequest) -> HttpResponse:
    """The newest head with its cosignatures, as a signed note."""
    try:
        note = ledger.head().note
    except LedgerFault:
        return _not_here()
    return HttpResponse(
        note, content_type="text/plain; charset=utf-8", headers={"Cache-Control": NEVER}
    )


@require_safe
def tile(request: HttpRequest, level: str, place: str, width: str | None = None) -> HttpResponse:
    """Up to 256 hashes of one level."""
    try:
        wanted = _tile(int(level), place, width)
    except ProofFault:
        return _not_here()
    if str(int(level)) != level or not _published(wanted):
        return _not_here()
    return _octets(tree.read_tile(wanted))


@require_safe
def entries(request: HttpRequest, place: str, width: str | None = None) -> HttpResponse:
    """Up to 256 log entries behind their lengths."""
    try:
        wanted = _tile(0, place, width)
    except ProofFault:
        return _not_here()
    if not _published(wanted):
        return _not_here()
    return _octets(tiles.encode_bundle(tree.read_entries(wanted.index * tiles.WIDTH, wanted.width)))


@require_safe
def leaves(request: HttpRequest, first: int, stop: int) -> HttpResponse:
    """Commitments of a published run, 32 octets each: what many bundles hold, for whoever catches up.

    Open like the bundles that say the same. Runs never change and there are few of them, so a proxy carries the load.
    """
    if not tiles.is_run(first, stop) or not _reached(stop, 1 << 63):
        return _not_here()
    return _octets(tree.read_commitments(first, stop - first))


@require_safe
def openings(request: HttpRequest, start: int) -> HttpResponse:
    """Public records from an index on: ``{"records": [{index, header, salt, body}], "next": index or null}``."""
    try:
        size = ledger.head().size
    except LedgerFault:
        return _not_here()
    public = Opening.objects.filter(audience=audiences.PUBLIC, index__gte=start, index__lt=size)
    rows, following = page(public, records=PAGE_RECORDS, octets=PAGE_OCTETS)
    found = [
        PublicOpening(
            index=row.index, header=bytes(row.header), salt=bytes(row.salt), body=bytes(row.body)
        )
        for row in rows
    ]
    body = msgspec.json.encode(OpeningsPage(records=found, next=following))
    return HttpResponse(body, content_type="application/json", headers={"Cache-Control": NEVER})


def _tile(level: int, place: str, width: str | None) -> tiles.Tile:
    if width is not None and int(width) >= tiles.WIDTH:
        raise ProofFault("A partial tile has fewer than 256 hashes.")
    return tiles.Tile(level, tiles.decode_index(place), int(width) if width else tiles.WIDTH)


def _published(wanted: tiles.Tile) -> bool:
    """Tell whether a published tree has this tile in this width."""
    shift = tiles.HEIGHT * wanted.level
    hashes = wanted.index * tiles.WIDTH + wanted.width
    first = hashes << shift
    last = (hashes + 1) << shift if wanted.width < tiles.WIDTH else 1 << 63
    return _reached(first, last)


def _reached(first: int, last: int) -> bool:
    """Tell whether a head was published of a size from ``first`` to before ``last``."""
    if first >= 1 << 63:
        return False
    with connection.cursor() as cursor:
        cursor.execute(_PUBLISHED, [first, min(last, (1 << 63) - 1)])
        row = cursor.fetchone()
    return bool(row[0])


def _octets(octets: bytes) -> HttpResponse:
    return HttpResponse(
        octets, content_type="application/octet-stream", headers={"Cache-Control": FOREVER}
    )


def _not_here() -> HttpResponse:
    return HttpResponse(
        _NOT_HERE,
        status=404,
        content_type="text/plain; charset=utf-8",
        headers={"Cache-Control": NEVER},
    )
