"""Coming in, going out, changing the password."""

from __future__ import annotations

import html
import re
import uuid

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from minqing.accounts.models import Role, Staff
from minqing.accounts.services import staff_create, staff_disable
from tenants.current import unit_context

PASSWORD = "一句自己记得住的老话"


@pytest.fixture
def clerk(county):
    with unit_context(county):
        return staff_create(username="wsl", name="王示例", roles=[Role.CLERK], password=PASSWORD)


def enter(client, username, password, **more):
    return client.post("/desk/sign-in/", {"username": username, "password": password}, **more)


def test_name_and_password_open_the_desk_and_signing_out_closes_it(clerk, county, visit):
    client = visit(county)
    assert enter(client, "wsl", PASSWORD).headers["location"] == "/desk/"
    assert "王示例" in client.get("/desk/").content.decode()
    assert client.get("/desk/sign-out/").headers["location"] == "/desk/", "looking signs nobody out"
    assert client.get("/desk/").status_code == 200
    assert client.post("/desk/sign-out/").headers["location"] == "/desk/sign-in/"
    assert client.get("/desk/").headers["location"] == "/desk/sign-in/"


def test_what_stands_in_the_database_signs_nobody_in(clerk, county, visit):
    client = visit(county)
    enter(client, "wsl", PASSWORD)
    with unit_context(county):
        (kept,) = Session.objects.values_list("session_key", flat=True)
    assert kept != client.cookies["sessionid"].value
    thief = visit(county)
    for cookie in (kept, '"\\000"', "", "x" * 4000):
        thief.cookies["sessionid"] = cookie
        assert thief.get("/desk/").status_code == 302
    assert client.get("/desk/").status_code == 200
    client.post("/desk/sign-out/")
    with unit_context(county):
        assert not Session.objects.exists()


def test_signing_in_takes_no_cookie_that_was_there_before(clerk, county, visit):
    client = visit(county)
    client.cookies["sessionid"] = "a" * 32
    enter(client, "wsl", PASSWORD)
    assert client.cookies["sessionid"].value != "a" * 32
    assert client.get("/desk/").status_code == 200


def test_an_unknown_name_a_wrong_password_and_a_shut_account_get_the_same_answer(
    clerk, county, visit
):
    with unit_context(county):
        shut = staff_create(username="lyb", name="李样本", roles=[Role.CLERK], password=PASSWORD)
        staff_disable(staff=shut)
    answers = []
    for username, password in (
        ("nobody", PASSWORD),
        ("wsl", "不是这个密码呀呀"),
        ("lyb", PASSWORD),
    ):
        answer = enter(visit(county), username, password)
        text = answer.content.decode()
        answers.append((answer.status_code, text[text.index('role="alert"') :].split("</div>")[0]))
        assert f'value="{username}"' in text, "what was typed is kept"
        assert password not in text
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 403


def test_many_wrong_passwords_make_the_name_wait_whether_it_exists_or_not(clerk, county, visit):
    for username in ("wsl", "nobody"):
        statuses = [
            enter(visit(county), username, f"错的密码第{n}次").status_code for n in range(8)
        ]
        assert statuses[:5] == [403] * 5
        assert 429 in statuses


def test_staff_of_one_unit_cannot_sign_in_or_stay_signed_in_at_another(
    clerk, county, neighbour, visit
):
    assert enter(visit(neighbour), "wsl", PASSWORD).status_code == 403
    client = visit(county)
    enter(client, "wsl", PASSWORD)
    elsewhere = Client(headers={"host": neighbour.host})
    elsewhere.cookies = client.cookies
    assert elsewhere.get("/desk/").headers["location"] == "/desk/sign-in/"


