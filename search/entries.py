"""A document as both engines keep it: fields of ready tokens, and the body that comes back in a hit."""

from __future__ import annotations

import datetime
import functools
import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search.documents import Document
from search.errors import DocumentFault
from search.names import name_key, name_keys, name_parts, name_sounds
from search.text import FENCE, characters, fold, pairs, words

if TYPE_CHECKING:
    from search.documents import IndexKind

KEYWORDS = ("kind", "unit", "unit_label", "source", "year", "tag")
"""Whole values, counted for facets."""
TERMS = ("name", "key", "part", "sound")
"""Whole values, looked up only."""
SETS = ("pair",)
"""Tokens parted by blanks; only whether a document has one."""
WEIGHED = ("title", "word")
"""Tokens parted by blanks; how often a document has one counts for its rank."""
ORDERED = ("character",)
"""Tokens parted by blanks, with their order: phrases."""
NUMBERS = ("day",)
"""A day as YYYYMMDD; 0 for none."""

_LABEL = "\t"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What is written for one document."""

    key: str
    """``source:id``; unique in the index."""
    values: dict[str, list[str]]
    """For ``KEYWORDS`` and ``TERMS``."""
    tokens: dict[str, str]
    """For ``SETS``, ``WEIGHED`` and ``ORDERED``."""
    day: int
    body: str
    """JSON; see ``read_body``."""


def entry_key(source: str, document: str) -> str:
    """Return the key of a document in its index."""
    return f"{source}:{document}"


def day_number(day: datetime.date | None) -> int:
    """Return a day as YYYYMMDD; 0 for none."""
    return day.year * 10000 + day.month * 100 + day.day if day else 0


def unit_label(code: str, name: str) -> str:
    """Return the facet value of a unit: its code, and its name for people."""
    return f"{code}{_LABEL}{name}"


def read_unit_label(label: str) -> tuple[str, str]:
    """Return code and name."""
    code, _, name = label.partition(_LABEL)
    return code, name


def make_entry(source: str, document: Document) -> Entry:
    """Make the tokens of one document of a source."""
    title, unit, text = fold(document.title), fold(document.unit_name), fold(document.text)
    names = [fold(name) for name in document.names]
    parts = [title, *names, unit, text]
    cut = [words(part) for part in parts]
    return Entry(
        key=entry_key(source, document.id),
        values={
            "kind": [document.kind],
            "unit": [document.unit_code],
            "unit_label": [unit_label(document.unit_code, document.unit_name)],
            "source": [document.source] if document.source else [],
            "year": [str(document.year)] if document.year else [],
            "tag": list(document.tags),
            **_name_values(document.names),
        },
        tokens={
            "title": " ".join(cut[0]),
            "word": " ".join(itertools.chain.from_iterable(cut)),
            "pair": " ".join(set().union(*map(pairs, parts))),
            "character": f" {FENCE} ".join(" ".join(characters(part)) for part in parts),
        },
        day=day_number(document.day),
        body=_write_body(document),
    )


@functools.lru_cache(maxsize=4096)
def _name_values(names: tuple[str, ...]) -> dict[str, list[str]]:
    """The keys of a document's names, kept: many documents tell of one official."""
    return {
        "name": sorted({name_key(name) for name in names}),
        "key": sorted(set().union(*map(name_keys, names))),
        "part": sorted(set().union(*map(name_parts, names))),
        "sound": sorted(set().union(*map(name_sounds, names))),
    }


def _write_body(document: Document) -> str:
    row = {
        "id": document.id, "index": document.index, "kind": document.kind, "title": document.title, "url": document.url,
        "unit_code": document.unit_code, "unit_name": document.unit_name, "names": document.names, "text": document.text,
        "source": document.source, "day": document.day.isoformat() if document.day else None,
        "tags": document.tags, "extra": dict(document.extra),
    }  # fmt: skip
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


def read_body(body: str, index: IndexKind) -> Document:
    """Return the document a body was made from.

    Raises:
        DocumentFault: it belongs to the other index. Neither engine can lead there; this is the second lock.
    """
    row: dict[str, Any] = json.loads(body)
    day = datetime.date.fromisoformat(row["day"]) if row["day"] else None
    if row["index"] != index:
        raise DocumentFault(
            f"The {index} index holds a document of the other one: run `minqing search rebuild`."
        )
    return Document(**{**row, "day": day, "names": tuple(row["names"]), "tags": tuple(row["tags"])})
