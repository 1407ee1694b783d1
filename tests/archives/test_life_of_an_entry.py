"""An entry's way from draft to the public page, and every step that must not be possible."""

from __future__ import annotations

import datetime
import uuid

import pytest
from django.db import IntegrityError, transaction
from django.utils.timezone import localdate, now

from minqing.accounts.models import Role
from minqing.archives import errors, selectors, services
from minqing.archives.matrix import PlanItem, Source
from minqing.archives.models import Entry, EntryVersion, Official, PublicEntryRow
from minqing.archives.states import State
from search.models import Mark
from sync.models import Pending
from tests.support.archives import DAY, Office, staff, version_of, wording

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_county")]
TOMORROW = localdate() + datetime.timedelta(days=1)


def test_a_published_entry_stands_on_the_officials_page(office):
    official = office.official()
    entry = office.published(official)
    page = selectors.official_page(official)
    assert page.official.post_text == "坪上镇党委副书记、镇长"
    assert page.official.posts[0].period == "2024年3月至今"
    assert [shown.public_id for shown in page.entries] == [entry]
    assert page.entries[0].is_own
    assert page.entries[0].commitment == version_of(entry).commitment


def test_the_public_record_holds_public_fields_only_and_names_its_source(office):
    official = office.official()
    entry = office.published(official, wording=wording(note="内部材料在三号柜"))
    public = Pending.objects.get(kind="archives.entry")
    body = bytes(public.body)
    assert public.audience == "public"
    assert "内部材料".encode() not in body
    for private in ("clerk", "reviewer", "198003"):
        assert private.encode() not in body
    review = Pending.objects.get(kind="archives.review")
    assert review.audience.startswith("unit:")
    assert bytes(review.commitment).hex() == selectors.entry_page(entry).entry.source_commitment
    assert b"198003" not in bytes(Pending.objects.get(kind="archives.official").body)


def test_nothing_is_public_before_review(office):
    official = office.official()
    entry = office.submitted(official)
    assert selectors.official_page(official).entries == ()
    assert selectors.recent_entries() == []
    with pytest.raises(errors.NotInArchive):
        selectors.entry_page(entry)
    assert not Pending.objects.filter(kind="archives.entry").exists()


def test_without_a_publication_plan_nothing_is_published():
    office = Office(plans=False)
    official = office.official(publish=False)
    with pytest.raises(errors.PlanMissing, match="公开方案文号"):
        services.official_publish(by=office.reviewer, official=official)
    entry = office.submitted()
    with pytest.raises(errors.PlanMissing, match="领导调研、检查督查"):
        services.entry_publish(by=office.reviewer, entry=entry)
    office.open_plan(PlanItem.INSPECTION)
    services.entry_publish(by=office.reviewer, entry=entry)
    assert [shown.public_id for shown in selectors.recent_entries()] == [entry]


def test_an_ended_plan_opens_nothing_more(office):
    services.plan_end(by=office.supervisor, item=PlanItem.INSPECTION)
    entry = office.submitted()
    with pytest.raises(errors.PlanMissing):
        services.entry_publish(by=office.reviewer, entry=entry)
    with pytest.raises(errors.PlanMissing):
        services.plan_end(by=office.supervisor, item=PlanItem.INSPECTION)


def test_an_item_has_one_document_in_force(office):
    with pytest.raises(errors.MoveRefused, match="已经登记"):
        office.open_plan(PlanItem.PLEDGE)


def test_an_entry_about_a_person_waits_for_the_persons_own_publication(office):
    official = office.official(publish=False)
    entry = office.submitted(official)
    with pytest.raises(errors.MoveRefused, match="先审核公开这位同志"):
        services.entry_publish(by=office.reviewer, entry=entry)


def test_a_correction_takes_the_place_and_keeps_the_history(office):
    official = office.official()
    entry = office.published(official)
    services.entry_correct(
        by=office.clerk, entry=entry, wording=wording(title="更正后的标题"), reason="数字核对有误"
    )
    assert selectors.entry_page(entry).entry.title == wording().title
    services.entry_publish(by=office.reviewer, entry=entry)
    page = selectors.entry_page(entry)
    assert (page.entry.title, page.entry.version, page.entry.reason) == (
        "更正后的标题",
        2,
        "数字核对有误",
    )
    assert [(line.kind, line.title) for line in page.history] == [
        ("published", wording().title),
        ("corrected", "更正后的标题"),
    ]
    assert [shown.title for shown in selectors.official_page(official).entries] == ["更正后的标题"]
    records = Pending.objects.filter(kind="archives.entry").order_by("id")
    assert len({record.subject for record in records}) == 1
    assert [version.state for version in EntryVersion.objects.order_by("number")] == [
        State.CORRECTED,
        State.PUBLISHED,
    ]


