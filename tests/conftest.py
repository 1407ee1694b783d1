"""How the tests stand on real parts.

One embedded PostgreSQL serves the run. A *template* database holds the public schema, the base
unit and three units of two levels, made once; every worker's database is a copy of it. Ordinary
tests (`db`) run in a transaction that is rolled back. Tests that need commits, several connections or
several processes take `fresh_database`: a copy of the template of their own, dropped afterwards.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.core.cache import caches
from django.db import connection, connections
from django.test import Client

from minqing.config.database import prepare
from sync import identity
from tenants.current import unit_by_code, unit_context, unit_set
from tenants.middleware import forget_domains
from tenants.services import unit_create
from tests.support.environment import keep_template
from tests.support.signing import signer as signer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg2.extensions
    from pytest_django import DjangoDbBlocker

    from tenants.models import Unit

TEMPLATE = "minqing_template"
RUN = Path(os.environ["MINQING_TEST_RUN"])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take minutes: whole deployments, then browsers. Else the last of them runs on alone."""
    ranks: dict[Path, int] = {}
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        rank = 0 if "processes" in marks else 1 if "browser" in marks else 2
        ranks[item.path] = min(rank, ranks.get(item.path, 2))
    items.sort(key=lambda item: ranks[item.path])


def _server() -> psycopg2.extensions.connection:
    parameters = {
        key: value
        for key, value in connection.get_connection_params().items()
        if key in {"user", "password", "port"}
    }
    return prepare.maintenance_connection(parameters)


def copy_template(name: str) -> None:
    """Make a database as a copy of the template."""
    server = _server()
    with server.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}"')
    server.close()


def drop_database(name: str) -> None:
    """Drop a database with whoever is still connected to it."""
    server = _server()
    with server.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    server.close()


def use_database(name: str) -> None:
    """Point this process's connection at a database."""
    connections.close_all()
    connection.settings_dict["NAME"] = name
    settings.DATABASES["default"]["NAME"] = name


def _make_template() -> None:
    done = RUN / "template.done"
    with (RUN / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists():
            return
        use_database(TEMPLATE)
        prepare.prepare()
        city = unit_create(code="430500", name="邵阳市", level="city", host="shaoyang.localhost")
        unit_create(
            code="430522", name="新邵县", level="county", host="xinshao.localhost", parent=city
        )
        unit_create(
            code="430524", name="隆回县", level="county", host="longhui.localhost", parent=city
        )
        connections.close_all()
        done.touch()
        server = _server()
        with server.cursor() as cursor:
            cursor.execute("CHECKPOINT")
        server.close()
        keep_template(RUN)


def _refuse_rotation(name: str) -> None:
    raise AssertionError(f"A test that changes the {name} key's file must take keys_alone.")


@pytest.fixture(autouse=True)
def keys_shared(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Units' key files are one folder for all workers: who changes them (`keys_alone`) is alone with them meanwhile."""
    alone = "keys_alone" in request.fixturenames
    if not alone:
        monkeypatch.setattr(identity, "secret_rotate", _refuse_rotation)
    with (RUN.parent / "keys.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


@pytest.fixture
def keys_alone(keys_shared: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let a test change key files of units that other tests use too; they are put back afterwards."""
    kept = tmp_path_factory.mktemp("keys") / "keys"
    shutil.copytree(RUN / "keys", kept)
    yield
    for unit in filter(
        Path.is_dir, kept.iterdir()
    ):  # a unit that somebody else made meanwhile keeps its own
        shutil.rmtree(RUN / "keys" / unit.name)
        shutil.copytree(unit, RUN / "keys" / unit.name)


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Replace Django's test database by a copy of the template."""
    name = f"minqing_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    with django_db_blocker.unblock():
        _make_template()
        drop_database(name)
        copy_template(name)
        use_database(name)
    yield
    with django_db_blocker.unblock():
        connections.close_all()
        drop_database(name)


@pytest.fixture(autouse=True)
def _no_unit_is_left_over(request: pytest.FixtureRequest) -> None:
    """Each test begins without a current unit, and without pages that this process kept."""
    for cache in caches.all():
        cache.clear()
    forget_domains()
    asked = set(request.fixturenames)
    if asked & {"db", "fresh_database", "city", "county", "neighbour"}:
        fresh = "fresh_database" in asked and "db" not in asked
        request.getfixturevalue("fresh_database" if fresh else "db")
        unit_set(None)


@pytest.fixture
def fresh_database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """Give the test a committed database of its own; yields its name."""
    before = connection.settings_dict["NAME"]
    name = f"minqing_{secrets.token_hex(4)}"
    with django_db_blocker.unblock():
        connections.close_all()
        copy_template(name)
        use_database(name)
        yield name
        connections.close_all()
        use_database(before)
        drop_database(name)


@pytest.fixture
def city(request: pytest.FixtureRequest) -> Unit:
    """邵阳市."""
    return _with_database(request, "430500")


@pytest.fixture
def county(request: pytest.FixtureRequest) -> Unit:
    """新邵县."""
    return _with_database(request, "430522")


@pytest.fixture
def in_county(county: Unit) -> Iterator[None]:
    """Be in 新邵县 for the whole test."""
    with unit_context(county):
        yield


@pytest.fixture
def neighbour(request: pytest.FixtureRequest) -> Unit:
    """隆回县."""
    return _with_database(request, "430524")


def _with_database(request: pytest.FixtureRequest, code: str) -> Unit:
    if "fresh_database" in request.fixturenames:
        request.getfixturevalue("fresh_database")
    else:
        request.getfixturevalue("db")
    return unit_by_code(code)


@pytest.fixture
def visit() -> Callable[[Unit], Client]:
    """Return a maker of HTTP clients that come to one unit's host."""
    return lambda unit: Client(headers={"host": unit.host})
