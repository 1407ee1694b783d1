"""What was published is found, shown, exported and proved; what was not is nowhere."""

from __future__ import annotations

import csv
import datetime
import io
import re
import uuid

import pytest

from minqing.archives import services
from search.indexer import drain, rebuild
from sync import ledger
from sync.formats import proofs
from tenants.current import unit_context
from tests.support.archives import Office, wording


class Published:
    """An official, one published entry, one draft; sealed and indexed."""

    def __init__(self) -> None:
        self.office = Office()
        self.official = self.office.official()
        self.entry = self.office.published(self.official)
        self.draft = self.office.draft(self.official, wording=wording(title="还没有审核的草稿"))
        ledger.seal()
        rebuild("public")  # the index outlives the rolled back database of the test before

    def settle(self) -> None:
        ledger.seal()
        drain()


@pytest.fixture
def archive(county):
    with unit_context(county):
        return Published()


def text_of(answer) -> str:
    return str(answer.content.decode())


def test_a_published_entry_stands_on_every_page_where_people_look(county, visit, archive):
    client = visit(county)
    for address in (
        "/", f"/officials/{archive.official}/", f"/entries/{archive.entry}/", "/units/430522/", "/search/?q=硬化", "/feed.atom",
    ):  # fmt: skip
        page = text_of(client.get(address))
        assert "限期整改" in page.replace("<mark>", "").replace("</mark>", ""), address
        assert "草稿" not in page
        assert "督查记录第 12 号" not in page, "the internal note is nobody's business"


def test_a_draft_has_no_page_and_answers_like_one_that_never_was(county, visit, archive):
    client = visit(county)
    there, never = client.get(f"/entries/{archive.draft}/"), client.get(f"/entries/{uuid.uuid4()}/")
    assert there.status_code == never.status_code == 404
    assert text_of(there).replace(str(archive.draft), "") == text_of(never).replace(
        never.wsgi_request.path.split("/")[2], ""
    )
    assert client.get(f"/api/v1/entries/{archive.draft}").status_code == 404


def test_names_are_found_by_initials_and_marked(county, visit, archive):
    page = text_of(visit(county).get("/search/?q=wsl"))
    assert "王示例" in page.replace("<mark>", "").replace("</mark>", "")
    page = text_of(visit(county).get("/search/", {"q": "完成率"}))
    assert "<mark>完成率</mark>" in page


def test_words_that_nothing_has_together_are_offered_one_by_one(county, visit, archive):
    page = text_of(visit(county).get("/search/", {"q": '王示例 "<b>修路"'}))
    assert "没有查到" in page
    assert 'class="whole" href="?q=%E7%8E%8B%E7%A4%BA%E4%BE%8B">王示例</a>' in page
    assert "&lt;b&gt;修路</a>" in page
    assert "分开查" not in text_of(visit(county).get("/search/", {"q": "没有这个人"}))


def test_a_facet_narrows_and_can_be_taken_off_again(county, visit, archive):
    page = text_of(visit(county).get("/search/", {"q": "坪上镇", "kind": "official"}))
    assert "限期整改" not in page
    assert "去掉" in page
    assert "checked" in page


def test_hostile_text_is_shown_as_text(county, visit, archive):
    evil = "<script>alert(1)</script>"
    with unit_context(county):
        entry = archive.office.published(archive.official, wording=wording(title=evil, text=evil))
        archive.settle()
    for address in (
        "/",
        f"/entries/{entry}/",
        f"/officials/{archive.official}/",
        f"/search/?q={evil}",
    ):
        assert evil not in text_of(visit(county).get(address))


@pytest.mark.parametrize(
    "bad",
    [
        "page=x",
        "page=0",
        "page=99999",
        "sort=best",
        "year=20x6",
        "from=yesterday",
        "from=2026-02-02&to=2026-01-01",
    ],
)
def test_a_search_that_cannot_be_read_is_refused_with_a_sentence(county, visit, archive, bad):
    for address in ("/search/", "/search.csv", "/search.json", "/api/v1/search"):
        answer = visit(county).get(f"{address}?{bad}")
        assert answer.status_code == 400, address
        assert "。" in text_of(answer)


def test_an_unreadable_day_is_refused_and_a_past_one_is_shown(county, visit, archive):
    address = f"/officials/{archive.official}/"
    assert visit(county).get(address, {"as_of": "long ago"}).status_code == 400
    before = text_of(visit(county).get(address, {"as_of": "2020-01-01"}))
    assert "限期整改" not in before
    assert "2020" in before


def test_the_table_for_spreadsheets_defuses_formulas(county, visit, archive):
    with unit_context(county):
        archive.office.published(archive.official, wording=wording(title="=HYPERLINK(1)"))
        archive.office.published(archive.official, wording=wording(title="＝HYPERLINK(1)"))
        archive.settle()
    sheet = visit(county).get("/search.csv", {"kind": "entry"}).content.decode("utf-8-sig")
    titles = [row[1] for row in csv.reader(io.StringIO(sheet))][1:]
    assert "'=HYPERLINK(1)" in titles
    assert "'＝HYPERLINK(1)" in titles
    assert not any(title.startswith(("=", "＝")) for title in titles)