def test_only_one_correction_at_a_time(office):
    entry = office.published()
    services.entry_correct(by=office.clerk, entry=entry, wording=wording(), reason="甲")
    with pytest.raises(errors.MoveRefused, match="已经有一份更正"):
        services.entry_correct(by=office.clerk, entry=entry, wording=wording(), reason="乙")


def test_a_returned_version_can_be_changed_and_handed_in_again(office):
    entry = office.submitted()
    services.entry_return(by=office.reviewer, entry=entry, reason="请写清是哪几个村")
    assert version_of(entry).returned_because == "请写清是哪几个村"
    services.entry_edit(by=office.clerk, entry=entry, wording=wording(title="改好了"))
    services.entry_submit(by=office.clerk, entry=entry)
    services.entry_publish(by=office.reviewer, entry=entry)
    assert selectors.entry_page(entry).entry.title == "改好了"


def test_only_the_author_changes_a_draft(office):
    entry = office.draft()
    other = staff("other", Role.CLERK)
    for act in (
        lambda: services.entry_edit(by=other, entry=entry, wording=wording(title="别人改的")),
        lambda: services.entry_submit(by=other, entry=entry),
    ):
        with pytest.raises(errors.MoveRefused, match="登记人本人"):
            act()


@pytest.mark.parametrize("blank", ["", "   ", "\n"])
def test_a_reason_is_never_blank(office, blank):
    entry = office.published()
    with pytest.raises(errors.BadValue):
        services.entry_withdraw(by=office.reviewer, entry=entry, reason=blank)
    with pytest.raises(errors.BadValue):
        services.entry_correct(by=office.clerk, entry=entry, wording=wording(), reason=blank)
    waiting = office.submitted()
    with pytest.raises(errors.BadValue):
        services.entry_return(by=office.reviewer, entry=waiting, reason=blank)
    assert version_of(waiting).state == State.SUBMITTED


def test_a_withdrawn_entry_leaves_every_view_and_every_public_text(office):
    official = office.official()
    entry = office.published(official)
    office.corrected(entry, title="第二版")
    reply = services.reply_attach(
        by=office.clerk, entry=entry, text="已增加两个施工队。", day=DAY
    ).public_id
    services.reply_publish(by=office.reviewer, reply=reply)
    services.entry_withdraw(by=office.reviewer, entry=entry, reason="经查失实")
    assert selectors.official_page(official).entries == ()
    assert selectors.official_page(official, as_of=localdate()).entries == ()
    assert selectors.recent_entries() == []
    page = selectors.entry_page(entry)
    assert (page.entry, page.withdrawn, page.reason, page.replies) == (None, True, "经查失实", ())
    assert [line.kind for line in page.history] == ["published", "corrected", "withdrawn"]
    assert {line.title + line.text for line in page.history} == {""}
    assert set(PublicEntryRow.objects.values_list("title", "text", "official_name")) == {
        ("", "", "")
    }
    assert Mark.objects.filter(source="archives.public_entry").exists()


def test_withdrawal_takes_an_unreviewed_correction_with_it(office):
    entry = office.published()
    services.entry_correct(by=office.clerk, entry=entry, wording=wording(), reason="更正")
    services.entry_withdraw(by=office.reviewer, entry=entry, reason="经查失实")
    assert [version.state for version in EntryVersion.objects.all()] == [State.WITHDRAWN]


def test_an_expired_entry_leaves_every_view_also_that_of_a_past_day(office, time_machine):
    official = office.official()
    entry = office.published(
        official, wording=wording(negative=True, expires_on=TOMORROW + datetime.timedelta(days=9))
    )
    published_on = localdate()
    assert [
        shown.public_id for shown in selectors.official_page(official, as_of=published_on).entries
    ] == [entry]
    time_machine.move_to(now() + datetime.timedelta(days=11))
    assert selectors.official_page(official, as_of=published_on).entries == ()
    assert selectors.recent_entries() == []
    page = selectors.entry_page(entry)
    assert page.expired
    assert page.entry is None
    assert {line.text for line in page.history} == {""}


