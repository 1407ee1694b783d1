"""Two presses of one form at the very same instant, as two requests over connections of their own: one act."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.urls import reverse

from minqing.accounts.models import Role
from minqing.channel.models import Case, FormUse, Message, Referral, SealedReport
from sync.identity import origin
from sync.models import Pending
from tenants.current import unit_context
from tests.support import portal
from tests.support.channel import WORDS, connect, custodians, lodged
from tests.support.desk import hidden, signed_in, staff_of

LOOK, SEND, SAY, FOLLOW = (reverse(f"portal:{name}") for name in ("look", "send", "say", "follow"))


def at_once(press):
    """Run a press twice, begun at the same instant; returns both answers."""
    gate = threading.Barrier(2)

    def one(_n):
        try:
            gate.wait(20)
            return press()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(one, range(2)))


def test_one_report_and_the_same_papers(fresh_database, county, visit):
    page = visit(county).post(LOOK, **portal.form(words=WORDS, kind="help")).content.decode()
    fields = {
        "form": portal.hidden(page, "form"), "words64": portal.hidden(page, "words64"), "kind": "help", "village": "", "place": "", "contact": "",
    }  # fmt: skip
    first, second = at_once(lambda: visit(county).post(SEND, **portal.form(**fields)))
    assert first.content == second.content
    assert portal.code_in(first.content.decode())
    with unit_context(county):
        assert (Case.objects.count(), FormUse.objects.count()) == (1, 1)


def test_one_follow_up(fresh_database, county, visit):
    with unit_context(county):
        code = lodged().code
    page = visit(county).post(FOLLOW, **portal.form(code=code)).content.decode()
    fields = {"form": portal.hidden(page, "form"), "code": code, "words": "还有一段路。"}
    answers = at_once(lambda: visit(county).post(SAY, **portal.form(**fields)))
    assert [answer.status_code for answer in answers] == [200, 200]
    again = visit(county).post(SAY, **portal.form(**{**fields, "words": "别的话。"}))
    assert again.status_code == 409
    assert "没有重复登记" in again.content.decode()
    with unit_context(county):
        assert Message.objects.filter(purpose="follow_up").count() == 1
        assert Pending.objects.filter(kind="channel.words").count() == 2
    page = visit(county).post(FOLLOW, **portal.form(code=code)).content.decode()
    fresh = {"form": portal.hidden(page, "form"), "code": code, "words": "还有一段路。"}
    assert visit(county).post(SAY, **portal.form(**fresh)).status_code == 200
    with unit_context(county):
        assert Message.objects.filter(purpose="follow_up").count() == 2


@pytest.fixture
def desk(fresh_database, county, neighbour):
    """A case in progress, its page's address, and a press of one of its buttons."""
    connect(county, neighbour)
    with unit_context(neighbour):
        there = origin()
    who = staff_of(county, "handler", Role.HANDLER)
    with unit_context(county):
        taken = lodged()
        custodians()
    address = f"/desk/cases/{taken.number}/"
    clients = [signed_in(county, who) for _n in range(2)]
    page = clients[0].get(address).content.decode()
    clients[0].post(
        f"{address}accept/", {"seen": hidden(page, "seen"), "once": hidden(page, "once")}
    )
    page = clients[0].get(address).content.decode()
    fields = {"seen": hidden(page, "seen"), "once": hidden(page, "once"), "to": there}

    def press(name, **more):
        return at_once(lambda: clients.pop().post(f"{address}{name}/", {**fields, **more}))

    return press


def test_one_answer(desk, county):
    assert [answer.status_code for answer in desk("answer", note="修好了。")] == [302, 302]
    with unit_context(county):
        assert Message.objects.filter(purpose="answer").count() == 1
        assert Case.objects.get().steps.filter(state="answered").count() == 1


def test_one_referral(desk, county):
    assert [answer.status_code for answer in desk("refer", note="归你们。")] == [302, 302]
    with unit_context(county):
        assert Referral.objects.count() == 1
        assert Pending.objects.filter(kind="channel.referral").count() == 1


def test_one_sealed_report_and_the_second_press_finds_nothing(desk, county):
    assert sorted(answer.status_code for answer in desk("seal")) == [302, 404]
    with unit_context(county):
        assert SealedReport.objects.count() == 1
        assert not Message.objects.exists()