def test_an_officials_records_stand_by_year_and_can_be_narrowed_to_one_source(
    county, visit, archive
):
    page = text_of(visit(county).get(f"/officials/{archive.official}/"))
    assert 'class="year"' not in page
    assert "?source=" not in page, "one source needs no choice"
    with unit_context(county):
        archive.office.published(
            archive.official,
            source="commendation",
            wording=wording(day=datetime.date(2025, 3, 4), title="抗旱保供受到表扬"),
        )
    address = f"/officials/{archive.official}/"
    page = text_of(visit(county).get(address))
    assert page.index("2026 年</strong>") < page.index("限期整改") < page.index("2025 年</strong>")
    assert "<strong>全部</strong>" in page
    assert 'href="?source=commendation">表彰 1</a>' in page
    one = text_of(visit(county).get(address, {"source": "commendation"}))
    assert "抗旱保供" in one
    assert "限期整改" not in one
    assert "2 条" in one
    assert "限期整改" in text_of(visit(county).get(address, {"source": "<x>"}))


def test_a_correction_shows_both_versions_and_a_withdrawal_only_the_reason(county, visit, archive):
    with unit_context(county):
        archive.office.corrected(archive.entry, text="更正后的内容。")
        archive.settle()
    page = text_of(visit(county).get(f"/entries/{archive.entry}/"))
    assert "更正后的内容。" in page
    assert "数字核对有误" in page
    with unit_context(county):
        services.entry_withdraw(
            by=archive.office.reviewer, entry=archive.entry, reason="经查失实，予以澄清"
        )
        archive.settle()
    page = text_of(visit(county).get(f"/entries/{archive.entry}/"))
    assert "经查失实，予以澄清" in page
    assert "更正后的内容。" not in page
    assert "现场检查" not in page
    assert visit(county).get(f"/entries/{archive.entry}/proof").status_code == 404


def test_the_proof_of_a_public_entry_opens_to_its_own_words(county, visit, archive):
    answer = visit(county).get(f"/entries/{archive.entry}/proof")
    proof = proofs.decode(answer.content)
    assert "限期整改" in proof.opening.body.decode()
    assert f"minqing/{county.code}/" in proof.note.decode()


def test_an_unchanged_page_is_not_sent_again_and_a_changed_one_is(county, visit, archive):
    client = visit(county)
    addresses = [
        "/",
        "/search/?q=硬化",
        f"/officials/{archive.official}/",
        "/feed.atom",
        "/api/v1/units",
        "/sitemap.xml",
    ]
    marks = {address: client.get(address).headers["ETag"] for address in addresses}
    assert len(set(marks.values())) == len(addresses)
    for address, mark in marks.items():
        again = client.get(address, headers={"If-None-Match": mark})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["Cache-Control"] == "public, max-age=30"
    with unit_context(county):
        archive.office.published(archive.official, wording=wording(title="又公开一条"))
        archive.settle()
    for address, mark in marks.items():
        assert client.get(address, headers={"If-None-Match": mark}).status_code == 200, address


def test_page_and_api_answer_the_same_query_string_alike(county, visit, archive):
    client = visit(county)
    found = client.get("/api/v1/search?q=硬化&sort=newest").json()
    assert found == {**found, "total": 1, "pages": 1, "ready": True}
    assert found["results"][0]["title"] == "村道硬化工程进度滞后，限期整改"
    assert found["results"][0]["address"].endswith(f"/entries/{archive.entry}/")
    assert {facet["value"] for facet in found["facets"]["source"]} == {"inspection"}
    saved = client.get("/search.json?q=硬化&sort=newest").json()
    assert saved["results"] == found["results"]


def test_the_api_shows_what_the_pages_show_and_no_more(county, visit, archive):
    client = visit(county)
    official = client.get(f"/api/v1/officials/{archive.official}").json()
    assert official["official"]["name"] == "王示例"
    assert "birth" not in str(official)
    assert [line["entry"]["public_id"] for line in official["entries"]] == [str(archive.entry)]
    entry = client.get(f"/api/v1/entries/{archive.entry}").json()
    assert entry["history"][0]["kind"] == "published"
    assert "note" not in entry["entry"]
    unit = client.get("/api/v1/units/430522").json()
    assert unit["parts"] == [{"name": "坪上镇", "officials": 1}]
    assert client.get("/api/v1/units").json()[0]["is_own"] is True
    assert client.get("/api/v1/units/999999").status_code == 404
    assert client.get("/api/v1/peers").json() == []
    assert client.post("/api/v1/units").status_code == 405


def test_the_api_describes_itself(county, visit):
    schema = visit(county).get("/api/v1/schema").content.decode()
    for path in (
        "search",
        "units",
        "units/{code}",
        "officials/{public_id}",
        "entries/{public_id}",
        "peers",
    ):
        assert f"/api/v1/{path}:" in schema


def test_suggestions_are_escaped_options(county, visit, archive):
    client = visit(county)
    assert '<option value="王示例">wsl</option>' in text_of(client.get("/suggest", {"q": "wsl"}))
    assert "<script" not in text_of(client.get("/suggest", {"q": "王<script"}))
    assert text_of(client.get("/suggest")) == ""


def test_the_feed_tells_days_and_no_hour(county, visit, archive):
    feed = text_of(visit(county).get("/feed.atom"))
    assert "T00:00:00" in feed
    assert not re.search(r"T(?!00:00:00)[0-9]", feed)


def test_another_unit_shows_nothing_of_it(neighbour, visit, archive):
    client = visit(neighbour)
    assert client.get(f"/entries/{archive.entry}/").status_code == 404
    assert client.get(f"/officials/{archive.official}/").status_code == 404
    assert "王示例" not in text_of(client.get("/"))


def test_a_part_with_nul_is_a_part_that_is_not_there(county, visit):
    assert visit(county).get("/units/430522/?part=%00").status_code == 404
    assert visit(county).get("/api/v1/units/430522?part=%00").status_code == 404
