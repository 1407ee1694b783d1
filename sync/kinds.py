"""Record kinds. Apps register theirs in ``AppConfig.ready()``; a kind nobody registered is refused."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

from sync.errors import RecordFault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.formats.records import Header

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}\.[a-z][a-z0-9_]{0,31}")


class ReceivedRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A record of another unit, proven under that unit's verified head and disclosed to us."""

    origin: str
    """The issuing log."""

    index: int
    """Its place there, from 0."""

    commitment: str
    header: Header
    """As it came: its schema may be older than the one that a handler's body is in."""

    body: bytes
    """A handler gets it in the newest schema of its kind; ``sync_received`` keeps the octets as they came."""


class Upcast(Protocol):
    """Turn a body of one schema into one of the next. Pure; loses nothing that the next schema can say.

    Raise ``RecordFault`` where the octets are no body of the old schema.
    """

    def __call__(self, body: bytes, /) -> bytes:
        """Return the body in the next schema."""


class Apply(Protocol):
    """Take in received records of one kind, in log order, inside a transaction.

    Must be idempotent by (origin, index). Raise ``RecordRejected`` to quarantine one subject.
    """

    def __call__(self, records: Sequence[ReceivedRecord], /) -> None:
        """Apply a batch."""


@dataclass(frozen=True, kw_only=True)
class RecordKind:
    """One kind of record."""

    name: str
    """``app.noun``."""

    schemas: tuple[int, ...] = (1,)
    """Body versions this code reads, oldest first; the last one is what it writes."""

    upcasts: tuple[Upcast, ...] = ()
    """One between each schema and the next: handlers and readers see the newest form only."""

    slotted: bool = False
    """Waits for the unit's slot (channel, ballots, read-audit), never enters the log singly."""

    apply: Apply | None = None
    """Handler for records of other units; None: kept, but nothing is done with them."""

    def reads(self, schema: int) -> bool:
        """Whether bodies of this schema can be read."""
        return schema in self.schemas

    def newest(self, schema: int, body: bytes) -> bytes:
        """Return a body in the newest schema.

        Raises:
            RecordFault: the schema is not read here, or the octets are no body of it.
        """
        if not self.reads(schema):
            raise RecordFault(f"Nothing here reads {self.name} of schema {schema}.")
        for upcast in self.upcasts[self.schemas.index(schema) :]:
            body = upcast(body)
        return body


_kinds: dict[str, RecordKind] = {}


def register_kind(kind: RecordKind) -> None:
    """Make a kind known. Registering the same one again changes nothing.

    Raises:
        RecordFault: the name does not fit, schemas and upcasts do not, or the name is taken by another kind.
    """
    if not _NAME.fullmatch(kind.name):
        raise RecordFault(f"The kind {kind.name!r} must be named app.noun in small ASCII letters.")
    if not kind.schemas or min(kind.schemas) < 1:
        raise RecordFault(f"The kind {kind.name} needs schema versions from 1.")
    if (
        list(kind.schemas) != sorted(set(kind.schemas))
        or len(kind.upcasts) != len(kind.schemas) - 1
    ):
        raise RecordFault(
            f"The kind {kind.name} needs its schemas oldest first and one upcast between each two."
        )
    if _kinds.setdefault(kind.name, kind) != kind:
        raise RecordFault(f"The kind {kind.name} is registered already with other properties.")


def kind_named(name: str) -> RecordKind:
    """Return a kind.

    Raises:
        RecordFault: nobody registered it.
    """
    try:
        return _kinds[name]
    except KeyError:
        raise RecordFault(f"The record kind {name!r} is not known here.") from None


def kinds() -> list[RecordKind]:
    """Return every registered kind in order of name."""
    return [_kinds[name] for name in sorted(_kinds)]


def fingerprint() -> str:
    """Return sixteen digits that change when this code reads other kinds or schemas than before."""
    known = "".join(f"{kind.name} {kind.schemas}\n" for kind in kinds())
    return hashlib.sha256(known.encode()).hexdigest()[:16]
