"""Accounts of staff at the desk: made, changed, shut, opened again; never one's own rights."""

from __future__ import annotations

import datetime
import json
import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from minqing.accounts import proposing
from minqing.accounts.errors import NotAllowed, SignInRefused, StaffFault
from minqing.accounts.models import Proposal, Role, Staff
from minqing.accounts.services import password_set, sign_in, staff_create
from sync.models import Pending
from tenants.current import unit_context, unit_set
from tests.support.desk import hidden, signed_in, staff_of

NEW = "/desk/staff/new/"


@pytest.fixture
def operator(county):
    return signed_in(county, staff_of(county, "operator", Role.OPERATOR, name="周示例"))


def word_on(page: str) -> str:
    found = re.search(r'class="mono fingerprint">([^<]+)<', page)
    assert found
    return found[1]


def test_an_account_is_made_and_its_first_password_is_shown_once_and_must_be_changed(
    county, operator
):
    fields = {"username": "lyb", "name": "李样本", "office": "交通股", "roles": ["clerk"]}
    page = operator.post(NEW, fields).content.decode()
    with unit_context(county):
        made = sign_in(username="lyb", password=word_on(page))
        assert made.must_change_password
        assert (made.name, made.office, made.roles) == ("李样本", "交通股", ["clerk"])
        record = Pending.objects.get(kind="accounts.staff")
        assert b'"what":"created"' in bytes(record.body)
        assert word_on(page).encode() not in bytes(record.body)
    again = operator.post(NEW, fields)
    assert again.status_code == 400
    assert "已经有人使用" in again.content.decode()
    assert "lyb" in operator.get("/desk/staff/").content.decode()


def test_roles_count_at_once_and_nobody_changes_their_own(county, operator):
    staff_of(county, "lyb", Role.CLERK, Role.REVIEWER, Role.HANDLER, name="李样本")
    fields = {"name": "李样本", "office": "组织部", "roles": ["clerk", "reviewer"]}
    assert "马上算数" in operator.post("/desk/staff/of/lyb/", fields).content.decode()
    own = {"name": "周示例", "office": "组织部", "roles": ["operator", "custodian"]}
    refused = operator.post("/desk/staff/of/operator/", own)
    assert refused.status_code == 400
    assert "自己的角色自己不能改" in refused.content.decode()
    assert (
        operator.post("/desk/staff/of/operator/", own | {"roles": ["operator"]}).status_code == 200
    )
    with unit_context(county):
        assert Staff.objects.get(username="lyb").roles == ["clerk", "reviewer"]
        assert Staff.objects.get(username="operator").roles == ["operator"]
    nothing = operator.post("/desk/staff/of/lyb/", {"name": "李样本", "roles": []})
    assert nothing.status_code == 400
    assert (
        operator.post("/desk/staff/of/lyb/", {"name": "李样本", "roles": ["root"]}).status_code
        == 400
    )


def test_an_account_is_shut_at_once_and_opened_with_a_new_password(county, operator):
    colleague = staff_of(county, "lyb", Role.CLERK, name="李样本")
    session = signed_in(county, colleague)
    assert session.get("/desk/").status_code == 200
    assert operator.post("/desk/staff/of/lyb/shut/").status_code == 200
    assert session.get("/desk/").status_code == 302
    page = operator.post("/desk/staff/of/lyb/password/").content.decode()
    with unit_context(county):
        assert sign_in(username="lyb", password=word_on(page)).must_change_password
        said = [
            bytes(row.body) for row in Pending.objects.filter(kind="accounts.staff").order_by("id")
        ]
    assert [b"disabled" in said[0], b"enabled" in said[1]] == [True, True]


@pytest.mark.parametrize("act", ["shut", "password"])
def test_nobody_shuts_or_resets_themselves_here(county, operator, act):
    answer = operator.post(f"/desk/staff/of/operator/{act}/")
    assert answer.status_code == 403
    with unit_context(county):
        assert Staff.objects.get(username="operator").is_active
        assert not Pending.objects.filter(kind="accounts.staff").exists()


# --- two operators ------------------------------------------------------------------------------


@pytest.fixture
def second(county):
    return signed_in(county, staff_of(county, "second", Role.OPERATOR, name="吴示例"))


def agree(client, username, **more):
    """Press 同意 beside a proposal as the page shows it."""
    page = client.get("/desk/staff/").content.decode()
    return client.post(f"/desk/staff/of/{username}/agree/", {"seen": hidden(page, "seen"), **more})