def test_a_first_password_is_changed_before_anything_else(county, visit):
    with unit_context(county):
        staff_create(
            username="zys",
            name="张演示",
            roles=[Role.CLERK],
            password=PASSWORD,
            must_change_password=True,
        )
    client = visit(county)
    assert enter(client, "zys", PASSWORD).headers["location"] == "/desk/password/"
    assert client.get("/desk/").headers["location"] == "/desk/password/"
    new = "另外一句自己记得住的话"
    wrong = client.post("/desk/password/", {"old": "不对的旧密码", "new": new, "again": new})
    assert wrong.status_code == 400
    assert "现在的密码不对" in wrong.content.decode()
    different = client.post("/desk/password/", {"old": PASSWORD, "new": new, "again": new + "！"})
    assert "两次输入的新密码不一样" in different.content.decode()
    weak = client.post("/desk/password/", {"old": PASSWORD, "new": "短", "again": "短"})
    assert weak.status_code == 400
    assert "密码太短，至少要 10 个字符" in weak.content.decode()
    assert (
        client.post("/desk/password/", {"old": PASSWORD, "new": new, "again": new}).headers[
            "location"
        ]
        == "/desk/"
    )
    assert client.get("/desk/").status_code == 200
    assert enter(visit(county), "zys", PASSWORD).status_code == 403
    assert enter(visit(county), "zys", new).status_code == 302


def test_the_page_asked_for_comes_after_signing_in_and_no_address_elsewhere(clerk, county, visit):
    client = visit(county)
    sent = client.get("/desk/password/").headers["location"]
    assert sent == "/desk/sign-in/?next=%2Fdesk%2Fpassword%2F"
    assert (
        client.post(sent, {"username": "wsl", "password": PASSWORD}).headers["location"]
        == "/desk/password/"
    )
    for evil in (
        "https://evil.example/desk/",
        "//evil.example/desk/",
        "/report/",
        "javascript:alert(1)",
    ):
        answer = visit(county).post(
            f"/desk/sign-in/?next={evil}", {"username": "wsl", "password": PASSWORD}
        )
        assert answer.headers["location"] == "/desk/"


def test_a_dismissal_counts_at_once(clerk, county, visit):
    client = visit(county)
    enter(client, "wsl", PASSWORD)
    with unit_context(county):
        Staff.objects.filter(username="wsl").update(is_active=False)
    assert client.get("/desk/").headers["location"] == "/desk/sign-in/"


def test_bad_bytes_in_the_name_get_a_sentence(county, visit):
    for username in ("\x00", "a" * 5000, ""):
        answer = enter(visit(county), username, PASSWORD)
        assert answer.status_code == 400
        assert "还没有存下" in answer.content.decode() or 'role="alert"' in answer.content.decode()


def test_a_sign_in_without_the_forms_token_is_refused(clerk, county):
    client = Client(enforce_csrf_checks=True, headers={"host": county.host})
    assert enter(client, "wsl", PASSWORD).status_code == 403
    page = client.get("/desk/sign-in/")
    token = page.context["csrf_token"]
    assert enter(client, "wsl", PASSWORD, headers={"x-csrftoken": str(token)}).status_code == 302


def test_staff_pages_are_kept_by_no_cache(clerk, county, visit):
    client = visit(county)
    assert "no-store" in client.get("/desk/sign-in/").headers["cache-control"]
    enter(client, "wsl", PASSWORD)
    assert client.get("/desk/").headers["cache-control"] == "private, no-store"


def test_what_was_typed_is_given_back_when_the_session_has_ended(clerk, county, visit):
    client = visit(county)
    answer = client.post(
        "/desk/cases/2026-XS-00001/answer/", {"note": "修好了 <b>", "password": PASSWORD}
    )
    page = answer.content.decode()
    assert answer.status_code == 403
    assert "修好了 &lt;b&gt;" in page
    assert PASSWORD not in page
    assert answer.headers["cache-control"] == "private, no-store"
    target = html.unescape(re.search(r'class="button" href="([^"]+)"', page)[1])
    entered = client.post(target, {"username": "wsl", "password": PASSWORD})
    assert entered.headers["location"] == "/desk/cases/2026-XS-00001/"
    with unit_context(county):
        (session,) = Session.objects.all()
        assert "修好了" not in str(session.get_decoded())


def test_the_address_of_a_button_leads_to_its_page(clerk, county, visit):
    client = visit(county)
    enter(client, "wsl", PASSWORD)
    public_id = uuid.uuid4()
    for button, page in (
        (f"/desk/entries/{public_id}/submit/", f"/desk/entries/{public_id}/"),
        ("/desk/sign-out/", "/desk/"),
    ):
        assert client.get(button).headers["location"] == page
