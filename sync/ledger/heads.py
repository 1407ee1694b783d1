"""The published heads of the current unit's log, as everybody reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection

from sync.errors import LedgerFault
from sync.formats.heads import LINES
from sync.models import Cosignature
from sync.models import Head as HeadRow

if TYPE_CHECKING:
    from collections.abc import Iterable

COSIGNATURES = LINES - 4
"""Cosignatures under a head as it is served, the first that came; the rest is for the log's own lines."""

# The newest head with its cosignatures in one statement: every reader of the log begins with it.
_NEWEST = """
SELECT size, root, note, ARRAY(
    SELECT line FROM sync_cosignature own WHERE own.size = head.size AND own.root = head.root ORDER BY id LIMIT %s
) FROM sync_head head ORDER BY size DESC LIMIT 1
"""


@dataclass(frozen=True, kw_only=True)
class SignedHead:
    """A published head of the current unit's log."""

    origin: str
    size: int
    root: bytes
    note: bytes
    """The signed checkpoint with the cosignatures known so far."""


def head() -> SignedHead:
    """Return the newest published head.

    Raises:
        LedgerFault: none was published yet.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST, [COSIGNATURES])
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
        .order_by("id")
        .values_list("line", flat=True)[:COSIGNATURES]
    )
    return _signed_head(row.size, root, bytes(row.note), lines)


def _signed_head(size: int, root: bytes, note: bytes, lines: Iterable[str]) -> SignedHead:
    origin = note.split(b"\n", 1)[0].decode()
    whole = note + "".join(line.strip() + "\n" for line in lines).encode()
    return SignedHead(origin=origin, size=size, root=root, note=whole)
