"""A request as both engines carry it out: a small tree of conditions over ready tokens.

The tree is the whole meaning of a query. An engine translates it node by node and adds nothing, so that two
engines over the same entries answer with the same documents.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from search.entries import day_number
from search.names import name_key, name_sounds
from search.query import CHARACTERS, TERMS, Facet, SearchRequest
from search.text import DOTS, characters, fold, is_han, pairs, words_asked

if TYPE_CHECKING:
    from collections.abc import Mapping

FACET_FIELDS: dict[Facet, str] = {
    "unit": "unit_label",
    "source": "source",
    "kind": "kind",
    "year": "year",
    "tag": "tag",
}
FILTER_FIELDS: dict[Facet, str] = {**FACET_FIELDS, "unit": "unit"}

_QUOTES = str.maketrans(dict.fromkeys("“”„‟「」『』＂〝〞", '"'))
_GAP = re.compile(r"[^\w" + re.escape("".join(DOTS)) + "]+")


@dataclass(frozen=True)
class Term:
    """The field has this token."""

    field: str
    value: str
    boost: float = 1.0


@dataclass(frozen=True)
class Phrase:
    """The field has these tokens next to each other, in this order; two at least."""

    field: str
    values: tuple[str, ...]
    boost: float = 1.0


@dataclass(frozen=True)
class Days:
    """The day lies between two numbers, both inclusive."""

    first: int
    last: int


@dataclass(frozen=True)
class AllOf:
    """Every condition holds; with none, always."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class AnyOf:
    """At least one condition holds; with none, never."""

    conditions: tuple[Condition, ...]


Condition = Term | Phrase | Days | AllOf | AnyOf


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What an engine does for one request."""

    match: Condition
    """Must hold, and ranks."""
    filters: Mapping[str, Condition] = field(default_factory=dict)
    """Must all hold and do not rank. A facet is counted with every filter but the one under its own name."""
    facets: tuple[Facet, ...] = ()
    newest_first: bool | None = None
    """Order by day; None: by rank."""
    offset: int = 0
    limit: int = 20


@dataclass(frozen=True, kw_only=True)
class Question:
    """The words of a request, read once for matching, for highlighting and for names that sound alike."""

    phrases: tuple[str, ...]
    """Folded texts in quotation marks: exact substrings."""
    terms: tuple[str, ...]
    """Folded terms, parted by blanks and punctuation."""
    shortened: bool
    is_empty: bool
    """Nothing was asked; a query of nothing but punctuation is not empty: it finds nothing."""


def read_question(text: str) -> Question:
    """Read the words of a request, within its caps."""
    text = text.strip()
    pieces = fold(text[:CHARACTERS].translate(_QUOTES)).split('"')
    quoted = [piece.strip() for piece in pieces[1:-1:2]]
    open_end = pieces[:1] if len(pieces) == 1 else [*pieces[0:-1:2], pieces[-1]]
    terms = [term.strip("".join(DOTS)) for piece in open_end for term in _GAP.split(piece)]
    phrases = list(dict.fromkeys(piece for piece in quoted if piece))
    terms = list(dict.fromkeys(term for term in terms if term))
    kept = phrases[:TERMS]
    return Question(
        phrases=tuple(kept),
        terms=tuple(terms[: TERMS - len(kept)]),
        shortened=len(text) > CHARACTERS or len(phrases) + len(terms) > TERMS,
        is_empty=not text,
    )


def make_plan(request: SearchRequest, question: Question, facets: tuple[Facet, ...]) -> Plan:
    """Return what an engine has to do for a request."""
    conditions = [*map(substring, question.phrases), *map(_term, question.terms)]
    newest_first = {"relevance": None, "newest": True, "oldest": False}[request.sort]
    if newest_first is None and not conditions:
        newest_first = True
    nothing = not conditions and not question.is_empty
    return Plan(
        match=AnyOf(()) if nothing else AllOf(tuple(conditions)),
        filters=_filters(request),
        facets=facets,
        newest_first=newest_first,
        offset=(request.page - 1) * request.size,
        limit=request.size,
    )


def _filters(request: SearchRequest) -> dict[str, Condition]:
    filters: dict[str, Condition] = {
        name: AnyOf(tuple(Term(FILTER_FIELDS[name], value) for value in values))
        for name, values in request.chosen.items()
        if values
    }
    if request.day_from or request.day_to:
        filters["days"] = Days(
            day_number(request.day_from) or 1, day_number(request.day_to) or 99991231
        )
    return filters


def substring(folded: str) -> Condition:
    """Return the condition that the characters stand next to each other in title, names or text.

    Pairs first: they leave few documents whose characters must be read in order.
    """
    row = characters(folded)
    if len(row) == 1:
        return Term("character", row)
    if len(row) == 2:
        return _neighbours(row)
    return AllOf((_neighbours(row), Phrase("character", tuple(row))))


def _term(term: str) -> Condition:
    """A name, the beginning of one or of its pinyin, a part of one; or words of the text, or its neighbouring characters.

    A term that is one word is looked up as that word. One that is several (县公安) need not be cut in the text as it is here,
    so its pairs of characters will do too; only quotation marks ask for their exact order.
    """
    key, asked = name_key(term), words_asked(term)
    ways: list[Condition] = []
    if key:
        ways += [Term("name", key, 20.0), Term("key", key, 8.0), Term("part", key, 4.0)]
    if asked:
        ways.append(AllOf(tuple(Term("title", word, 3.0) for word in asked)))
        ways.append(AllOf(tuple(Term("word", word) for word in asked)))
    if len(term) == 1:
        ways.append(Term("character", term))
    elif len(asked) > 1 and any(map(is_han, term)):
        ways.append(_neighbours(term))
    return AnyOf(tuple(ways))


def _neighbours(folded: str) -> Condition:
    return AllOf(tuple(Term("pair", pair, 0.0) for pair in sorted(pairs(folded))))


def names_like(text: str) -> Condition:
    """Return the condition that a name sounds like the text."""
    return AnyOf(tuple(Term("sound", sound) for sound in sorted(name_sounds(text))))


def names_beginning(text: str) -> Condition:
    """Return the condition that a name, a part of it, its pinyin or initials begin with the text."""
    return Term("key", name_key(text))
