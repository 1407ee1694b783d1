"""A citizen's words pass the pages octet for octet; the code is never in an address and nothing is kept on the way."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from minqing.accounts.models import Role
from minqing.channel import boxes, services
from minqing.channel.models import Message, Way
from sync import ledger
from sync.formats import proofs
from sync.formats.notes import VerifierKey
from sync.identity import identity
from sync.ledger import receipts
from tenants.current import unit_context
from tests.support.archives import DAY
from tests.support.channel import MARKED, WORDS, handler, photo, staff
from tests.support.portal import code_in, form, hidden

if TYPE_CHECKING:
    from django.test import Client

LOOK, SEND, WRITE = (reverse(f"portal:{name}") for name in ("look", "send", "write"))
FOLLOW, SAY, RATE = (reverse(f"portal:{name}") for name in ("follow", "say", "rate"))

HARD = {
    "crlf and blanks": b"  \r\n line \r\n\r\n ",
    "bare line feeds": b"\n\none\ntwo\n",
    "composed and decomposed": "é e\u0301 Å A\u030a".encode(),
    "emoji and rare": "😀👩‍👩‍👧 𠀀𪚥 \ufeff".encode(),
    "markup": b"</textarea></div><script>alert(1)</script>&amp;&lt;",
    "long": ("村" * 34_000).encode(),
}


def report(client: Client, words: bytes = WORDS) -> str:
    page = client.post(SEND, **form(words=words, kind="help")).content.decode()
    return code_in(page)


@pytest.mark.parametrize("words", HARD.values(), ids=HARD)
def test_words_looked_over_arrive_octet_for_octet(county, visit, words):
    client = visit(county)
    page = client.post(LOOK, **form(words=words, kind="unsure")).content.decode()
    carried = hidden(page, "words64")
    assert base64.b64decode(carried) == words
    assert "<script>alert" not in page
    answer = client.post(SEND, **form(words64=carried, kind=hidden(page, "kind")))
    assert answer.status_code == 200
    with unit_context(county):
        assert bytes(Message.objects.get().octets) == words


def test_going_back_shows_the_same_words_and_a_first_line_end_survives(county, visit):
    client = visit(county)
    carried = base64.b64encode(b"\nfirst line is empty").decode()
    page = client.post(
        WRITE, **form(words64=carried, village="", kind="praise", contact="13900000000")
    ).content.decode()
    assert re.search(r"<textarea[^>]*>\n\nfirst line is empty</textarea>", page)
    assert 'value="praise" checked' in page
    assert 'value="13900000000"' in page


@pytest.mark.parametrize(
    ("words", "status"),
    [(b"", 400), (b"   \r\n", 400), (b"\xff\xfe", 400), (b"a\x00b", 400), (b"x" * 102_401, 413)],
    ids=["nothing", "blanks", "not UTF-8", "NUL", "too long"],
)
def test_what_cannot_be_kept_as_it_is_is_refused_with_a_sentence_and_nothing_is_stored(
    county, visit, words, status
):
    for address in (LOOK, SEND):
        answer = visit(county).post(address, **form(words=words))
        assert answer.status_code == status
        assert 'role="alert"' in answer.content.decode()
    with unit_context(county):
        assert not Message.objects.exists()


def test_base64_that_is_none_and_two_versions_of_the_words_are_refused(county, visit):
    for carried in ("@@@@", "YQ", "é="):
        assert visit(county).post(SEND, **form(words64=carried)).status_code == 400
    doubled = form(words=b"one")
    doubled["data"] = doubled["data"].replace(b"------test--", b"") + form(words=b"two")["data"]
    assert visit(county).post(SEND, **doubled).status_code == 400


def test_what_was_chosen_is_not_lost_when_the_words_are_refused(county, visit):
    page = (
        visit(county)
        .post(LOOK, **form(words=b" ", kind="praise", place="桥头", contact="13900000000"))
        .content.decode()
    )
    assert 'value="praise" checked' in page
    assert 'value="桥头"' in page
    assert 'value="13900000000"' in page


def test_words_that_are_too_long_come_back_to_be_shortened(county, visit):
    long = ("路" * 34_134).encode()
    for address in (LOOK, SEND):
        answer = visit(county).post(address, **form(words=long))
        assert answer.status_code == 413
        assert f"{long.decode()}</textarea>" in answer.content.decode()


def test_a_file_that_is_no_photo_is_told_where_the_photo_is_chosen_and_keeps_the_words(
    county, visit
):
    parts = form(words=WORDS, kind="help", photo=b"%PDF-1.4")
    parts["data"] = parts["data"].replace(b'name="photo"', b'name="photo"; filename="a.jpg"')
    answer = visit(county).post(SEND, **parts)
    page = answer.content.decode()
    assert answer.status_code == 400
    assert 'role="alert"' in page
    assert 'type="file"' in page
    assert base64.b64decode(hidden(page, "words64")) == WORDS
    assert hidden(page, "kind") == "help"
    with unit_context(county):
        assert not Message.objects.exists()


def test_the_receipt_says_number_code_and_latest_days_and_holds_no_words(county, visit):
    answer = visit(county).post(SEND, **form(words=WORDS, kind="help"))
    page = answer.content.decode()
    assert re.search(r"\d{4}-[A-Z]+-\d+", page)
    assert "最迟答复" in page
    assert WORDS.decode() not in page
    assert code_in(page)


def test_the_whole_way_sets_no_cookie_and_leaves_nothing_in_caches(county, visit):
    client = visit(county)
    code = report(client)
    steps = [
        client.get(WRITE), client.post(LOOK, **form(words=WORDS)), client.post(SEND, **form(words=WORDS)),
        client.post(FOLLOW, **form(code=code)), client.post(SAY, **form(code=code, words=b"more")),
        client.post(reverse("portal:acknowledgement"), **form(code=code)), client.post(reverse("portal:change_code"), **form(code=code)),
    ]  # fmt: skip
    for answer in steps:
        assert answer.status_code == 200
        assert not answer.cookies
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_the_code_opens_the_case_by_post_only_and_stands_in_no_address(county, visit):
    client = visit(county)
    code = report(client, MARKED)
    page = client.post(FOLLOW, **form(code=code)).content.decode()
    assert "路灯坏了" in page
    assert code not in "".join(re.findall(r'(?:href|action|src)="([^"]*)"', page))
    assert code.replace(" ", "") not in "".join(re.findall(r'(?:href|action|src)="([^"]*)"', page))
    assert "路灯坏了" not in client.get(FOLLOW, {"code": code}).content.decode()


@pytest.mark.parametrize("code", ["", "0000 0000 0000 0000", "no code", "9" * 60, "１２３４"])
def test_a_code_that_opens_nothing_gets_one_sentence(county, visit, code):
    answer = visit(county).post(FOLLOW, **form(code=code))
    assert answer.status_code == 404
    assert "没有查到" in answer.content.decode()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("1234 5678 9012 345", "15 位"),
        ("１２３４", "4 位"),
        ("1234-5678-9012-34567", "17 位"),
        ("1234 5678 9012 3456", "请核对查询码"),
    ],
)
def test_who_typed_too_few_or_too_many_digits_is_told_how_many(county, visit, code, said):
    page = visit(county).post(FOLLOW, **form(code=code)).content.decode()
    assert said in page
    assert code not in page, "what was typed stays off the screen"


def test_another_units_code_opens_nothing_here(county, neighbour, visit):
    code = report(visit(county))
    assert visit(neighbour).post(FOLLOW, **form(code=code)).status_code == 404


def test_who_comes_without_a_form_is_led_to_where_it_begins(county, visit):
    for name, back in (
        ("look", "doors"),
        ("send", "doors"),
        ("say", "follow"),
        ("rate", "follow"),
        ("proof", "follow"),
    ):
        answer = visit(county).get(reverse(f"portal:{name}"))
        assert (answer.status_code, answer.headers["Location"]) == (302, reverse(f"portal:{back}"))


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}], ids=str
)
def test_a_form_of_another_site_is_turned_away(county, visit, headers):
    client = visit(county)
    code = report(client)
    for address in (SEND, SAY, RATE, reverse("portal:change_code")):
        answer = client.post(
            address, **form(code=code, words=WORDS), headers={"host": county.host, **headers}
        )
        assert answer.status_code == 403
    with unit_context(county):
        assert Message.objects.count() == 1


def test_a_browser_that_hides_its_origin_as_asked_is_let_in(county, visit):
    headers = {"host": county.host, "Origin": "null", "Sec-Fetch-Site": "same-origin"}
    assert visit(county).post(SEND, **form(words=WORDS), headers=headers).status_code == 200


def test_saying_more_keeps_the_octets_too(county, visit):
    client = visit(county)
    code = report(client)
    assert "已经送到" in client.post(SAY, **form(code=code, words=MARKED)).content.decode()
    with unit_context(county):
        assert bytes(Message.objects.order_by("n").last().octets) == MARKED


def test_an_answer_is_read_and_rated_once(county, visit):
    client = visit(county)
    code = report(client)
    page = client.post(FOLLOW, **form(code=code)).content.decode()
    number = re.findall(r"[0-9]{4}-[A-Z]+-[0-9]+", page)[0]
    with unit_context(county):
        by = handler()
        services.case_accept(by=by, number=number)
        services.case_answer(by=by, number=number, words="路灯 12 月 1 日前修好。".encode())
    page = client.post(FOLLOW, **form(code=code)).content.decode()
    assert "路灯 12 月 1 日前修好。" in page
    assert client.post(RATE, **form(code=code, verdict="wonderful")).status_code == 400
    assert (
        "谢谢您的评价" in client.post(RATE, **form(code=code, verdict="satisfied")).content.decode()
    )
    assert client.post(RATE, **form(code=code, verdict="satisfied")).status_code == 409


def test_a_code_that_staff_have_seen_rates_only_after_it_was_changed(county, visit):
    client = visit(county)
    with unit_context(county):
        clerk = staff("clerk", Role.CLERK)
        code = services.report_lodge(words=WORDS, way=Way.PHONE, by=clerk).code
    page = client.post(FOLLOW, **form(code=code)).content.decode()
    assert "工作人员见过" in page
    changed = code_in(
        client.post(reverse("portal:change_code"), **form(code=code)).content.decode()
    )
    assert changed != code
    assert client.post(FOLLOW, **form(code=code)).status_code == 404
    assert "工作人员见过" not in client.post(FOLLOW, **form(code=changed)).content.decode()


def test_the_acknowledgement_is_there_at_once_and_the_proof_after_the_slot(county, visit):
    client = visit(county)
    code = report(client, MARKED)
    note = client.post(reverse("portal:acknowledgement"), **form(code=code))
    early = client.post(reverse("portal:proof"), **form(code=code))
    assert early.status_code == 409
    assert "这一时段" in early.content.decode()
    with unit_context(county):
        ledger.seal_slot()
        key = identity().ack_key
    proof = client.post(reverse("portal:proof"), **form(code=code))
    opened = proofs.decode(proof.content)
    assert opened.opening.body == MARKED
    _origin, commitment, _latest = receipts.open_acknowledgement(
        note.content, [VerifierKey.parse(key)]
    )
    assert commitment == opened.opening.commitment
    digits = code.replace(" ", "").encode()
    for paper in (note.content, proof.content):
        assert digits not in paper
        assert code.encode() not in paper


def test_a_photo_is_shown_made_anew_and_only_by_code(county, visit):
    client = visit(county)
    body = form(words=WORDS)["data"].replace(
        b"------test--\r\n",
        b'------test\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
        + photo(exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0")
        + b"\r\n------test--\r\n",
    )
    page = client.post(
        SEND, data=body, content_type="multipart/form-data; boundary=----test"
    ).content.decode()
    code = code_in(page)
    which = hidden(client.post(FOLLOW, **form(code=code)).content.decode(), "photo")
    shown = client.post(reverse("portal:photo"), **form(code=code, photo=which))
    assert shown.headers["Content-Type"] == "image/jpeg"
    assert b"Exif" not in shown.content
    assert (
        client.post(reverse("portal:photo"), **form(code=report(client), photo=which)).status_code
        == 404
    )


def test_the_second_door_names_the_numbers_and_takes_nothing_without_a_document(county, visit):
    page = visit(county).get(reverse("portal:wrongdoing")).content.decode()
    assert "12388" in page
    assert "12380" in page
    assert "<textarea" not in page
    assert visit(county).get(reverse("portal:sealed")).status_code == 404
    assert visit(county).post(reverse("portal:sealed"), **form(words=WORDS)).status_code == 404


def test_where_a_document_stands_the_second_door_seals_and_tells_nothing_but_a_code(county, visit):
    with unit_context(county):
        operator = staff("operator", Role.OPERATOR)
        for n, office in enumerate(("纪检", "组织")):
            keeper = staff(f"keeper{n}", Role.CUSTODIAN, office=office)
            services.custodian_register(
                by=None, staff=keeper, post="室主任", key=boxes.keys_made()[1]
            )
        services.designation_enter(
            by=operator, document="邵纪发〔2026〕1号", issuer="市纪委监委", day=DAY
        )
    client = visit(county)
    page = client.get(reverse("portal:wrongdoing")).content.decode()
    assert "邵纪发〔2026〕1号" in page
    assert "纪检 · 室主任" in page
    assert reverse("portal:sealed") in page
    answer = client.post(reverse("portal:sealed"), **form(words=WORDS, place="", contact=""))
    page = answer.content.decode()
    assert answer.headers["Cache-Control"] == "no-store"
    assert WORDS.decode() not in page
    state = client.post(FOLLOW, **form(code=code_in(page))).content.decode()
    assert "2 人可以开启，已开启 0 次" in state
    assert WORDS.decode() not in state
