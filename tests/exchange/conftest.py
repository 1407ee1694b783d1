"""What several files of these tests begin with: an entry that must go, a broker."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command

from sync import ledger
from sync.exchange import peers
from sync.transports import publishing
from tenants.current import unit_by_code, unit_context
from tests.support.carried import origin_of
from tests.support.erasing import own_lists as own_lists
from tests.support.erasing import two as two
from tests.support.exchange import KIND
from tests.support.handing import pull_in
from tests.support.served import connect, served
from tests.support.shared_broker import declare, shared_broker
from tests.support.teller import three_connected


@pytest.fixture
def port(fresh_database):
    """Every unit of a database of its own, served over real HTTP; the port."""
    with served() as port:
        yield port


@pytest.fixture
def told(county):
    """The old home, the new one and their superior, made up and connected."""
    with three_connected(county) as tellers:
        yield tellers


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


@pytest.fixture
def met(county, city, tmp_path):
    """Two units that never reach each other, connected by documents on a disc and fingerprints by telephone."""
    for unit, other in ((county, city), (city, county)):
        with unit_context(unit):
            ledger.publish()
        call_command(
            "carry",
            "introduce",
            str(tmp_path / unit.code),
            "--unit",
            unit.code,
            stdout=io.StringIO(),
        )
        call_command(
            "carry", "meet", str(tmp_path / unit.code), "--unit", other.code, stdout=io.StringIO()
        )
    for unit, other in ((county, city), (city, county)):
        with unit_context(unit):
            (state,) = peers.peers_with_state()
            assert state.state == "offered"
            assert peers.connection_accept(state.origin, state.fingerprint).state == "accepted"
            peers.grant_set(origin_of(other), KIND, history=True)
    return county, city


@pytest.fixture
def long_logs(monkeypatch):
    """Have every log read in many stretches, as one of a million records is; discs are cut elsewhere."""
    monkeypatch.setattr("sync.exchange.reading.FIRST_LEAVES", 1)
    monkeypatch.setattr("sync.exchange.reading.STRETCH_LEAVES", 7)


@pytest.fixture
def disc(tmp_path):
    """Where a disc is written."""
    return tmp_path / "disc"
