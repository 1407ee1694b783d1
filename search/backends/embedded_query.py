"""Plans in tantivy's own terms. Its query parser is never used: it makes phrases of Chinese and operators of citizens' words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tantivy import FieldType, Occur, Query

from search.entries import KEYWORDS, SETS, TERMS, WEIGHED
from search.plan import FACET_FIELDS, AllOf, AnyOf, Condition, Days, Phrase, Plan, Term

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from search.query import Facet

_OPTIONS = {**dict.fromkeys((*KEYWORDS, *TERMS, *SETS), "basic"), **dict.fromkeys(WEIGHED, "freq")}
_BUCKETS = 10_000


def matching(schema: Any, plan: Plan, *, without: str | None = None) -> Any:
    """Return the query of a plan with all its filters, or all but one."""
    filters = [
        translate(schema, condition) for name, condition in plan.filters.items() if name != without
    ]
    if not filters:
        return translate(schema, plan.match)
    unranked = [(Occur.Must, Query.const_score_query(query, 0.0)) for query in filters]
    return Query.boolean_query([(Occur.Must, translate(schema, plan.match)), *unranked])


def translate(schema: Any, condition: Condition) -> Any:
    """Return one condition as a query."""
    match condition:
        case Term(field, value, boost):
            return _weighed(
                Query.term_query(schema, field, value, _OPTIONS.get(field, "position")), boost
            )
        case Phrase(field, values, boost):
            return _weighed(Query.phrase_query(schema, field, list(values)), boost)
        case Days(first, last):
            return Query.range_query(schema, "day", FieldType.Integer, first, last)
        case AllOf(conditions):
            return _group(schema, conditions, Occur.Must, Query.all_query())
        case AnyOf(conditions):
            return _group(schema, conditions, Occur.Should, Query.empty_query())


def _group(schema: Any, conditions: Iterable[Condition], occur: Occur, empty: Any) -> Any:
    queries = [translate(schema, condition) for condition in conditions]
    if len(queries) < 2:
        return queries[0] if queries else empty
    return Query.boolean_query([(occur, query) for query in queries])


def _weighed(query: Any, boost: float) -> Any:
    if boost == 1.0:
        return query
    return Query.boost_query(query, boost) if boost else Query.const_score_query(query, 0.0)


def facet_counts(searcher: Any, schema: Any, plan: Plan) -> Mapping[Facet, Mapping[str, int]]:
    """Count every facet with all filters but its own: one pass for those without a filter, one more for each other."""
    own = [facet for facet in plan.facets if facet in plan.filters]
    free = [facet for facet in plan.facets if facet not in plan.filters]
    counts: dict[Facet, Mapping[str, int]] = {}
    for facets, without in [(free, None), *(([facet], facet) for facet in own)]:
        if facets:
            counts |= _counts(searcher, matching(schema, plan, without=without), facets)
    return counts


def counted_already(plan: Plan, facets: Mapping[Facet, Mapping[str, int]]) -> int | None:
    """Return how many documents match when counting facets has told: each has exactly one kind."""
    return sum(facets["kind"].values()) if "kind" in facets and "kind" not in plan.filters else None


def _counts(searcher: Any, query: Any, facets: list[Facet]) -> dict[Facet, Mapping[str, int]]:
    wanted = {
        facet: {"terms": {"field": FACET_FIELDS[facet], "size": _BUCKETS, "segment_size": _BUCKETS}}
        for facet in facets
    }
    found = searcher.aggregate(query, wanted)
    return {
        facet: {bucket["key"]: bucket["doc_count"] for bucket in found[facet]["buckets"]}
        for facet in facets
    }
