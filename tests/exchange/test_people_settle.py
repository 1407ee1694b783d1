"""Where logs contradict each other nothing moves until people decide; what they decide holds here, and is shown with its reason."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from minqing.archives import selectors
from sync.exchange import pull
from sync.exchange.homes import custody, settling
from sync.exchange.homes.handing import HandoverRefused
from sync.formats.handovers import Accept, Cancel, Notice, Objection, Order
from sync.models import Peer
from tests.support.teller import PUBLIC_ID, SUBJECT, home, read

WHY = "县委组织部核对了双方的凭证"


@pytest.fixture
def ordered(told):
    """The superior has ordered the first home's official to the second unit."""
    old, new, superior = told
    custody.superior_set(old.origin, superior.origin)
    noticed = superior.step(
        Notice, day="2026-10-01", home=old.origin, to=new.origin, reason="停摆", size=1
    )
    new.takes(superior.step(Order, notice=noticed, day="2026-10-31"), superior)
    new.facts()
    read(old, superior, new)
    return noticed


def test_two_offers_are_settled_for_the_home_and_its_next_close_counts(told, visit, county):
    old, new, other = told
    first = old.offers(new)
    second = old.offers(other, number=2)
    read(old)
    assert home() == (old.origin, "two-offers")
    settling.settle(SUBJECT, old.origin, WHY)
    assert home() == (old.origin, "")
    old.step(Cancel, offer=second, reason="撤回")
    accept = new.step(Accept, offer=first)
    new.takes(old.closes(first, accept), old, old.checkpoint())
    read(old, new)
    assert home() == (new.origin, "")
    page = visit(county).get(f"/officials/{PUBLIC_ID}/").content.decode()
    assert WHY in page
    assert "归属有争议</strong>" not in page


def test_an_objection_is_settled_for_the_old_home(told, ordered):
    old, new, _ = told
    old.step(Objection, notice=ordered, reason="本单位正常运行")
    read(old)
    assert home() == (new.origin, "objected")
    settling.settle(SUBJECT, old.origin, WHY)
    assert home() == (old.origin, "")
    old.facts(version=2)
    new.facts(version=3)
    read(old, new)
    assert custody.may_issue(SUBJECT, old.origin, 7) == ""
    assert custody.may_issue(SUBJECT, new.origin, 7) == "waits"
    assert selectors.official_page(PUBLIC_ID).official.origin == old.origin


def test_an_objection_is_settled_for_the_order(told):
    old, new, superior = told
    custody.superior_set(old.origin, superior.origin)
    noticed = superior.step(
        Notice, day="2026-10-01", home=old.origin, to=new.origin, reason="停摆", size=1
    )
    old.step(Objection, notice=noticed, reason="本单位正常运行")
    read(superior, old)
    new.takes(superior.step(Order, notice=noticed, day="2026-10-31"), superior)
    new.facts()
    read(superior, new)
    assert home() == (old.origin, "objected")
    settling.settle(SUBJECT, new.origin, WHY)
    assert home() == (new.origin, "")
    assert selectors.official_page(PUBLIC_ID).official.origin == new.origin


def test_late_records_are_settled_once_and_later_ones_contest_again(told, ordered):
    old, new, _ = told
    old.facts(version=2)
    read(old)
    assert home() == (new.origin, "late-records")
    settling.settle(SUBJECT, new.origin, WHY)
    assert home() == (new.origin, "")
    old.facts(version=3)
    read(old)
    assert home() == (new.origin, "late-records")


def test_only_a_contest_is_settled_and_only_for_a_home_that_some_step_made(told):
    old, new, other = told
    read(old)
    with pytest.raises(HandoverRefused) as refused:
        settling.settle(SUBJECT, old.origin, WHY)
    assert refused.value.code == "not-contested"
    old.offers(new)
    old.offers(other, number=2)
    read(old)
    with pytest.raises(HandoverRefused) as refused:
        settling.settle(SUBJECT, new.origin, WHY)
    assert refused.value.code == "no-step"
    assert home() == (old.origin, "two-offers")


def test_a_fork_is_settled_as_an_incident(told):
    old, new, _ = told
    old.offers(new)
    read(old)
    shown, chains = list(old.records), dict(old.chains)
    old.entry(str(PUBLIC_ID), 1)
    read(old)
    old.records, old.chains = shown, chains
    old.entry(str(PUBLIC_ID), 2)
    pull.pull(Peer.objects.get(origin=old.origin))
    with pytest.raises(HandoverRefused) as refused:
        settling.settle(SUBJECT, old.origin, WHY)
    assert refused.value.code == "forked"


def test_the_command_settles_and_says_what_it_may_not(told, county):
    old, new, other = told
    old.offers(new)
    old.offers(other, number=2)
    read(old)
    said = io.StringIO()
    arguments = (county.code, SUBJECT, old.origin, "--why", WHY)
    call_command("handover", "settle", *arguments, stdout=said)
    assert "other units decide for themselves" in said.getvalue()
    assert home() == (old.origin, "")
    with pytest.raises(CommandError, match="Nobody contests"):
        call_command("handover", "settle", *arguments)
