"""Putting a record on its way: its place in its chain, its commitment, its pending row."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import DEFAULT_DB_ALIAS, connections
from django.utils import timezone

from sync import audiences, identity, kinds
from sync.errors import LedgerFault, RecordFault
from sync.formats import records
from tenants.current import current_unit

if TYPE_CHECKING:
    import datetime

_APPEND = """
SELECT ledger_append(%(unit)s, %(origin)s, %(slotted)s, %(kind)s, %(subject)s, %(audience)s, %(n)s, %(prev)s, %(commitment)s,
    %(header)s, %(body)s, %(salt)s)
"""
"""The migration ``0006_append_in_one_call`` says what it does: nothing, unless log and chain are as we saw them."""

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
    database = connections[
        DEFAULT_DB_ALIAS
    ]  # found once: through the proxy each word of it is looked up anew
    if not database.in_atomic_block:
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
    here = str(database.settings_dict["NAME"]), unit.schema_name
    origin = _origins.get(here) or identity.origin()
    with database.cursor() as cursor:
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
            cursor.execute(_APPEND, row)
            (otherwise,) = cursor.fetchone()
            if otherwise is None:
                break
            origin, number, before = otherwise
            n, last = (int(number) + 1, bytes.fromhex(before)) if number else (1, b"")
    _origins[here] = origin
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
    return str(connections[DEFAULT_DB_ALIAS].settings_dict["NAME"]), current_unit().schema_name
