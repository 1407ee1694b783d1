"""Erasure: the opening of a record goes, by a logged order with its legal basis; its place in the log stays.

Rooms that hold copies (projections, indexes, files, received rows) register with ``sync.erasers`` and are asked in
the same transaction. The list of erased commitments, ours and those that others ordered here, is also kept in
``<state>/erased/<schema>`` (`erased_file`), outside the database and its backups: `replay` erases them again
before a restored database serves anything. Our own go on it after the commit, since what is not ordered must not be
erased; our log says what is missing there. Others' go on it before: their order stands here and is tried again.
"""

from __future__ import annotations

import datetime
import logging
from typing import TYPE_CHECKING

import msgspec
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from sync import identity, ledger
from sync.audiences import PUBLIC
from sync.erasers import Gone, let_go, still_here
from sync.errors import LedgerFault
from sync.formats import records
from sync.ledger import listed
from sync.models import Entry, Opening
from tenants.current import current_unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from django.db.models import QuerySet

    from tenants.models import Unit

logger = logging.getLogger("sync.ledger")

KIND = "sync.erasure"
SUBJECT = "erasure"
PROTECTED = "sync."
"""Kinds that begin so are the protocol's own: they hold no personal data, and the orders themselves stay."""

_ROUND = 1000


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Body of an erasure record."""

    basis: str
    """Legal basis, as the public may read it."""

    commitments: list[str]

    held_until: str = ""
    """Day until which the issuing unit's own backups and WAL may still hold them (``MINQING_BACKUP_DAYS``)."""


def erase(commitments: Sequence[str], *, basis: str) -> ledger.Appended:
    """Delete the openings of sealed records and log the order, publicly, in one transaction; every copy goes with them.

    Raises:
        LedgerFault: a commitment is not sealed in this log or is the protocol's own, or the basis is missing; nothing was
            erased.
    """
    if not commitments or not basis.strip():
        raise LedgerFault("An erasure names at least one record and its legal basis.")
    for commitment in commitments:
        records.check_commitment(commitment)
    wanted = sorted(set(commitments))
    order = Order(basis=basis, commitments=wanted, held_until=held_until().isoformat())
    body = msgspec.json.encode(order, order="deterministic")
    with transaction.atomic():
        if Entry.objects.filter(
            commitment__in=[bytes.fromhex(text) for text in wanted]
        ).count() != len(wanted):
            raise LedgerFault(
                "A record can be erased once it is sealed here: wait for the slot and check the commitments."
            )
        gone = standing(wanted)
        if any(record.kind.startswith(PROTECTED) and record.kind != ledger.PAD for record in gone):
            raise LedgerFault("The protocol's own records hold nothing personal and stay.")
        appended = ledger.append(kind=KIND, subject=SUBJECT, body=body, audience=PUBLIC)
        _delete(wanted)
        let_go(gone)
        transaction.on_commit(lambda: _remember_or_say(wanted), robust=True)
        ledger.seal_soon()
    return appended


def records_about(subjects: Sequence[str]) -> list[str]:
    """Return the commitments of every sealed record of ours with one of these subjects whose opening is still here."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT encode(commitment, 'hex') FROM sync_opening JOIN sync_entry USING (index)"
            " WHERE subject = ANY(%s) ORDER BY index",
            [list(subjects)],
        )
        return [commitment for (commitment,) in cursor.fetchall()]


def held_until() -> datetime.date:
    """Return the day on which the last backup and WAL of today expire here."""
    days: int = settings.MINQING.backup_days
    return timezone.localdate() + datetime.timedelta(days=days)


def own_orders() -> QuerySet[Opening]:
    """Return the orders in our own log. By subject, which has an index: a log may have millions of other records."""
    return Opening.objects.filter(subject=SUBJECT, kind=KIND)


def replay() -> int:
    """Bring list and database together after a restore: returns how many records were erased again.

    Whoever restores calls it before anything is served; it also runs at every start.
    """
    known, ordered = erased(), _ordered_here()
    if ordered - known:
        _remember_or_say(sorted(ordered - known))
    every, again = sorted(ordered | known), 0
    for start in range(0, len(every), _ROUND):
        some = every[start : start + _ROUND]
        with transaction.atomic():
            gone = [*standing(some), *still_here(some)]
            again += len(gone)
            _delete(some)
            let_go(gone)
    return again


def provision(unit: Unit) -> None:
    """Erase again, at every start, what a restored backup brought back."""
    replay()


def erased() -> set[str]:
    """Return the commitments on the list outside the database.

    Raises:
        OSError: there is a list and it cannot be read.
    """
    return listed.read(erased_file())[0]


def list_faults() -> list[str]:
    """Say what is wrong with the list of this unit, and what to do; for `minqing doctor`."""
    path = erased_file()
    try:
        known, broken = listed.read(path)
    except OSError as fault:
        return [f"{path}: {fault.strerror}. Let this account read it."]
    missing = len(_ordered_here() - known)
    said = []
    if broken:
        said.append(f"{path}: {broken} lines are no commitments (a full disk?); remove them.")
    if missing:
        said.append(f"{path} lacks {missing} commitments: make room and run `minqing prepare`.")
    return said


def remember(commitments: Sequence[str]) -> None:
    """Put commitments on the list; on return they are on the disk.

    Raises:
        OSError: they are not; what follows from them must not happen.
    """
    listed.add(erased_file(), commitments)


def erased_file() -> Path:
    """Return where the current unit's list is: one commitment a line. It never belongs in a backup of the database."""
    state: Path = settings.MINQING.state
    return state / "erased" / str(current_unit().schema_name)


def standing(commitments: Sequence[str]) -> list[Gone]:
    """Return what is still known about these records of ours: those that are sealed and open."""
    origin = identity.origin()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT encode(commitment, 'hex'), kind, subject FROM sync_entry JOIN sync_opening USING (index)"
            " WHERE commitment = ANY(%s) ORDER BY commitment",
            [[bytes.fromhex(commitment) for commitment in commitments]],
        )
        return [
            Gone(commitment=commitment, origin=origin, kind=kind, subject=subject)
            for commitment, kind, subject in cursor.fetchall()
        ]


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


def _ordered_here() -> set[str]:
    """Return what the orders in our own log name."""
    return {
        commitment
        for opening in own_orders()
        for commitment in msgspec.json.decode(bytes(opening.body), type=Order).commitments
    }


def _remember_or_say(commitments: Sequence[str]) -> None:
    """Put on the list what our log names: if that fails nothing is lost, and the next start does it."""
    try:
        remember(commitments)
    except OSError as fault:
        logger.warning("the list of what was erased is not complete: %s", fault.strerror)
