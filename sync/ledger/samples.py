"""No samples of contents: PostgreSQL's planner keeps values of every column (``pg_stats``), and erasing a row leaves them there.

They would stay until the table is analysed again, for a quiet unit's table for weeks, and not even `VACUUM FULL` takes
them. So columns of words, names and octets are not sampled at all. Those that the exchange looks rows up by
hold nothing of anybody; the planner keeps theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection
from psycopg2 import sql

if TYPE_CHECKING:
    from tenants.models import Unit

SHORT = 36
"""Texts of at most so many characters are states, codes and numbers."""

_CONTENTS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
    EXISTS (SELECT FROM pg_statistic s WHERE s.starelid = c.oid AND s.staattnum = a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = to_regnamespace(%(schema)s) AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
    AND coalesce(a.attstattarget, -1) <> 0
    AND (a.atttypid IN ('text'::regtype, 'bytea'::regtype, 'json'::regtype, 'jsonb'::regtype)
        OR a.atttypid = 'varchar'::regtype AND (a.atttypmod < 0 OR a.atttypmod - 4 > %(short)s))
    AND NOT (c.relname LIKE 'sync\\_%%' AND (a.attname = 'kind' OR EXISTS (
        SELECT FROM pg_index i WHERE i.indrelid = c.oid AND a.attnum = ANY (i.indkey))))
"""
_SAMPLE_NONE = "ALTER TABLE {} ALTER COLUMN {} SET STATISTICS 0"
_DROP_SAMPLES = "ALTER TABLE {} ALTER COLUMN {} TYPE {}"
"""The same type as before: nothing is written anew, and what was sampled goes."""


def provision(unit: Unit) -> None:
    """Have one unit's contents sampled no more; what was sampled before goes. Repeatable, at every start."""
    with connection.cursor() as cursor:
        cursor.execute(_CONTENTS, {"schema": unit.schema_name, "short": SHORT})
        for table, column, form, sampled in cursor.fetchall():
            place = sql.Identifier(unit.schema_name, table), sql.Identifier(column)
            cursor.execute(sql.SQL(_SAMPLE_NONE).format(*place))
            if sampled:
                cursor.execute(sql.SQL(_DROP_SAMPLES).format(*place, sql.SQL(form)))
