"""The embedded engine: tantivy, in files under the state folder. One writer, many readers, no server.

An index is a folder, an alias a small file that holds the folder's name and is replaced as a whole. Beside tantivy's own
files stands ``version``: the position of the last batch, written after that batch was committed. Readers look at both
files' identity at every query (two ``stat`` calls) and load anew when one changed. Nothing is left to threads that watch
files: they do not survive a fork, and a forked web worker would never see another commit.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tantivy

from search.backends.base import Answer, Changes, Health, SearchBackend, faults_as
from search.backends.embedded_query import counted_already, facet_counts, matching
from search.entries import KEYWORDS, NUMBERS, ORDERED, SETS, TERMS, WEIGHED
from search.errors import EngineFault, WriterBusy
from search.index_names import Alias, IndexName

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from search.entries import Entry
    from search.plan import Plan

_BLANKS = "blanks"
_HEAP = 64_000_000
_FILL_HEAP = 256_000_000
_ATTEMPTS = 5
_FAULTS = (ValueError, OSError)  # what tantivy raises

Identity = tuple[int, int, int]


@dataclass(frozen=True)
class _Reader:
    name: IndexName
    version: int
    pointer: Identity
    committed: Identity
    index: Any
    searcher: Any


class EmbeddedBackend(SearchBackend):
    """Indexes of any number of units in one folder. Make one per process; its threads share it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._readers: dict[Alias, _Reader] = {}
        """Guarded by ``_lock`` for writing; a value is replaced as a whole, so reading needs no lock."""
        os.register_at_fork(after_in_child=self._after_fork)

    def _after_fork(self) -> None:
        self._lock = (
            threading.Lock()
        )  # the parent's may be held by a thread that does not exist here

    def live(self, alias: Alias) -> IndexName | None:
        """See the base class."""
        try:
            return IndexName.parse((self.root / str(alias)).read_text().strip())
        except FileNotFoundError:
            return None

    def names(self, alias: Alias) -> list[IndexName]:
        """See the base class."""
        if not self.root.is_dir():
            return []
        found = (IndexName.parse(path.name) for path in self.root.iterdir())
        return sorted(name for name in found if name is not None and name.alias == alias)

    def create(self, name: IndexName) -> None:
        """See the base class."""
        with faults_as(EngineFault, *_FAULTS):
            folder = self.root / str(name)
            folder.mkdir(mode=0o700, parents=True)
            tantivy.Index(_schema(), path=str(folder), reuse=False)
            _replace(folder / "version", "0")

    def write(self, name: IndexName, changes: Changes) -> None:
        """See the base class."""
        with self._writer(name, _HEAP) as (writer, schema):
            if changes.version > self._version(name):
                _apply(writer, schema, changes)
                writer.commit()
                self._note(name, changes.version)

    def fill(self, name: IndexName, batches: Iterable[Changes]) -> None:
        """See the base class."""
        last = 0
        with self._writer(name, _FILL_HEAP) as (writer, schema):
            for changes in batches:
                _apply(writer, schema, changes)
                last = changes.version
            writer.commit()
            self._note(name, last)

    def switch(self, name: IndexName) -> None:
        """See the base class."""
        with faults_as(EngineFault, *_FAULTS):
            _replace(self.root / str(name.alias), str(name))

    def drop(self, name: IndexName) -> None:
        """See the base class."""
        if self.live(name.alias) == name:
            raise EngineFault(f"{name} is in use and cannot be dropped.")
        shutil.rmtree(self.root / str(name), ignore_errors=True)

    def ask(self, alias: Alias, plan: Plan) -> Answer | None:
        """See the base class."""
        reader = self._reader(alias)
        if reader is None:
            return None
        with faults_as(EngineFault, *_FAULTS):
            schema = reader.index.schema
            facets = facet_counts(reader.searcher, schema, plan)
            total = counted_already(plan, facets)
            found = reader.searcher.search(
                matching(schema, plan),
                limit=max(plan.limit, 1),
                offset=plan.offset,
                count=total is None,  # without it the engine may pass over what cannot rank high
                **_order(plan),
            )
            addresses = [address for _, address in found.hits][: plan.limit]
            bodies = (reader.searcher.doc(address).get_first("body") for address in addresses)
            return Answer(
                name=reader.name,
                version=reader.version,
                total=found.count if total is None else total,
                bodies=tuple(bytes(body).decode() for body in bodies),
                facets=facets,
            )

    def keys(self, name: IndexName) -> Iterator[str]:
        """See the base class."""
        with faults_as(EngineFault, *_FAULTS):
            index = _open(self.root / str(name))
            everything = tantivy.Query.all_query()
            rows = index.searcher().terms_with_prefix("id", "", filter_query=everything)
        return (key for key, count in rows if count)

    def health(self, name: IndexName) -> Health:
        """See the base class."""
        folder = self.root / str(name)
        try:
            meta = json.loads((folder / "meta.json").read_bytes())
            segments = {segment["segment_id"].replace("-", "") for segment in meta["segments"]}
            present = {path.name: path.stat().st_size for path in folder.iterdir()}
            documents = _open(folder).searcher().num_docs
        except (*_FAULTS, KeyError) as error:
            return Health(
                documents=0, octets=0, faults=(f"The files of {name} cannot be read: {error}.",)
            )
        parts = {
            file: file.split(".", 1)[0]
            for file in present
            if not file.startswith(".") and "." in file and file != "meta.json"
        }
        faults = [
            f"No file of the segment {segment} is there."
            for segment in sorted(segments - set(parts.values()))
        ]
        orphans = sorted(file for file, part in parts.items() if part not in segments)
        if orphans:
            octets = sum(present[file] for file in orphans)
            faults.append(
                f"{len(orphans)} files ({octets} octets) belong to no segment, for example {orphans[0]}."
            )
        return Health(documents=documents, octets=sum(present.values()), faults=tuple(faults))

    def _version(self, name: IndexName) -> int:
        return int((self.root / str(name) / "version").read_text())

    def _note(self, name: IndexName, version: int) -> None:
        with faults_as(EngineFault, *_FAULTS):
            if version > self._version(name):
                _replace(self.root / str(name) / "version", str(version))

    @contextmanager
    def _writer(self, name: IndexName, heap: int) -> Iterator[tuple[Any, Any]]:
        """Open the index anew for every writing: a writer that holds an old list of segments leaves orphans."""
        with faults_as(EngineFault, *_FAULTS):
            index = _open(self.root / str(name))
            try:
                writer = index.writer(heap_size=heap, num_threads=1)
            except ValueError as error:
                raise WriterBusy(f"Another process is writing {name}.") from error
            try:
                # A writer killed before its commit leaves files whose names the next one would use again:
                # they hold the number of the operation, and numbers begin anew at the last commit.
                writer.garbage_collect_files()
                yield writer, index.schema
            except BaseException:
                writer.rollback()
                raise
            finally:
                writer.wait_merging_threads()

    def _reader(self, alias: Alias) -> _Reader | None:
        for _ in range(_ATTEMPTS):
            try:
                return self._reader_now(alias)
            except FileNotFoundError:
                if not (self.root / str(alias)).exists():
                    return None
            # dropped between reading the pointer and opening: the pointer leads elsewhere by now
        raise EngineFault(
            f"The index {alias} has a pointer but no files: run `minqing search rebuild`."
        )

    def _reader_now(self, alias: Alias) -> _Reader | None:
        pointer_path = self.root / str(alias)
        known = self._readers.get(alias)
        pointer = _identity(pointer_path)
        if (
            known is not None
            and known.pointer == pointer
            and known.committed == _identity(self.root / str(known.name) / "version")
        ):
            return known
        with self._lock:
            name = self.live(alias)
            if name is None or not name.is_present:
                return None
            folder = self.root / str(name)
            committed, version = _identity(folder / "version"), self._version(name)
            index = known.index if known is not None and known.name == name else None
            with faults_as(EngineFault, ValueError):
                if index is None:
                    if not (folder / "meta.json").exists():
                        raise FileNotFoundError(folder)
                    index = _open(folder)
                else:
                    index.reload()
                reader = _Reader(name, version, pointer, committed, index, index.searcher())
            self._readers[alias] = reader
            return reader


