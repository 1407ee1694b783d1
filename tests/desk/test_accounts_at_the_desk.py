"""Accounts of staff at the desk: made, changed, shut, opened again; never one's own rights."""

from __future__ import annotations

import re

import pytest

from minqing.accounts.models import Role, Staff
from minqing.accounts.services import sign_in
from sync.models import Pending
from tenants.current import unit_context
from tests.support.desk import signed_in, staff_of

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
    fields = {"username": "lyb", "name": "李样本", "office": "交通股", "roles": ["handler"]}
    page = operator.post(NEW, fields).content.decode()
    with unit_context(county):
        made = sign_in(username="lyb", password=word_on(page))
        assert made.must_change_password
        assert (made.name, made.office, made.roles) == ("李样本", "交通股", ["handler"])
        record = Pending.objects.get(kind="accounts.staff")
        assert b'"what":"created"' in bytes(record.body)
        assert word_on(page).encode() not in bytes(record.body)
    again = operator.post(NEW, fields)
    assert again.status_code == 400
    assert "已经有人使用" in again.content.decode()
    assert "lyb" in operator.get("/desk/staff/").content.decode()


def test_roles_count_at_once_and_nobody_changes_their_own(county, operator):
    staff_of(county, "lyb", Role.CLERK, name="李样本")
    fields = {"name": "李样本", "office": "", "roles": ["clerk", "reviewer"]}
    assert operator.post("/desk/staff/of/lyb/", fields).status_code == 200
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
        said = [bytes(row.body) for row in Pending.objects.filter(kind="accounts.staff")]
    assert [b"disabled" in said[0], b"enabled" in said[1]] == [True, True]


@pytest.mark.parametrize("act", ["shut", "password"])
def test_nobody_shuts_or_resets_themselves_here(county, operator, act):
    answer = operator.post(f"/desk/staff/of/operator/{act}/")
    assert answer.status_code == 403
    with unit_context(county):
        assert Staff.objects.get(username="operator").is_active
        assert not Pending.objects.filter(kind="accounts.staff").exists()