def said(county):
    with unit_context(county):
        rows = Pending.objects.filter(kind="accounts.staff").order_by("id")
        return [json.loads(bytes(row.body)) for row in rows]


@pytest.mark.parametrize("role", [role for role in Role if role != Role.CLERK])
def test_one_operator_alone_makes_nobody_whom_others_rely_on(county, operator, second, role):
    fields = {"username": "lyb", "name": "李样本", "office": "纪检", "roles": [role]}
    page = operator.post(NEW, fields).content.decode()
    first_half = word_on(page)
    with unit_context(county):
        assert not Staff.objects.filter(username="lyb").exists()
    assert "/agree/" not in operator.get("/desk/staff/").content.decode()
    assert operator.post("/desk/staff/of/lyb/agree/").status_code == 403
    assert "新增：李样本" in second.get("/desk/").content.decode()
    assert "新增：李样本" not in operator.get("/desk/").content.decode()
    second_half = word_on(agree(second, "lyb").content.decode())
    with unit_context(county):
        for half in (first_half, second_half):
            with pytest.raises(SignInRefused):
                sign_in(username="lyb", password=half)
        made = sign_in(username="lyb", password=first_half + second_half)
        assert (made.roles, made.must_change_password) == ([role], True)
        assert not Proposal.objects.exists()
    assert [(row["by"], row["what"]) for row in said(county)] == [
        ("operator", "proposed-created"),
        ("second", "agreed-created"),
    ]
    assert operator.post("/desk/staff/of/lyb/agree/").status_code == 409


def test_an_operator_who_also_reviews_makes_and_enters_no_drafters_account_alone(county):
    """Else they would draft as the clerk and publish as themselves."""
    both = signed_in(county, staff_of(county, "both", Role.OPERATOR, Role.REVIEWER))
    staff_of(county, "lyb", Role.CLERK, name="李样本")
    fields = {"username": "new", "name": "张演示", "office": "", "roles": ["clerk"]}
    assert len(word_on(both.post(NEW, fields).content.decode())) < 12  # half a password
    both.post("/desk/staff/of/lyb/password/")
    with unit_context(county):
        assert not Staff.objects.filter(username="new").exists()
        assert {row.username for row in Proposal.objects.all()} == {"new", "lyb"}


def test_who_takes_roles_away_does_not_learn_the_password_that_comes_back_with_them(
    county, operator
):
    staff_of(county, "lyb", Role.CLERK, Role.CUSTODIAN, name="李样本")
    fields = {"name": "李样本", "office": "组织部", "roles": ["clerk", "custodian"]}
    assert "马上算数" in operator.post("/desk/staff/of/lyb/", fields).content.decode()
    operator.post("/desk/staff/of/lyb/", fields | {"roles": ["clerk"]})
    operator.post("/desk/staff/of/lyb/password/")
    with unit_context(county):
        assert Staff.objects.get(username="lyb").roles == ["clerk"]
        assert Proposal.objects.get().what == "password"


def test_roles_name_and_office_of_such_a_person_change_when_another_agrees(
    county, operator, second
):
    staff_of(county, "lyb", Role.CUSTODIAN, name="李样本", office="纪检")
    for changed in ({"roles": ["custodian", "supervisor"]}, {"office": "组织"}, {"name": "陈虚构"}):
        fields = {"name": "李样本", "office": "纪检", "roles": ["custodian"]} | changed
        assert "等另一位" in operator.post("/desk/staff/of/lyb/", fields).content.decode()
        with unit_context(county):
            kept = Staff.objects.get(username="lyb")
            assert (kept.name, kept.office, kept.roles) == ("李样本", "纪检", ["custodian"])
    assert "同意了" in agree(second, "lyb").content.decode()
    with unit_context(county):
        assert Staff.objects.get(username="lyb").name == "陈虚构"


def test_a_password_of_such_a_person_is_the_old_one_until_another_agrees(county, operator, second):
    with unit_context(county):
        keeper = staff_create(
            username="lyb", name="李样本", roles=[Role.CUSTODIAN], password="three-blue-herons"
        )
    first_half = word_on(operator.post("/desk/staff/of/lyb/password/").content.decode())
    with unit_context(county):
        assert sign_in(username="lyb", password="three-blue-herons") == keeper
    second_half = word_on(agree(second, "lyb").content.decode())
    with unit_context(county):
        with pytest.raises(SignInRefused):
            sign_in(username="lyb", password="three-blue-herons")
        assert sign_in(username="lyb", password=first_half + second_half).must_change_password
    assert operator.post("/desk/staff/of/lyb/shut/").status_code == 200
    operator.post("/desk/staff/of/lyb/password/")
    with unit_context(county):
        assert not Staff.objects.get(username="lyb").is_active, "opening again needs two as well"
    agree(second, "lyb")
    with unit_context(county):
        assert Staff.objects.get(username="lyb").is_active


