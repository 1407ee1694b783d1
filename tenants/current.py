"""Which unit the running code serves. The only place that reads or sets it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django_tenants.utils import get_public_schema_name, tenant_context

from tenants.errors import NoCurrentUnit, UnitFault
from tenants.models import Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

BASE_SCHEMA = "base"
"""Schema of the unit that new ones are cloned from; it serves nobody."""


_database: Any = connection  # django-tenants' wrapper, which has no types


def current_unit() -> Unit:
    """Return the unit of this request, task or command.

    Raises:
        NoCurrentUnit: there is none; never answered with a default.
    """
    unit = getattr(connections[DEFAULT_DB_ALIAS], "tenant", None)
    if not isinstance(unit, Unit) or unit.schema_name in {get_public_schema_name(), BASE_SCHEMA}:
        raise NoCurrentUnit
    return unit


def unit_set(unit: Unit | None) -> None:
    """Make a unit current, or none, until the next call. For request handling; other code takes ``unit_context``."""
    if unit is None:
        _database.set_schema_to_public()
    else:
        _database.set_tenant(unit)


@contextmanager
def unit_context(unit: Unit) -> Iterator[Unit]:
    """Serve one unit inside the block; the previous one is current again after it."""
    with tenant_context(unit):
        yield unit


def units() -> list[Unit]:
    """Return every unit that serves, in order of code. Reads the public schema only."""
    return list(Unit.objects.exclude(schema_name=BASE_SCHEMA).prefetch_related("names", "domains"))


def unit_by_code(code: str) -> Unit:
    """Return one unit.

    Raises:
        UnitFault: no unit of this deployment has the code.
    """
    unit: Unit | None = Unit.objects.exclude(schema_name=BASE_SCHEMA).filter(code=code).first()
    if unit is None:
        raise UnitFault(
            f"No unit here has the code {code!r}. `minqing unit list` shows those there are."
        )
    return unit


def cache_key(key: str, prefix: str, version: int) -> str:
    """Django's KEY_FUNCTION: a cache entry belongs to the unit that made it."""
    schema = getattr(connection, "schema_name", "") or get_public_schema_name()
    return f"{schema}:{prefix}:{version}:{key}"
