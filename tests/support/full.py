"""A database whose disk is full for some of a unit's tables: the server says what it says then, whatever is written there."""

from __future__ import annotations

from contextlib import contextmanager

from django.db import connection

from tenants.current import unit_context


@contextmanager
def full(unit, *tables, condition="disk_full"):
    """Have the server refuse every row of these tables with ``disk_full`` (53100), or another condition of its own."""
    with unit_context(unit), connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE 'could not extend file: No space left on device' "
            f" USING ERRCODE = '{condition}'; END $$"
        )
        for table in tables:
            cursor.execute(
                f"CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON {table} EXECUTE FUNCTION no_room()"
            )
    try:
        yield
    finally:
        with unit_context(unit), connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION no_room CASCADE")
