"""Cases through the pages: the words as they came, each step, another unit, lodging for others, sealing."""

from __future__ import annotations

import datetime
import html
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from minqing.accounts.models import Role
from minqing.channel import boxes, selectors, services
from minqing.channel.models import Case, Message
from minqing.desk.models import Submission
from sync.exchange.peers import reachable_units
from tenants.current import unit_context
from tests.support.channel import MARKED, WORDS, Courier, connect, lodged, photo, staff
from tests.support.desk import hidden, signed_in, staff_of

EVIL = b"<script>alert(1)</script>\r\n<b onclick=x>'\"&amp; \xe8\xb7\xaf\xe7\x81\xaf"


@pytest.fixture
def handler(county):
    return signed_in(county, staff_of(county, "handler", Role.HANDLER, office="交通股"))


@pytest.fixture
def supervisor(county):
    return signed_in(county, staff_of(county, "supervisor", Role.SUPERVISOR))


def taken(unit, words=WORDS, **more):
    """Lodge a report and return its receipt and the address of its page."""
    with unit_context(unit):
        receipt = lodged(words, **more)
    return receipt, f"/desk/cases/{receipt.number}/"


def step(client, address, name, **values):
    """Press one button of a case's page as it stands."""
    page = client.get(address).content.decode()
    return client.post(
        f"{address}{name}/", {"seen": hidden(page, "seen"), "once": hidden(page, "once"), **values}
    )


def words_on(page):
    return [
        html.unescape(found)
        for found in re.findall(r'<div class="words" dir="auto">(.*?)</div>', page, re.DOTALL)
    ]


def test_a_case_is_accepted_begun_answered_and_the_citizen_reads_the_answer(county, handler, visit):
    receipt, address = taken(county)
    assert "要受理" in handler.get("/desk/").content.decode()
    assert step(handler, address, "accept").headers["location"] == address
    assert step(handler, address, "start").status_code == 302
    assert "要答复" in handler.get("/desk/").content.decode()
    assert step(handler, address, "answer", note="12 月 10 日前修好。").status_code == 302
    assert receipt.number not in handler.get("/desk/").content.decode()
    read = visit(county).post("/follow/", {"code": receipt.code}).content.decode()
    assert "12 月 10 日前修好。" in read
    assert step(handler, address, "close").status_code == 302
    assert "已办结" in handler.get(address).content.decode()


@pytest.mark.parametrize("words", [MARKED, EVIL, b"\n\nx\n", "一\u202e二\u200b三".encode()])
def test_the_words_stand_on_the_page_as_they_came_and_as_text(county, handler, words):
    _receipt, address = taken(county, words)
    page = handler.get(address).content
    assert html.escape(words.decode()).encode() in page
    assert words_on(page.decode()) == [words.decode()]
    assert b"<script>alert" not in page
    assert "script-src 'self'" in handler.get(address).headers["content-security-policy"]
    for list_page in ("/desk/", "/desk/cases/"):
        assert b"<script>alert" not in handler.get(list_page).content


