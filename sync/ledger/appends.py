"""Putting a record on its way: its place in its chain, its commitment, its pending row."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection
from django.utils import timezone

from sync import audiences, identity, kinds
from sync.errors import LedgerFault, RecordFault
from sync.formats import records
from tenants.current import current_unit

if TYPE_CHECKING:
    import datetime

# Both succeed only where the chain is as we saw it; else they tell how it is. A record follows a waiting one of its
# subject into the slot, or it would overtake it. (Counting, not EXISTS: without statistics the planner would expect
# an early hit and read the whole table.)
_KEEP = """
kept AS (
    INSERT INTO sync_pending (unit, slotted, kind, subject, audience, commitment, header, body, salt)
    SELECT %(unit)s, %(slotted)s OR (SELECT count(*) > 0 FROM sync_pending WHERE slotted AND subject = %(subject)s),
        %(kind)s, %(subject)s, %(audience)s, %(commitment)s, %(header)s, %(body)s, %(salt)s FROM linked
    RETURNING 1
)
SELECT (SELECT count(*) FROM kept), origin, n, last
FROM sync_log LEFT JOIN sync_chain ON subject = %(subject)s AND audience = %(audience)s
"""
_APPEND_FIRST = f"""
WITH linked AS (
    INSERT INTO sync_chain (unit, subject, audience, n, last)
    SELECT %(unit)s, %(subject)s, %(audience)s, 1, %(commitment)s FROM sync_log WHERE origin = %(origin)s
    ON CONFLICT (subject, audience) DO NOTHING RETURNING 1
), {_KEEP}"""  # noqa: S608  our own text
_APPEND_NEXT = f"""
WITH linked AS (
    UPDATE sync_chain SET n = %(n)s, last = %(commitment)s
    WHERE subject = %(subject)s AND audience = %(audience)s AND last = %(prev)s
        AND EXISTS (SELECT FROM sync_log WHERE origin = %(origin)s)
    RETURNING 1
), {_KEEP}"""  # noqa: S608  our own text

_origins: dict[
    tuple[str, str], str
] = {}  # a log's name never changes; every append checks it again


@dataclass(frozen=True, kw_only=True)
class Appended:
    """A record that will be sealed if the transaction around it commits."""

    commitment: str
    origin: str
    kind: str
    subject: str
    audience: str
    n: int
    """Its number in the chain of its subject and audience."""

    day: datetime.date


def append(
    *,
    kind: str,
    subject: str,
    body: bytes,
    audience: str,
    media_type: str = "application/json",
    day: datetime.date | None = None,
) -> Appended:
    """Put a record on its way into the log, in the transaction of the change it tells of.

    Two appends to one subject and audience wait for each other. The transaction must be READ COMMITTED.

    Args:
        kind: a registered kind; the record takes its newest schema.
        subject: what it is about; tells nothing by itself.
        body: raw octets, kept and committed to as they are.
        audience: ``public``, ``connected`` or ``unit:<origin>``; for ever.
        media_type: of the body.
        day: the day it is about; today if not given.

    Raises:
        LedgerFault: called outside a transaction.
        RecordFault: unknown kind, or a field that does not fit.
    """
    if not connection.in_atomic_block:
        raise LedgerFault(
            "A record is appended in the transaction of the change itself: use transaction.atomic()."
        )
    if len(body) > records.BODY_LIMIT:
        raise RecordFault(
            f"The body has {len(body)} octets; at most {records.BODY_LIMIT} are allowed."
        )
    known, unit, day = kinds.kind_named(kind), current_unit(), day or timezone.localdate()
    audiences.check(audience)
    salt = secrets.token_bytes(records.SALT_LENGTH)
    n, last = 1, b""
    origin = _origins.get(place()) or identity.origin()
    with connection.cursor() as cursor:
        while True:
            header = records.encode_header(
                records.Header(
                    audience=audience, chain=records.Chain(n=n, prev=last.hex()), day=day.isoformat(), kind=kind,
                    media_type=media_type, origin=origin, schema=known.schemas[-1], subject=subject,
                )
            )  # fmt: skip
            commitment = records.commitment(salt, header, body)
            row: dict[str, str | int | bool | bytes] = {
                "unit": unit.code, "slotted": known.slotted, "kind": kind, "subject": subject, "audience": audience, "n": n, "prev": last,
                "origin": origin, "commitment": bytes.fromhex(commitment), "header": header, "body": body, "salt": salt,
            }  # fmt: skip
            cursor.execute(_APPEND_NEXT if last else _APPEND_FIRST, row)
            kept, origin, number, before = cursor.fetchone()
            if kept:
                break
            n, last = (number + 1, bytes(before)) if number else (1, b"")
    _origins[place()] = origin
    return Appended(
        commitment=commitment,
        origin=origin,
        kind=kind,
        subject=subject,
        audience=audience,
        n=n,
        day=day,
    )


def place() -> tuple[str, str]:
    """Name the current unit's schema and its database, for what a process remembers about it."""
    return str(connection.settings_dict["NAME"]), current_unit().schema_name
