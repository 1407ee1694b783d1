"""Elasticsearch, for many documents or several web hosts. Client 8.18–8.19; servers 8 and 9.

It is given the same tokens as the embedded engine: text fields use the built-in ``whitespace`` analyzer, and no script,
plugin, custom analyzer, ``_reindex`` or ``_by_query`` call is made. Documents carry external versions, so a batch that
arrives late changes nothing that a newer one wrote. One control document per index holds the position of the last
batch; it is written after the batch was made visible.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elastic_transport import Urllib3HttpNode
from elasticsearch import ApiError, Elasticsearch, NotFoundError, TransportError, helpers
from elasticsearch.dsl import Index, Mapping, Search

from search.backends.base import Answer, Changes, Health, SearchBackend, faults_as
from search.backends.elastic_query import everything, read_facets, request_facets, translate
from search.backends.open_node import OpenNode
from search.entries import KEYWORDS, NUMBERS, ORDERED, SETS, TERMS, WEIGHED
from search.errors import EngineFault
from search.index_names import IndexName

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from search.entries import Entry
    from search.index_names import Alias
    from search.plan import Plan

_CONTROL = "~"
_FAULTS = (ApiError, TransportError, helpers.BulkIndexError)
_STALE, _ABSENT = 409, 404


class ElasticBackend(SearchBackend):
    """Indexes in one cluster. The client keeps its own connections and is shared by threads."""

    def __init__(self, url: str, *, compat: str = "elasticsearch") -> None:
        node = OpenNode if compat == "opensearch" else Urllib3HttpNode
        self.client = Elasticsearch(
            url, node_class=node, request_timeout=30, retry_on_timeout=True, max_retries=3
        )

    def live(self, alias: Alias) -> IndexName | None:
        """See the base class."""
        with faults_as(EngineFault, *_FAULTS):
            try:
                found = self.client.indices.get_alias(name=str(alias))
            except NotFoundError:
                return None
        names = [
            name for name in map(IndexName.parse, found) if name is not None and name.alias == alias
        ]
        return max(names, key=lambda name: name.serial) if names else None

    def names(self, alias: Alias) -> list[IndexName]:
        """See the base class."""
        with faults_as(EngineFault, *_FAULTS):
            found = self.client.indices.get(
                index=f"{alias}-*", allow_no_indices=True, expand_wildcards="open"
            )
        names = (IndexName.parse(text) for text in found)
        return sorted(name for name in names if name is not None and name.alias == alias)

    def create(self, name: IndexName) -> None:
        """See the base class."""
        index = Index(str(name), using=self.client)
        index.mapping(_mapping())
        index.settings(refresh_interval="-1", max_result_window=10_000)
        with faults_as(EngineFault, *_FAULTS):
            index.create()
            self._note(name, 0)

    def write(self, name: IndexName, changes: Changes) -> None:
        """See the base class."""
        with faults_as(EngineFault, *_FAULTS):
            self._send(name, changes)
            self.client.indices.refresh(index=str(name))
            self._note(name, changes.version)

    def fill(self, name: IndexName, batches: Iterable[Changes]) -> None:
        """See the base class."""
        last = 0
        with faults_as(EngineFault, *_FAULTS):
            for changes in batches:
                self._send(name, changes)
                last = changes.version
            self.client.indices.refresh(index=str(name))
            self._note(name, last)

    def switch(self, name: IndexName) -> None:
        """See the base class."""
        alias = str(name.alias)
        before = self.live(name.alias)
        actions: list[dict[str, Any]] = [{"add": {"index": str(name), "alias": alias}}]
        if before is not None and before != name:
            actions.insert(0, {"remove": {"index": str(before), "alias": alias}})
        with faults_as(EngineFault, *_FAULTS):
            self.client.indices.update_aliases(actions=actions)

    def drop(self, name: IndexName) -> None:
        """See the base class."""
        if self.live(name.alias) == name:
            raise EngineFault(f"{name} is in use and cannot be dropped.")
        with faults_as(EngineFault, *_FAULTS):
            self.client.indices.delete(index=str(name), ignore_unavailable=True)

    def ask(self, alias: Alias, plan: Plan) -> Answer | None:
        """See the base class."""
        name = self.live(alias)
        if name is None or not name.is_present:
            return None
        version = self._version(name)  # before the search: what it shows is at least that new
        with faults_as(EngineFault, *_FAULTS):
            found = self._search(name, plan).execute()
        return Answer(
            name=name,
            version=version,
            total=int(found.to_dict()["hits"]["total"]["value"]),
            bodies=tuple(hit.body for hit in found.hits),
            facets=read_facets(found, plan),
        )

    def keys(self, name: IndexName) -> Iterator[str]:
        """See the base class."""
        search = (
            Search(using=self.client, index=str(name)).query(everything()).source(includes=["id"])
        )
        with faults_as(EngineFault, *_FAULTS):
            for hit in search.scan():
                yield hit.id

    def health(self, name: IndexName) -> Health:
        """See the base class."""
        with faults_as(EngineFault, *_FAULTS):
            count = self.client.count(index=str(name), query=everything().to_dict())["count"]
            stats = self.client.indices.stats(index=str(name), metric="store")
        octets = stats["_all"].get("primaries", {}).get("store", {}).get("size_in_bytes", 0)
        return Health(documents=count, octets=octets)

    def _search(self, name: IndexName, plan: Plan) -> Search[Any]:
        search: Search[Any] = Search(using=self.client, index=str(name)).query(
            translate(plan.match) & everything()
        )
        shared = {
            key: condition for key, condition in plan.filters.items() if key not in plan.facets
        }
        for condition in shared.values():
            search = search.filter(translate(condition))
        own = [
            translate(condition) for key, condition in plan.filters.items() if key in plan.facets
        ]
        if own:
            search = search.post_filter("bool", filter=own)
        request_facets(search, plan)
        if plan.newest_first is not None:
            search = search.sort({"day": {"order": "desc" if plan.newest_first else "asc"}})
        search = search.source(includes=["body"]).extra(track_total_hits=True)
        return search[plan.offset : plan.offset + plan.limit]

    def _send(self, name: IndexName, changes: Changes) -> None:
        """Send one batch; a document or deletion that is older than what is there is passed over."""
        for _, outcome in helpers.streaming_bulk(
            self.client, _actions(name, changes), raise_on_error=False, chunk_size=500
        ):
            (result,) = outcome.values()
            status = result.get("status", 500)
            if status >= 300 and status not in {_STALE, _ABSENT}:
                raise EngineFault(
                    f"{name} refused {result.get('_id')}: {result.get('error', {}).get('type')}."
                )

    def _note(self, name: IndexName, version: int) -> None:
        try:
            self.client.index(
                index=str(name),
                id=_CONTROL,
                document={"version": version},
                version=version,
                version_type="external_gte",
            )
        except ApiError as error:
            if error.status_code != _STALE:
                raise

    def _version(self, name: IndexName) -> int:
        with faults_as(EngineFault, *_FAULTS):
            return int(self.client.get(index=str(name), id=_CONTROL)["_source"]["version"])


def _mapping() -> Mapping:
    mapping = Mapping()
    mapping.meta("dynamic", "strict")
    mapping.field("id", "keyword")
    mapping.field("body", "keyword", index=False, doc_values=False)
    mapping.field("version", "long", index=False)
    for name in KEYWORDS:
        mapping.field(name, "keyword")
    for name in TERMS:
        mapping.field(name, "keyword", doc_values=False)
    for names, options in ((SETS, "docs"), (WEIGHED, "freqs"), (ORDERED, "positions")):
        for name in names:
            mapping.field(name, "text", analyzer="whitespace", index_options=options)
    for name in NUMBERS:
        mapping.field(name, "integer")
    return mapping


def _actions(name: IndexName, changes: Changes) -> Iterator[dict[str, Any]]:
    shared = {"_index": str(name), "version": changes.version, "version_type": "external"}
    for key in changes.deleted:
        yield {**shared, "_op_type": "delete", "_id": key}
    for entry in changes.entries:
        yield {**shared, "_op_type": "index", "_id": entry.key, "_source": _source(entry)}


def _source(entry: Entry) -> dict[str, Any]:
    return {"id": entry.key, "body": entry.body, "day": entry.day, **entry.values, **entry.tokens}
