"""Who has documents: apps register their sources in ``AppConfig.ready()``; search knows no business model."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from search.documents import INDEXES
from search.errors import SourceFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from search.documents import Document, IndexKind

_NAME = re.compile(r"[a-z][a-z0-9]*(\.[a-z][a-z0-9_]*)+")


@runtime_checkable
class DocumentSource(Protocol):
    """One kind of document of one app, for one index. Called inside the unit whose index it is for.

    A public source builds its documents from published records only; what is internal gets a source of its own.
    """

    @property
    def name(self) -> str:
        """``app.nouns`` in lower case, at most 60 characters, for example ``archives.entries``."""

    @property
    def index(self) -> IndexKind:
        """The one index its documents enter."""

    def load(self, ids: Sequence[str]) -> Iterable[Document]:
        """Return these documents as they stand now. An id that is left out is deleted from the index."""

    def all_ids(self) -> Iterable[str]:
        """Return the id of every document that should be in the index."""


_sources: dict[str, DocumentSource] = {}


def register_source(source: DocumentSource) -> None:
    """Register a source; registering the same one again changes nothing.

    Raises:
        SourceFault: it lacks a part, its name has another form or is taken, or its index is unknown.
    """
    if not isinstance(source, DocumentSource):
        raise SourceFault(
            f"{source!r} is no document source: it needs name, index, load(ids) and all_ids()."
        )
    if not _NAME.fullmatch(source.name) or len(source.name) > 60:
        raise SourceFault(f"The source name {source.name!r} must look like archives.entries.")
    if source.index not in INDEXES:
        raise SourceFault(
            f"{source.name} names the index {source.index!r}: there are {' and '.join(INDEXES)}."
        )
    for method, arguments in ((source.load, 1), (source.all_ids, 0)):
        try:
            inspect.signature(method).bind(*([()] * arguments))
        except TypeError as error:
            raise SourceFault(
                f"{source.name}.{method.__name__} takes other arguments: {error}."
            ) from error
    known = _sources.get(source.name)
    if known is not None and type(known) is not type(source):
        raise SourceFault(f"The source name {source.name} is taken by {known!r}.")
    _sources[source.name] = source


def source_named(name: str) -> DocumentSource:
    """Return one source.

    Raises:
        SourceFault: nobody registered it.
    """
    try:
        return _sources[name]
    except KeyError:
        raise SourceFault(
            f"Nobody registered the source {name!r}: call register_source in the app's ready()."
        ) from None


def sources_of(index: IndexKind) -> list[DocumentSource]:
    """Return the sources that feed one index, in order of name."""
    return [source for _, source in sorted(_sources.items()) if source.index == index]


def forget_source(name: str) -> None:
    """Take a source out again; for tests that bring their own."""
    _sources.pop(name, None)
