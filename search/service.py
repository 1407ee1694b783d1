"""The one door for queries: pages, API and command ask here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.query import SearchResult

if TYPE_CHECKING:
    from search.documents import IndexKind
    from search.query import SearchRequest


def search(index: IndexKind, request: SearchRequest) -> SearchResult:
    """Answer one request from one index of the current unit.

    Raises:
        EngineFault: the engine cannot be reached.
    """
    raise NotImplementedError


def suggest(index: IndexKind, text: str) -> list[str]:
    """Return up to five names that begin like ``text``: characters, pinyin or initials."""
    raise NotImplementedError
