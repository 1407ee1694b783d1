"""An order of the superior moves an official from a home that is dead or frozen, after public notice; nobody else's does."""

from __future__ import annotations

import dataclasses
import datetime

import msgspec
import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from minqing.archives import selectors
from sync.exchange import keys, pull, region
from sync.exchange.homes import custody, handover
from sync.formats import notes, possession, regions
from sync.formats.handovers import Notice, Objection, Order
from sync.models import Peer
from sync.models.exchange import PeerHead
from sync.models.handovers import Reassignment
from tests.support.teller import PUBLIC_ID, SUBJECT, held, home, read


@pytest.fixture
def notice(told):
    """The directory names the third unit superior to the first; it has given notice that the first is dead."""
    old, new, superior = told
    custody.superior_set(old.origin, superior.origin)
    return superior.step(
        Notice, day="2026-10-01", home=old.origin, to=new.origin, reason="停摆", size=1
    )


def test_an_order_after_public_notice_moves_from_a_dead_home(told, notice):
    old, new, superior = told
    order = superior.step(Order, notice=notice, day="2026-10-31")
    new.takes(order, superior)
    new.facts()
    read(old, new, superior)
    assert (home(), held()) == ((new.origin, ""), [])
    assert [custody.may_issue(SUBJECT, old.origin, index) for index in (0, 1)] == ["", "after"]
    old.facts(version=2)  # it lived after all: kept, not shown, and said
    read(old)
    assert home() == (new.origin, "late-records")
    assert selectors.official_page(PUBLIC_ID).official.origin == new.origin


def test_an_order_of_the_superior_takes_from_a_home_that_is_frozen_for_a_fork(told, notice):
    old, new, superior = told
    old.offers(superior)
    read(old, superior)
    shown, chains = list(old.records), dict(old.chains)
    old.entry(str(PUBLIC_ID), 1)
    read(old)
    old.records, old.chains = shown, chains
    old.entry(str(PUBLIC_ID), 2)
    pull.pull(Peer.objects.get(origin=old.origin))
    assert Peer.objects.get(origin=old.origin).state == "frozen"
    assert home() == (old.origin, "forked")
    order = superior.step(Order, notice=notice, day="2026-10-31")
    new.takes(order, superior)
    new.facts()
    read(superior, new)
    assert home() == (new.origin, "")
    assert selectors.official_page(PUBLIC_ID).official.origin == new.origin


def region_policy(superior, *members):
    """Have a made-up unit announce its policy key and publish a policy for its region."""
    key = notes.SigningKey.from_seed(regions.key_name(superior.origin), bytes(32))
    named = str(key.verifier)
    proof = possession.prove(superior.origin, {"policy": named}, [key])["policy"]
    body = msgspec.json.encode(keys.Notice(use="policy", key=named, proof=proof))
    superior.add(body, kind=keys.KIND, subject="key/policy")
    today = timezone.localdate()
    terms = regions.Terms(
        region=superior.origin, version=1, signed=today, expires=today + datetime.timedelta(days=30),
        logs=[member.keys["log"].verifier for member in members], operators=[], quorum=0,
    )  # fmt: skip
    signed = notes.sign(regions.compose(terms), key).encode()
    superior.add(signed, kind=region.KIND, subject="policy")


@pytest.mark.parametrize("trusted", [True, False])
def test_the_region_s_policy_names_whose_order_counts(told, trusted):
    old, new, superior = told
    region_policy(superior, old, new)
    if trusted:
        region.trust(superior.origin)
    read(old, superior)
    seen_before(superior, "2026-09-30")
    assert custody.superior_of(old.origin) == (superior.origin if trusted else "")
    assert custody.superior_of(superior.origin) == ""
    assert custody.units_below(superior.origin) == (
        sorted([old.origin, new.origin]) if trusted else []
    )
    noticed = superior.step(
        Notice, day="2026-10-01", home=old.origin, to=new.origin, reason="停摆", size=1
    )
    new.takes(superior.step(Order, notice=noticed, day="2026-10-31"), superior)
    new.facts()
    read(superior, new)
    if trusted:
        assert home() == (new.origin, "")
    else:
        assert custody.standing(SUBJECT) is None
        assert held()[0] == "The directory here does not name this unit superior to the home."