def _order(plan: Plan) -> dict[str, Any]:
    if plan.newest_first is None:
        return {}
    return {
        "order_by_field": "day",
        "order": tantivy.Order.Desc if plan.newest_first else tantivy.Order.Asc,
    }


def _schema() -> Any:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", tokenizer_name="raw", index_option="basic")
    builder.add_bytes_field("body", stored=True)
    for name in KEYWORDS:
        builder.add_text_field(name, fast=True, tokenizer_name="raw", index_option="basic")
    for name in TERMS:
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for names, option in ((SETS, "basic"), (WEIGHED, "freq"), (ORDERED, "position")):
        for name in names:
            builder.add_text_field(name, tokenizer_name=_BLANKS, index_option=option)
    for name in NUMBERS:
        builder.add_integer_field(name, indexed=True, fast=True)
    return builder.build()


def _open(folder: Path) -> Any:
    index = tantivy.Index.open(str(folder))
    index.register_tokenizer(
        _BLANKS, tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
    )
    index.config_reader(reload_policy="manual", num_warmers=0)
    return index


def _apply(writer: Any, schema: Any, changes: Changes) -> None:
    for key in (*changes.deleted, *(entry.key for entry in changes.entries)):
        writer.delete_documents_by_term("id", key)
    for entry in changes.entries:
        writer.add_document(_document(schema, entry))


def _document(schema: Any, entry: Entry) -> Any:
    fields = {
        "id": entry.key,
        "body": entry.body.encode(),
        "day": entry.day,
        **entry.values,
        **entry.tokens,
    }
    return tantivy.Document.from_dict(fields, schema)


def _identity(path: Path) -> Identity:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _replace(path: Path, text: str) -> None:
    """Put a file in another's place as a whole, and have the storage keep it."""
    draft = path.with_name(f".{path.name}.draft")
    with draft.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
