"""Making units. Apps that keep something per unit (keys, folders, checks) register here, explicitly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from django.core.management import call_command
from django.db import connection, transaction
from django_tenants.utils import schema_exists

from tenants.current import BASE_SCHEMA, unit_context
from tenants.errors import UnitFault
from tenants.models import Domain, Level, Unit, UnitName

if TYPE_CHECKING:
    import datetime


class Provisioner(Protocol):
    """Set up what an app keeps per unit. Called inside the new unit; must be repeatable."""

    def __call__(self, unit: Unit) -> None:
        """Provision one unit."""


_provisioners: list[tuple[int, str, Provisioner]] = []


def register_provisioner(name: str, provisioner: Provisioner, *, order: int = 100) -> None:
    """Register a step; lower orders run first, a name registers once."""
    if all(name != known for _, known, _ in _provisioners):
        _provisioners.append((order, name, provisioner))
        _provisioners.sort(key=lambda step: step[:2])


class Adopter(Protocol):
    """Vouch again for something of a unit that was lost or copied. Called inside the unit; returns what to tell."""

    def __call__(self, unit: Unit) -> str:
        """Adopt, or raise ``UnitFault`` with a sentence."""


_adopters: list[Adopter] = []


def register_adopter(adopter: Adopter) -> None:
    """Have something done by `minqing unit adopt`."""
    if adopter not in _adopters:
        _adopters.append(adopter)


def unit_adopt(unit: Unit) -> list[str]:
    """Run every registered adoption for one unit; returns one line each.

    Raises:
        UnitFault: there is nothing to adopt, or it must not be.
    """
    with unit_context(unit):
        return [adopter(unit) for adopter in _adopters]


def base_unit_ensure() -> Unit:
    """Make the unit that others are cloned from, with all migrations applied."""
    unit: Unit | None = Unit.objects.filter(schema_name=BASE_SCHEMA).first()
    if unit is None:
        unit = Unit(schema_name=BASE_SCHEMA, code="base", level=Level.CITY)
        unit.save()
    if not schema_exists(BASE_SCHEMA):
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE SCHEMA "{BASE_SCHEMA}"')
        call_command("migrate_schemas", schema_name=BASE_SCHEMA, verbosity=0, interactive=False)
    return unit


def unit_create(
    *,
    code: str,
    name: str,
    level: str,
    host: str,
    parent: Unit | None = None,
    title: str = "",
    organiser: str = "",
    telephone: str = "",
    valid_from: datetime.date | None = None,
) -> Unit:
    """Make a unit: its schema cloned from the base unit, its name, its host name, its keys.

    Raises:
        UnitFault: the code or the host is taken, or a value does not fit; nothing was made.
    """
    host = host.lower().strip().rstrip(".")
    check_unit_create(code=code, name=name, level=level, host=host, parent=parent)
    base_unit_ensure()
    with transaction.atomic():
        unit = Unit(
            schema_name=f"unit_{code.lower().replace('-', '_').replace('.', '_')}",
            code=code, level=level, parent=parent, title=title, organiser=organiser, telephone=telephone,
        )  # fmt: skip
        unit.save()
        UnitName.objects.create(unit=unit, name=name, valid_from=valid_from)
        Domain.objects.create(tenant=unit, domain=host, is_primary=True)
        unit.create_schema(check_if_exists=False, sync_schema=True, verbosity=0)
        unit_provision(unit)
    return unit


def check_unit_create(*, code: str, name: str, level: str, host: str, parent: Unit | None) -> None:
    """Refuse a unit that could not be made as asked.

    Raises:
        UnitFault: with a sentence that says what to change.
    """
    if (
        not code.isascii()
        or not code.replace("-", "").replace(".", "").isalnum()
        or code == BASE_SCHEMA
    ):
        raise UnitFault(
            f"The code {code!r} may hold ASCII letters, digits, '-' and '.' only, for example 430522."
        )
    if not name.strip():
        raise UnitFault("A unit needs a name.")
    if level not in Level.values:
        raise UnitFault(f"The level {level!r} is not known: use one of {', '.join(Level.values)}.")
    if not host or any(character.isspace() for character in host):
        raise UnitFault("A unit needs a host name, for example xinshao.localhost.")
    if Unit.objects.filter(code=code).exists():
        raise UnitFault(f"A unit with the code {code} exists already.")
    if Domain.objects.filter(domain=host).exists():
        raise UnitFault(f"The host name {host} belongs to another unit already.")
    rungs = list(Level.values)
    if parent is not None and rungs.index(parent.level) > rungs.index(level):
        raise UnitFault(f"{parent.name} is a {parent.level} and cannot stand above a {level}.")


def unit_provision(unit: Unit) -> None:
    """Run every registered step for one unit; repeatable, also after an upgrade."""
    with unit_context(unit):
        for _, _, provisioner in _provisioners:
            provisioner(unit)
