"""Erasure: the opening of a record goes, by a logged order with its legal basis; its place in the log stays.

The list of erased commitments is also kept in ``<state>/erased/<schema>``, outside the database and its
backups: a restored database erases again what had been erased before it serves anything.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from django.conf import settings
from django.db import connection, transaction

from sync import ledger
from sync.audiences import PUBLIC
from sync.errors import LedgerFault
from sync.formats import records
from sync.models import Entry, Opening
from tenants.current import current_unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tenants.models import Unit

KIND = "sync.erasure"
SUBJECT = "erasure"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Body of an erasure record."""

    basis: str
    """Legal basis, as the public may read it."""

    commitments: list[str]


def erase(commitments: Sequence[str], *, basis: str) -> ledger.Appended:
    """Delete the openings of sealed records and log the order, publicly, in one transaction.

    Raises:
        LedgerFault: a commitment is not sealed in this log, or the basis is missing; nothing was erased.
    """
    if not commitments or not basis.strip():
        raise LedgerFault("An erasure names at least one record and its legal basis.")
    for commitment in commitments:
        records.check_commitment(commitment)
    wanted = sorted(set(commitments))
    body = msgspec.json.encode(Order(basis=basis, commitments=wanted), order="deterministic")
    with transaction.atomic():
        if Entry.objects.filter(
            commitment__in=[bytes.fromhex(text) for text in wanted]
        ).count() != len(wanted):
            raise LedgerFault(
                "A record can be erased once it is sealed here: wait for the slot and check the commitments."
            )
        appended = ledger.append(kind=KIND, subject=SUBJECT, body=body, audience=PUBLIC)
        _delete(wanted)
        transaction.on_commit(partial(_remember, wanted))
        ledger.seal_soon()
    return appended


def replay() -> int:
    """Bring list and database together after a restore: returns how many openings were erased again."""
    ordered: set[str] = set()
    for opening in Opening.objects.filter(subject=SUBJECT, kind=KIND):
        ordered.update(msgspec.json.decode(bytes(opening.body), type=Order).commitments)
    known = erased()
    if ordered - known:
        _remember(sorted(ordered - known))
    with transaction.atomic():
        return _delete(sorted(ordered | known))


def provision(unit: Unit) -> None:
    """Erase again, at every start, what a restored backup brought back."""
    replay()


def erased() -> set[str]:
    """Return the commitments on the list outside the database."""
    path = _list()
    return set(path.read_text().split()) if path.exists() else set()


def _delete(commitments: Iterable[str]) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL minqing.erasure = 'on'")
        cursor.execute(
            "DELETE FROM sync_opening USING sync_entry WHERE sync_opening.index = sync_entry.index AND commitment = ANY(%s)",
            [[bytes.fromhex(commitment) for commitment in commitments]],
        )
        gone: int = cursor.rowcount
        cursor.execute("SET LOCAL minqing.erasure = 'off'")
    return gone


def _remember(commitments: Sequence[str]) -> None:
    path = _list()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, "".join(f"{commitment}\n" for commitment in commitments).encode())
        os.fsync(file)
    finally:
        os.close(file)


def _list() -> Path:
    state: Path = settings.MINQING.state
    return state / "erased" / str(current_unit().schema_name)
