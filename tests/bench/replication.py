"""PostgreSQL's own logical replication from the issuer's server to ours: what catching up is held against.

Two measures of it: ``plain`` moves what is disclosed into a table with nothing but its primary key; ``kept`` moves the very rows
that catching up leaves behind, into tables with the same constraints: what it costs to store them without proving anything.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from tenants.current import BASE_SCHEMA

_SLICE = 1000
"""Rows written in one transaction at the source; replication applies transaction by transaction."""

_COMMITMENT = r"sha256('minqing/entry/v1\000'::bytea || salt || int4send(octet_length(header)) || header || body)"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Tables at both ends, and how a slice of the openings becomes their rows."""

    tables: dict[str, str]
    """Columns by name of table, as ``CREATE TABLE`` wants them."""

    filling: tuple[str, ...]
    """``INSERT`` statements up to their ``FROM``."""

    last: str
    """The table whose row comes last in a transaction."""


def plain() -> Shape:
    """Return the shape of a bare copy: index, salt, header, body, found by index."""
    return Shape(
        tables={"bench_rows": "index bigint PRIMARY KEY, salt bytea, header bytea, body bytea"},
        filling=("INSERT INTO bench_rows SELECT index, salt, header, body",),
        last="bench_rows",
    )


def kept() -> Shape:
    """Return the shape of what catching up writes: a received record under all its constraints, and the handler's row."""
    return Shape(
        tables={
            "bench_received": f"LIKE {BASE_SCHEMA}.sync_received INCLUDING ALL",
            "bench_handled": "index bigint PRIMARY KEY, subject text, body bytea",
        },
        filling=(
            "INSERT INTO bench_received (peer_id, index, state, n, commitment, subject, audience, kind, salt, header, body)"
            f" SELECT 1, index, 0, 1, {_COMMITMENT}, subject, audience, kind, salt, header, body",
            "INSERT INTO bench_handled SELECT index, subject, substr(body, 1, 40)",
        ),
        last="bench_handled",
    )


@dataclass(frozen=True, kw_only=True)
class Replication:
    """Two servers and the rows that go from one to the other."""

    theirs: Any
    """Cursor at the source, autocommit."""

    ours: Any
    """Cursor at the target, autocommit."""

    source: str
    """How the target's server reaches the source (libpq)."""

    openings: str
    """``FROM … WHERE`` of the rows at the source."""

    def rows_per_second(self, shape: Shape, count: int) -> float:
        """Replicate ``count`` openings in a shape; return rows per second from enabling the subscription to the last one."""
        for server in (self.theirs, self.ours):
            for table, columns in shape.tables.items():
                server.execute(f"CREATE TABLE {table} ({columns})")
        self._subscribe(shape)
        last = self._fill(shape)
        started = time.perf_counter()
        self.ours.execute("ALTER SUBSCRIPTION bench ENABLE")
        # Rows come in the order of their commits: who counted them all would slow down what is measured.
        wait(self.ours, f"SELECT EXISTS (SELECT FROM {shape.last} WHERE index = {last})")
        seconds = time.perf_counter() - started
        for table in shape.tables:
            self.ours.execute(f"SELECT count(*) FROM {table}")
            assert self.ours.fetchone() == (count,)
        self.ours.execute("DROP SUBSCRIPTION bench")
        self.theirs.execute("DROP PUBLICATION bench")
        for server in (self.theirs, self.ours):
            server.execute(f"DROP TABLE {', '.join(shape.tables)}")
        return count / seconds

    def _subscribe(self, shape: Shape) -> None:
        """Subscribe, have the empty tables copied, and stop: what is written now waits at the source."""
        self.theirs.execute(f"CREATE PUBLICATION bench FOR TABLE {', '.join(shape.tables)}")
        self.ours.execute(f"CREATE SUBSCRIPTION bench CONNECTION '{self.source}' PUBLICATION bench")
        wait(self.ours, "SELECT count(*) = 0 FROM pg_subscription_rel WHERE srsubstate <> 'r'")
        self.ours.execute("ALTER SUBSCRIPTION bench DISABLE")
        wait(self.theirs, "SELECT NOT active FROM pg_replication_slots WHERE slot_name = 'bench'")

    def _fill(self, shape: Shape) -> int:
        """Write the rows at the source, slice by slice in one transaction each; return the last index."""
        self.theirs.execute(f"SELECT min(index), max(index) {self.openings}")
        first, last = self.theirs.fetchone()
        for start in range(first, last + 1, _SLICE):
            within = f"{self.openings} AND index >= {start} AND index < {start + _SLICE}"
            self.theirs.execute("; ".join(f"{insert} {within}" for insert in shape.filling))
        return int(last)


def wait(cursor: Any, question: str) -> None:
    """Ask until the answer is true.

    Raises:
        TimeoutError: after half an hour.
    """
    deadline = time.monotonic() + 1800
    while time.monotonic() < deadline:
        cursor.execute(question)
        if cursor.fetchone()[0]:
            return
        time.sleep(0.02)
    raise TimeoutError(question)
