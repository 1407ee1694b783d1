"""What the desk may say of officials, their posts and their statements, and who reviews it."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F

from minqing.accounts.models import Role
from minqing.archives import errors, selectors, services
from minqing.archives.matrix import PlanItem, Source
from minqing.archives.models import Official, Reply
from minqing.archives.states import State
from sync.models import Pending
from tests.support.archives import DAY, staff

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_county")]


def test_the_officials_statement_is_reviewed_and_stands_beside_the_entry(office):
    official = office.official()
    entry = office.submitted(official)
    reply = services.reply_attach(
        by=office.clerk, entry=entry, text="受降雨影响，已增加两个施工队。", day=DAY
    ).public_id
    with pytest.raises(errors.MoveRefused, match="先公开那条内容"):
        services.reply_publish(by=office.reviewer, reply=reply)
    services.entry_publish(by=office.reviewer, entry=entry)
    assert selectors.entry_page(entry).replies == ()
    services.reply_publish(by=office.reviewer, reply=reply)
    assert [given.text for given in selectors.entry_page(entry).replies] == [
        "受降雨影响，已增加两个施工队。"
    ]
    assert list(selectors.official_page(official).replies) == [entry]
    with pytest.raises(errors.MoveRefused, match="已经公开"):
        services.reply_publish(by=office.reviewer, reply=reply)


def test_a_statement_is_not_reviewed_by_who_entered_it(office):
    both = staff("both", Role.CLERK, Role.REVIEWER)
    entry = office.published(office.official())
    reply = services.reply_attach(by=both, entry=entry, text="说明", day=DAY).public_id
    with pytest.raises(errors.SamePerson):
        services.reply_publish(by=both, reply=reply)
    services.reply_publish(by=office.reviewer, reply=reply)
    with pytest.raises(IntegrityError, match="reply_reviewer_not_author"), transaction.atomic():
        Reply.objects.update(reviewer=F("author"))


def test_a_units_entry_has_no_personal_statement(office):
    with pytest.raises(errors.NotForPersons):
        services.reply_attach(by=office.clerk, entry=office.published(), text="说明", day=DAY)


def test_changed_facts_stay_inside_until_they_are_reviewed(office):
    official = office.official()
    services.official_edit(
        by=office.clerk,
        official=official,
        name="王示例",
        birth_month="198003",
        telephone="0739-000 0099",
    )
    assert selectors.official_page(official).official.telephone == "0739-000 0001"
    services.official_publish(by=office.reviewer, official=official)
    assert selectors.official_page(official).official.telephone == "0739-000 0099"
    with pytest.raises(errors.MoveRefused, match="没有改动"):
        services.official_publish(by=office.reviewer, official=official)


def test_who_changed_an_official_since_the_last_review_does_not_review(office):
    both = staff("both", Role.CLERK, Role.REVIEWER)
    official = office.official()
    services.post_add(
        by=both,
        official=official,
        unit_name="小塘镇",
        title="副镇长",
        from_month="202001",
        to_month="202402",
    )
    services.official_edit(
        by=office.clerk, official=official, name="王示例", telephone="0739-000 0002"
    )
    with pytest.raises(errors.SamePerson):
        services.official_publish(by=both, official=official)
    services.official_publish(by=office.reviewer, official=official)
    with (
        pytest.raises(IntegrityError, match="official_reviewer_did_not_edit"),
        transaction.atomic(),
    ):
        Official.objects.update(reviewed_by=both)


def test_an_inner_post_never_leaves(office):
    official = office.official(publish=False)
    services.post_add(
        by=office.clerk,
        official=official,
        unit_name="小塘镇",
        title="工作人员",
        from_month="200207",
        to_month="201510",
        is_public=False,
    )
    services.official_publish(by=office.reviewer, official=official)
    assert [post.title for post in selectors.official_page(official).official.posts] == [
        "党委副书记、镇长"
    ]
    assert "小塘镇".encode() not in bytes(Pending.objects.get(kind="archives.official").body)


def test_an_official_taken_off_the_web_takes_the_entries_along(office):
    official = office.official()
    entry = office.published(official)
    services.official_withdraw(by=office.reviewer, official=official, reason="调离")
    with pytest.raises(errors.NotInArchive):
        selectors.official_page(official)
    assert selectors.recent_entries() == []
    assert selectors.entry_page(entry).withdrawn
    with pytest.raises(errors.SamePerson):  # who withdrew does not bring back alone
        services.official_publish(by=office.reviewer, official=official)
    services.official_publish(by=staff("second", Role.REVIEWER), official=official)
    assert selectors.official_page(official).entries == ()


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"name": ""}, "姓名"),
        ({"name": "<b>王</b>"}, "文字和间隔号"),
        ({"telephone": "13800000000"}, "手机号"),
        ({"telephone": "call me"}, "办公电话"),
        ({"birth_month": "198013"}, "六位年月"),
    ],
)
def test_an_official_with_values_that_do_not_fit_is_refused(office, more, why):
    with pytest.raises(errors.BadValue, match=why):
        services.official_create(by=office.clerk, **{"name": "王示例", **more})


def test_an_official_is_entered_once(office):
    office.official()
    with pytest.raises(errors.BadValue, match="重复"):
        services.official_create(by=office.clerk, name="王　示 例", birth_month="198003")


def test_a_post_does_not_end_before_it_begins(office):
    official = office.official()
    with pytest.raises(errors.BadValue, match="不能早于"):
        services.post_add(
            by=office.clerk,
            official=official,
            unit_name="小塘镇",
            title="副镇长",
            from_month="202001",
            to_month="201912",
        )
    post = selectors.desk_official(office.clerk, official).posts[0]
    services.post_edit(
        by=office.clerk,
        official=official,
        post=post.id,
        unit_name=post.unit_name,
        title=post.title,
        from_month=post.from_month,
        to_month="202610",
    )
    services.post_add(
        by=office.clerk,
        official=official,
        unit_name="小塘镇",
        title="党委书记",
        from_month="202610",
    )
    services.official_publish(by=office.reviewer, official=official)
    assert selectors.official_page(official).official.post_text == "小塘镇党委书记"
    services.post_remove(by=office.clerk, official=official, post=post.id)
    with pytest.raises(errors.NotInArchive):
        services.post_remove(by=office.clerk, official=official, post=post.id)


def test_the_units_page_counts_its_parts(office):
    official = office.official()
    office.published(official)
    office.published(source=Source.EVALUATION, unit_name="小塘镇")
    page = selectors.unit_page("430522")
    assert page.unit.is_own
    assert (page.unit.officials, page.unit.entries) == (1, 2)
    assert page.parts == (("坪上镇", 1),)
    assert [entry.unit_name for entry in selectors.unit_page("430522", part="小塘镇").entries] == [
        "小塘镇"
    ]
    for code, part in (("430599", ""), ("430522", "没有的镇")):
        with pytest.raises(errors.NotInArchive):
            selectors.unit_page(code, part=part)


def test_the_desk_says_what_each_person_may_do(office):
    entry = office.submitted(office.official())
    assert selectors.desk_entries(office.clerk, State.SUBMITTED)[0].moves == ()
    assert selectors.desk_entries(office.reviewer, State.SUBMITTED)[0].moves == (
        "return",
        "publish",
    )
    services.entry_publish(by=office.reviewer, entry=entry)
    assert selectors.desk_entry(office.clerk, entry).entry.moves == ("correct",)
    assert selectors.desk_entry(office.reviewer, entry).entry.moves == ("withdraw",)
    assert selectors.desk_entries(office.clerk, State.DRAFT) == []
    assert {line.item for line in selectors.plan_lines(office.clerk) if line.document_number} == {
        *PlanItem.values
    }
