"""Sessions with the database: a live one is not asked whether it lives, a dead one is noticed before it is used."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from django.db import connection, connections

from minqing.config.database.base import DatabaseWrapper


@pytest.fixture
def asked(monkeypatch):
    """What was sent to find out whether a session lives."""
    sent = []
    execute = DatabaseWrapper.__mro__[1].is_usable
    monkeypatch.setattr(
        DatabaseWrapper.__mro__[1], "is_usable", lambda self: sent.append(1) or execute(self)
    )
    return sent


@contextmanager
def request():
    """Do what a request does with the session it finds."""
    connection.close_if_unusable_or_obsolete()
    with connection.cursor() as cursor:
        yield cursor


def number():
    with request() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def end(session):
    """End a session from another one, and wait until it is gone."""
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 30000)", [session])
            assert cursor.fetchone()[0]
    finally:
        other.close()


def test_a_live_session_is_not_asked_and_one_that_was_ended_is_replaced_before_its_next_use(
    fresh_database, asked
):
    connection.ensure_connection()
    first = number()
    assert number() == first
    assert asked == []
    end(first)
    second = number()
    assert second != first
    assert asked == [1]


def test_behind_a_pooler_every_session_is_asked(fresh_database, asked, monkeypatch):
    first = number()
    monkeypatch.setattr(connection, "_direct", False)
    assert number() == first
    assert asked == [1]
