"""Every address of the desk, held against every role, another unit, and nobody. A new page without a line here fails."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern

from minqing.accounts.models import Role, Staff
from minqing.archives.models import Official
from minqing.channel.models import Attachment
from minqing.desk.urls import urlpatterns
from sync.identity import identity
from tenants.current import unit_context
from tests.support.archives import Office
from tests.support.channel import lodged, photo
from tests.support.desk import signed_in, staff_of

CLERK, REVIEWER, HANDLER, SUPERVISOR, OPERATOR = (
    Role.CLERK,
    Role.REVIEWER,
    Role.HANDLER,
    Role.SUPERVISOR,
    Role.OPERATOR,
)
ANYBODY = frozenset(Role)
ARCHIVES = frozenset({CLERK, REVIEWER, SUPERVISOR})
CASES = frozenset({HANDLER, SUPERVISOR})
EXCHANGE = frozenset({OPERATOR, SUPERVISOR})

# name of the page: (who may open it, which methods it answers to)
TABLE = {
    "queue": (ANYBODY, {"GET"}),
    "sign-out": (ANYBODY, {"POST"}),
    "password": (ANYBODY, {"GET", "POST"}),
    "officials": (ARCHIVES, {"GET"}),
    "official": (ARCHIVES, {"GET"}),
    "official-new": ({CLERK}, {"GET", "POST"}),
    "official-edit": ({CLERK}, {"GET", "POST"}),
    "official-publish": ({REVIEWER}, {"POST"}),
    "official-withdraw": ({REVIEWER}, {"POST"}),
    "post-new": ({CLERK}, {"GET", "POST"}),
    "post-edit": ({CLERK}, {"GET", "POST"}),
    "post-remove": ({CLERK}, {"POST"}),
    "entries": (ARCHIVES, {"GET"}),
    "entry": (ARCHIVES, {"GET"}),
    "entry-new": ({CLERK}, {"GET", "POST"}),
    "entry-edit": ({CLERK}, {"GET", "POST"}),
    "entry-correct": ({CLERK}, {"GET", "POST"}),
    "entry-submit": ({CLERK}, {"POST"}),
    "entry-publish": ({REVIEWER}, {"POST"}),
    "entry-return": ({REVIEWER}, {"POST"}),
    "entry-withdraw": ({REVIEWER}, {"POST"}),
    "reply": ({CLERK}, {"GET", "POST"}),
    "reply-publish": ({REVIEWER}, {"POST"}),
    "import": ({CLERK}, {"GET", "POST"}),
    "plan": (ARCHIVES, {"GET"}),
    "plan-enter": ({SUPERVISOR}, {"POST"}),
    "plan-end": ({SUPERVISOR}, {"POST"}),
    "cases": (CASES, {"GET"}),
    "case": (CASES, {"GET"}),
    "case-photo": (CASES, {"GET"}),
    "case-original": ({HANDLER}, {"POST"}),
    "mask": (CASES, {"GET", "POST"}),
    "second-door": (EXCHANGE, {"GET"}),
    "custodian-enter": ({OPERATOR}, {"POST"}),
    "custodian-end": ({OPERATOR}, {"POST"}),
    "designation-enter": ({OPERATOR}, {"POST"}),
    "designation-withdraw": ({OPERATOR}, {"POST"}),
    "receiver-accept": ({OPERATOR}, {"POST"}),
    "receiver-end": ({OPERATOR}, {"POST"}),
    "staff-accounts": ({OPERATOR}, {"GET"}),
    "staff-new": ({OPERATOR}, {"GET", "POST"}),
    "staff-account": ({OPERATOR}, {"GET", "POST"}),
    "staff-agree": ({OPERATOR}, {"POST"}),
    "staff-refuse": ({OPERATOR}, {"POST"}),
    "staff-shut": ({OPERATOR}, {"POST"}),
    "staff-password": ({OPERATOR}, {"POST"}),
    "case-accept": (CASES, {"POST"}),
    "case-return": (CASES, {"POST"}),
    "case-assign": ({SUPERVISOR}, {"POST"}),
    "case-start": (CASES, {"POST"}),
    "case-ask": (CASES, {"POST"}),
    "case-answer": (CASES, {"POST"}),
    "case-refer": (CASES, {"POST"}),
    "case-close": (CASES, {"POST"}),
    "case-seal": (CASES, {"POST"}),
    "lodge": (CASES | {CLERK}, {"GET", "POST"}),
    "lodged": (CASES | {CLERK}, {"GET"}),
    "figures": ({SUPERVISOR}, {"GET"}),
    "sealed": ({Role.CUSTODIAN}, {"GET"}),
    "sealed-open": ({Role.CUSTODIAN}, {"POST"}),
    "ledger": (ANYBODY, {"GET"}),
    "ledger-sheet": (ANYBODY, {"GET"}),
    "handovers": (ARCHIVES, {"GET"}),
    "handover": (ARCHIVES, {"GET"}),
    "handover-offer": ({SUPERVISOR}, {"POST"}),
    "handover-accept": ({SUPERVISOR}, {"POST"}),
    "handover-cancel": ({SUPERVISOR}, {"POST"}),
    "handover-notice": ({SUPERVISOR}, {"POST"}),
    "handover-enter": ({SUPERVISOR}, {"POST"}),
    "handover-confirm": ({SUPERVISOR}, {"POST"}),
    "handover-object": ({SUPERVISOR}, {"POST"}),
    "erasures": (EXCHANGE, {"GET"}),
    "erasure-order": ({SUPERVISOR}, {"POST"}),
    "erasure-confirm": ({SUPERVISOR}, {"POST"}),
    "erasure-drop": ({SUPERVISOR}, {"POST"}),
    "connections": (EXCHANGE, {"GET"}),
    "connection": (EXCHANGE, {"GET"}),
    "connection-ask": ({OPERATOR}, {"POST"}),
    "connection-accept": ({OPERATOR}, {"POST"}),
    "connection-grant": ({OPERATOR}, {"POST"}),
    "connection-end": ({OPERATOR}, {"POST"}),
    "incidents": (EXCHANGE, {"GET"}),
    "incident": (EXCHANGE, {"GET"}),
    "incident-evidence": (EXCHANGE, {"GET"}),
    "incident-close": ({OPERATOR}, {"POST"}),
}
OPEN = {"sign-in": {"GET", "POST"}}
SOMETHING = {
    "entry": uuid.uuid4(), "public_id": uuid.uuid4(), "reply_id": uuid.uuid4(), "photo": uuid.uuid4(), "report": uuid.uuid4(), "post": 1, "number": "2026-XS-00001",
    "origin": "minqing/430524/0a1b2c3d", "item": 1, "record": "ab" * 32,
    "n": 0, "username": "nobody",
}  # fmt: skip
NUMBERS = {"incident", "incident-evidence", "incident-close"}


def address(pattern, **known):
    values = {**SOMETHING, **known}
    if pattern.name in NUMBERS:
        values["number"] = known.get("incident", 1)
    if pattern.name in {"plan-enter", "plan-end"}:
        values["item"] = "inspection"
    path = str(pattern.pattern)
    for name, converter in pattern.pattern.converters.items():
        path = path.replace(f"<{_kind(path, name)}:{name}>", converter.to_url(values[name]))
    return f"/desk/{path}"


def _kind(path, name):
    return path.split(f":{name}>")[0].rsplit("<", 1)[1]


PAGES = [pattern for pattern in urlpatterns if isinstance(pattern, URLPattern)]


def test_every_address_stands_in_the_table_and_carries_its_rule():
    assert len(PAGES) == len(urlpatterns)
    assert {pattern.name for pattern in PAGES} == set(TABLE) | set(OPEN)
    for pattern in PAGES:
        rule = pattern.callback.rule
        if pattern.name in OPEN:
            assert not rule.signed_in
            continue
        who, methods = TABLE[pattern.name]
        assert rule.signed_in
        assert set(rule.methods) == methods
        assert set(rule.roles or Role) == set(who), pattern.name


@pytest.mark.parametrize("role", list(Role))
def test_each_role_opens_what_is_its_own_and_is_refused_the_rest(county, role):
    client = signed_in(county, staff_of(county, "wsl", role))
    for pattern in PAGES:
        if pattern.name in {*OPEN, "sign-out"}:
            continue
        who, methods = TABLE[pattern.name]
        for method in ("GET", "POST"):
            status = client.generic(method, address(pattern)).status_code
            if role not in who:
                assert status == 403, (pattern.name, method, role)
            elif method not in methods:
                assert status == (302 if method == "GET" else 405), (pattern.name, method, role)
            else:
                assert status in {200, 302, 400, 404, 409}, (pattern.name, method, role, status)


def test_nobody_gets_nothing_but_the_sign_in_page(county):
    client = Client(headers={"host": county.host})
    for pattern in PAGES:
        if pattern.name in OPEN:
            continue
        for method in ("GET", "POST"):
            answer = client.generic(method, address(pattern))
            assert answer.status_code == 302, pattern.name
            assert answer.headers["location"].startswith("/desk/sign-in/")


def test_staff_of_another_unit_are_nobody_here(county, neighbour):
    stranger = staff_of(neighbour, "wsl", *Role)
    client = Client(headers={"host": county.host})
    client.cookies = signed_in(neighbour, stranger).cookies
    for pattern in PAGES:
        if pattern.name in OPEN:
            continue
        for method in ("GET", "POST"):
            assert (
                client.generic(method, address(pattern))
                .headers["location"]
                .startswith("/desk/sign-in/")
            )


def test_every_form_without_its_token_is_refused(county):
    client = signed_in(county, staff_of(county, "wsl", *Role), check_forms=True)
    for pattern in PAGES:
        if "POST" in (TABLE[pattern.name][1] if pattern.name in TABLE else OPEN[pattern.name]):
            answer = client.post(address(pattern), {"anything": "x"})
            assert answer.status_code == 403, pattern.name


def test_no_page_offers_what_its_reader_may_not_open(county):
    for role in Role:
        client = signed_in(county, staff_of(county, f"a-{role.value}", role))
        text = client.get("/desk/").content.decode()
        for pattern in PAGES:
            if (
                pattern.name in TABLE
                and "GET" in TABLE[pattern.name][1]
                and "<" not in str(pattern.pattern)
            ):
                offered = f'href="{address(pattern)}"' in text
                assert not offered or role in TABLE[pattern.name][0], (pattern.name, role)


def test_a_role_taken_away_counts_at_once(county):
    staff = staff_of(county, "wsl", CLERK)
    client = signed_in(county, staff)
    assert client.get("/desk/entries/new/").status_code == 200
    with unit_context(county):
        Staff.objects.filter(pk=staff.pk).update(roles=[Role.OPERATOR])
    assert client.get("/desk/entries/new/").status_code == 403


READING_IS_RECORDED = ("sync_pending", "sync_chain")
"""Tables that opening a case writes: who read it (查阅留痕)."""


def test_get_changes_nothing_on_any_page(county):
    with unit_context(county):
        office = Office()
        official, case = office.official(), lodged(photos=(photo(),)).number
        entry = office.submitted(official)
        post = Official.objects.get().posts.get().pk
        picture = Attachment.objects.get().pk
        identity()  # the signer makes a unit's keys when they are first asked for
    client = signed_in(county, staff_of(county, "wsl", *Role))
    client.get("/desk/")
    opened = 0
    for pattern in PAGES:
        thing = official if str(pattern.pattern).startswith("officials/") else entry
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(
                address(pattern, public_id=thing, number=case, post=post, photo=picture)
            )
        opened += answer.status_code == 200
        for query in queries.captured_queries:
            sql = query["sql"].lstrip().upper()
            written = (
                any(f"{verb} " in sql for verb in ("INSERT INTO", "UPDATE", "DELETE FROM"))
                and "FOR UPDATE" not in sql
            )
            assert not written or any(table in query["sql"] for table in READING_IS_RECORDED), (
                pattern.name,
                query["sql"],
            )
    assert opened >= 22
