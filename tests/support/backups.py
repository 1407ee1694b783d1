"""An older backup of a unit, brought back as an administrator of the database can."""

from __future__ import annotations

from django.core.management import call_command
from django.db import connection

from tenants.current import unit_context
from tenants.services import unit_adopt


def _tables(cursor, unit, like):
    cursor.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename LIKE %s",
        [unit.schema_name, like],
    )
    return [name for (name,) in cursor.fetchall()]


def back_up(unit, like=r"sync\_%"):
    """Keep a copy of the unit's tables, as a dump of its schema would."""
    with unit_context(unit), connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA kept")
        for name in _tables(cursor, unit, like):
            cursor.execute(f"CREATE TABLE kept.{name} AS TABLE {unit.schema_name}.{name}")


def restore(unit, like=r"sync\_%"):
    """Put the copy in the place of what is there."""
    with unit_context(unit), connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for name in _tables(cursor, unit, like):
            place = f"{unit.schema_name}.{name}"
            cursor.execute(f"DELETE FROM {place}; INSERT INTO {place} SELECT * FROM kept.{name}")
        cursor.execute("SET session_replication_role = DEFAULT")


def bring_back(unit):
    """Fill a restored unit up from its peers and adopt its log, as an operator does; return what the adoption says."""
    call_command("restore", "from-peers", unit.code)
    return unit_adopt(unit)
