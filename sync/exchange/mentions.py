"""Which received records speak of one thing, so that they can be let go together with it."""

from __future__ import annotations

from django.db import connection

_MENTIONS = """
SELECT encode(commitment, 'hex') FROM sync_received JOIN sync_peer ON sync_peer.id = peer_id
WHERE kind LIKE %s AND body IS NOT NULL
    AND ((origin = %s AND subject = %s) OR position(convert_to(%s, 'UTF8') IN body) > 0)
"""


def mentioning(*, kinds: str, origin: str, subject: str, text: str) -> list[str]:
    """Return commitments of peers' records that we still hold: of kinds beginning so, and about ``subject`` or holding ``text``.

    ``subject`` is the name that the unit ``origin`` gave the thing: what others call so is another thing. ``text`` is
    ours, as it would stand in a body. For ``received.forget``. The kinds of the channel have an index for this, others none.
    """
    with connection.cursor() as cursor:
        cursor.execute(_MENTIONS, [f"{kinds}%", origin, subject, text])
        return [commitment for (commitment,) in cursor.fetchall()]
