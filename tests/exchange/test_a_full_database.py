"""Where the database has no room it is our own fault: it is said so, nobody is accused, nothing is lost, and all goes on by itself."""

from __future__ import annotations

import sys

import httpx
import pytest
from django.db import OperationalError
from django.test import Client

from minqing.__main__ import main
from minqing.channel.models import Case
from sync import identity
from sync.models import Incident
from sync.models.exchange import Following, Quarantine
from tenants.current import unit_context
from tests.support.exchange import KIND, applied_bodies, publish
from tests.support.fetching import fetch
from tests.support.full import full
from tests.support.served import connect, served


@pytest.fixture
def port(fresh_database, county, city):
    with served() as port:
        connect(county, city, port, KIND)
        publish(county, b"one", b"two")
        yield port


def cursors(unit):
    with unit_context(unit):
        return Following.objects.values_list("mirrored", "applied").get()


def test_a_peer_that_cannot_store_answers_that_it_cannot_now(port, county, city):
    with full(county, "sync_told"):
        assert "status 503" in fetch(city, county).fault
    assert fetch(city, county).fault == ""
    assert applied_bodies(city) == [b"one", b"two"]
    for unit in (county, city):
        with unit_context(unit):
            assert not Incident.objects.exists()


@pytest.mark.parametrize(
    "table", ["sync_received", "sync_mirrorbundle", "sync_peerhead", "tests_applied"]
)
def test_a_reader_that_cannot_store_keeps_nothing_of_it_and_reads_it_again(
    port, county, city, table
):
    applied_bodies(city)  # makes the handler's table
    before = cursors(city)
    with full(city, table):
        with pytest.raises(OperationalError, match="No space left"):
            fetch(city, county)
        assert cursors(city)[1] == before[1]
        with unit_context(city):
            assert not Quarantine.objects.exists()
    assert fetch(city, county).fault == ""
    with unit_context(city):
        assert not Incident.objects.exists()
    assert applied_bodies(city) == [b"one", b"two"]


def test_a_record_that_outgrows_a_limit_waits_and_holds_up_nothing_else(port, county, city):
    applied_bodies(city)
    with full(city, "tests_applied", condition="program_limit_exceeded"):
        assert fetch(city, county).fault == ""
    with unit_context(city):
        assert set(Quarantine.objects.values_list("reason", flat=True)) == {"failed"}
        assert not Incident.objects.exists()


def test_a_page_and_a_command_say_it_in_one_sentence(port, county, city, monkeypatch, capsys):
    with unit_context(county):
        origin = identity.origin()
    with full(city, "sync_received"):
        monkeypatch.setattr(sys, "argv", ["minqing", "peer", "pull", city.code, origin])
        assert main() == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "make room on its disk" in said
    assert "Traceback" not in said

    def report():
        fields = {"kind": "help", "words": "村口的路灯不亮", "form": "ab" * 16}
        return httpx.post(
            f"http://127.0.0.1:{port}/report/send",
            files={name: (None, value) for name, value in fields.items()},
            headers={"host": county.host},
            trust_env=False,
        )

    with full(county, "sync_pending"):
        answer = report()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert "您刚才交的内容没有收下" in answer.text
    with unit_context(county):
        assert not Case.objects.exists()
    assert report().status_code == 200  # the same form once more
    with unit_context(county):
        assert Case.objects.count() == 1


def test_while_the_database_is_away_every_address_says_so_and_nothing_else_is_called_so(
    county, monkeypatch
):
    visitor = Client(headers={"host": county.host}, raise_request_exception=False)

    def away(_request):
        raise OperationalError("connection refused")

    monkeypatch.setattr("tenants.middleware._domain_for", away)
    for path in ("/", "/ledger/checkpoint", "/desk/"):
        answer = visitor.get(path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
        assert "暂时办不了" in answer.content.decode()

    def wrong(_request):
        raise ZeroDivisionError

    monkeypatch.setattr("tenants.middleware._domain_for", wrong)
    answer = visitor.get("/")
    assert answer.status_code == 500
    assert "我们这边出错了" in answer.content.decode()
    assert "ZeroDivisionError" not in answer.content.decode()
