"""Whose fault it is that the database refuses something while a peer's data are taken in."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import DataError, IntegrityError, InterfaceError, OperationalError

from sync.exchange.incidents import describe
from sync.refusals import PeerLied

if TYPE_CHECKING:
    from collections.abc import Iterator

_OURS = frozenset({"08", "40", "53", "55", "57", "58"})
"""Classes of SQLSTATE: connection, deadlock, no room, lock, shut down, the machine. What outgrows a limit (54) is the peer's."""

_log = logging.getLogger(__name__)


def is_ours(fault: BaseException) -> bool:
    """Whether the database was not able to, whatever it was asked: nothing is held against anybody, and all is tried again."""
    if not isinstance(fault, OperationalError | InterfaceError):
        return False
    code = getattr(fault.__cause__, "pgcode", None) or "08000"  # none: the connection broke
    return code[:2] in _OURS


@contextmanager
def of_the_peer() -> Iterator[None]:
    """Hold against the peer what it sent and no table of ours takes; a database that is away stays our own fault.

    Without this one peer's data would end the pulls, the discs and the receiver of all others too. The evidence names table
    and constraint, never values: those may be somebody's words.

    Raises:
        PeerLied: ``malformed``.
    """
    try:
        yield
    except (DataError, IntegrityError) as fault:
        said = getattr(fault.__cause__, "diag", None)
        facts = {
            name: getattr(said, name, None) or ""
            for name in ("sqlstate", "table_name", "constraint_name")
        }
        _log.warning("the database refuses what a peer sent: %s", facts)
        raise PeerLied(
            "malformed",
            f"What it sent fits no table of ours ({type(fault).__name__}).",
            {"facts.json": describe(**facts)},
        ) from fault
