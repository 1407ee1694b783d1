"""The one door for queries: pages, API and command ask here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.backends import backend
from search.entries import read_body, read_unit_label
from search.highlight import excerpt, highlight, marking
from search.indexer import alias_of
from search.names import name_key, name_keys, name_sounds
from search.plan import AnyOf, Plan, Question, make_plan, names_beginning, names_like, read_question
from search.query import CHARACTERS, FACETS, WINDOW, FacetCount, Hit, SearchResult
from search.text import is_han

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from search.backends.base import Answer
    from search.documents import Document, IndexKind
    from search.query import Facet, SearchRequest

SUGGESTIONS = 5
_LOOKED_AT = 50


def search(index: IndexKind, request: SearchRequest) -> SearchResult:
    """Answer one request from one index of the current unit.

    Raises:
        EngineFault: the engine cannot be reached.
    """
    question = read_question(request.text)
    answer = backend().ask(alias_of(index), make_plan(request, question, FACETS))
    if answer is None:
        return SearchResult(total=0, page=request.page, shortened=question.shortened, ready=False)
    return SearchResult(
        total=answer.total,
        hits=tuple(_hit(read_body(body, index), question) for body in answer.bodies),
        facets={facet: _counted(facet, counts, request) for facet, counts in answer.facets.items()},
        page=request.page,
        pages=max(1, -(-min(answer.total, WINDOW) // request.size)),
        version=_version(answer),
        did_you_mean=() if answer.total else _sounding_like(index, question),
        shortened=question.shortened,
    )


def suggest(index: IndexKind, text: str) -> list[str]:
    """Return up to five names that begin like ``text``: characters, pinyin or initials.

    One Han character or two Latin letters are needed before there is anything to suggest.
    """
    key = name_key(text[:CHARACTERS])
    if not key or (len(key) < 2 and not is_han(key)):
        return []
    return _names(
        index,
        Plan(match=names_beginning(key), limit=_LOOKED_AT),
        lambda name: key in name_keys(name),
    )


def version(index: IndexKind) -> str:
    """Return what changes whenever the index does, for a page's ETag; empty while there is no index.

    Raises:
        EngineFault: the engine cannot be reached.
    """
    answer = backend().ask(alias_of(index), Plan(match=AnyOf(()), limit=1))
    return _version(answer) if answer is not None else ""


def _version(answer: Answer) -> str:
    return f"{answer.name.version}-{answer.name.serial}-{answer.version}"


def _hit(document: Document, question: Question) -> Hit:
    pattern = marking(question, document.names)
    return Hit(
        id=document.id, kind=document.kind, title=document.title, url=document.url, unit_code=document.unit_code,
        unit_name=document.unit_name, source=document.source, day=document.day, tags=document.tags, extra=document.extra,
        title_segments=highlight(document.title, pattern), excerpt_segments=excerpt(document.text, pattern),
    )  # fmt: skip


def _counted(
    facet: Facet, counts: Mapping[str, int], request: SearchRequest
) -> tuple[FacetCount, ...]:
    """Sum up, label and order the values of a facet; a chosen value is shown even when nothing has it."""
    chosen = request.chosen[facet]
    totals, labels = dict.fromkeys(chosen, 0), {value: value for value in chosen}
    for key, count in sorted(
        counts.items(), key=lambda item: item[1]
    ):  # the commonest name of a unit comes last and stays
        value, label = read_unit_label(key) if facet == "unit" else (key, key)
        totals[value] = totals.get(value, 0) + count
        labels[value] = label
    order = (
        sorted(totals, reverse=True)
        if facet == "year"
        else sorted(totals, key=lambda value: (-totals[value], value))
    )
    return tuple(
        FacetCount(value=value, label=labels[value], count=totals[value], chosen=value in chosen)
        for value in order
    )


def _sounding_like(index: IndexKind, question: Question) -> tuple[str, ...]:
    found: list[str] = []
    for term in question.terms:
        key, sounds = name_key(term), name_sounds(term)

        def is_alike(name: str, key: str = key, sounds: set[str] = sounds) -> bool:
            return bool(sounds & name_sounds(name)) and name_key(name) != key

        if len(key) > 1 and any(map(is_han, key)):
            found += _names(index, Plan(match=names_like(key), limit=_LOOKED_AT), is_alike)
    return tuple(dict.fromkeys(found))[:SUGGESTIONS]


def _names(index: IndexKind, plan: Plan, is_wanted: Callable[[str], bool]) -> list[str]:
    answer = backend().ask(alias_of(index), plan)
    bodies = answer.bodies if answer is not None else ()
    names = (name for body in bodies for name in read_body(body, index).names)
    return list(dict.fromkeys(name for name in names if is_wanted(name)))[:SUGGESTIONS]
