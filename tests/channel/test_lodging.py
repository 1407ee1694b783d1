"""From the words to the receipt, and what the code opens afterwards."""

from __future__ import annotations

import base64
import datetime

import msgspec
import pytest
from django.db import connection, transaction
from django.utils.timezone import localdate, now

from minqing.accounts.errors import NotAllowed
from minqing.accounts.models import Role
from minqing.archives.models import Official
from minqing.channel import codes, numbers, selectors, services
from minqing.channel.errors import (
    CodeSeenByStaff,
    FormFault,
    MoveRefused,
    PhotoFault,
    TooLarge,
    UnknownCase,
    UnknownCode,
    WordsFault,
)
from minqing.channel.models import Case, Message, Place, Tally, closed
from minqing.channel.services.passing_up import waiting_passed_up
from sync import ledger
from sync.formats import proofs
from sync.identity import ack_key, origin
from sync.ledger import receipts
from sync.models import Pending
from tenants.current import unit_context
from tests.support.channel import MARKED, connect, handler, lodged, photo, staff

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_county")]


def answered(**more):
    taken = lodged(**more)
    by = handler()
    services.case_accept(by=by, number=taken.number)
    services.case_answer(by=by, number=taken.number, words="月底前修好。".encode())
    return taken


def test_the_words_are_kept_committed_to_and_shown_as_they_came():
    taken = lodged(MARKED)
    message = Message.objects.get()
    assert bytes(message.octets) == MARKED
    record = Pending.objects.get(kind="channel.words")
    assert bytes(record.body) == MARKED
    assert record.slotted
    assert bytes(record.commitment).hex() == message.commitment
    assert selectors.case_by_code(taken.code).messages[0].octets == MARKED


def test_the_receipt_names_the_latest_days_and_comes_with_a_signed_acknowledgement():
    taken = lodged()
    assert taken.told_by.day == localdate() + datetime.timedelta(days=15)
    assert taken.answer_by.day == localdate() + datetime.timedelta(days=60)
    assert taken.receiver == "新邵县"
    found = receipts.open_acknowledgement(taken.acknowledgement, [ack_key().verifier])
    assert found[:2] == (origin(), Message.objects.get().commitment)


def test_the_proof_comes_after_the_slot_and_holds_nothing_of_code_number_or_contact():
    taken = lodged(MARKED, contact="13900000000")
    assert selectors.proof_by_code(taken.code) is None
    assert not selectors.case_by_code(taken.code).proof_ready
    ledger.seal_slot()
    proof = selectors.proof_by_code(taken.code)
    assert proofs.decode(proof).opening.body == MARKED
    assert selectors.case_by_code(taken.code).proof_ready
    stretched = codes.code_stretched(taken.code)
    for secret in (
        taken.number,
        taken.code,
        taken.code.replace(" ", ""),
        stretched.hex(),
        "13900000000",
    ):
        assert secret.encode() not in proof
    assert stretched not in proof


def test_a_database_without_the_key_folder_tells_nobodys_name_or_number(settings):
    taken = lodged(contact="王示例 13900000000")
    with connection.cursor() as cursor:
        cursor.execute("SELECT contact FROM channel_case")
        (kept,) = cursor.fetchone()
    assert kept != closed.closed("王示例 13900000000")
    assert not any(part.encode() in base64.b64decode(kept) for part in ("王示例", "13900000000"))
    by = handler()
    assert selectors.case_for(by, taken.number).contact == "王示例 13900000000"
    settings.CHANNEL_PEPPER = b"another" * 5
    assert "打不开" in selectors.case_for(by, taken.number).contact


def test_no_record_holds_contact_number_or_anything_of_the_code():
    taken = lodged(contact="王示例 13900000000", photos=(photo(),))
    stretched = codes.code_stretched(taken.code)
    for row in Pending.objects.all():
        whole = bytes(row.header) + bytes(row.body) + row.subject.encode()
        for secret in (
            taken.number,
            taken.code,
            taken.code.replace(" ", ""),
            "13900000000",
            "王示例",
        ):
            assert secret.encode() not in whole
        assert stretched not in whole
    details = msgspec.json.decode(bytes(Pending.objects.get(kind="channel.details").body))
    assert sorted(details) == ["kind", "photos", "place", "way", "words"]