def test_photos_are_shown_as_copies_made_anew(county, handler):
    original = photo(exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x00")
    _receipt, address = taken(county, photos=(original,))
    source = re.search(r'<img src="([^"]+/photo/[^"]+)"', handler.get(address).content.decode())
    shown = handler.get(source[1])
    assert shown.headers["content-type"] == "image/jpeg"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert shown.content.startswith(b"\xff\xd8")
    assert b"Exif" not in shown.content


def test_late_cases_stand_first_with_the_days_that_are_over(county, handler):
    _soon, _ = taken(county, "快到期的".encode())
    late, _ = taken(county, "早就逾期的".encode())
    with unit_context(county):
        Case.objects.get(number=late.number).deadlines.update(day="2026-11-01")
    for page in (
        handler.get("/desk/").content.decode(),
        handler.get("/desk/cases/").content.decode(),
    ):
        assert page.index("早就逾期的") < page.index("快到期的")
        assert 'class="job overdue"' in page
        assert "逾期" in page
    only = handler.get("/desk/cases/?late=1").content.decode()
    assert "早就逾期的" in only
    assert "快到期的" not in only


def test_the_list_is_narrowed_by_place_state_and_words(county, handler):
    with unit_context(county):
        town = selectors.villages()[0]
    _here, _ = taken(county, "这里的路灯".encode(), village=town.villages[0].value)
    _there, _ = taken(county, "别处的水管".encode())
    assert "别处的水管" not in handler.get(f"/desk/cases/?place={town.code}").content.decode()
    assert "这里的路灯" in handler.get(f"/desk/cases/?place={town.code}").content.decode()
    assert "这里的路灯" not in handler.get("/desk/cases/?q=水管").content.decode()
    assert "这里的路灯" not in handler.get("/desk/cases/?state=closed").content.decode()
    assert handler.get("/desk/cases/?state=x%00&place='--&page=999&q=%00").status_code == 200


def test_a_return_says_why_goes_to_the_supervisor_and_the_third_is_a_ruling(
    county, handler, supervisor
):
    _receipt, address = taken(county)
    empty = step(handler, address, "return", note=" ")
    assert empty.status_code == 400
    assert "请写明退回的理由" in empty.content.decode()
    for _time in range(2):
        assert step(handler, address, "return", note="应由住建局办").status_code == 302
        assert "要另派" in supervisor.get("/desk/").content.decode()
        assert handler.post(f"{address}assign/", {"note": "x"}).status_code == 403
        assert step(supervisor, address, "assign", note="住建股").status_code == 302
    assert "已裁定承办单位" in handler.get(address).content.decode()
    again = handler.post(f"{address}return/", {"note": "还是不归我们"})
    assert again.status_code == 409


def test_staff_who_send_nothing_are_told_so_in_words_meant_for_them(county, handler):
    _receipt, address = taken(county)
    step(handler, address, "accept")
    for name, said in (("answer", "还没有写答复"), ("ask", "还没有写要问什么")):
        page = step(handler, address, name, note=" \r\n").content.decode()
        assert said in page
        assert "您要反映的事" not in page
    with unit_context(county):
        assert Message.objects.count() == 1


def test_an_answer_is_not_sent_over_words_that_came_meanwhile(county, handler, visit):
    receipt, address = taken(county)
    step(handler, address, "accept")
    page = handler.get(address).content.decode()
    visit(county).post("/follow/say", {"code": receipt.code, "words": "又塌了一段"})
    late = handler.post(
        f"{address}answer/",
        {"note": "已经修好。", "seen": hidden(page, "seen"), "once": hidden(page, "once")},
    )
    text = late.content.decode()
    assert late.status_code == 409
    assert "又塌了一段" in text
    assert "已经修好。</textarea>" in text, "what was typed is kept"
    with unit_context(county):
        assert not Message.objects.filter(purpose="answer").exists()


def test_pressing_answer_twice_sends_one_answer(county, handler):
    _receipt, address = taken(county)
    step(handler, address, "accept")
    page = handler.get(address).content.decode()
    posted = {"note": "修好了。", "seen": hidden(page, "seen"), "once": hidden(page, "once")}
    assert handler.post(f"{address}answer/", posted).headers["location"] == address
    assert handler.post(f"{address}answer/", posted).headers["location"] == address
    with unit_context(county):
        assert Message.objects.filter(purpose="answer").count() == 1


def test_a_case_goes_to_another_unit_word_for_word_and_the_answer_comes_back(
    county, neighbour, handler, visit
):
    connect(county, neighbour)
    courier = Courier()
    there = signed_in(neighbour, staff_of(neighbour, "there", Role.HANDLER))
    receipt, address = taken(county, MARKED)
    nowhere = step(handler, address, "refer", note="归你们管")
    assert nowhere.status_code == 400
    assert "请选择转给哪个单位" in nowhere.content.decode()
    for_nothing = step(handler, address, "refer", to="minqing/430599/00000000", note=" ")
    assert for_nothing.status_code == 400
    assert "请写明为什么转" in for_nothing.content.decode()
    nobody = step(handler, address, "refer", to="minqing/430599/00000000", note="归你们管")
    assert nobody.status_code == 409
    assert "归你们管" in nobody.content.decode()
    with unit_context(county):
        to = reachable_units()[0].origin
    assert step(handler, address, "refer", to=to, note="归你们管").status_code == 302
    assert "已转 隆回县" in handler.get(address).content.decode()
    courier.carry(county, neighbour)
    theirs = re.search(r'href="(/desk/cases/20[^"]+)"', there.get("/desk/cases/").content.decode())[
        1
    ]
    page = there.get(theirs).content.decode()
    assert words_on(page) == [MARKED.decode()]
    assert "新邵县" in page
    assert there.get(address).status_code == 404, "another unit's number opens nothing"
    assert step(there, theirs, "accept").status_code == 302
    assert step(there, theirs, "answer", note="修好了。").status_code == 302
    courier.carry(neighbour, county)
    assert "修好了。" in handler.get(address).content.decode()
    assert "修好了。" in visit(county).post("/follow/", {"code": receipt.code}).content.decode()


def lodge(client, **values):
    form = client.get("/desk/cases/lodge/").content.decode()
    return client.post(
        "/desk/cases/lodge/",
        {"way": "counter", "kind": "unsure", "once": hidden(form, "once"), **values},
    )


def test_lodging_for_another_keeps_the_octets_prints_the_receipt_once_and_marks_the_code_as_seen(
    county, handler, visit
):
    spoken = "  路灯坏了\r\n半个月。\u3000😀 e\u0301 \n "
    form = handler.get("/desk/cases/lodge/").content.decode()
    posted = {
        "words": spoken,
        "way": "phone",
        "kind": "complaint",
        "once": hidden(form, "once"),
        "contact": "0739-000 0000",
    }
    answer = handler.post(
        "/desk/cases/lodge/",
        {**posted, "photo": SimpleUploadedFile("a.jpg", photo(), content_type="image/jpeg")},
    )
    page = answer.content.decode()
    code = re.search(r"\d{4}(?: \d{4}){3}", page)[0]
    assert "最迟答复" in page
    assert answer.headers["cache-control"] == "private, no-store"
    with unit_context(county):
        case = Case.objects.get()
        assert bytes(Message.objects.get().octets) == spoken.encode()
        assert (case.way, case.kind, case.code_seen, case.attachments.count()) == (
            "phone",
            "complaint",
            True,
            1,
        )
    again = handler.post("/desk/cases/lodge/", posted)
    assert again.headers["location"] == "/desk/cases/lodge/sent/"
    assert code not in handler.get("/desk/cases/lodge/sent/").content.decode()
    with unit_context(county):
        assert Case.objects.count() == 1
    address = f"/desk/cases/{case.number}/"
    step(handler, address, "accept")
    step(handler, address, "answer", note="修好了。")
    rated = visit(county).post("/follow/rate", {"code": code, "verdict": "satisfied"})
    assert rated.status_code == 409
    assert "工作人员见过" in rated.content.decode()


def test_a_lodging_that_cannot_be_kept_as_it_is_is_refused_and_what_was_typed_stays(
    county, handler
):
    bad = lodge(handler, words="路灯坏了", way="web")
    assert bad.status_code == 400
    assert "路灯坏了</textarea>" in bad.content.decode()
    no_text = handler.post(
        "/desk/cases/lodge/",
        b"words=%ff%fe&way=counter&kind=unsure",
        content_type="application/x-www-form-urlencoded",
    )
    assert no_text.status_code == 400
    assert "不是 UTF-8" in no_text.content.decode()
    nul = handler.post(
        "/desk/cases/lodge/",
        b"words=a%00b&way=counter&kind=unsure",
        content_type="application/x-www-form-urlencoded",
    )
    assert nul.status_code == 400
    with unit_context(county):
        assert not Case.objects.exists()


def test_lodging_checks_the_forms_token_after_taking_the_octets(county):
    client = signed_in(county, staff_of(county, "handler", Role.HANDLER), check_forms=True)
    assert lodge(client, words="路灯坏了").status_code == 403
    token = hidden(client.get("/desk/cases/lodge/").content.decode(), "csrfmiddlewaretoken")
    assert lodge(client, words="路灯坏了", csrfmiddlewaretoken=token).status_code == 200
    with unit_context(county):
        assert bytes(Message.objects.get().octets) == "路灯坏了".encode()


def test_sealing_without_a_competent_receiver_changes_nothing_and_names_the_numbers(
    county, handler
):
    _receipt, address = taken(county)
    refused = step(handler, address, "seal")
    assert refused.status_code == 409
    assert "12388" in refused.content.decode()
    assert words_on(handler.get(address).content.decode()) == [WORDS.decode()]


@pytest.fixture
def keepers(county):
    """Two custodians of different offices with their private keys, and the designation document."""
    with unit_context(county):
        operator = staff("operator", Role.OPERATOR)
        made = []
        for n, office in enumerate(("纪检", "组织")):
            private, public = boxes.keys_made()
            keeper = staff(f"keeper{n}", Role.CUSTODIAN, office=office)
            services.custodian_register(by=None, staff=keeper, post="室主任", key=public)
            made.append((signed_in(county, keeper), private))
        services.designation_enter(
            by=operator,
            document="邵纪发〔2026〕1号",
            issuer="市纪委监委",
            day=datetime.date(2026, 11, 1),
        )
    return made


def opened(client, key):
    """Open the only sealed report on a custodian's list."""
    address = re.search(
        r'action="(/desk/sealed/[^"]+)"', client.get("/desk/sealed/").content.decode()
    )[1]
    return client.post(address, {"key": key})


def test_one_press_seals_a_case_to_the_custodians_and_leaves_nothing_here(county, handler, keepers):
    receipt, address = taken(county, EVIL, contact="某甲")
    step(handler, address, "accept")
    assert step(handler, address, "seal").headers["location"] == "/desk/cases/"
    assert handler.get(address).status_code == 404
    assert handler.post(f"{address}seal/").status_code == 404, "a second press changes nothing"
    for page in ("/desk/", "/desk/cases/", f"/desk/cases/?q={receipt.number}"):
        text = (
            handler.get(page)
            .content.decode()
            .split("</nav>")[1]
            .replace(f'value="{receipt.number}"', "")
        )
        assert receipt.number not in text
    with unit_context(county):
        assert not Message.objects.exists()
        assert not Submission.objects.exclude(went_to=address).exists(), (
            "nothing kept of the forms tells of it"
        )
    (mine, key), (other, other_key) = keepers
    assert "没有打开过的密件" in mine.get("/desk/").content.decode()
    for wrong in (other_key, "x", ""):
        refused = opened(mine, wrong)
        assert refused.status_code in {400, 404}
        assert "某甲" not in refused.content.decode()
    page = opened(mine, key)
    assert words_on(page.content.decode()) == [EVIL.decode()]
    assert "某甲" in page.content.decode()
    assert page.headers["cache-control"] == "private, no-store"
    assert "另一位保管人打开过 1 次" in other.get("/desk/sealed/").content.decode()


def test_an_accusation_typed_at_the_counter_goes_straight_to_the_custodians(
    county, handler, keepers
):
    answer = lodge(handler, words="有人吃拿卡要", then="seal")
    assert answer.status_code == 200
    assert "只有密件保管人能打开" in answer.content.decode()
    with unit_context(county):
        assert not Case.objects.exists()
        assert not Message.objects.exists()
    (mine, key), _ = keepers
    assert words_on(opened(mine, key).content.decode()) == ["有人吃拿卡要"]


def test_opening_pages_changes_nothing_but_the_record_of_who_read(county, handler, supervisor):
    receipt, address = taken(county)
    everything = [address, "/desk/", "/desk/cases/", "/desk/cases/lodge/"]
    with unit_context(county):
        before = list(Case.objects.values()), list(Message.objects.values("n", "purpose"))
    for page in everything + [
        f"{address}{name}/"
        for name in ("accept", "return", "start", "answer", "refer", "close", "seal")
    ]:
        handler.get(page)
        supervisor.get(page)
    with unit_context(county):
        assert (list(Case.objects.values()), list(Message.objects.values("n", "purpose"))) == before
        assert Case.objects.get().number == receipt.number