def test_nobody_agrees_to_their_own_or_to_what_they_did_not_read(county, operator, second):
    fields = {"name": "吴示例", "office": "组织部", "roles": ["operator", "custodian"]}
    operator.post("/desk/staff/of/second/", fields)
    page = second.get("/desk/staff/").content.decode()
    assert "/agree/" not in page
    assert second.post("/desk/staff/of/second/agree/").status_code == 403
    with unit_context(county):
        assert Staff.objects.get(username="second").roles == ["operator"]
    staff_of(county, "lyb", Role.CLERK, name="李样本")
    change = {"name": "李样本", "office": "组织部", "roles": ["clerk", "reviewer"]}
    operator.post("/desk/staff/of/lyb/", change)
    stamp = hidden(second.get("/desk/staff/").content.decode(), "seen")
    operator.post("/desk/staff/of/lyb/", change | {"roles": ["clerk", "operator"]})
    for seen in (stamp, "", "x"):
        answer = second.post("/desk/staff/of/lyb/agree/", {"seen": seen})
        assert answer.status_code == 409
        assert "刚才变了" in answer.content.decode()
    with unit_context(county):
        assert Staff.objects.get(username="lyb").roles == ["clerk"]
    assert "不办了" in second.post("/desk/staff/of/lyb/refuse/").content.decode()
    assert second.post("/desk/staff/of/lyb/agree/", {"seen": stamp}).status_code == 409


def test_what_a_dismissed_operator_proposed_or_what_is_old_counts_for_nothing(
    county, operator, second, time_machine
):
    fields = {"username": "lyb", "name": "李样本", "office": "纪检", "roles": ["supervisor"]}
    operator.post(NEW, fields)
    with unit_context(county):
        Staff.objects.filter(username="operator").update(is_active=False)
    assert agree(second, "lyb").status_code == 409
    with unit_context(county):
        Staff.objects.filter(username="operator").update(is_active=True)
    stamp = hidden(second.get("/desk/staff/").content.decode(), "seen")
    time_machine.move_to(now() + datetime.timedelta(days=15))
    with unit_context(county):
        who = Staff.objects.get(username="second")
        with pytest.raises(StaffFault):
            proposing.agreed(by=who, username="lyb", stamp=stamp)
        assert proposing.proposals(who) == []
        assert not Staff.objects.filter(username="lyb").exists()


def test_services_and_not_only_pages_ask_for_two(county, operator):
    with unit_context(county):
        who = Staff.objects.get(username="operator")
        keeper = staff_of(county, "lyb", Role.CUSTODIAN)
        with pytest.raises(NotAllowed):
            staff_create(
                username="x1", name="陈虚构", roles=[Role.OPERATOR], password="three-herons", by=who
            )
        with pytest.raises(NotAllowed):
            password_set(staff=keeper, password="three-blue-herons", by=who)
        for act in (proposing.agreed, proposing.turned_down):
            with pytest.raises(NotAllowed):
                act(by=keeper, username="x1")
        with pytest.raises(NotAllowed):
            proposing.proposals(keeper)


def test_where_there_is_one_operator_the_host_agrees_and_it_is_written_down(county, operator):
    fields = {"username": "lyb", "name": "李样本", "office": "纪检", "roles": ["supervisor"]}
    page = operator.post(NEW, fields).content.decode()
    assert "minqing staff agree lyb --unit 430522" in page

    def run(*arguments):
        out = StringIO()
        unit_set(None)
        call_command("staff", *arguments, "--unit", county.code, stdout=out)
        return out.getvalue()

    assert "lyb" in run("proposals")
    half = run("agree", "lyb").strip().rsplit(" ", 1)[1]
    with unit_context(county):
        assert sign_in(username="lyb", password=word_on(page) + half).roles == ["supervisor"]
    assert run("proposals") == ""
    with pytest.raises(CommandError, match="等人同意"):
        run("refuse", "lyb")
    run("create", "op2", "陈虚构", "--role", "operator")
    run("password", "op2")
    run("disable", "op2")
    assert [(row["by"], row["what"]) for row in said(county)][1:] == [
        ("", "agreed-created"), ("", "created"), ("", "password"), ("", "disabled"),
    ]  # fmt: skip
