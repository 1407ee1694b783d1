"""What several files of these tests begin with: an entry that must go, a broker."""

from __future__ import annotations

import pytest

from sync.transports import publishing
from tenants.current import unit_by_code
from tests.support.carried import origin_of
from tests.support.erasing import own_lists as own_lists
from tests.support.erasing import two as two
from tests.support.exchange import KIND
from tests.support.handing import pull_in
from tests.support.served import connect, served
from tests.support.shared_broker import declare, shared_broker


@pytest.fixture(scope="module")
def broker_of_the_file(django_db_setup, django_db_blocker, tmp_path_factory):
    """A broker for all tests of a file: it takes seconds to start. Units of every copied database have the same origins."""
    with django_db_blocker.unblock():
        origins = [origin_of(unit_by_code(code)) for code in ("430500", "430522", "430524")]
    with shared_broker(tmp_path_factory.mktemp("rabbit"), origins) as started:
        yield started


@pytest.fixture
def rabbit(broker_of_the_file):
    """A broker on which nothing is declared and nothing waits."""
    broker_of_the_file.wipe()
    return broker_of_the_file


@pytest.fixture
def sharing(fresh_database, rabbit, county, city, tmp_path, monkeypatch):
    """新邵 and 邵阳, connected, with everything of KIND granted, on one broker."""
    monkeypatch.setattr(publishing, "CONFIRM_SECONDS", 60.0)
    with served() as port:
        connect(county, city, port, KIND)
        for unit, other in ((county, city), (city, county)):
            pull_in(unit, other)
        with rabbit.used_by(tmp_path, county.code, city.code):
            for unit in (
                county,
                city,
                county,
            ):  # each binds to exchanges that the other has declared
                declare(unit)
            yield rabbit
