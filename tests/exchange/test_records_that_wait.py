"""Records of unknown kinds, newer schemas, or that a handler rejects: they wait and hold back their own subject only."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sync.errors import RecordFault
from sync.models import Incident, Quarantine, Received
from tenants.current import unit_context
from tests.support.exchange import applied_bodies
from tests.support.followed import TRUE, fetch, followed_liar


@pytest.fixture
def liar(county):
    with followed_liar(county) as liar:
        yield liar


def test_an_unknown_kind_waits_and_is_applied_after_an_upgrade(liar, county, monkeypatch):
    liar.add(b"future 1", kind="tests.future", subject="future")
    liar.add(b"future 2", kind="tests.future", subject="future")
    liar.add(b"rejected", subject="free")
    assert fetch(county).fault == ""
    assert applied_bodies(county) == [*TRUE, b"rejected"] or applied_bodies(county) == TRUE
    with unit_context(county):
        assert {(row.kind, row.reason) for row in Quarantine.objects.filter(subject="future")} == {
            ("tests.future", "unknown-kind")
        }
    from sync import kinds
    from tests.support.exchange import apply

    monkeypatch.setitem(
        kinds._kinds, "tests.future", kinds.RecordKind(name="tests.future", apply=apply)
    )
    assert fetch(county).fault == ""
    assert applied_bodies(county)[:5] == TRUE
    assert applied_bodies(county)[5:7] == [b"future 1", b"future 2"]


def test_a_newer_schema_waits_per_subject_and_older_ones_are_upcast_when_read(
    liar, county, monkeypatch
):
    from sync import kinds
    from tests.support.exchange import KIND, apply

    def shout(body):
        if body.startswith(b"broken"):
            raise RecordFault("The body is not of schema 1.")
        return body.upper()

    liar.add(b"of schema 1", subject="s")
    liar.add(b"of schema 2", subject="s", schema=2)
    liar.add(b"after it", subject="s")
    liar.add(b"broken", subject="t")
    liar.add(b"free", subject="u")
    assert fetch(county).fault == ""
    assert applied_bodies(county) == [*TRUE, b"of schema 1", b"broken", b"free"]
    with unit_context(county):
        held = Quarantine.objects.order_by("index").values_list("subject", "reason")
        assert list(held) == [("s", "unknown-kind"), ("s", "waits")]
    upgraded = kinds.RecordKind(name=KIND, schemas=(1, 2), upcasts=(shout,), apply=apply)
    monkeypatch.setitem(kinds._kinds, KIND, upgraded)
    liar.add(b"broken now", subject="v")
    assert fetch(county).fault == ""
    upcast = [b"of schema 1", b"of schema 2", b"AFTER IT", b"broken", b"free"]
    assert applied_bodies(county) == [*TRUE, *upcast]
    with unit_context(county):
        (row,) = Quarantine.objects.all()
        assert (row.subject, row.reason) == ("v", "rejected")
        assert "schema 1" in row.sentence
        kept = Received.objects.get(index=row.index)
        assert bytes(kept.body) == b"broken now"


def test_a_record_that_its_handler_rejects_or_breaks_on_holds_back_its_own_subject_only(
    liar, county
):
    liar.add(b"reject this", subject="a")
    liar.add(b"follows", subject="a")
    liar.add(b"break this", subject="b")
    liar.add(b"free", subject="c")
    assert fetch(county).fault == ""
    assert applied_bodies(county) == [*TRUE, b"free"]
    with unit_context(county):
        assert [row.reason for row in Quarantine.objects.all()] == ["rejected", "waits", "failed"]
        assert Received.objects.filter(state=Received.HELD).count() == 3


def test_a_pull_that_brings_nothing_does_not_try_broken_chains_again(liar, county):
    def statements():
        with unit_context(county), CaptureQueriesContext(connection) as asked:
            assert fetch(county).fault == ""
        return len(asked)

    fetch(county)
    idle = statements()
    for number in range(50):
        liar.hidden.add(len(liar.records))
        liar.add(b"hidden", subject=f"chain-{number}")
        liar.add(b"waits", subject=f"chain-{number}")
    assert fetch(county).fault == ""
    with unit_context(county):
        assert Quarantine.objects.filter(reason="broken-chain").count() == 50
        assert Incident.objects.filter(name="broken-chain").count() == 50
    assert statements() == idle
    liar.add(b"news")
    assert statements() > idle + 50
    assert statements() == idle
