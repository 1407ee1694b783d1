"""Who holds copies of what a record said: rooms register how they let go of it, explicitly.

An erasure deletes a record's opening; projections, indexes, files and received copies are the registered rooms' own.
They are called inside the transaction of the erasure, at home, at every unit that received the order, and
again after a restore.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class Gone:
    """A record that is erased. After a restore often nothing but its commitment is known."""

    commitment: str
    origin: str = ""
    """The log it stands in; empty where it is not known."""

    kind: str = ""
    subject: str = ""


class Eraser(Protocol):
    """Let go of everything that was made from these records.

    Called inside a transaction, repeatedly for the same records; files go with ``transaction.on_commit``.
    """

    def __call__(self, gone: Sequence[Gone], /) -> None:
        """Forget them."""


class Finder(Protocol):
    """Say which of these records' contents are here: a restored backup may have brought them back."""

    def __call__(self, commitments: Sequence[str], /) -> list[Gone]:
        """Find them."""


_erasers: dict[str, Eraser] = {}
_finders: dict[str, Finder] = {}


def register_eraser(name: str, eraser: Eraser) -> None:
    """Have a room asked to let go whenever records are erased; registering a name again changes nothing."""
    _erasers.setdefault(name, eraser)


def register_finder(name: str, finder: Finder) -> None:
    """Have a room asked what it holds of records that were erased; registering a name again changes nothing."""
    _finders.setdefault(name, finder)


def still_here(commitments: Sequence[str]) -> list[Gone]:
    """Return those of these records whose contents some room still, or again, holds."""
    return [record for finder in list(_finders.values()) for record in finder(commitments)]


def let_go(gone: Sequence[Gone]) -> None:
    """Ask every registered room; one that fails fails the erasure, which is then tried again whole."""
    for eraser in list(_erasers.values()) if gone else ():
        eraser(gone)


def commitments_of(gone: Sequence[Gone]) -> list[str]:
    """Return their commitments, each once."""
    return sorted({record.commitment for record in gone})
