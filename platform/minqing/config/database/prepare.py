"""Bring a database to the present version: made if missing, migrated, every unit provisioned."""

from __future__ import annotations

import contextlib
from typing import Any

import psycopg2
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django_tenants.utils import get_public_schema_name
from psycopg2 import errors, sql

from minqing.config import postgres
from tenants.current import BASE_SCHEMA
from tenants.models import Unit
from tenants.services import base_unit_ensure, unit_provision


def database_ensure() -> None:
    """Create the database if the server has none of that name; safe when several do it at once."""
    parameters = connection.get_connection_params()
    name = parameters["dbname"]
    parameters = {
        key: value
        for key, value in parameters.items()
        if key in {"user", "password", "host", "port"}
    }
    with (
        contextlib.closing(maintenance_connection(parameters)) as server,
        server.cursor() as cursor,
    ):
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if cursor.fetchone() is None:
            with contextlib.suppress(errors.DuplicateDatabase, errors.UniqueViolation):
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def maintenance_connection(parameters: dict[str, Any]) -> psycopg2.extensions.connection:
    """Open a connection outside any project database, in autocommit, to make and drop databases."""
    if settings.MINQING_CLUSTER is not None:
        parameters = {**parameters, "host": str(postgres.lease(settings.MINQING_CLUSTER))}
    server: psycopg2.extensions.connection = psycopg2.connect(dbname="postgres", **parameters)
    server.autocommit = True
    return server


def prepare() -> None:
    """Make, migrate and provision. Repeatable; run at every start and after every upgrade."""
    database_ensure()
    wanted = set(MigrationLoader(None).disk_migrations)
    if wanted - _applied(get_public_schema_name()):
        call_command("migrate_schemas", shared=True, verbosity=0, interactive=False)
    base = base_unit_ensure()
    served = list(Unit.objects.exclude(schema_name=BASE_SCHEMA))
    for unit in (base, *served):
        # Looking is a hundred times cheaper than a migration that finds nothing to do.
        if wanted - _applied(unit.schema_name):
            call_command(
                "migrate_schemas", schema_name=unit.schema_name, verbosity=0, interactive=False
            )
    for unit in served:
        unit_provision(unit)


def _applied(schema: str) -> set[tuple[str, str]]:
    table = sql.Identifier(schema, "django_migrations")
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [f'"{schema}".django_migrations'])
        if cursor.fetchone() == (None,):
            return set()
        cursor.execute(sql.SQL("SELECT app, name FROM {}").format(table))
        return set(cursor.fetchall())
