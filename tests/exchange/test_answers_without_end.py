"""Answers that are endless, too large, slow, cut off, redirected or refused: each ends, and what came before stays."""

from __future__ import annotations

import pytest

from sync.exchange import client, reading
from sync.formats import framing
from sync.models import Incident
from sync.models.exchange import Contact
from tenants.current import unit_context
from tests.support import liar as lies
from tests.support.exchange import applied_bodies
from tests.support.followed import TRUE, fetch, followed_liar, incident


@pytest.fixture
def liar(county):
    with followed_liar(county) as liar:
        yield liar


@pytest.mark.parametrize("path", ["/ledger/checkpoint", "/ledger/tile", "/exchange/records"])
def test_an_endless_answer_is_cut_off(liar, county, path, monkeypatch):
    monkeypatch.setattr(reading, "ANSWER_CAP", 2_000_000)
    liar.add(b"next")
    liar.misbehave(path, lies.endless)
    assert "more than" in fetch(county).fault
    name, evidence, _ = incident(county)
    assert name == "oversized"
    assert set(evidence["answer"]) == {ord("x")}
    assert applied_bodies(county) == TRUE


def test_an_answer_of_more_rows_than_any_has_is_cut_at_that_many(liar, county, monkeypatch):
    made, opening = [], framing.Opening

    def count(*fields):
        made.append(fields)
        return opening(*fields)

    rows = framing.row(framing.Opening(5, None, None, None)) * (3 * framing.MOST_RECORDS)
    liar.add(b"next")
    liar.bend("/exchange/records", lambda octets: rows + framing.end(liar.note(6)))
    monkeypatch.setattr(framing, "Opening", count)
    assert "more than 8192 rows" in fetch(county).fault
    assert len(made) < 8200
    assert incident(county)[0] == "malformed"
    assert applied_bodies(county) == TRUE


def test_an_answer_of_as_many_rows_as_an_answer_may_have_is_read():
    row = framing.row(framing.Opening(5, None, None, None))
    openings, note = framing.split(row * framing.MOST_RECORDS + framing.end(b"note"))
    assert (len(openings), note) == (8192, b"note")


def test_an_answer_announced_as_too_large_is_not_read(liar, county):
    liar.misbehave("/ledger/checkpoint", lies.announcing(10**12))
    assert "announces" in fetch(county).fault
    assert incident(county)[0] == "oversized"


@pytest.mark.parametrize("path", ["/ledger/checkpoint", "/ledger/tile", "/exchange/records"])
def test_a_redirect_is_never_followed(liar, county, path):
    liar.add(b"next")
    with lies.Liar("430582").served() as other:
        liar.misbehave(path, lies.redirecting(f"{other.address}/ledger/checkpoint"))
        assert "redirect" in fetch(county).fault
        assert other.seen == []
    name, evidence, _ = incident(county)
    assert name == "redirected"
    assert other.address.encode() in evidence["answer"]


def test_a_slow_drip_ends_at_the_deadline(liar, county, monkeypatch):
    get = client.Client.get
    monkeypatch.setattr(
        client.Client,
        "get",
        lambda self, path, **limits: get(self, path, **{**limits, "seconds": 0.5}),
    )
    liar.misbehave("/ledger/checkpoint", lies.dripping)
    assert "not complete" in fetch(county).fault
    assert incident(county)[0] == "slow"


@pytest.mark.parametrize("path", ["/ledger/checkpoint", "/exchange/records"])
def test_a_wire_cut_in_the_middle_of_an_answer_is_held_against_nobody(
    liar, county, monkeypatch, path
):
    monkeypatch.setattr(client, "READ_SECONDS", 0.6)
    monkeypatch.setattr(client, "SILENT_SECONDS", 0.3)
    liar.add(b"next")
    liar.misbehave(path, lies.silent_after(500))
    assert "did not answer in time" in fetch(county).fault
    with unit_context(county):
        assert not Incident.objects.exists()
    liar.behave()
    assert fetch(county).fault == ""


def test_records_cut_off_in_the_middle_are_refused(liar, county):
    liar.add(b"next")
    liar.bend("/exchange/records", lambda octets: octets[: len(octets) // 2])
    assert "cannot be read" in fetch(county).fault
    assert incident(county)[0] == "malformed"
    assert applied_bodies(county) == TRUE


def test_unreachable_is_no_incident_and_never_final(liar, county):
    liar.add(b"next")
    for handler in (lies.hanging_up, lies.refusing(503), lies.refusing(429)):
        liar.misbehave("/ledger/checkpoint", handler)
        assert fetch(county).fault != ""
    with unit_context(county):
        assert not Incident.objects.exists()
        contact = Contact.objects.get(direction="pull")
        assert contact.failures == 3
        assert contact.last_error != ""
    liar.behave()
    assert fetch(county).fault == ""
    with unit_context(county):
        assert Contact.objects.get(direction="pull").failures == 0
    assert applied_bodies(county) == [*TRUE, b"next"]


def test_a_refusal_is_an_incident(liar, county):
    liar.misbehave("/exchange/records", lies.refusing(403))
    assert "refused" in fetch(county).fault
    assert incident(county)[0] == "refused"
