"""Who may write: PostgreSQL advisory locks of this database, released by the server when their holder dies.

Two locks per index. ``writer`` is held for one batch. ``builder`` is held exclusively for the whole of a rebuild and shared by
every batch, so that a batch knows whether an index is being built beside the one it writes.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import connection

from search.errors import RebuildRunning, WriterBusy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from search.index_names import Alias

_PATIENCE = 30.0
_PAUSE = 0.05


def take_writer(alias: Alias) -> bool:
    """Take the writer lock until the end of this transaction; False when another process has it."""
    return _ask("SELECT pg_try_advisory_xact_lock(%s)", _number(alias, "writer"))


def take_writer_patiently(alias: Alias) -> None:
    """Take the writer lock until the end of this transaction, waiting for batches of others.

    Raises:
        WriterBusy: it was not free within half a minute.
    """
    end = time.monotonic() + _PATIENCE
    while not take_writer(alias):
        if time.monotonic() > end:
            raise WriterBusy(
                f"Another process has been writing {alias} for {_PATIENCE:.0f} seconds; try again."
            )
        time.sleep(_PAUSE)


def is_building(alias: Alias) -> bool:
    """Return whether a living process rebuilds this index; none can begin until this transaction ends."""
    return not _ask("SELECT pg_try_advisory_xact_lock_shared(%s)", _number(alias, "builder"))


@contextmanager
def building(alias: Alias, patience: float) -> Iterator[None]:
    """Be the one process that rebuilds this index; batches under way are waited for, at most ``patience`` seconds.

    Raises:
        RebuildRunning: another one does.
    """
    number = _number(alias, "builder")
    end = time.monotonic() + patience
    while not _ask("SELECT pg_try_advisory_lock(%s)", number):
        if time.monotonic() > end:
            raise RebuildRunning(
                f"{alias} is being rebuilt by another process; wait for it to end."
            )
        time.sleep(_PAUSE)
    try:
        yield
    finally:
        _ask("SELECT pg_advisory_unlock(%s)", number)


def _number(alias: Alias, purpose: str) -> int:
    digest = hashlib.sha256(f"minqing search {purpose} {alias}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _ask(statement: str, number: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, [number])
        (answer,) = cursor.fetchone()
    return bool(answer)
