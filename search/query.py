"""What may be asked: one request value for the page, the API and the command, with its caps."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from search.errors import QueryFault

if TYPE_CHECKING:
    from collections.abc import Mapping

CHARACTERS = 64
"""Characters of a query that are used; the rest is left out and the answer says so."""
TERMS = 8
"""Terms of a query that are used."""
VALUES = 50
"""Values one facet may be filtered by."""
WINDOW = 10_000
"""Hits that can be paged to; Elasticsearch's own limit, kept by both engines."""

Sort = Literal["relevance", "newest", "oldest"]
Facet = Literal["unit", "source", "kind", "year", "tag"]
FACETS: tuple[Facet, ...] = get_args(Facet)


@dataclass(frozen=True, kw_only=True)
class SearchRequest:
    """One search. Words are cut to the caps; a value that means nothing is refused.

    In ``text`` terms are parted by blanks and all must match; a term is a name, a part of one, pinyin or initials, or
    words. A phrase in quotation marks (``"…"``, ``“…”`` or ``「…」``) is an exact substring.
    Within a facet any value will do, across facets all must hold.

    Raises:
        QueryFault: names the parameter and says what to write.
    """

    text: str = ""
    units: tuple[str, ...] = ()
    """Unit codes."""
    sources: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    years: tuple[int, ...] = ()
    tags: tuple[str, ...] = ()
    day_from: datetime.date | None = None
    """First day, inclusive."""
    day_to: datetime.date | None = None
    """Last day, inclusive."""
    sort: Sort = "relevance"
    page: int = 1
    size: int = 20

    def __post_init__(self) -> None:
        if self.sort not in get_args(Sort):
            raise QueryFault("sort", f"sort must be one of {', '.join(get_args(Sort))}.")
        if not 1 <= self.size <= 100:
            raise QueryFault("size", "size must be from 1 to 100.")
        if self.page < 1 or self.page * self.size > WINDOW:
            raise QueryFault(
                "page",
                f"page must be from 1 to {WINDOW // self.size}: narrow the search instead of paging further.",
            )
        if self.day_from and self.day_to and self.day_from > self.day_to:
            raise QueryFault("from", "The first day must not be after the last.")
        for name, values in self.chosen.items():
            if len(values) > VALUES or any(len(value) > 200 for value in values):
                raise QueryFault(name, f"At most {VALUES} values of {name}, 200 characters each.")

    @property
    def chosen(self) -> dict[Facet, tuple[str, ...]]:
        """The values filtered by, per facet."""
        years = tuple(str(year) for year in self.years)
        return {
            "unit": self.units,
            "source": self.sources,
            "kind": self.kinds,
            "year": years,
            "tag": self.tags,
        }

    @classmethod
    def from_parameters(
        cls, parameters: Mapping[str, list[str]], *, size: int = 20
    ) -> SearchRequest:
        """Read a query string (``dict(request.GET.lists())``): q, unit, source, kind, year, tag, from, to, sort, page.

        Empty values count as absent, unknown names are left alone: links carry other parameters too.

        Raises:
            QueryFault: a value cannot be read.
        """
        many = {
            name: tuple(dict.fromkeys(v for v in parameters.get(name, []) if v)) for name in FACETS
        }
        return cls(
            text=_last(parameters, "q"),
            units=many["unit"],
            sources=many["source"],
            kinds=many["kind"],
            years=tuple(_number("year", value) for value in many["year"]),
            tags=many["tag"],
            day_from=_day("from", _last(parameters, "from")),
            day_to=_day("to", _last(parameters, "to")),
            sort=_last(parameters, "sort") or "relevance",  # type: ignore[arg-type]  # checked by the class itself
            page=_number("page", _last(parameters, "page") or "1"),
            size=size,
        )


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A stretch of the original text. Escape it like any text; ``is_match`` says whether to wrap it in ``<mark>``."""

    text: str
    is_match: bool


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One document found, with what its line needs."""

    id: str
    kind: str
    title: str
    url: str
    unit_code: str
    unit_name: str
    source: str
    day: datetime.date | None
    tags: tuple[str, ...]
    extra: Mapping[str, str]
    title_segments: tuple[Segment, ...]
    excerpt_segments: tuple[Segment, ...]
    """At most about 120 characters of the text around the first match; ``…`` where it was cut."""


@dataclass(frozen=True, kw_only=True)
class FacetCount:
    """One value of a facet and how many hits it would have if it were chosen too."""

    value: str
    label: str
    """For units their name; for other facets the value, which the page translates."""
    count: int
    chosen: bool


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """The answer to one request."""

    total: int
    hits: tuple[Hit, ...] = ()
    facets: Mapping[Facet, tuple[FacetCount, ...]] = field(default_factory=dict)
    page: int = 1
    pages: int = 1
    """Pages that can be opened."""
    version: str = ""
    """Changes whenever the index does: part of the page's ETag. Empty while there is no index."""
    did_you_mean: tuple[str, ...] = ()
    """Up to five names that sound like the query, when it found nothing."""
    shortened: bool = False
    """Part of the query was over the caps and was not used: tell the reader."""
    ready: bool = True
    """False while there is no index to ask (it is being built): say so instead of "nothing found"."""


def _last(parameters: Mapping[str, list[str]], name: str) -> str:
    return next((value for value in reversed(parameters.get(name, [])) if value), "")


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 6):
        raise QueryFault(name, f"{name} must be a whole number.")
    return int(value)


def _day(name: str, value: str) -> datetime.date | None:
    if not value:
        return None
    try:
        return datetime.date.fromisoformat(value)
    except ValueError as error:
        raise QueryFault(name, f"{name} must be a day like 2026-11-22.") from error
