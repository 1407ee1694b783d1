"""The button of a form pressed twice, without JavaScript and without a cookie: one report, the same papers."""

from __future__ import annotations

import datetime

import pytest
from django.urls import reverse
from django.utils.timezone import now

from minqing.accounts.models import Role
from minqing.channel import boxes, services
from minqing.channel.models import Case, FormUse, SealedReport
from minqing.channel.services.once import uses_forget
from tenants.current import unit_context
from tests.support.archives import DAY
from tests.support.channel import WORDS, photo, staff
from tests.support.portal import code_in, form, hidden

LOOK, SEND, SEALED, CHANGE = (
    reverse(f"portal:{name}") for name in ("look", "send", "sealed", "change_code")
)


@pytest.fixture
def drawn(county, visit):
    """The fields of a form as its page drew them."""
    page = visit(county).post(LOOK, **form(words=WORDS, kind="help")).content.decode()
    return {
        "form": hidden(page, "form"), "words64": hidden(page, "words64"), "kind": "help", "village": "", "place": "", "contact": "",
    }  # fmt: skip


def test_the_second_press_lodges_nothing_and_shows_the_same_papers(county, visit, drawn):
    first, second = (visit(county).post(SEND, **form(**drawn)) for _press in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.content == second.content
    with unit_context(county):
        (case,) = Case.objects.all()
        (use,) = FormUse.objects.all()
    assert case.number in second.content.decode()
    digits = code_in(first.content.decode())
    kept = bytes(use.box) + use.id.encode()
    assert digits.encode() not in kept
    assert drawn["form"].encode() not in kept


@pytest.mark.parametrize(
    "other", [{"contact": "13900000000"}, {"photo": photo()}, {"kind": "praise"}]
)
def test_the_same_form_with_other_content_shows_no_papers(county, visit, drawn, other):
    code = code_in(visit(county).post(SEND, **form(**drawn)).content.decode())
    answer = visit(county).post(SEND, **form(**{**drawn, **other}))
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "没有重复登记" in page
    assert code not in page
    with unit_context(county):
        assert Case.objects.count() == 1


def test_a_form_that_was_refused_may_be_sent_again(county, visit, drawn):
    refused = visit(county).post(SEND, **form(**{**drawn, "village": "999999999999"}))
    assert refused.status_code == 400
    with unit_context(county):
        assert not FormUse.objects.exists()
    assert visit(county).post(SEND, **form(**drawn)).status_code == 200


def test_after_the_code_was_changed_the_old_form_shows_it_no_more(county, visit, drawn):
    code = code_in(visit(county).post(SEND, **form(**drawn)).content.decode())
    assert visit(county).post(CHANGE, **form(code=code)).status_code == 200
    assert visit(county).post(SEND, **form(**drawn)).status_code == 409


@pytest.mark.parametrize("token", ["x", "A" * 32, "0" * 31, "0" * 33])
def test_a_token_that_is_none_is_refused(county, visit, drawn, token):
    assert visit(county).post(SEND, **form(**{**drawn, "form": token})).status_code == 400
    with unit_context(county):
        assert not Case.objects.exists()


def test_the_sealed_form_acts_once_too(county, visit):
    with unit_context(county):
        for n, office in enumerate(("纪检", "组织")):
            keeper = staff(f"keeper{n}", Role.CUSTODIAN, office=office)
            services.custodian_register(
                by=None, staff=keeper, post="室主任", key=boxes.keys_made()[1]
            )
        services.designation_enter(by=None, document="1号", issuer="市纪委监委", day=DAY)
    page = visit(county).get(SEALED).content.decode()
    assert "防不住" in page
    fields = {"form": hidden(page, "form"), "words": WORDS, "place": "", "contact": ""}
    first, second = (visit(county).post(SEALED, **form(**fields)) for _press in range(2))
    assert first.content == second.content
    with unit_context(county):
        assert SealedReport.objects.count() == 1


def test_what_is_kept_of_forms_goes_after_the_next_day(county, visit, drawn, time_machine):
    visit(county).post(SEND, **form(**drawn))
    with unit_context(county):
        for days, left in ((1, 1), (2, 0)):
            time_machine.move_to(now() + datetime.timedelta(days=1), tick=False)
            uses_forget()
            assert FormUse.objects.count() == left, days
