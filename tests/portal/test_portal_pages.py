"""Every public page stands, in the frame, under the strict policy, without a cookie and without a foreign host."""

from __future__ import annotations

import dataclasses
import datetime
import json
import re

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.signals import request_started
from django.db import close_old_connections, connection, transaction
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from gunicorn.config import Config

from minqing.archives.documents import INTERNAL_ENTRY, PUBLIC_ENTRY
from minqing.channel.models import Tally
from minqing.config.weblog import Logger
from minqing.config.wsgi import application
from minqing.portal.network import DRAWN, picture
from minqing.portal.stand import LedgerStand
from minqing.portal.templatetags.portal import phrases
from search.marks import mark
from sync.audiences import for_unit
from sync.exchange.documents import own_document
from sync.exchange.standing import PeerState
from sync.identity import identity, origin
from sync.models.exchange import Peer
from tenants.current import unit_context
from tests.support.channel import connect

PAGES = (
    "home", "about", "accessibility", "connected", "search", "doors", "write", "wrongdoing", "follow", "verify",
)  # fmt: skip
CHANNEL = ("doors", "write", "wrongdoing", "follow")
SENTENCE = (
    "N operators outside this unit's deployment say they saw one history. If one office can order all of them, they guard "
    "against mistakes, single dishonest staff and one broken machine, not against that office. Against it there is your own "
    "copy, a witness outside the region, and the daily head on the notice board."
)


@pytest.fixture
def claimed():
    """Write what the doctor found; nothing stands there before and after."""
    path = settings.MINQING.state / "claims.json"

    def write(text: str) -> None:
        path.write_text(text, encoding="utf-8")

    path.unlink(missing_ok=True)
    yield write
    path.unlink(missing_ok=True)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_stands_in_its_frame_without_cookie_or_foreign_host(county, visit, name):
    county.organiser, county.telephone = "中共新邵县委组织部（演示）", "0739-000 0000"
    county.save()
    answer = visit(county).get(reverse(f"portal:{name}"))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert 'lang="zh-Hans"' in page
    assert "主办：中共新邵县委组织部（演示）" in page
    assert 'href="tel:07390000000"' in page
    assert page.count("<h1") == 1
    assert "大字" in page
    assert not answer.cookies
    assert not re.search(r"""(?:src|href|action)=["']?(?:https?:)?//""", page)


@pytest.mark.parametrize("name", PAGES)
def test_the_policy_allows_nothing_inline_and_the_page_needs_nothing_inline(county, visit, name):
    answer = visit(county).get(reverse(f"portal:{name}"))
    page = answer.content.decode()
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", page)
    assert not re.search(r"<script(?![^>]*\ssrc=)", page)


@pytest.mark.parametrize("name", CHANNEL)
def test_pages_of_the_channel_are_kept_nowhere_and_name_no_referrer(county, visit, name):
    answer = visit(county).get(reverse(f"portal:{name}"))
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "ETag" not in answer.headers


def test_the_about_page_says_what_countersignatures_mean_word_for_word(county, visit):
    page = visit(county).get(reverse("portal:about")).content.decode().replace("&#x27;", "'")
    assert SENTENCE in re.sub(r"\s+", " ", page)


@pytest.mark.parametrize(
    "found", ["", "{", "[]", '{"no_address_kept": "yes"}', '{"no_address_kept": false}']
)
def test_a_promise_that_was_not_found_to_hold_is_not_printed(county, visit, claimed, found):
    claimed(found)
    for name in ("about", "doors", "write", "wrongdoing"):
        assert (
            "不存您的网络地址" not in visit(county).get(reverse(f"portal:{name}")).content.decode()
        )


def test_a_promise_that_holds_is_printed(county, visit, claimed):
    claimed(json.dumps({"no_address_kept": True, "a later promise": True}))
    for name in ("about", "doors", "write", "wrongdoing"):
        assert (
            "本系统不存您的网络地址和设备"
            in visit(county).get(reverse(f"portal:{name}")).content.decode()
        )


def test_a_missing_page_is_a_sentence_in_the_frame(county, visit):
    answer = visit(county).get("/no/such/page")
    assert answer.status_code == 404
    assert "没有这一页" in answer.content.decode()
    assert "主导航" in answer.content.decode()


def test_a_fault_of_ours_is_a_sentence_without_a_trace(county, visit, monkeypatch):
    def broken(*_args, **_more):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("minqing.portal.views.pages.recent_entries", broken)
    client = visit(county)
    client.raise_request_exception = False
    answer = client.get("/")
    assert answer.status_code == 500
    assert "我们这边出错了" in answer.content.decode()
    assert "secret detail" not in answer.content.decode()


