"""Whatever happened to the session before, a statement runs on the current unit's tables; and no path is set twice."""

from __future__ import annotations

import contextlib

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minqing.config.database.base import DatabaseWrapper
from tenants.current import unit_by_code, unit_context, unit_set

CODES = ("430500", "430522", "430524")
FOREIGN = {
    "set": "SET search_path = unit_430524, public",
    "set local": "SET LOCAL search_path = unit_430500, public",
    "set in a function": "SELECT set_config('search_path', 'unit_430522, public', false)",
    "reset": "RESET ALL",
}
STEPS = (*CODES, "no unit", "begin", "begin", "commit", "roll back", "fail", "fail unseen", *FOREIGN, "close")  # fmt: skip


class _Undo(Exception):
    pass


class _Session:
    """One connection and the blocks that are open on it."""

    def __init__(self):
        self.units = {code: unit_by_code(code) for code in CODES}
        self.blocks = []
        self.broken = False

    def step(self, name):
        if name in CODES:
            unit_set(self.units[name])
        elif name == "no unit":
            unit_set(None)
        elif name in {"commit", "roll back"}:
            self.leave(undo=name == "roll back")
        elif name == "close":
            if not self.blocks:
                connection.close()
        elif not self.broken:
            self.act(name)

    def act(self, name):
        if name == "begin":
            self.blocks.append(transaction.atomic())
            self.blocks[-1].__enter__()
        elif name == "fail":
            with contextlib.suppress(DatabaseError), transaction.atomic():
                self.run("SELECT 1 / 0")
        elif name == "fail unseen":
            with contextlib.suppress(DatabaseError):
                self.run("SELECT 1 / 0")
            self.broken = bool(self.blocks)
        else:
            self.run(FOREIGN[name])

    def leave(self, *, undo):
        """End the innermost block; one that failed unseen is rolled back by the server, whatever we ask for."""
        if self.blocks:
            with contextlib.suppress(DatabaseError):
                self.blocks.pop().__exit__(*((_Undo, _Undo(), None) if undo else (None,) * 3))
            self.broken = False

    @staticmethod
    def run(statement):
        with connection.cursor() as cursor:
            cursor.execute(statement)

    def check(self):
        if self.broken:
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_schemas(false)::text")
            (path,) = cursor.fetchone()
        own = connection.schema_name
        assert path == ("{public}" if own == "public" else f"{{{own},public}}")

    def end(self):
        while self.blocks:
            self.step("roll back")
        unit_set(None)
        self.check()


def test_the_path_is_the_current_units_after_any_mixture_of_rollback_error_and_foreign_set(
    fresh_database,
):
    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.sampled_from(STEPS), max_size=14), st.lists(st.booleans(), min_size=14))
    def holds(steps, looked):
        session = _Session()
        try:
            for name, look in zip(steps, looked, strict=False):
                session.step(name)
                if look:
                    session.check()
            session.check()
        finally:
            session.end()

    holds()


def test_a_path_that_a_rolled_back_transaction_set_is_set_again(fresh_database):
    session = _Session()
    session.check()
    with contextlib.suppress(_Undo), transaction.atomic(), unit_context(session.units["430522"]):
        session.check()
        raise _Undo
    unit_set(session.units["430522"])
    session.check()
    with unit_context(session.units["430524"]):
        with contextlib.suppress(_Undo), transaction.atomic():
            session.check()
            with contextlib.suppress(_Undo), transaction.atomic():
                unit_set(session.units["430500"])
                session.check()
                raise _Undo
            session.check()
            raise _Undo
        session.check()


def test_the_path_is_set_once_and_not_before_every_statement(county):
    with unit_context(unit_by_code("430500")):
        _Session.run("SELECT 1")  # so that another path stands, whichever test came before
    with unit_context(county), CaptureQueriesContext(connection) as queries:
        for _ in range(5):
            _Session.run("SELECT 1")
            with transaction.atomic():
                _Session.run("SELECT 2")
    sent = [query["sql"] for query in queries.captured_queries if "search_path" in query["sql"]]
    assert len(sent) == 1


@pytest.mark.parametrize("cannot_tell", ["a pooler stands between", "an older server"])
def test_where_the_report_cannot_be_trusted_the_path_is_set_every_time(
    county, monkeypatch, cannot_tell
):
    if cannot_tell == "an older server":
        monkeypatch.setattr(DatabaseWrapper, "_reported_path", lambda self: None)
    else:
        monkeypatch.setattr(connections["default"], "_direct", False)
    with unit_context(county), CaptureQueriesContext(connection) as queries:
        for _ in range(3):
            _Session.run("SELECT 1")
    assert sum("search_path" in query["sql"] for query in queries.captured_queries) == 3
