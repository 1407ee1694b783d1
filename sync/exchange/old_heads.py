"""Letting go of old heads of peers: our copy of a log's leaves proves every smaller head again, so few of them are needed.

Kept are the newest of each log, all of two days, then for two months the last of each day: from which day a notice can have stood
is told by the head before it (see ``rulings``). Heads that nothing has proven yet stay until they are judged.
"""

from __future__ import annotations

import datetime

from django.db import connection
from django.utils import timezone

NEWEST = 16
"""So many of each log stay, however old: a proof stands under one of them."""

ALL_DAYS, DAYS = 2, 60

_FORGET = """
DELETE FROM sync_peerhead USING (
    SELECT id, seen_on,
        row_number() OVER (PARTITION BY peer_id ORDER BY size DESC, id DESC) AS place,
        row_number() OVER (PARTITION BY peer_id, seen_on ORDER BY size DESC, id DESC) AS of_day
    FROM sync_peerhead WHERE proven
) AS kept
WHERE sync_peerhead.id = kept.id AND kept.place > %s
    AND (kept.seen_on < %s OR (kept.of_day > 1 AND kept.seen_on < %s))
"""


def forget() -> int:
    """Delete what is not needed any more; return how many heads. Part of a sweep each day."""
    today = timezone.localdate()
    days = [today - datetime.timedelta(days=count) for count in (DAYS, ALL_DAYS)]
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, [NEWEST, *days])
        return int(cursor.rowcount)
