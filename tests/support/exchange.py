"""A record kind of the tests' own, whose handler writes down what it was given."""

from __future__ import annotations

from django.db import connection, transaction

from sync import audiences, ledger
from sync.errors import RecordRejected
from sync.kinds import RecordKind, register_kind
from tenants.current import unit_context

KIND = "tests.line"
OTHER = "tests.other"

_TABLE = "CREATE TABLE IF NOT EXISTS tests_applied (origin text, index bigint, body bytea, PRIMARY KEY (origin, index))"


def apply(records):
    """Keep each record once; a body that begins with ``reject`` is refused, ``break`` fails."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLE)
        for record in records:
            if record.body.startswith(b"reject"):
                raise RecordRejected(record.commitment, "The test rejects it.")
            if record.body.startswith(b"break"):
                raise ZeroDivisionError
        cursor.executemany(
            "INSERT INTO tests_applied VALUES (%s, %s, %s)",
            [(r.origin, r.index, r.body) for r in records],
        )


register_kind(RecordKind(name=KIND, apply=apply))
register_kind(RecordKind(name=OTHER, apply=apply))


def applied_bodies(unit):
    """Return what was applied at a unit, in log order."""
    with unit_context(unit), connection.cursor() as cursor:
        cursor.execute(_TABLE)
        cursor.execute("SELECT body FROM tests_applied ORDER BY origin, index")
        return [bytes(body) for (body,) in cursor.fetchall()]


def publish(unit, *bodies, kind=KIND, audience=audiences.PUBLIC, subjects=0, subject="line"):
    """Append records at a unit and seal them; with ``subjects`` spread over so many chains."""
    with unit_context(unit):
        with transaction.atomic():
            for place, body in enumerate(bodies):
                name = (
                    f"{subject}-{place % subjects}"
                    if subjects
                    else f"{subject}-{place}-{body[:20].hex()}"
                )
                ledger.append(
                    kind=kind, subject=name, body=body, audience=audience, media_type="text/plain"
                )
        return ledger.seal()
