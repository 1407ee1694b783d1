"""After a restore: what this unit's own log says of handovers is noted again, in its order; the rows are as old as the backup."""

from __future__ import annotations

import contextlib
import datetime

from django.db import transaction

from sync.errors import RecordFault, RecordRejected
from sync.exchange import handover
from sync.exchange.handover_rows import Event
from sync.formats import handovers
from sync.formats.records import decode_header
from sync.identity import origin
from sync.models.ledger import Entry, Opening


def own_steps_again() -> int:
    """Note every step in our own log that the tables may lack; return how many there are. Repeatable.

    What depends on a peer's step waits for it as always: the peer's log is read again from where the backup stood.
    """
    steps = list(Opening.objects.filter(kind=handovers.KIND).order_by("index"))
    places = Entry.objects.filter(index__in=[row.index for row in steps])
    commitments = dict(places.values_list("index", "commitment"))
    for row in steps:
        with contextlib.suppress(RecordFault, RecordRejected), transaction.atomic():
            handover.note(
                Event(
                    origin=origin(),
                    index=None,
                    commitment=bytes(commitments[row.index]).hex(),
                    day=datetime.date.fromisoformat(decode_header(bytes(row.header)).day),
                    step=handovers.decode(bytes(row.body)),
                )
            )
    return len(steps)
