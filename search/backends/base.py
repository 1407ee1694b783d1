"""What an engine is to the rest of search, and what it promises."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from search.entries import Entry
    from search.index_names import Alias, IndexName
    from search.plan import Plan
    from search.query import Facet


@dataclass(frozen=True, kw_only=True)
class Changes:
    """A batch of writes. ``version`` is its position: higher than that of every batch before it."""

    version: int
    entries: tuple[Entry, ...] = ()
    """Written whole, replacing what has the same key."""
    deleted: tuple[str, ...] = ()
    """Keys to take out; one that is not there is no fault."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an engine found."""

    name: IndexName
    """The index that answered."""
    version: int
    """At least everything up to this position is in the answer."""
    total: int
    """Exact, never an estimate."""
    bodies: tuple[str, ...] = ()
    facets: Mapping[Facet, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Health:
    """How an index stands on its storage."""

    documents: int
    octets: int
    faults: tuple[str, ...] = ()
    """Sentences about files that are missing or that nothing refers to."""


class SearchBackend(ABC):
    """One engine. It knows tokens and names of indexes, and neither Chinese nor units.

    Durability. When ``write`` or ``fill`` returns, its batch outlives the death of any process and, as far as the storage
    keeps what it acknowledged, of the machine. When it raises or the process dies in it, any part of the batch may be
    there or not: the caller keeps its marks and writes the batch again, and writing again is harmless, because entries
    replace by key and a batch older than what is there changes nothing that a newer one wrote.

    Consistency. A query that begins after ``write`` has returned sees the whole batch, in every process and thread of
    every machine, also in processes forked before. A query sees one state of one index: never half of a document, never
    an index that is still being filled. Queries never wait for writers.

    Writers. At most one process writes one index at a time; the caller sees to it. Where the engine can tell that another
    one does, it raises ``WriterBusy`` and changes nothing.

    Switching. ``switch`` is atomic: a query asks the index from before or the one from after. Only indexes that ``names``
    lists take part; ``drop`` takes one that is not in use.

    Every failure of the engine is an ``EngineFault``.
    """

    @abstractmethod
    def live(self, alias: Alias) -> IndexName | None:
        """Return the index in use, whatever its version; None when there is none."""

    @abstractmethod
    def names(self, alias: Alias) -> list[IndexName]:
        """Return every index there is for an alias, in use or not, by serial number."""

    @abstractmethod
    def create(self, name: IndexName) -> None:
        """Make an empty index that nobody asks yet."""

    @abstractmethod
    def write(self, name: IndexName, changes: Changes) -> None:
        """Write one batch and show it to every query that begins after this returns."""

    @abstractmethod
    def fill(self, name: IndexName, batches: Iterable[Changes]) -> None:
        """Write many batches to an index that is not in use, as fast as the engine can."""

    @abstractmethod
    def switch(self, name: IndexName) -> None:
        """Let the alias lead to this index."""

    @abstractmethod
    def drop(self, name: IndexName) -> None:
        """Delete an index that is not in use. Queries that have begun on it end well."""

    @abstractmethod
    def ask(self, alias: Alias, plan: Plan) -> Answer | None:
        """Answer a plan from the index in use; None when there is none or it is of another version."""

    @abstractmethod
    def keys(self, name: IndexName) -> Iterator[str]:
        """Return the key of every document in an index."""

    @abstractmethod
    def health(self, name: IndexName) -> Health:
        """Look at the storage of an index."""


@contextlib.contextmanager
def faults_as(kind: type[Exception], *foreign: type[Exception]) -> Iterator[None]:
    """Turn an engine's own errors into ours, at this one border."""
    try:
        yield
    except foreign as error:
        raise kind(f"{type(error).__name__}: {error}") from error
