"""What a peer can make us write is bounded before it is judged: by what we believe, by what is proven, by what is free."""

from __future__ import annotations

import dataclasses

import pytest
from django.conf import settings
from django.test import override_settings

from sync.exchange import room
from sync.models import Incident
from sync.models.exchange import Contact, MirrorBundle
from tenants.current import unit_context
from tests.support import liar as lies
from tests.support.exchange import applied_bodies
from tests.support.followed import TRUE, cursors, fetch, followed_liar, incident


@pytest.fixture
def liar(county):
    with followed_liar(county) as liar:
        yield liar


def believing(entries):
    return override_settings(MINQING=dataclasses.replace(settings.MINQING, peer_growth=entries))


def bundles(unit):
    with unit_context(unit):
        return list(MirrorBundle.objects.values_list("number", flat=True))


def test_a_log_that_grows_past_belief_is_an_incident_and_nothing_of_it_is_fetched(liar, county):
    more = [b"%d" % number for number in range(11)]
    for body in more:
        liar.add(body)
    liar.seen.clear()
    with believing(10):
        assert "MINQING_PEER_GROWTH" in fetch(county).fault
    name, evidence, _ = incident(county)
    assert (name, evidence["head.note"]) == ("malformed", liar.checkpoint())
    assert [path for _, path, _, _ in liar.seen] == ["/ledger/checkpoint"]
    assert cursors(county) == (5, 5)
    with believing(11):
        assert fetch(county).fault == ""
    assert applied_bodies(county) == [*TRUE, *more]


@pytest.mark.parametrize("fault", ["diverged", "cut off"])
def test_leaves_that_no_head_proves_are_not_kept(liar, county, fault, monkeypatch):
    monkeypatch.setattr("sync.exchange.leaves._ROUND", 1)
    bodies = [b"%d" % number for number in range(600)]
    for body in bodies:
        liar.add(body)
    if fault == "diverged":
        liar.bend("/ledger/tile/entries/002", lambda octets: octets[:-1] + b"x")
    else:
        liar.misbehave("/ledger/tile/entries/002", lies.refusing(503))
    assert fetch(county).fault
    assert bundles(county) == [0]
    assert cursors(county) == (5, 5)
    liar.behave()
    assert fetch(county).fault == ""
    assert bundles(county) == [0, 1, 2]
    assert applied_bodies(county) == [*TRUE, *bodies]


def test_on_a_full_disk_nothing_is_taken_in_and_nobody_is_accused(liar, county, monkeypatch):
    liar.add(b"next")
    with monkeypatch.context() as full:
        full.setattr(room, "LEAST_FREE", 1 << 62)
        assert "free on this machine" in fetch(county).fault
        assert cursors(county) == (5, 5)
    with unit_context(county):
        contact = Contact.objects.get(direction="pull")
        assert "free on this machine" in contact.last_error
        assert not Incident.objects.exists()
    assert fetch(county).fault == ""
    assert applied_bodies(county) == [*TRUE, b"next"]
    liar.add(b"copied, not taken in")
    monkeypatch.setattr("sync.exchange.mirror.check_room", lambda: None)
    monkeypatch.setattr(room, "LEAST_FREE", 1 << 62)
    assert "free on this machine" in fetch(county).fault
    assert cursors(county) == (7, 6)
