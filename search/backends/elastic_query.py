"""Plans in Elasticsearch's terms, built with ``elasticsearch.dsl``; query strings are never used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elasticsearch.dsl import A, Q

from search.entries import KEYWORDS, TERMS
from search.plan import FACET_FIELDS, AllOf, AnyOf, Condition, Days, Phrase, Plan, Term

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elasticsearch.dsl import Search
    from elasticsearch.dsl.query import Query
    from elasticsearch.dsl.response import Response

    from search.query import Facet

_BUCKETS = 10_000
_WHOLE = frozenset((*KEYWORDS, *TERMS))


def everything() -> Query:
    """Return the query for every document, which the control document is not."""
    return Q("bool", filter=[Q("exists", field="kind")])


def translate(condition: Condition) -> Query:
    """Return one condition as a query."""
    match condition:
        case Term(field, value, boost):
            return _weighed("term", field, {"value": value}, boost)
        case Phrase(field, values, boost):
            return _weighed("match_phrase", field, {"query": " ".join(values)}, boost)
        case Days(first, last):
            return Q("range", day={"gte": first, "lte": last})
        case AllOf(conditions):
            return (
                Q("bool", must=[translate(part) for part in conditions])
                if conditions
                else everything()
            )
        case AnyOf(conditions):
            if not conditions:
                return Q("match_none")
            return Q(
                "bool", should=[translate(part) for part in conditions], minimum_should_match=1
            )


def _weighed(kind: str, field: str, body: dict[str, Any], boost: float) -> Query:
    if not boost:
        return Q("bool", filter=[Q(kind, **{field: body})])
    return Q(kind, **{field: {**body, "boost": boost}})


def request_facets(search: Search[Any], plan: Plan) -> None:
    """Ask for every facet, each under the filters of the others; a facet's own filter is left out."""
    for facet in plan.facets:
        others = [
            translate(condition)
            for key, condition in plan.filters.items()
            if key != facet and key in plan.facets
        ]
        inside = A("filter", Q("bool", filter=others) if others else everything())
        inside.bucket("values", "terms", field=FACET_FIELDS[facet], size=_BUCKETS)
        search.aggs.bucket(facet, inside)


def read_facets(found: Response[Any], plan: Plan) -> Mapping[Facet, Mapping[str, int]]:
    """Return value and count of every facet."""
    return {
        facet: {
            bucket["key"]: bucket["doc_count"]
            for bucket in found.aggregations[facet]["values"]["buckets"]
        }
        for facet in plan.facets
    }
