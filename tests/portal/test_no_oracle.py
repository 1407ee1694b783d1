"""Whoever a report names, its reporter is answered the same: the form tells nobody who is staff or a hidden official here."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from minqing.accounts.models import Role
from minqing.archives.models import Official
from minqing.channel import selectors, services
from minqing.channel.models import Case
from sync.identity import origin
from tenants.current import unit_context
from tests.support.channel import connect, staff
from tests.support.portal import code_in, form

SEND, FOLLOW, SAY, PRESS = (
    reverse(f"portal:{name}") for name in ("send", "follow", "say", "press")
)
NAMES = ("王示例", "李样本", "张演示", "陈虚构", "赵样例")
"""Nobody, an unpublished official, a handler, a supervisor, an official of the unit above."""


@pytest.fixture(params=["nobody above", "the unit above is connected"])
def people(request, city, county):
    if request.param != "nobody above":
        connect(city, county)
    with unit_context(county):
        Official.objects.create(name="李样本", home=origin())
        staff("handler", Role.HANDLER, name="张演示")
        named = staff("named", Role.SUPERVISOR, name="陈虚构")
        other = staff("other", Role.SUPERVISOR, name="周示例")
    with unit_context(city):
        Official.objects.create(name="赵样例", home=origin())
    return named, other, request.param != "nobody above"


def plain(answer, name: str) -> str:
    """The answer without the name asked about and without what is drawn at random."""
    page = answer.content.decode().replace(name, "NAME")
    page = re.sub(r"\d{4} \d{4} \d{4} \d{4}", "CODE", page)
    page = re.sub(r"20\d\d-[^<\s]*\d{5}", "NUMBER", page)
    page = re.sub(r'name="form" value="[0-9a-f]*"', "TOKEN", page)
    return f"{answer.status_code} {dict(answer.headers)['Cache-Control']} {page}"


def test_every_answer_is_the_same_whoever_is_named(county, visit, people):
    said: list[list[str]] = []
    for name in NAMES:
        client = visit(county)
        words = f"{name}办事拖拉，跑了三趟。".encode()
        sent = client.post(SEND, **form(words=words, kind="complaint"))
        assert sent.status_code == 200
        code = code_in(sent.content.decode())
        said.append(
            [
                plain(sent, name),
                plain(client.post(FOLLOW, **form(code=code)), name),
                plain(client.post(SAY, **form(code=code, words=f"还是{name}".encode())), name),
                plain(client.post(PRESS, **form(code=code)), name),
                plain(client.post(FOLLOW, **form(code=code)), name),
            ]
        )
    for answers in said[1:]:
        assert answers == said[0]


def test_a_name_that_comes_later_is_answered_like_any_other(county, visit, people):
    said = []
    for name in NAMES:
        client = visit(county)
        sent = client.post(SEND, **form(words="路灯坏了。".encode(), kind="help"))
        code = code_in(sent.content.decode())
        said.append(
            (
                plain(client.post(SAY, **form(code=code, words=f"找{name}没用".encode())), name),
                plain(client.post(FOLLOW, **form(code=code)), name),
            )
        )
    assert len(set(said)) == 1


def test_who_is_named_and_their_colleagues_do_not_see_it_and_somebody_does(county, people):
    named, other, above = people
    with unit_context(county):
        numbers = {
            name: services.report_lodge(words=f"{name}收钱".encode()).number for name in NAMES[1:4]
        }
        seen = {row.number for row in selectors.desk_cases(other)}
        assert seen == (set() if above else set(numbers.values()))
        seen = {row.number for row in selectors.desk_cases(named)}
        assert seen == (set() if above else {numbers["李样本"], numbers["张演示"]})
        by = staff("colleague", Role.HANDLER, name="吴示例")
        assert selectors.desk_cases(by) == []
        assert Case.objects.exclude(superior="").count() == (3 if above else 0)
