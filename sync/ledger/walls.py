"""What a unit's ledger needs before its first record: its row, its keys, and the CHECKs that pin its tables."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from django.db import connection
from psycopg2 import sql

from sync.identity import make_secrets
from sync.ledger import slots
from sync.models import Log
from sync.models.ledger import TABLES

if TYPE_CHECKING:
    from tenants.models import Unit


def provision(unit: Unit) -> None:
    """Set up one unit's ledger. Repeatable; registered with ``tenants.services.register_provisioner``."""
    make_secrets(unit)
    Log.objects.get_or_create(
        unit=unit.code,
        defaults={
            "origin": f"minqing/{unit.code}/{secrets.token_hex(4)}",
            "last_slot": slots.number_now(),
        },
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE connamespace = to_regnamespace(%s) AND conname LIKE 'sync\\_%%\\_unit'",
            [unit.schema_name],
        )
        present = {name for (name,) in cursor.fetchall()}
        for table in TABLES:
            if f"{table}_unit" not in present:
                statement = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} CHECK (unit = {})")
                names = (
                    sql.Identifier(unit.schema_name, table),
                    sql.Identifier(f"{table}_unit"),
                    sql.Literal(unit.code),
                )
                cursor.execute(statement.format(*names))
