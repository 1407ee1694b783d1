"""django-tenants' PostgreSQL backend that takes a lease on the embedded server first, and sets no search path twice."""

from __future__ import annotations

import select
from typing import Any

import psycopg2
from django.conf import settings
from django_tenants.postgresql_backend import base

from minqing.config import postgres


class DatabaseWrapper(base.DatabaseWrapper):  # type: ignore[misc]  # untyped upstream
    """Open connections to the named server, or to the embedded one, started when first needed.

    django-tenants sends SET search_path before every cursor, because a rollback takes an earlier one back. Since
    version 18 the server itself reports the path whenever it changes, by whatever means (SET, rollback, savepoint,
    function). Where its last word is the path that is wanted, SET is left out. Nothing is remembered here that
    could be wrong: an older server reports nothing, and a pooler between us speaks for several
    sessions, so both get the statement every time.
    """

    _direct = False
    """Whether the reports come from the session that answers our statements."""

    _wanted: tuple[tuple[str, bool] | None, str] = (None, "")
    """The path of a schema, with or without the public one, as it was worked out last: asked for before every cursor."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Open one connection; a server that was killed is started again."""
        self._direct = False
        opened = self._open(conn_params)
        self._direct = _is_direct(opened)
        return opened

    def _open(self, conn_params: dict[str, Any]) -> Any:
        cluster: postgres.Cluster | None = settings.MINQING_CLUSTER
        if cluster is None:
            return super().get_new_connection(conn_params)
        conn_params = {**conn_params, "host": str(postgres.lease(cluster))}
        try:
            return super().get_new_connection(conn_params)
        except psycopg2.OperationalError:
            postgres.bring_up(cluster)
            return super().get_new_connection(conn_params)

    def is_usable(self) -> bool:
        """Say whether the session still answers, as each request asks first.

        A server that ends a session says so on its line or closes it: where the line is silent nothing has ended, and
        nothing needs to be sent.
        """
        if self._direct and not self.connection.closed:
            line = select.poll()
            line.register(self.connection.fileno(), select.POLLIN)
            if not line.poll(0):
                return True
        return bool(super().is_usable())

    def _handle_search_path(self, cursor: Any = None) -> None:
        if not self._server_has_path():
            super()._handle_search_path(cursor)

    def _server_has_path(self) -> bool:
        """Whether the server's last report is the wanted path, in the one spelling that needs no quotes."""
        if not self._direct or not self.schema_name:
            return False
        which = self.schema_name, self.include_public_schema
        if self._wanted[0] != which:
            self._wanted = which, ", ".join(self._get_cursor_search_paths())
        return self._reported_path() == self._wanted[1]

    def _reported_path(self) -> str | None:
        """Return the path as the server last told it; None before PostgreSQL 18."""
        reported: str | None = self.connection.info.parameter_status("search_path")
        return reported


def _is_direct(opened: psycopg2.extensions.connection) -> bool:
    """Whether the server process that answers is the one that greeted us; a pooler makes up a number of its own."""
    with opened.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        answered = cursor.fetchone()
    opened.rollback()
    return answered == (opened.info.backend_pid,)
