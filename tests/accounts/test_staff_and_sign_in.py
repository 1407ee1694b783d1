"""Staff, roles, sign-in: who gets in, who does not, and that nothing about the visitor is kept."""

from __future__ import annotations

import datetime
from io import StringIO

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from minqing.accounts import throttle
from minqing.accounts.audit import read_recorded
from minqing.accounts.errors import NotAllowed, SignInRefused, StaffFault, TooManyAttempts
from minqing.accounts.models import Role, SignInCell, Staff
from minqing.accounts.permissions import require
from minqing.accounts.selectors import staff_list
from minqing.accounts.services import password_set, sign_in, staff_create, staff_disable
from sync.models import Pending
from tenants.current import unit_context, unit_set

pytestmark = pytest.mark.django_db
PASSWORD = "three-blue-herons"


@pytest.fixture(autouse=True)
def _quick_hashes(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _in_county(county):
    with unit_context(county):
        yield


@pytest.fixture
def clerk() -> Staff:
    return staff_create(username="clerk", name="李样本", roles=[Role.CLERK], password=PASSWORD)


@pytest.fixture
def operator() -> Staff:
    return staff_create(
        username="operator", name="张演示", roles=[Role.OPERATOR], password=PASSWORD
    )


def test_the_right_password_signs_in(clerk):
    assert sign_in(username="clerk", password=PASSWORD) == clerk


@pytest.mark.usefixtures("clerk")
@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("clerk", "wrong"),
        ("nobody", PASSWORD),
        ("", ""),
        ("clerk", ""),
        ("CLERK", PASSWORD),
        ("clerk\x00", PASSWORD),
        ("x" * 5000, "y"),
        ("clerk", "y" * 5000),
    ],
)
def test_everything_else_gets_one_and_the_same_answer(username, password):
    with pytest.raises(SignInRefused, match="登录名或密码不对"):
        sign_in(username=username, password=password)


def test_a_disabled_account_does_not_sign_in(clerk):
    staff_disable(staff=clerk)
    with pytest.raises(SignInRefused):
        sign_in(username="clerk", password=PASSWORD)


def guess(username: str, times: int) -> None:
    for _ in range(times):
        with pytest.raises(SignInRefused):
            sign_in(username=username, password="wrong")


@pytest.mark.parametrize("username", ["clerk", "never-heard-of"])
def test_wrong_passwords_slow_the_name_whether_it_exists_or_not(clerk, username, time_machine):
    time_machine.move_to(datetime.datetime(2026, 11, 23, 8, tzinfo=datetime.UTC), tick=False)
    guess(username, throttle.FREE_ATTEMPTS + 1)
    with pytest.raises(TooManyAttempts, match="请过 2 秒再试") as caught:
        sign_in(username=username, password=PASSWORD)
    assert caught.value.wait == 2
    time_machine.shift(3)
    if username == clerk.username:
        assert sign_in(username=username, password=PASSWORD) == clerk
    else:
        guess(username, 1)


@pytest.mark.usefixtures("clerk")
def test_the_wait_grows_and_has_an_end(time_machine):
    time_machine.move_to(datetime.datetime(2026, 11, 23, 8, tzinfo=datetime.UTC), tick=False)
    waits = []
    for _ in range(30):
        try:
            sign_in(username="clerk", password="wrong")
        except TooManyAttempts as fault:
            waits.append(fault.wait)
            time_machine.shift(fault.wait)
        except SignInRefused:
            continue
    assert waits == sorted(waits)
    assert max(waits) <= throttle.LONGEST_WAIT
    assert SignInCell.objects.count() == 1


@pytest.mark.usefixtures("clerk")
def test_a_day_later_wrong_passwords_are_forgotten(time_machine):
    time_machine.move_to(datetime.datetime(2026, 11, 23, 8, tzinfo=datetime.UTC), tick=False)
    guess("clerk", throttle.FREE_ATTEMPTS)
    time_machine.move_to(now() + datetime.timedelta(days=2), tick=False)
    guess("clerk", throttle.FREE_ATTEMPTS)
    assert sign_in(username="clerk", password=PASSWORD)
    assert not SignInCell.objects.exists()


def test_the_counters_hold_no_name_and_do_not_grow_with_names():
    for number in range(60):
        throttle.attempt(f"invented-{number}")
    assert SignInCell.objects.count() <= 60
    assert {field.name for field in SignInCell._meta.get_fields()} == {
        "number",
        "failures",
        "rests_until",
    }
    assert all(0 <= throttle.cell_of(f"name-{number}") < throttle.CELLS for number in range(1000))


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"username": "张演示"}, "小写英文字母"),
        ({"username": "A"}, "小写英文字母"),
        ({"username": "../x"}, "小写英文字母"),
        ({"name": " "}, "姓名"),
        ({"name": "长" * 61}, "姓名"),
        ({"roles": []}, "至少选择一个角色"),
        ({"roles": ["root"]}, "至少选择一个角色"),
        ({"password": "short"}, "至少要 10 个字符"),
        ({"password": "password123"}, "太常见"),
        ({"password": "长" * 201}, "太长"),
    ],
)
def test_staff_that_do_not_fit_are_not_made(more, why):
    with pytest.raises(StaffFault, match=why):
        staff_create(
            **{
                "username": "clerk",
                "name": "李样本",
                "roles": [Role.CLERK],
                "password": PASSWORD,
                **more,
            }
        )
    assert not Staff.objects.exists()