def test_a_code_is_sixteen_digits_in_fours_and_read_however_it_is_typed():
    taken = lodged()
    assert [len(group) for group in taken.code.split(" ")] == [4, 4, 4, 4]
    digits = taken.code.replace(" ", "")
    full_width = digits.translate({ord(str(n)): 0xFF10 + n for n in range(10)})
    for written in (
        digits,
        f" {taken.code} ",
        "-".join(taken.code.split()),
        full_width,
        f"{digits}\u3000",
    ):
        assert selectors.case_by_code(written).number == taken.number


@pytest.mark.parametrize(
    "code", ["", "0", "0000 0000 0000 0000", "1" * 17, "abcd" * 4, "٠" * 16, "1" * 10_000, "²" * 16]
)
def test_every_code_that_fits_none_gets_the_same_answer(code):
    lodged()
    for door in (
        selectors.case_by_code, selectors.proof_by_code, selectors.sealed_by_code,
        lambda code: services.rate(code=code, verdict="satisfied"), lambda code: services.follow_up(code=code, words=b"x"),
        lambda code: services.code_change(code=code), lambda code: services.press(code=code), lambda code: services.escalate(code=code),
    ):  # fmt: skip
        with pytest.raises(UnknownCode) as refusal:
            door(code)
        assert str(refusal.value) == str(UnknownCode())


def test_a_code_opens_nothing_at_another_unit(neighbour):
    taken = lodged()
    with unit_context(neighbour), pytest.raises(UnknownCode):
        selectors.case_by_code(taken.code)


def test_the_same_code_is_stored_differently_by_each_unit_and_each_deployment(neighbour, settings):
    here = codes.code_stretched("1234 5678 9012 3456")
    with unit_context(neighbour):
        assert codes.code_stretched("1234 5678 9012 3456") != here
    settings.CHANNEL_PEPPER = b"another"
    assert codes.code_stretched("1234 5678 9012 3456") != here


def test_numbers_do_not_count(county):
    drawn = [lodged().number for _ in range(8)]
    assert all(number.startswith(f"{localdate().year}-XS-") for number in drawn)
    assert drawn != sorted(drawn) or len(set(drawn)) == 8
    assert numbers.letters_of(county) == "XS"


def test_a_taken_number_is_drawn_again(monkeypatch):
    draws = iter([7, 7, 7, 8])
    monkeypatch.setattr(numbers.secrets, "randbelow", lambda _: next(draws))
    first = services.lodging.case_made(day=localdate(), code=b"1")
    second = services.lodging.case_made(day=localdate(), code=b"2")
    assert (first.number[-5:], second.number[-5:]) == ("00007", "00008")


def test_villages_are_offered_and_others_refused(county, city, neighbour):
    ping = next(township for township in selectors.villages() if township.name == "坪上镇")
    taken = lodged(village=ping.villages[0].value, place="桥头")
    assert selectors.case_by_code(taken.code).place == f"坪上镇 {ping.villages[0].label} 桥头"
    with pytest.raises(FormFault, match="名单"):
        lodged(village="430522999999")
    with unit_context(city):
        assert "新邵县" in [place.name for place in selectors.villages()]
    with unit_context(neighbour):
        assert selectors.villages() == ()


def test_a_list_of_places_is_replaced_whole_or_not_at_all():
    before = Place.objects.count()
    for broken in (
        "code,name,within\n1,村,\n",
        "code,name,within\n430522100,,\n",
        "code,name,within\n430522100001,村,430522999\n",
        "",
    ):
        with pytest.raises(FormFault):
            services.villages_load(text=broken)
    assert Place.objects.count() == before
    assert (
        services.villages_load(
            text="code,name,within\n430522100001,新村,430522100\n430522100,新镇,\n"
        )
        == 2
    )
    assert [township.villages[0].label for township in selectors.villages()] == ["新村"]