def test_a_correction_that_shortens_the_end_ends_the_older_versions_too(office, time_machine):
    official = office.official()
    entry = office.published(
        official, wording=wording(negative=True, expires_on=TOMORROW + datetime.timedelta(days=900))
    )
    first_day = localdate()
    time_machine.move_to(now() + datetime.timedelta(days=2))
    office.corrected(entry, negative=True, expires_on=localdate() + datetime.timedelta(days=3))
    assert len(selectors.official_page(official, as_of=first_day).entries) == 1
    time_machine.move_to(now() + datetime.timedelta(days=4))
    assert selectors.official_page(official, as_of=first_day).entries == ()


def test_a_past_day_shows_the_version_of_that_day(office, time_machine):
    official = office.official()
    entry = office.published(official)
    first_day = localdate()
    time_machine.move_to(now() + datetime.timedelta(days=2))
    office.corrected(entry, title="第二版")
    assert [
        shown.title for shown in selectors.official_page(official, as_of=first_day).entries
    ] == [wording().title]
    assert [shown.title for shown in selectors.official_page(official).entries] == ["第二版"]
    assert (
        selectors.official_page(official, as_of=first_day - datetime.timedelta(days=1)).entries
        == ()
    )
    assert (
        selectors.official_page(official, as_of=first_day + datetime.timedelta(days=900)).as_of
        == localdate()
    )


def test_a_negative_entry_has_an_end(office):
    with pytest.raises(errors.BadValue, match="到期"):
        office.draft(wording=wording(negative=True))
    with pytest.raises(errors.BadValue, match="今天以后"):
        office.draft(wording=wording(negative=True, expires_on=localdate()))
    entry = office.draft()
    with pytest.raises(IntegrityError, match="version_negative_expires"), transaction.atomic():
        EntryVersion.objects.filter(entry__public_id=entry).update(negative=True)


def test_a_report_stands_under_a_person_only_when_the_closing_names_them(office):
    official = office.official()
    with pytest.raises(errors.NotForPersons, match="点名本人"):
        office.draft(official, source=Source.REPORT_OUTCOME)
    with pytest.raises(errors.NotForPersons):
        office.draft(official, source=Source.REPORT_OUTCOME, names_person=True)
    office.published(
        official, source=Source.REPORT_OUTCOME, names_person=True, basis_commitment="ab" * 32
    )
    office.published(source=Source.REPORT_OUTCOME, unit_name="坪上镇")
    named = Entry.objects.get(official__public_id=official)
    with pytest.raises(IntegrityError, match="entry_outcome_names_person"), transaction.atomic():
        Entry.objects.filter(pk=named.pk).update(names_person=False)


def test_a_persons_ballot_result_is_not_for_the_web(office):
    official = office.official()
    with pytest.raises(errors.NotForPersons, match="一定范围"):
        office.draft(official, source=Source.EVALUATION)
    entry = office.published(source=Source.EVALUATION, unit_name="坪上镇")
    with pytest.raises(IntegrityError, match="entry_units_only"), transaction.atomic():
        Entry.objects.filter(public_id=entry).update(
            official=Official.objects.get(public_id=official)
        )


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"title": ""}, "标题"),
        ({"title": "长" * 121}, "最多 120"),
        ({"text": "x" * 20001}, "最多"),
        ({"text": "有\x00空字符"}, "控制字符"),
        ({"text": "有\u202e\x1b[31m颜色"}, "控制字符"),
        ({"day": TOMORROW}, "还没有到"),
        ({"text": "身份证 110101199003070011 的人"}, "身份证号"),
        ({"text": "身份证１１０１０１１９９００３０７００１１"}, "身份证号"),
        ({"note": "电话 13800000000"}, "手机号"),
        ({"title": "请拨 138-0000-0000"}, "手机号"),
    ],
)
def test_words_that_do_not_fit_are_refused_with_the_field(office, more, why):
    with pytest.raises(errors.BadValue, match=why):
        office.draft(wording=wording(**more))
    assert not Entry.objects.exists()


def test_an_unknown_source_or_official_is_refused(office):
    with pytest.raises(errors.BadValue):
        office.draft(source="accusation")
    with pytest.raises(errors.NotInArchive):
        office.draft(uuid.uuid4())
    with pytest.raises(errors.NotInArchive):
        services.entry_submit(by=office.clerk, entry=uuid.uuid4())