def test_robots_keep_out_of_the_channel_and_the_map_lists_public_pages_only(county, visit):
    robots = visit(county).get("/robots.txt").content.decode()
    assert "Disallow: /report/\n" in robots
    assert "Disallow: /follow/\n" in robots
    assert "Disallow: /desk/\n" in robots
    listed = visit(county).get("/sitemap.xml").content.decode()
    assert "/units/430522/" in listed
    assert "/report/" not in listed
    assert "/follow/" not in listed


def test_large_text_is_a_cookie_that_says_nothing_else_and_leads_back(county, visit):
    client = visit(county)
    answer = client.post(reverse("portal:preferences"), {"size": "large", "next": "/search/?q=wsl"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/search/?q=wsl")
    assert answer.cookies["size"].value == "large"
    assert 'data-size="large"' in client.get("/").content.decode()
    client.post(reverse("portal:preferences"), {"size": "normal", "next": "/"})
    assert 'data-size="large"' not in client.get("/").content.decode()


@pytest.mark.parametrize(
    "back",
    ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example", ""],
)
def test_the_way_back_never_leads_to_another_site(county, visit, back):
    answer = visit(county).post(reverse("portal:preferences"), {"size": "large", "next": back})
    assert answer.headers["Location"] == "/"


def test_english_is_there_for_who_asks(county, visit):
    client = visit(county)
    client.post(reverse("portal:preferences"), {"language": "en", "next": "/"})
    page = client.get("/").content.decode()
    assert '<html lang="en"' in page
    assert "Report something" in page
    assert (
        client.post(reverse("portal:preferences"), {"language": "xx"}).cookies.get("language")
        is None
    )


def test_a_browser_set_to_english_gets_chinese_until_its_reader_asks(county, visit):
    answer = visit(county).get("/", headers={"accept-language": "en-US,en;q=0.9"})
    assert 'lang="zh-Hans"' in answer.content.decode()
    assert answer.headers["Content-Language"] == "zh-hans"
    assert "Accept-Language" not in answer.headers["Vary"]


def test_pages_cost_few_questions_to_the_database_and_next_to_none_the_second_time(
    county, visit, time_machine
):
    time_machine.move_to(timezone.now(), tick=False)  # what is kept for seconds is kept throughout
    counts = []
    for path in ("/", "/search/?q=wsl", "/", "/search/?q=wsl"):
        with CaptureQueriesContext(connection) as asked:
            assert visit(county).get(path).status_code == 200
        counts.append(len(asked.captured_queries))
    first, second = counts[:2], counts[2:]
    assert max(first) <= 16
    assert max(second) <= 4


def test_an_unchanged_page_keeps_its_etag_and_a_change_gives_another(county, city, visit):
    before = visit(county).get("/")
    assert visit(county).get("/").headers["ETag"] == before.headers["ETag"]
    assert visit(city).get("/").headers["ETag"] != before.headers["ETag"]
    assert visit(city).get("/").content != before.content
    with unit_context(county), transaction.atomic():
        mark(INTERNAL_ENTRY, ["1"])  # a draft was saved: nobody outside can tell when
    assert visit(county).get("/").headers["ETag"] == before.headers["ETag"]
    with unit_context(county), transaction.atomic():
        mark(PUBLIC_ENTRY, ["1"])
    assert visit(county).get("/").headers["ETag"] != before.headers["ETag"]


def test_the_record_count_of_the_foot_changes_with_its_first_two_digits_only(county):
    texts = {LedgerStand(records=n, outside=0, checked_day=None).records_text for n in (1200, 1299)}
    assert texts == {"1,200"}
    assert LedgerStand(records=99, outside=0, checked_day=None).records_text == "99"


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/units/nowhere/", 404)])
def test_a_question_for_any_version_is_answered_by_whether_there_is_a_page(
    county, visit, path, status
):
    assert visit(county).get(path, headers={"if-none-match": "*"}).status_code == status


def test_headers_that_nobody_can_read_are_the_senders_fault(county):
    told = {}

    def start(status, headers):
        told.update(status=status, headers=dict(headers))

    environ = RequestFactory().get("/", headers={"host": county.host}).environ
    request_started.disconnect(close_old_connections)  # as the test client does
    try:
        for kind in (
            "text/plain; charset*=nowhere''x",
            "text/plain; c*=utf-9''%e4",
            "a/b; charset=\x00",
        ):
            body = b"".join(application({**environ, "CONTENT_TYPE": kind}, start))
            assert told["status"] == "400 Bad Request", kind
            assert "请换一个浏览器再试" in body.decode()
    finally:
        request_started.connect(close_old_connections)


def test_the_web_log_names_neither_visitor_nor_page(capfd):
    log = Logger(Config())
    log.warning("Invalid request from ip=203.0.113.7: bad line")
    try:
        int("broken")
    except ValueError:
        log.exception("Error handling request %s %s", "GET", "/follow/?code=1")
    said = capfd.readouterr().err
    assert "cannot be read was refused" in said
    assert "broken" in said
    assert "203.0.113.7" not in said
    assert "/follow" not in said


def test_the_saved_verify_page_is_one_file_that_may_reach_nobody(county, visit):
    answer = visit(county).get(reverse("portal:verify_offline"))
    page = answer.content.decode()
    assert answer.headers["Content-Disposition"] == 'attachment; filename="verify.html"'
    assert "default-src 'none'" in page
    assert "connect-src" not in page
    assert not re.search(r"<(?:script|link|img)[^>]*\s(?:src|href)=", page)
    assert 'data-key="minqing/430522/' in page


def test_a_page_that_shows_no_ledger_does_not_ask_for_it(county, visit):
    with CaptureQueriesContext(connection) as few:
        visit(county).get("/robots.txt")
    assert not any("sync_head" in query["sql"] for query in few.captured_queries)


def test_the_page_of_connected_units_shows_the_fingerprint_to_compare_and_the_peers(
    county, city, visit
):
    connect(county, city)
    with unit_context(county):
        own = own_document().fingerprint
        Peer.objects.update(witness_key=identity().witness_key)
    page = visit(county).get(reverse("portal:connected")).content.decode()
    assert own in page
    assert "邵阳市" in page
    assert "目前没有本单位以外的机构核对" in page


def test_the_page_of_connected_units_says_what_was_not_taken_in_and_draws_the_network(
    county, city, visit
):
    connect(county, city)
    today = timezone.localdate()
    with unit_context(county):
        Peer.objects.update(witness_key=identity().witness_key)
        peer = Peer.objects.get()
        peer.heads.create(size=7, root=b"r" * 32, note=b"n", seen_on=today, proven=True)
        peer.incidents.create(
            name="withheld",
            sentence="secret detail",
            digest=b"d",
            first_on=today,
            last_on=today,
            times=3,
        )
        peer.quarantine.create(
            index=1,
            subject="s",
            audience="public",
            kind="x.y",
            reason="unknown-kind",
            sentence="",
            since=today,
        )
    page = visit(county).get(reverse("portal:connected")).content.decode()
    assert "有记录还没有收到" in page
    assert "新的种类，等本单位升级后收" in page
    assert "3 次" in page
    assert "7 条" in page
    assert "secret detail" not in page
    assert re.search(r'<circle class="late"[^>]*/><text[^>]*>邵阳市</text>', page)
    assert 'role="img"' in page


def test_a_report_that_came_up_and_was_not_taken_in_moves_nothing_that_the_public_sees(
    county, city, visit
):
    connect(county, city)
    address = reverse("portal:connected")
    before = visit(county).get(address).content
    with unit_context(county):
        for index, kind in enumerate(("channel.referral", "channel.parcel", "channel.status")):
            Peer.objects.get().quarantine.create(
                index=index, subject=f"case-{index}", audience=for_unit(origin()), kind=kind,
                reason="rejected", sentence="", since=timezone.localdate(),
            )  # fmt: skip
    cache.clear()
    assert visit(county).get(address).content == before


def test_a_crowd_of_units_is_drawn_in_part_and_counted_whole():
    state = dict.fromkeys((field.name for field in dataclasses.fields(PeerState)), 0)
    peers = [PeerState(**{**state, "name": f"虚构{n}县", "frozen": n == 29}) for n in range(30)]
    drawn = picture(peers)
    assert (len(drawn.nodes), drawn.more) == (DRAWN, 30 - DRAWN)
    assert [node.name for node in drawn.nodes if node.look == "frozen"] == ["虚构29县"]
    assert all(0 < node.x < drawn.width and 0 < node.label_y < drawn.height for node in drawn.nodes)


def test_figures_stand_on_the_home_page_with_their_base_once_there_are_any(county, visit):
    assert "群众反映</h2>" not in visit(county).get("/").content.decode()
    with unit_context(county):
        day = timezone.localdate() - datetime.timedelta(days=1)
        for name, n in (
            ("accepted", 12),
            ("answered", 10),
            ("in_time", 9),
            ("satisfied", 5),
            ("unsatisfied", 2),
        ):
            Tally.objects.create(name=name, day=day, n=n)
    cache.clear()  # a minute later
    page = visit(county).get("/").content.decode()
    assert "7 人评价，5 人满意" in page
    assert "12 件" in page


def test_a_heading_breaks_between_words_and_stays_the_same_text():
    shown = phrases("坪上镇道路恢复 <b>，3 公里")
    assert "恢复" in shown
    assert "<wbr>" in shown
    assert "&lt;b&gt;" in shown
    assert re.sub("</?span[^>]*>|<wbr>", "", shown) == "坪上镇道路恢复 &lt;b&gt;，3 公里"