def test_a_line_that_an_operator_entered_goes_before_the_policy(told):
    old, new, superior = told
    region_policy(superior, old, new)
    region.trust(superior.origin)
    read(superior)
    custody.superior_set(old.origin, new.origin)
    assert custody.superior_of(old.origin) == new.origin
    assert custody.superior_of(new.origin) == superior.origin


def test_an_order_before_the_notice_has_stood_is_held_back(told, notice):
    old, _new, superior = told
    superior.step(Order, notice=notice, day="2026-10-30")
    read(old, superior)
    assert home() == (old.origin, "")
    assert len(held()) == 1


def seen_before(teller, day):
    """The heads of a unit that are known here were seen on an earlier day."""
    PeerHead.objects.filter(peer__origin=teller.origin).update(seen_on=day)


def test_a_notice_counts_from_the_day_on_which_its_log_still_lacked_it(told):
    old, new, superior = told
    custody.superior_set(old.origin, superior.origin)
    superior.add(b"something else", kind="tests.line")
    read(old, superior)
    noticed = superior.step(
        Notice, day="2026-10-01", home=old.origin, to=new.origin, reason="停摆", size=1
    )
    new.takes(superior.step(Order, notice=noticed, day="2026-10-31"), superior)
    new.facts()
    read(superior, new)
    assert home() == (old.origin, "")
    assert "The order comes before the public notice has stood long enough." in held()
    ago = timezone.localdate() - datetime.timedelta(days=30)
    Reassignment.objects.update(stands_from=ago)  # thirty days pass
    handover.try_steps()  # as each day's sweep does
    handover.try_again()
    assert (home(), held()) == ((new.origin, ""), [])


def test_an_order_of_a_day_to_come_waits_for_it(told):
    old, new, superior = told
    custody.superior_set(old.origin, superior.origin)
    tomorrow = timezone.localdate() + datetime.timedelta(days=1)
    ago = tomorrow - datetime.timedelta(days=31)
    noticed = superior.step(
        Notice, day=str(ago), home=old.origin, to=new.origin, reason="停摆", size=1
    )
    superior.step(Order, notice=noticed, day=str(tomorrow))
    read(old, superior)
    assert home() == (old.origin, "")
    assert len(held()) == 1


def test_an_order_of_a_unit_that_the_directory_does_not_name_is_held_back(told, notice):
    old, new, superior = told
    custody.superior_set(old.origin, new.origin)
    superior.step(Order, notice=notice, day="2026-11-22")
    read(old, superior)
    assert custody.standing(SUBJECT) is None
    assert len(held()) == 2


@pytest.mark.parametrize("objection_first", [True, False])
def test_the_homes_objection_voids_an_order(told, notice, objection_first):
    old, _new, superior = told
    if objection_first:
        read(superior)
        old.step(Objection, notice=notice, reason="本单位正常运行")
        read(old)
    superior.step(Order, notice=notice, day="2026-11-22")
    read(superior)
    if not objection_first:
        old.step(Objection, notice=notice, reason="本单位正常运行")
        read(old)
    assert home()[1] == "objected"
    if objection_first:
        assert home()[0] == old.origin


def test_two_orders_are_contested(told, notice):
    old, new, superior = told
    second = superior.step(
        Notice, day="2026-10-01", home=old.origin, to=new.origin, reason="再次", size=1
    )
    superior.step(Order, notice=notice, day="2026-11-22")
    superior.step(Order, notice=second, day="2026-11-22")
    read(old, superior)
    assert home()[1] == "two-orders"


def test_the_length_of_the_notice_is_a_setting(told, notice):
    old, new, superior = told
    superior.step(Order, notice=notice, day="2026-10-02")
    with override_settings(MINQING=dataclasses.replace(settings.MINQING, notice_days=1)):
        read(old, superior)
    assert home() == (new.origin, "")
