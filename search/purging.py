"""Taking something out of an index for good: engines only mark a deleted document, its words stay in their files.

An index that held what was erased is built anew and the old one is dropped; the note survives whatever dies meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection

from search.errors import OutsideTransaction
from search.models import Purge

if TYPE_CHECKING:
    from search.documents import IndexKind


def purge(index: IndexKind) -> None:
    """Have one index of the current unit built anew, once this transaction commits; marks are taken first.

    Raises:
        OutsideTransaction: there is no transaction to belong to.
    """
    if not connection.in_atomic_block:
        raise OutsideTransaction
    Purge.objects.create(index=index)


def due(index: IndexKind) -> list[int]:
    """Return the notes that wait; what they ask for is done by any rebuild that begins after they were read."""
    return list(Purge.objects.filter(index=index).values_list("pk", flat=True))


def done(notes: list[int]) -> None:
    """Take away notes that were carried out."""
    Purge.objects.filter(pk__in=notes).delete()
