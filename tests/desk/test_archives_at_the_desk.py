"""The main job through the pages: draft, review by another, publication, correction, withdrawal, import."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from minqing.accounts.models import Role
from minqing.archives.models import Entry, EntryVersion, Official
from sync import ledger
from tenants.current import unit_context
from tests.support.archives import Office
from tests.support.desk import hidden, signed_in, staff_of

DEMO = Path(__file__).resolve().parents[2] / "platform/minqing/archives/demo"
WORDING = {
    "source": "inspection", "day": "2026-11-02", "source_unit": "县督查室", "title": "村道硬化工程进度滞后，限期整改",
    "text": "现场检查 6 个村，4 个村完成率低于计划。", "note": "督查通报第 9 期",
}  # fmt: skip


@pytest.fixture
def office(county):
    with unit_context(county):
        return Office()


@pytest.fixture
def official(county, office):
    with unit_context(county):
        return office.official()


@pytest.fixture
def clerk(county, office):
    return signed_in(county, office.clerk)


@pytest.fixture
def reviewer(county, office):
    return signed_in(county, office.reviewer)


def written(client, official, **changes):
    """Write an entry through the editor and return its address."""
    form = client.get(f"/desk/entries/new/?official={official}").content.decode()
    answer = client.post(
        "/desk/entries/new/",
        {
            **WORDING,
            "official": str(official),
            "then": "submit",
            "once": hidden(form, "once"),
            **changes,
        },
    )
    assert answer.status_code == 302, answer.content.decode()
    return answer.headers["location"]


def test_an_entry_goes_from_draft_through_review_by_another_to_the_public_page(
    county, clerk, reviewer, official, visit
):
    entry = written(clerk, official)
    assert "县督查室" in clerk.get(entry).content.decode()
    assert visit(county).get(entry.replace("/desk", "")).status_code == 404, (
        "not public before review"
    )
    assert WORDING["title"] in reviewer.get("/desk/").content.decode(), (
        "it stands in the reviewer's queue"
    )
    page = reviewer.get(entry).content.decode()
    assert WORDING["note"] in page
    answer = reviewer.post(
        f"{entry}publish/", {"seen": hidden(page, "seen"), "once": hidden(page, "once")}
    )
    assert answer.headers["location"] == entry
    public = visit(county).get(entry.replace("/desk", "")).content.decode()
    assert WORDING["title"] in public
    assert WORDING["note"] not in public, "what is internal stays inside"
    assert WORDING["title"] not in reviewer.get("/desk/").content.decode()


def test_the_entry_that_has_waited_longest_is_the_first_to_review(clerk, reviewer, official):
    for title in ("先送审的", "后送审的"):
        written(clerk, official, title=title)
    page = reviewer.get("/desk/").content.decode()
    assert page.index("先送审的") < page.index("后送审的")


def test_the_author_is_told_that_another_must_review_before_trying_and_is_refused_when_trying(
    county, official
):
    both = staff_of(county, "both", Role.CLERK, Role.REVIEWER)
    client = signed_in(county, both)
    entry = written(client, official)
    page = client.get(entry).content.decode()
    assert "要由另一位同志审核公开" in page
    assert f"{entry}publish/" not in page
    answer = client.post(f"{entry}publish/")
    assert answer.status_code == 403
    assert "不能自己审核自己" in answer.content.decode()
    with unit_context(county):
        assert EntryVersion.objects.get().state == "submitted"


def test_a_return_needs_a_reason_and_comes_back_to_the_author_with_it(clerk, reviewer, official):
    entry = written(clerk, official)
    answer = reviewer.post(f"{entry}return/", {"reason": "  "})
    assert answer.status_code == 400
    assert "请填写“理由”" in answer.content.decode()
    assert reviewer.post(f"{entry}return/", {"reason": "日期和通报不一样"}).status_code == 302
    assert "退回：日期和通报不一样" in clerk.get("/desk/").content.decode()
    form = clerk.get(f"{entry}edit/").content.decode()
    assert "日期和通报不一样" in form
    changed = {
        **WORDING,
        "day": "2026-11-01",
        "then": "submit",
        "seen": hidden(form, "seen"),
        "once": hidden(form, "once"),
    }
    assert clerk.post(f"{entry}edit/", changed).status_code == 302
    assert "2026年11月1日" in reviewer.get(entry).content.decode()


def test_a_refusal_keeps_what_was_typed_and_stands_beside_the_field(clerk, official):
    text = "内容里有 13900000000 这样的手机号"
    answer = clerk.post("/desk/entries/new/", {**WORDING, "official": str(official), "text": text})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert text in page
    assert "里像是有手机号" in page.split('name="text"')[0].split('name="title"')[1]
    missing = clerk.post(
        "/desk/entries/new/", {**WORDING, "official": str(official), "title": "", "day": "昨天"}
    ).content.decode()
    assert "请填写“标题”" in missing
    assert "日期请写成" in missing
    assert WORDING["text"] in missing


def test_a_negative_entry_says_until_when_it_is_shown(clerk, official):
    answer = clerk.post(
        "/desk/entries/new/", {**WORDING, "official": str(official), "negative": "on"}
    )
    assert answer.status_code == 400
    assert "负面内容要写明到期撤下的日期" in answer.content.decode()


def test_pressing_the_button_twice_makes_one_entry(county, clerk, official):
    form = clerk.get("/desk/entries/new/").content.decode()
    posted = {**WORDING, "official": str(official), "once": hidden(form, "once")}
    first, second = (
        clerk.post("/desk/entries/new/", posted),
        clerk.post("/desk/entries/new/", posted),
    )
    assert first.headers["location"] == second.headers["location"]
    with unit_context(county):
        assert Entry.objects.count() == 1


def test_publishing_twice_is_harmless_and_publishing_what_somebody_published_is_refused(
    county, clerk, reviewer, official
):
    entry = written(clerk, official)
    other = signed_in(county, staff_of(county, "second", Role.REVIEWER, name="李样本"))
    mine, theirs = reviewer.get(entry).content.decode(), other.get(entry).content.decode()
    posted = {"seen": hidden(mine, "seen"), "once": hidden(mine, "once")}
    assert reviewer.post(f"{entry}publish/", posted).status_code == 302
    assert reviewer.post(f"{entry}publish/", posted).status_code == 302
    late = other.post(
        f"{entry}publish/", {"seen": hidden(theirs, "seen"), "once": hidden(theirs, "once")}
    )
    assert late.status_code == 409
    assert "别人刚刚改过" in late.content.decode()
    with unit_context(county):
        assert EntryVersion.objects.count() == 1


def test_two_clerks_do_not_overwrite_one_another(county, official, clerk):
    other = signed_in(county, staff_of(county, "second", Role.CLERK, name="李样本"))
    address = f"/desk/officials/{official}/edit/"
    mine, theirs = clerk.get(address).content.decode(), other.get(address).content.decode()
    assert (
        clerk.post(
            address, {"name": "王示例", "telephone": "0739-000 0002", "seen": hidden(mine, "seen")}
        ).status_code
        == 302
    )
    late = other.post(
        address, {"name": "王示例", "telephone": "0739-000 0003", "seen": hidden(theirs, "seen")}
    )
    assert late.status_code == 409
    assert "0739-000 0003" in late.content.decode(), "what was typed is kept"
    with unit_context(county):
        assert Official.objects.get().telephone == "0739-000 0002"
    again = other.post(
        address,
        {
            "name": "王示例",
            "telephone": "0739-000 0003",
            "seen": hidden(late.content.decode(), "seen"),
        },
    )
    assert again.status_code == 302


def test_a_correction_and_a_withdrawal_keep_their_reasons_in_the_history(
    county, clerk, reviewer, official, visit
):
    entry = written(clerk, official)
    reviewer.post(f"{entry}publish/")
    form = clerk.get(f"{entry}correct/").content.decode()
    corrected = {
        **WORDING,
        "text": "现场检查 6 个村，3 个村完成率低于计划。",
        "seen": hidden(form, "seen"),
        "once": hidden(form, "once"),
    }
    without = clerk.post(f"{entry}correct/", corrected)
    assert without.status_code == 400
    assert "请填写“理由”" in without.content.decode()
    assert clerk.post(f"{entry}correct/", {**corrected, "reason": "村数写错了"}).status_code == 302
    assert "4 个村" in visit(county).get(entry.replace("/desk", "")).content.decode(), (
        "the old one stands until review"
    )
    reviewer.post(f"{entry}publish/")
    page = reviewer.get(entry).content.decode()
    assert "<del>4</del><ins>3</ins>" in page
    assert "村数写错了" in page
    assert reviewer.post(f"{entry}withdraw/", {"reason": ""}).status_code == 400
    assert reviewer.post(f"{entry}withdraw/", {"reason": "不属于本单位"}).status_code == 302
    assert "不属于本单位" in reviewer.get(entry).content.decode()
    assert "3 个村" not in visit(county).get(entry.replace("/desk", "")).content.decode()


def test_without_a_publication_plan_nothing_is_published_and_the_supervisor_opens_it(county, visit):
    with unit_context(county):
        office = Office(plans=False)
        official = office.official(publish=False)
    clerk, reviewer, supervisor = (
        signed_in(county, one) for one in (office.clerk, office.reviewer, office.supervisor)
    )
    address = f"/desk/officials/{official}/"
    assert "王示例" in reviewer.get("/desk/").content.decode()
    refused = reviewer.post(f"{address}publish/")
    assert refused.status_code == 409
    assert "公开方案文号" in refused.content.decode()
    assert clerk.post("/desk/plan/official_facts/enter/", {}).status_code == 403
    incomplete = supervisor.post(
        "/desk/plan/official_facts/enter/", {"document_number": "新组发〔2026〕12号"}
    )
    assert incomplete.status_code == 400
    assert "新组发〔2026〕12号" in incomplete.content.decode()
    document = {
        "document_number": "新组发〔2026〕12号",
        "document_title": "公开方案",
        "document_day": "2026-03-01",
    }
    assert supervisor.post("/desk/plan/official_facts/enter/", document).status_code == 302
    assert "新组发〔2026〕12号" in supervisor.get("/desk/plan/").content.decode()
    assert reviewer.post(f"{address}publish/").status_code == 302
    assert visit(county).get(f"/officials/{official}/").status_code == 200


def test_hostile_text_is_shown_as_text(clerk, official):
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
    entry = written(clerk, official, title=evil, text=evil, then="keep")
    for address in (
        entry,
        f"{entry}edit/",
        "/desk/entries/",
        "/desk/",
        f"/desk/officials/{official}/",
    ):
        page = clerk.get(address).content.decode()
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def files(*names):
    return [
        SimpleUploadedFile(path.name, path.read_bytes(), content_type="text/xml")
        for path in (DEMO / name for name in names)
    ]


def test_an_import_shows_its_table_first_and_takes_the_same_files_only(county, clerk):
    names = sorted(path.name for path in DEMO.glob("430522_*.lrmx"))[:2]
    assert len(names) == 2
    look = clerk.post("/desk/import/", {"file": files(*names), "then": "look"})
    page = look.content.decode()
    assert look.status_code == 200
    assert "按规定不收" in page
    assert '<span class="tag">新登记 2</span>' in page
    with unit_context(county):
        assert not Official.objects.exists(), "a look changes nothing"
    unseen = clerk.post("/desk/import/", {"file": files(*names), "then": "apply"})
    assert unseen.status_code == 409
    other = clerk.post(
        "/desk/import/",
        {"file": files(names[0]), "then": "apply", "checked": hidden(page, "checked")},
    )
    assert other.status_code == 409
    with unit_context(county):
        assert not Official.objects.exists()
    done = clerk.post(
        "/desk/import/",
        {"file": files(*names), "then": "apply", "checked": hidden(page, "checked")},
    )
    assert done.headers["location"] == "/desk/officials/"
    with unit_context(county):
        assert Official.objects.count() == 2


def test_a_file_that_is_none_is_refused_with_a_sentence(clerk):
    assert "请先选文件" in clerk.post("/desk/import/", {"then": "look"}).content.decode()
    broken = SimpleUploadedFile("x.lrmx", b"<!DOCTYPE x [<!ENTITY a 'b'>]><Person>&a;</Person>")
    page = clerk.post("/desk/import/", {"file": [broken], "then": "look"}).content.decode()
    assert "x.lrmx" in page
    assert "没有收" in page
    assert 'value="apply"' not in page, "where nothing would be taken, no button offers it"


def test_an_officials_statement_is_reviewed_and_stands_beside_the_entry(
    county, clerk, reviewer, official, visit
):
    entry = written(clerk, official)
    reviewer.post(f"{entry}publish/")
    said = {"text": "已增加两个施工队。", "day": datetime.date(2026, 11, 3).isoformat()}
    assert clerk.post(f"{entry}reply/", said).status_code == 302
    assert "王示例的说明" in reviewer.get("/desk/").content.decode()
    page = reviewer.get(entry).content.decode()
    address = page.split('/publish/"')[0].rsplit('action="', 1)[1] + "/publish/"
    assert reviewer.post(address).status_code == 302
    assert said["text"] in visit(county).get(entry.replace("/desk", "")).content.decode()
    elsewhere = address.replace(entry.split("/")[3], "00000000-0000-4000-8000-000000000000")
    assert reviewer.post(elsewhere).status_code == 404


def test_a_whole_page_is_withdrawn_with_a_reason(county, clerk, reviewer, official, visit):
    address = f"/desk/officials/{official}/"
    assert reviewer.post(f"{address}withdraw/", {"reason": ""}).status_code == 400
    assert reviewer.post(f"{address}withdraw/", {"reason": "调离本县"}).status_code == 302
    assert visit(county).get(f"/officials/{official}/").status_code == 404
    assert clerk.get(address).status_code == 200


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("entry", "http://shaoyang.localhost/entries/5b607ff4-442b-44f7-9387-4c890abeae58/"),
        ("official", "5b607ff4-442b-44f7-9387-4c890abeae58"),
        ("case", "2026-XS-00000"),
    ],
)
def test_an_order_of_erasure_for_what_is_not_here_says_so_and_keeps_what_was_typed(
    county, office, kind, what
):
    client = signed_in(county, office.supervisor)
    order = {"kind": kind, "what": what, "basis": "个人信息保护法第47条", "sure": "yes"}
    answer = client.post("/desk/erasures/order/", order)
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "本单位没有这一条" in page
    assert f">{what}</textarea>" in page
    assert "个人信息保护法第47条" in page


def test_the_second_supervisor_is_told_of_an_order_and_reads_what_it_would_erase(
    county, office, official
):
    with unit_context(county):
        entry = office.published(official)
        ledger.seal()
    first, other = signed_in(county, office.supervisor), staff_of(county, "other", Role.SUPERVISOR)
    order = {"kind": "entry", "what": f"/entries/{entry}/", "basis": "法院裁定", "sure": "yes"}
    assert first.post("/desk/erasures/order/", order).status_code == 302
    second = signed_in(county, other)
    assert "等您确认的删除令" in second.get("/desk/").content.decode()
    assert "等您确认的删除令" not in first.get("/desk/").content.decode()
    page = second.get("/desk/erasures/").content.decode()
    assert f'href="/desk/entries/{entry}/">看要删除的内容' in page
    assert second.get(f"/desk/entries/{entry}/").status_code == 200
