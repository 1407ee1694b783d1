"""Telling the index that documents changed, inside the transaction that changes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection

from search.errors import OutsideTransaction
from search.models import Mark
from search.registry import source_named, sources_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from search.documents import IndexKind


def newest_mark(index: IndexKind) -> int:
    """Return the number of the newest change that waits to enter this index; 0 when none does.

    Not those of the other one: a public page that changed with every draft would tell when people work at one.
    """
    names = [source.name for source in sources_of(index)]
    with connection.cursor() as cursor:  # every public page asks: not worth composing each time
        cursor.execute(
            "SELECT coalesce(max(id), 0) FROM search_mark WHERE NOT applied AND source = ANY(%s)",
            [names],
        )
        (number,) = cursor.fetchone()
    return int(number)


def mark(source: str, ids: Iterable[str]) -> None:
    """Note that documents of the current unit were made, changed or withdrawn.

    The indexer loads them from their source after this transaction commits; if it rolls back, nothing happened.
    Call ``search.tasks.drain_soon()`` once beside it where people wait for the result.

    Raises:
        OutsideTransaction: there is no transaction to belong to.
        SourceFault: nobody registered the source.
    """
    if not connection.in_atomic_block:
        raise OutsideTransaction
    name = source_named(source).name
    Mark.objects.bulk_create(
        [Mark(source=name, document=document) for document in dict.fromkeys(ids)], batch_size=1000
    )