def test_a_sign_in_name_is_given_once_per_unit(clerk, neighbour):
    with pytest.raises(StaffFault, match="已经有人使用"):
        staff_create(username="clerk", name="陈虚构", roles=[Role.CLERK], password=PASSWORD)
    with unit_context(neighbour):
        staff_create(username="clerk", name="陈虚构", roles=[Role.CLERK], password=PASSWORD)
        assert [row.name for row in staff_list()] == ["陈虚构"]
    assert [row.name for row in staff_list()] == ["李样本"]


@pytest.mark.parametrize("role", [role for role in Role if role != Role.OPERATOR])
def test_only_the_operator_makes_and_shuts_accounts(role, operator):
    other = staff_create(username="other", name="陈虚构", roles=[role], password=PASSWORD)
    for act in (
        lambda by: staff_create(
            username="new", name="赵试用", roles=[Role.CLERK], password=PASSWORD, by=by
        ),
        lambda by: staff_disable(staff=operator, by=by),
        lambda by: password_set(staff=operator, password=PASSWORD, by=by),
    ):
        with pytest.raises(NotAllowed):
            act(other)
    staff_create(username="new", name="赵试用", roles=[Role.CLERK], password=PASSWORD, by=operator)


def test_nobody_shuts_their_own_account(operator):
    with pytest.raises(NotAllowed):
        staff_disable(staff=operator, by=operator)


def test_one_changes_ones_own_password_and_the_operators_word_must_be_changed(clerk, operator):
    password_set(staff=clerk, password="another-word-17", by=clerk)
    clerk.refresh_from_db()
    assert not clerk.must_change_password
    password_set(staff=clerk, password="yet-another-17", by=operator)
    clerk.refresh_from_db()
    assert clerk.must_change_password
    assert sign_in(username="clerk", password="yet-another-17") == clerk


def test_roles_do_not_include_one_another(clerk, operator):
    assert require(clerk, Role.CLERK, Role.REVIEWER) == clerk
    for by in (operator, None, AnonymousUser(), Staff(username="clerk", roles=list(Role))):
        with pytest.raises(NotAllowed):
            require(by, Role.CLERK)


def test_an_old_session_counts_for_nothing_after_dismissal_or_a_new_password(clerk):
    before = Staff.objects.get(pk=clerk.pk)
    password_set(staff=clerk, password="another-word-17")
    with pytest.raises(NotAllowed):
        require(before)
    staff_disable(staff=clerk)
    with pytest.raises(NotAllowed):
        require(clerk)


def test_staff_of_another_unit_are_nobody_here(clerk, neighbour):
    with unit_context(neighbour):
        staff_create(username="clerk", name="李样本", roles=[Role.CLERK], password=PASSWORD)
        with pytest.raises(NotAllowed):
            require(clerk, Role.CLERK)


def test_what_was_read_waits_for_the_slot_and_names_reader_and_thing(clerk):
    read_recorded(clerk, "case.contact", "20261122-0001")
    record = Pending.objects.get()
    assert (record.kind, record.slotted) == ("accounts.read", True)
    assert record.audience.startswith("unit:minqing/430522/")
    assert (
        bytes(record.body) == b'{"reader":"clerk","subject":"20261122-0001","what":"case.contact"}'
    )


def test_whoever_may_not_read_leaves_no_record(clerk):
    staff_disable(staff=clerk)
    with pytest.raises(NotAllowed):
        read_recorded(clerk, "case.contact", "20261122-0001")
    assert not Pending.objects.exists()


def run(*arguments: str) -> str:
    unit_set(None)
    out = StringIO()
    call_command("staff", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_makes_shows_and_shuts(county):
    said = run(
        "create", "reviewer", "李样本", "--role", "reviewer", "--role", "clerk", "--unit", "430522"
    )
    password = said.strip().rsplit("first password: ", 1)[1]
    with unit_context(county):
        made = sign_in(username="reviewer", password=password)
        assert (made.roles, made.must_change_password) == (["clerk", "reviewer"], True)
    assert "clerk,reviewer" in run("list", "--unit", "430522")
    assert '"username": "reviewer"' in run("list", "--unit", "430522", "--json")
    assert run("list", "--unit", "430524") == ""
    renewed = (
        run("password", "reviewer", "--unit", "430522").strip().rsplit("first password: ", 1)[1]
    )
    run("disable", "reviewer", "--unit", "430522")
    assert "(disabled)" in run("list", "--unit", "430522")
    with unit_context(county), pytest.raises(SignInRefused):
        sign_in(username="reviewer", password=renewed)


def test_the_command_reads_a_password_that_is_never_shown(county, monkeypatch):
    monkeypatch.setattr("sys.stdin", StringIO("three-blue-herons\n"))
    assert "herons" not in run(
        "create", "clerk", "李样本", "--role", "clerk", "--unit", "430522", "--password-stdin"
    )
    with unit_context(county):
        assert sign_in(username="clerk", password=PASSWORD)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("list", "--unit", "999999"), "999999"),
        (("disable", "nobody", "--unit", "430522"), "nobody"),
        (("create", "X", "李样本", "--role", "clerk", "--unit", "430522"), "小写英文字母"),
    ],
)
def test_the_command_says_what_is_wrong(arguments, why):
    with pytest.raises(CommandError, match=why):
        run(*arguments)
