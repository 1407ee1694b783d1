"""After a restore: what this unit's own log says of handovers is noted again, in its order; the rows are as old as the backup.

While the log is behind, steps of others wait: this unit may have answered them. When it goes on, both are read until
nothing more comes of it: own steps rest on those of others, and theirs on ours.
"""

from __future__ import annotations

import datetime

from django.db import transaction

from sync.errors import RecordFault, RecordRejected
from sync.exchange import region
from sync.exchange.homes import handover
from sync.exchange.homes import rows as handover_rows
from sync.exchange.homes.rows import Event
from sync.formats import handovers
from sync.formats.records import decode_header
from sync.identity import origin
from sync.ledger import adoption
from sync.ledger.appends import place
from sync.models.exchange import Quarantine
from sync.models.handovers import Handover, Reassignment, Tenure
from sync.models.ledger import Entry, Opening

_ROUNDS = 8
_read: dict[tuple[str, str], int] = {}
"""How many adoptions each unit's log had when all its own steps were noted last; a process that starts looks again."""


def catch_up() -> None:
    """Read both again where the log goes on after a restore; part of every sweep."""
    adopted = adoption.adoptions().count()
    waiting = Quarantine.objects.filter(kind=handovers.KIND, sentence=handover_rows.BEHIND)
    if (_read.get(place(), 0) == adopted and not waiting.exists()) or handover_rows.is_behind():
        return
    region.read_own_again()
    missing, rounds = own_steps_again(), 0
    while handover.retry() and rounds < _ROUNDS:
        missing, rounds = own_steps_again(), rounds + 1
    if not missing:
        _read[place()] = adopted


def own_steps_again() -> int:
    """Note every step in our own log that the tables lack; return how many still wait for a step of others. Repeatable."""
    noted = _noted()
    steps = Opening.objects.filter(kind=handovers.KIND).order_by("index")
    places = Entry.objects.filter(index__in=steps.values("index"))
    commitments = {
        index: bytes(found).hex() for index, found in places.values_list("index", "commitment")
    }
    waiting = 0
    for row in steps:
        if commitments[row.index] in noted:
            continue
        try:
            with transaction.atomic():
                handover.note(_event(row, commitments[row.index]))
        except (RecordFault, RecordRejected):
            waiting += 1
    return waiting


def _event(row: Opening, commitment: str) -> Event:
    return Event(
        origin=origin(),
        index=None,
        commitment=commitment,
        day=datetime.date.fromisoformat(decode_header(bytes(row.header)).day),
        step=handovers.decode(bytes(row.body)),
    )


def _noted() -> set[str]:
    """Return the commitments of all steps that the tables hold."""
    rows = [
        *Handover.objects.values_list("offer", "accept", "settled"),
        *Reassignment.objects.values_list("notice", "order", "objection"),
        *Tenure.objects.values_list("taken", "taken", "taken"),
    ]
    return {commitment for row in rows for commitment in row}
