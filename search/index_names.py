"""The name of an index: built and parsed here and nowhere else."""

from __future__ import annotations

import functools
import hashlib
import re
from dataclasses import dataclass

from search.documents import INDEXES, IndexKind
from search.errors import SearchFault
from search.text import tokens_version

SCHEMA = 2
"""Raise it when fields or tokens change: every index is then rebuilt beside the one in use."""

_NAME = re.compile(r"([a-z0-9_]+)-([a-z0-9_]+)-(public|internal)-([0-9a-f]{8})-([0-9]{6})")


@functools.cache
def present_version() -> str:
    """Return the version of fields, tokens and dictionaries that this code writes: eight hexadecimal digits."""
    return hashlib.sha256(f"{SCHEMA} {tokens_version()}".encode()).hexdigest()[:8]


@dataclass(frozen=True, order=True)
class Alias:
    """What is asked: one index of one unit of one database. Its pointer names the index in use."""

    database: str
    schema: str
    index: IndexKind

    def __post_init__(self) -> None:
        if self.index not in INDEXES or not all(
            re.fullmatch(r"[a-z0-9_]+", part) for part in (self.database, self.schema)
        ):
            raise SearchFault(f"No index can be called {self}.")

    def __str__(self) -> str:
        return f"{self.database}-{self.schema}-{self.index}"

    def named(self, serial: int) -> IndexName:
        """Return the name of the index with this serial number in the present version."""
        return IndexName(self, present_version(), serial)


@dataclass(frozen=True, order=True)
class IndexName:
    """One index: what it is for, the version of its tokens, its serial number."""

    alias: Alias
    version: str
    serial: int

    def __str__(self) -> str:
        return f"{self.alias}-{self.version}-{self.serial:06d}"

    @property
    def is_present(self) -> bool:
        """Whether this code can ask and write it."""
        return self.version == present_version()

    @classmethod
    def parse(cls, text: str) -> IndexName | None:
        """Read a name; None when it is not one of ours."""
        match = _NAME.fullmatch(text)
        if match is None:
            return None
        database, schema, index, version, serial = match.groups()
        return cls(
            Alias(database, schema, "public" if index == "public" else "internal"),
            version,
            int(serial),
        )


def alias_for(database: str, schema: str, index: IndexKind) -> Alias:
    """Return the alias of a unit's index; letters that names cannot hold become ``_``."""
    return Alias(re.sub(r"[^a-z0-9_]", "_", database.lower()) or "_", schema, index)
