"""From marks or ids to a batch for the engine: documents as their sources have them now."""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING

from django.db import connection

from search.backends.base import Changes
from search.entries import entry_key, make_entry
from search.errors import DocumentFault
from search.models import Mark
from search.registry import source_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from search.documents import Document
    from search.entries import Entry
    from search.registry import DocumentSource

log = logging.getLogger("search")

BATCH = 500
"""Documents loaded and written at once."""


def next_version() -> int:
    """Return the next position: a number above every mark and batch so far.

    It is drawn from the marks' own sequence, outside any transaction's fate, so a batch that was given up never shares
    its position with the one that repeats it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id'))", [Mark._meta.db_table])
        (number,) = cursor.fetchone()
    return int(number)


def changes_for(wanted: Mapping[str, Sequence[str]]) -> Changes:
    """Load documents by source and id, and make the batch: what a source does not return is deleted."""
    version = next_version()
    entries: list[Entry] = []
    deleted: list[str] = []
    for name, ids in wanted.items():
        source = source_named(name)
        found = {document.id: document for document in _load(source, ids)}
        entries += [make_entry(name, found[id_]) for id_ in ids if id_ in found]
        deleted += [entry_key(name, id_) for id_ in ids if id_ not in found]
    return Changes(version=version, entries=tuple(entries), deleted=tuple(deleted))


def _load(source: DocumentSource, ids: Sequence[str]) -> Iterator[Document]:
    try:
        documents = [_checked(source, document) for document in source.load(ids)]
    except DocumentFault:
        documents = [document for id_ in ids for document in _load_one(source, id_)]
    yield from documents


def _load_one(source: DocumentSource, id_: str) -> list[Document]:
    """One document that cannot be indexed keeps no other one out; doctor names it until it is mended."""
    try:
        return [_checked(source, document) for document in source.load([id_])]
    except DocumentFault as fault:
        log.error("%s:%s is left out of the index: %s", source.name, id_, fault)  # noqa: TRY400  # the sentence says it all
        return []


def _checked(source: DocumentSource, document: Document) -> Document:
    if document.index != source.index:
        raise DocumentFault(
            f"{source.name} feeds the {source.index} index and returned a document for the {document.index} one."
        )
    return document


def batches_of(source: DocumentSource, ids: Iterable[str]) -> Iterator[tuple[int, Changes]]:
    """Yield the size and the batch of every few hundred documents of a source."""
    remaining = iter(ids)
    while some := list(itertools.islice(remaining, BATCH)):
        yield len(some), changes_for({source.name: some})
