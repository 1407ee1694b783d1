"""Record kinds. Apps register theirs in ``AppConfig.ready()``; a kind nobody registered is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sync.errors import RecordFault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.formats.records import Header

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}\.[a-z][a-z0-9_]{0,31}")


@dataclass(frozen=True, kw_only=True)
class ReceivedRecord:
    """A record of another unit, proven under that unit's verified head and disclosed to us."""

    origin: str
    """The issuing log."""

    index: int
    """Its place there, from 0."""

    commitment: str
    header: Header
    body: bytes


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
    """Body versions this code reads; the last one is what it writes."""

    slotted: bool = False
    """Waits for the unit's slot (channel, ballots, read-audit), never enters the log singly."""

    apply: Apply | None = None
    """Handler for records of other units; None: kept, but nothing is done with them."""


_kinds: dict[str, RecordKind] = {}


def register_kind(kind: RecordKind) -> None:
    """Make a kind known. Registering the same one again changes nothing.

    Raises:
        RecordFault: the name does not fit, there is no schema, or the name is taken by another kind.
    """
    if not _NAME.fullmatch(kind.name):
        raise RecordFault(f"The kind {kind.name!r} must be named app.noun in small ASCII letters.")
    if not kind.schemas or min(kind.schemas) < 1:
        raise RecordFault(f"The kind {kind.name} needs schema versions from 1.")
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
