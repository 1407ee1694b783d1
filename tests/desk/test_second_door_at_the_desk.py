"""Who stands behind the second door, kept at the desk; and covering words, and opening a photo's original."""

from __future__ import annotations

import pytest

from minqing.accounts.models import Role
from minqing.channel import boxes, selectors, services
from minqing.channel.models import Attachment, Message
from tenants.current import unit_context
from tests.support.archives import DAY
from tests.support.channel import Courier, connect, exif_of, lodged, photo, staff
from tests.support.desk import hidden, signed_in, staff_of

DOOR = "/desk/second-door/"


@pytest.fixture
def operator(county):
    return signed_in(county, staff_of(county, "operator", Role.OPERATOR))


@pytest.fixture
def second(county):
    return signed_in(county, staff_of(county, "second", Role.OPERATOR))


@pytest.fixture
def handler(county):
    return signed_in(county, staff_of(county, "handler", Role.HANDLER, office="交通股"))


def register(client, second, username):
    """One operator enters the key; another presses the button under it."""
    fields = {"username": username, "post": "主任", "key": boxes.keys_made()[1]}
    entered = client.post(f"{DOOR}custodians/", fields)
    assert 'name="key" value="' not in client.get(DOOR).content.decode()
    page = second.get(DOOR).content.decode()
    shown = {name: hidden(page, name) for name in fields}
    assert shown == fields
    assert second.post(f"{DOOR}custodians/", shown).status_code == 302
    return entered


def test_two_custodians_and_a_document_open_the_form_and_each_end_closes_it(
    county, operator, second, visit
):
    for username, office in (("k1", "纪检"), ("k2", "组织")):
        staff_of(county, username, Role.CUSTODIAN, office=office)
    document = {"document": "邵纪发〔2026〕1号", "issuer": "市纪委监委", "day": "2026-11-01"}
    early = operator.post(f"{DOOR}document/", document)
    assert early.status_code == 400
    assert "两名" in early.content.decode()
    assert register(operator, second, "k1").status_code == 302
    wrong = operator.post(
        f"{DOOR}custodians/", {"username": "k2", "post": "主任", "key": "not a key"}
    )
    assert wrong.status_code == 400
    assert register(operator, second, "k2").status_code == 302
    assert operator.post(f"{DOOR}document/", document).status_code == 302
    assert visit(county).get("/report/sealed").status_code == 200
    assert "邵纪发〔2026〕1号" in operator.get(DOOR).content.decode()
    assert operator.post(f"{DOOR}custodians/k1/end/").status_code == 302
    assert visit(county).get("/report/sealed").status_code == 404
    assert register(operator, second, "k1").status_code == 302
    assert visit(county).get("/report/sealed").status_code == 404, "a new document is needed"
    assert operator.post(f"{DOOR}document/", document).status_code == 302
    assert operator.post(f"{DOOR}document/withdraw/").status_code == 302
    assert visit(county).get("/report/sealed").status_code == 404


def test_another_units_document_counts_once_it_is_accepted_here(
    county, city, operator, second, visit
):
    connect(city, county)
    with unit_context(city):
        for n, office in enumerate(("纪检", "组织")):
            keeper = staff(f"keeper{n}", Role.CUSTODIAN, office=office)
            services.custodian_register(
                by=None, staff=keeper, post="室主任", key=boxes.keys_made()[1]
            )
        services.designation_enter(by=None, document="9号", issuer="市纪委监委", day=DAY)
    Courier().carry(city, county)
    assert "9号" not in visit(county).get("/report/wrongdoing").content.decode()
    page = operator.get(DOOR).content.decode()
    assert "没有确认，群众看不到" in page
    commitment = {"commitment": hidden(page, "commitment")}
    supervisor = signed_in(county, staff_of(county, "supervisor", Role.SUPERVISOR))
    assert "没有确认，群众看不到" in supervisor.get(DOOR).content.decode()
    assert supervisor.post(f"{DOOR}accept/", commitment).status_code == 403
    assert operator.post(f"{DOOR}accept/", {"commitment": "0" * 64}).status_code == 404
    assert operator.post(f"{DOOR}accept/", commitment).status_code == 302
    assert "9号" not in visit(county).get("/report/wrongdoing").content.decode()
    assert "等另一位" in second.get(DOOR).content.decode()
    assert second.post(f"{DOOR}accept/", commitment).status_code == 302
    assert "9号" in visit(county).get("/report/wrongdoing").content.decode()
    assert operator.post(f"{DOOR}accept/", commitment).status_code == 409
    assert operator.post(f"{DOOR}refuse/", commitment).status_code == 302
    assert "9号" not in visit(county).get("/report/wrongdoing").content.decode()


def test_words_are_covered_wherever_they_stand_and_the_octets_stay(county, handler):
    words = "李样本的电话 13900000000，再打 13900000000。\r\n他家在坪上。".encode()
    with unit_context(county):
        receipt = lodged(words)
    address = f"/desk/cases/{receipt.number}/mask/0/"
    page = handler.get(address).content.decode()
    fields = {"once": hidden(page, "once"), "reason": "第三人电话"}
    missing = handler.post(address, {**fields, "pieces": "13800000000"})
    assert missing.status_code == 400
    assert "原文里没有" in missing.content.decode()
    answer = handler.post(address, {**fields, "pieces": "13900000000\r\n李样本"})
    assert answer.headers["location"] == f"/desk/cases/{receipt.number}/"
    shown = handler.get(f"/desk/cases/{receipt.number}/").content.decode()
    assert "13900000000" not in shown
    assert "■■■的电话 ■■■■■■■■■■■，再打 ■■■■■■■■■■■。" in shown
    assert "13900000000\n" in handler.get(address).content.decode() or "李样本\n13900000000" in (
        handler.get(address).content.decode()
    )
    with unit_context(county):
        assert bytes(Message.objects.get().octets) == words
        assert selectors.case_by_code(receipt.code).messages[0].octets == words


def test_a_photos_original_is_handed_out_with_a_reason_only_and_leaves_a_trace(county, handler):
    taken_in = photo(exif=exif_of("SecretPhone"))
    with unit_context(county):
        receipt = lodged(photos=(taken_in,))
        picture = Attachment.objects.get().pk
    address = f"/desk/cases/{receipt.number}/photo/{picture}/original/"
    refused = handler.post(address, {"note": " "})
    assert refused.status_code == 400
    assert "为什么要看原件" in refused.content.decode()
    answer = handler.post(address, {"note": "核对拍摄时间"})
    assert answer.content == taken_in
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    with unit_context(county):
        assert "核对拍摄时间" in selectors.case_by_code(receipt.code).steps[-1].note