@pytest.mark.parametrize(
    ("refused", "more"),
    [
        (WordsFault, {"words": b"\xff"}), (WordsFault, {"words": b"a\0"}), (WordsFault, {"words": b""}),
        (TooLarge, {"words": b"x" * 102_401}), (FormFault, {"kind": "accusation"}), (TooLarge, {"contact": "x" * 201}),
        (PhotoFault, {"photos": (b"GIF89a",)}), (PhotoFault, {"photos": (b"<svg/>",)}), (NotAllowed, {"way": "phone"}),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_leaves_nothing(refused, more):
    with pytest.raises(refused):
        lodged(**{"words": b"x", **more})
    assert not Case.objects.exists()
    assert not Pending.objects.filter(kind__startswith="channel.").exists()


def test_words_that_follow_are_kept_as_they_came_too():
    taken = lodged()
    services.follow_up(code=taken.code, words=MARKED)
    assert selectors.case_by_code(taken.code).messages[1].octets == MARKED
    assert [bytes(row.body) for row in Pending.objects.filter(kind="channel.words").order_by("id")][
        1
    ] == MARKED
    with pytest.raises(WordsFault):
        services.follow_up(code=taken.code, words=b"\xff")


def test_an_answer_is_rated_once():
    taken = answered()
    assert selectors.case_by_code(taken.code).may_rate
    services.rate(code=taken.code, verdict="satisfied")
    assert selectors.case_by_code(taken.code).verdict_label == "满意"
    with pytest.raises(MoveRefused):
        services.rate(code=taken.code, verdict="unsatisfied")
    with pytest.raises(FormFault):
        services.rate(code=taken.code, verdict="excellent")


def test_not_satisfied_opens_the_case_again_with_a_new_limit():
    taken = answered()
    services.rate(code=taken.code, verdict="unsatisfied")
    view = selectors.case_by_code(taken.code)
    assert view.state == "reopened"
    assert view.answer_by.met_on is None
    services.case_answer(by=handler("second"), number=taken.number, words="已返工。".encode())
    services.rate(code=taken.code, verdict="basically")
    assert selectors.case_by_code(taken.code).verdict_label == "基本满意"


def test_nothing_can_be_rated_before_the_answer():
    taken = lodged()
    with pytest.raises(MoveRefused):
        services.rate(code=taken.code, verdict="satisfied")


def test_a_code_that_staff_have_seen_rates_only_after_it_was_changed():
    clerk = staff("clerk", Role.CLERK)
    taken = answered(by=clerk, way="phone")
    assert selectors.case_by_code(taken.code).code_seen
    with pytest.raises(CodeSeenByStaff):
        services.rate(code=taken.code, verdict="satisfied")
    new = services.code_change(code=taken.code)
    with pytest.raises(UnknownCode):
        selectors.case_by_code(taken.code)
    services.rate(code=new, verdict="satisfied")
    assert selectors.case_by_code(new).verdict_label == "满意"
    # Whoever took the call may have been the one who changed it: it stands in the course and counts in no figure.
    assert "换了查询码" in [step.note for step in selectors.case_by_code(new).steps]
    assert not Tally.objects.filter(name="satisfied").exists()


def test_what_its_own_reporter_rates_counts_in_the_figures():
    services.rate(code=answered().code, verdict="satisfied")
    assert Tally.objects.get(name="satisfied").n == 1


def test_only_staff_who_take_reports_lodge_for_others():
    with pytest.raises(NotAllowed):
        lodged(by=staff("custodian", Role.CUSTODIAN), way="phone")
    with pytest.raises(FormFault, match="怎样收到"):
        lodged(by=staff("clerk", Role.CLERK), way="web")


def test_pressing_is_seen_first_and_once_a_day():
    lodged()
    taken = lodged()
    services.press(code=taken.code)
    rows = selectors.desk_cases(handler())
    assert rows[0].number == taken.number
    assert rows[0].pressed
    with pytest.raises(MoveRefused, match="催办"):
        services.press(code=taken.code)


def test_words_that_name_someone_here_wait_for_a_unit_above_and_then_go_there(city, county):
    Official.objects.create(name="李样本", home=origin())
    other = staff("other", Role.SUPERVISOR)
    taken = lodged("李 样本拿了钱".encode())
    assert [row.number for row in selectors.desk_cases(other)] == [taken.number]
    assert selectors.desk_cases(handler()) == []
    waiting_passed_up()
    assert not Pending.objects.filter(kind="channel.referral").exists()
    connect(city, county)
    waiting_passed_up()
    assert selectors.desk_cases(other) == []
    assert Pending.objects.filter(kind="channel.referral").count() == 1
    waiting_passed_up()
    assert Pending.objects.filter(kind="channel.referral").count() == 1


@pytest.mark.parametrize(
    "words", ["李样本拿钱", "听说李　样\n本的事", "找 handler 演示经手人 办事，吃拿卡要"]
)
def test_words_that_name_someone_here_open_only_above(city, county, words):
    connect(city, county)
    Official.objects.create(name="李样本", home=origin())
    clerk = staff("named", Role.HANDLER, name="演示经手人")
    other = handler()
    taken = lodged(words.encode())
    assert Pending.objects.filter(kind="channel.referral").count() == 1
    assert selectors.desk_cases(clerk) == selectors.desk_cases(other) == []
    for door in (
        lambda: selectors.case_for(other, taken.number), lambda: services.case_accept(by=other, number=taken.number),
        lambda: services.case_seal(by=other, number=taken.number), lambda: services.case_refer(by=other, number=taken.number, origin="x", reason=""),
        lambda: services.case_answer(by=other, number=taken.number, words=b"x"),
    ):  # fmt: skip
        with pytest.raises(UnknownCase):
            door()
    assert selectors.case_by_code(taken.code).receiver == "新邵县"
    assert selectors.case_by_code(taken.code).referrals == ()


def test_words_added_later_that_name_someone_take_the_case_from_this_desk(city, county):
    connect(city, county)
    Official.objects.create(name="李样本", home=origin())
    taken = lodged()
    by = handler()
    assert [row.number for row in selectors.desk_cases(by)] == [taken.number]
    services.follow_up(code=taken.code, words="其实是李样本扣了款".encode())
    assert selectors.desk_cases(by) == []
    assert Pending.objects.filter(kind="channel.message").count() == 1


def test_a_failure_at_the_end_leaves_nothing(monkeypatch):
    def broken(commitment):
        raise RuntimeError

    monkeypatch.setattr("minqing.channel.services.lodging.receipts.acknowledge", broken)
    with pytest.raises(RuntimeError), transaction.atomic():
        lodged()
    assert not Case.objects.exists()
    assert not Pending.objects.filter(kind__startswith="channel.").exists()


def test_figures_do_not_count_what_the_desk_does_not_know_of(time_machine):
    """Else the desk would see by how much they rise beside its own list: so many reports name somebody here."""
    chief = staff("chief", Role.SUPERVISOR)
    staff("named", Role.HANDLER, name="赵虚构")
    taken = lodged("赵虚构收了修路的钱。".encode())
    services.case_accept(by=chief, number=taken.number)
    services.case_answer(by=chief, number=taken.number, words="已经核实。".encode())
    services.rate(code=taken.code, verdict="satisfied")
    time_machine.move_to(now() + datetime.timedelta(days=1))
    figures = selectors.channel_figures()
    assert (figures.accepted, figures.answered, figures.satisfied) == (0, 0, 0)


def test_figures_tell_days_that_have_ended_only(time_machine):
    taken = answered()
    services.rate(code=taken.code, verdict="satisfied")
    assert selectors.channel_figures().answered == 0
    time_machine.move_to(now() + datetime.timedelta(days=1))
    figures = selectors.channel_figures()
    assert (figures.accepted, figures.answered, figures.in_time, figures.satisfied) == (1, 1, 1, 1)
