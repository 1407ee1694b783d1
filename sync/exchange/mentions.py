"""Which received records speak of one thing, so that they can be let go together with it."""

from __future__ import annotations

from django.db import connection

_MENTIONS = """
SELECT encode(commitment, 'hex') FROM sync_received
WHERE starts_with(kind, %s) AND body IS NOT NULL AND (subject = %s OR position(convert_to(%s, 'UTF8') IN body) > 0)
"""


def mentioning(*, kinds: str, subject: str, text: str) -> list[str]:
    """Return commitments of peers' records that we still hold: of kinds beginning so, and about ``subject`` or holding ``text``.

    ``subject`` is the issuer's name of the thing, ``text`` ours, as it would stand in a body. For ``received.forget``.
    """
    with connection.cursor() as cursor:
        cursor.execute(_MENTIONS, [kinds, subject, text])
        return [commitment for (commitment,) in cursor.fetchall()]
