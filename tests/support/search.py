"""A source of documents in memory, and fictitious documents."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from search.documents import Document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from search.documents import IndexKind


class MemorySource:
    """Documents kept in a dictionary; tests change it and mark the change."""

    def __init__(self, name: str = "tests.notes", index: IndexKind = "public") -> None:
        self.name = name
        self.index = index
        self.documents: dict[str, Document] = {}

    def put(self, *documents: Document) -> None:
        self.documents |= {document.id: document for document in documents}

    def load(self, ids: Sequence[str]) -> Iterable[Document]:
        return [self.documents[id_] for id_ in ids if id_ in self.documents]

    def all_ids(self) -> Iterator[str]:
        return iter(list(self.documents))


def note(id_: str, text: str = "", **fields: object) -> Document:
    """Make a document; what a test does not say is filled in."""
    values: dict[str, object] = {
        "id": id_,
        "index": "public",
        "kind": "entry",
        "title": f"第 {id_} 号记录",
        "url": f"/entries/{id_}/",
        "unit_code": "430522",
        "unit_name": "新邵县",
        "text": text,
        "day": datetime.date(2026, 3, 1),
    }
    return Document(**{**values, **fields})  # type: ignore[arg-type]
