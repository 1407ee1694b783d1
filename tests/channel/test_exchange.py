"""A case at another unit: the same octets, checked against the receipt, and the way back under one code."""

from __future__ import annotations

import pytest

from minqing.accounts.models import Role
from minqing.channel import exchange, selectors, services
from minqing.channel.errors import MoveRefused, NoReceiver
from minqing.channel.frames import frame_encode
from minqing.channel.models import Attachment, Case, Message, Rating, Referral
from minqing.channel.originals import OriginalFault, opened
from minqing.channel.services.referring import reachable
from minqing.channel.travelling import MessageDetails, PhotoDetails, ReferralDetails, Status
from sync import ledger
from sync.errors import RecordRejected
from sync.formats import records
from sync.formats.records import Chain, Header
from sync.identity import origin
from sync.kinds import ReceivedRecord
from sync.models import Peer, Pending
from tenants.current import unit_context
from tests.support.channel import MARKED, connect, exif_of, lodged, photo, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def two(county, neighbour):
    connect(county, neighbour)
    with unit_context(neighbour):
        there = staff("there", Role.HANDLER)
        there_origin = origin()
    with unit_context(county):
        here = staff("here", Role.HANDLER)
    return county, neighbour, here, there, there_origin


def referred(two, courier, words=MARKED, **more):
    county, neighbour, here, there, there_origin = two
    with unit_context(county):
        taken = lodged(words, **more)
        services.case_refer(by=here, number=taken.number, origin=there_origin, reason="归你们管")
    courier.carry(county, neighbour)
    with unit_context(neighbour):
        (row,) = selectors.desk_cases(there)
    return taken, row.number


def test_the_other_unit_gets_the_same_octets_and_checks_them_against_the_receipt(two, courier):
    county, neighbour, _, there, _ = two
    taken_in = photo(exif=exif_of("SecretPhone"))
    taken, number = referred(two, courier, photos=(taken_in,), contact="13900000000")
    with unit_context(county):
        first = Message.objects.get()
    with unit_context(neighbour):
        received = Message.objects.get()
        assert bytes(received.octets) == MARKED
        assert received.commitment == first.commitment
        assert (
            records.commitment(bytes(received.salt), bytes(received.header), MARKED)
            == first.commitment
        )
        case = selectors.case_for(there, number)
        assert case.from_unit == "新邵县"
        assert case.contact == ""
        assert len(case.photos) == 1
        assert number != taken.number
        there_photo = Attachment.objects.get()
        assert opened(bytes(there_photo.original), there_photo.digest) == taken_in
    with unit_context(county):
        here_photo = Attachment.objects.get()
        assert here_photo.digest == there_photo.digest
        with pytest.raises(OriginalFault):  # sealed to the other unit's key, not to ours
            opened(bytes(there_photo.original), there_photo.digest)
        for row in Pending.objects.all():
            assert b"SecretPhone" not in bytes(row.body) + bytes(row.header)


def test_that_an_original_was_opened_at_another_unit_is_read_by_the_reporter(two, courier):
    county, neighbour, _, there, _ = two
    taken, number = referred(two, courier, photos=(photo(),))
    with unit_context(neighbour):
        (shown,) = selectors.case_for(there, number).photos
        services.original_open(by=there, number=number, photo=shown.id, reason="核对地点")
    courier.carry(neighbour, county)
    with unit_context(county):
        step = selectors.case_by_code(taken.code).steps[-1]
    assert (step.unit, "核对地点" in step.note) == ("隆回县", True)


def test_a_photo_that_is_not_its_digest_is_refused(two, courier):
    _county, neighbour, *_ = two
    referred(two, courier, photos=(photo(),))
    with unit_context(neighbour):
        kept, source = Attachment.objects.get(), Case.objects.get()
        about = PhotoDetails(about=source.source_subject, media_type="image/jpeg", digest="0" * 64)
        with pytest.raises(RecordRejected, match="photo"):
            exchange.apply_attachments(
                [
                    forged(
                        source.source, "x", "channel.attachment",
                        frame_encode(about, bytes(kept.original)),
                    )
                ]
            )  # fmt: skip


def test_the_answer_comes_back_under_the_same_code(two, courier):
    county, neighbour, _here, there, _ = two
    taken, number = referred(two, courier)
    with unit_context(neighbour):
        services.case_accept(by=there, number=number)
        services.case_answer(by=there, number=number, words="已修好。\r\n ".encode())
    courier.carry(neighbour, county)
    with unit_context(county):
        view = selectors.case_by_code(taken.code)
        assert view.state == "answered"
        assert view.messages[-1].octets == "已修好。\r\n ".encode()
        assert view.referrals[0].label == "已答复"
        assert {step.unit for step in view.steps} == {"新邵县", "隆回县"}
        assert view.answer_by.met_on is not None
        services.rate(code=taken.code, verdict="unsatisfied")
    courier.carry(county, neighbour)
    with unit_context(neighbour):
        assert Rating.objects.get().verdict == "unsatisfied"
        assert Case.objects.get().state == "reopened"
    assert courier.carry(neighbour, county) == []


def test_the_reporters_later_words_reach_the_unit_that_handles_the_case(two, courier):
    county, neighbour, _, there, _ = two
    taken, number = referred(two, courier)
    with unit_context(neighbour):
        services.case_ask(by=there, number=number, words="哪一段路？".encode())
    courier.carry(neighbour, county)
    with unit_context(county):
        assert selectors.case_by_code(taken.code).messages[-1].purpose == "question"
        services.follow_up(code=taken.code, words=MARKED)
        services.press(code=taken.code)
    courier.carry(county, neighbour)
    with unit_context(neighbour):
        assert selectors.case_for(there, number).messages[-1].octets == MARKED
        assert selectors.desk_cases(there)[0].pressed


def test_a_unit_that_is_not_competent_sends_the_case_back_and_the_first_stays_responsible(
    two, courier
):
    county, neighbour, here, there, _there_origin = two
    taken, number = referred(two, courier)
    with unit_context(neighbour):
        services.case_return(by=there, number=number, reason="不属本县")
    courier.carry(neighbour, county)
    with unit_context(county):
        view = selectors.case_by_code(taken.code)
        assert view.referrals[0].state == "returned"
        assert view.state == "in_progress"
        services.case_answer(by=here, number=taken.number, words="我们来办。".encode())
        assert selectors.case_by_code(taken.code).state == "answered"


def test_everything_applied_twice_is_as_if_once(two, courier):
    county, neighbour, _, there, _ = two
    taken, number = referred(two, courier, photos=(photo(),))
    with unit_context(county):
        services.follow_up(code=taken.code, words=b"more")
        services.press(code=taken.code)
    courier.carry(county, neighbour)
    with unit_context(neighbour):
        services.case_accept(by=there, number=number)
        services.case_answer(by=there, number=number, words=b"done")
    courier.carry(neighbour, county)

    def counts():
        found = []
        for unit in (county, neighbour):
            with unit_context(unit):
                found.append(
                    [model.objects.count() for model in (Case, Message, Attachment, Referral)]
                )
                found.append([case.steps.count() for case in Case.objects.all()])
        return found

    before = counts()
    courier.carry(county, neighbour, again=True)
    courier.carry(neighbour, county, again=True)
    assert counts() == before


def forged(origin_name, subject, kind, body):
    header = Header(
        audience="public", chain=Chain(n=1, prev=""), day="2026-11-22", kind=kind, media_type="application/json",
        origin=origin_name, schema=1, subject=subject,
    )  # fmt: skip
    return ReceivedRecord(
        origin=origin_name, index=1, commitment="ab" * 32, header=header, body=body
    )


def test_words_that_differ_from_the_receipt_are_refused(two, courier):
    county, neighbour, here, _, there_origin = two
    with unit_context(county):
        taken = lodged(MARKED)
        services.case_refer(by=here, number=taken.number, origin=there_origin, reason="")
        row = Pending.objects.get(kind="channel.referral")
        sender = origin()
        body = bytes(row.body)
    with unit_context(neighbour):
        for changed in (
            body[:-1],
            body + b" ",
            body[:-3] + b"x" + body[-2:],
            b"",
            b"\0\0\0\xff{",
            body[:4] + b"[]" + body[6:],
        ):
            with pytest.raises(RecordRejected):
                exchange.apply_referrals([forged(sender, row.subject, "channel.referral", changed)])
        assert not Case.objects.exists()


def test_a_unit_speaks_only_of_cases_it_shares(two, courier, city):
    county, _neighbour, _, _, there_origin = two
    with unit_context(county):
        taken = lodged()
        case = Case.objects.get()
        about = case.subject
        for handler, body in (
            (
                exchange.apply_statuses,
                Status(about=about, state="answered", note="", day="2026-11-22"),
            ),
            (
                exchange.apply_statuses,
                Status(about=about, state="sealed", note="", day="2026-11-22"),
            ),
            (
                exchange.apply_statuses,
                Status(about="case-nonsense", state="answered", note="", day="2026-11-22"),
            ),
            (
                exchange.apply_statuses,
                Status(about=about, state="no-state", note="", day="2026-11-22"),
            ),
        ):
            with pytest.raises(RecordRejected):
                handler(
                    [
                        forged(
                            there_origin, "case-x", "channel.status", services.moves.json_body(body)
                        )
                    ]
                )
        details = MessageDetails(about=about, purpose="answer", day="2026-11-22")
        with pytest.raises(RecordRejected):
            exchange.apply_messages(
                [forged(there_origin, "x", "channel.message", frame_encode(details, b"lies"))]
            )
        assert selectors.case_by_code(taken.code).state == "received"


def test_a_unit_that_handles_a_case_cannot_speak_as_the_reporter(two, courier):
    county, _neighbour, _, _, there_origin = two
    taken, _ = referred(two, courier)
    with unit_context(county):
        details = MessageDetails(
            about=Case.objects.get().subject, purpose="follow_up", day="2026-11-22"
        )
        with pytest.raises(RecordRejected, match="purpose"):
            exchange.apply_messages(
                [forged(there_origin, "x", "channel.message", frame_encode(details, b"I withdraw"))]
            )
        rated = Status(
            about=Case.objects.get().subject,
            state="rated",
            note="",
            day="2026-11-22",
            verdict="satisfied",
        )
        exchange.apply_statuses(
            [forged(there_origin, "x", "channel.status", services.moves.json_body(rated))]
        )
        assert selectors.case_by_code(taken.code).verdict_label == ""
        assert selectors.case_by_code(taken.code).state == "in_progress"


def test_nothing_goes_to_a_unit_that_is_not_connected(county, neighbour):
    with unit_context(neighbour):
        there_origin = origin()
    with unit_context(county):
        here = staff("here", Role.HANDLER)
        taken = lodged()
        with pytest.raises(NoReceiver):
            services.case_refer(by=here, number=taken.number, origin=there_origin, reason="")
        assert not Pending.objects.filter(kind="channel.referral").exists()


def test_a_case_goes_to_a_unit_once(two, courier):
    county, _, here, _, there_origin = two
    taken, _ = referred(two, courier)
    with unit_context(county), pytest.raises(MoveRefused):
        services.case_refer(by=here, number=taken.number, origin=there_origin, reason="again")


def test_everything_but_the_designation_waits_for_the_slot(two, courier):
    referred(two, courier, photos=(photo(),))
    with unit_context(two[0]):
        assert set(
            Pending.objects.filter(kind__startswith="channel.").values_list("slotted", flat=True)
        ) == {True}
        ledger.seal()
        assert Pending.objects.filter(kind__startswith="channel.").exists()
        ledger.seal_slot()
        assert not Pending.objects.exists()


def test_evidence_still_travels_after_the_slot(two, courier):
    county, neighbour, here, _there, there_origin = two
    with unit_context(county):
        taken = lodged(MARKED)
        ledger.seal_slot()
        services.case_refer(by=here, number=taken.number, origin=there_origin, reason="")
    courier.carry(county, neighbour)
    with unit_context(neighbour):
        assert bytes(Message.objects.get().octets) == MARKED


def test_details_of_a_referral_hold_neither_contact_nor_number():
    assert not {"contact", "number", "code"} & set(ReferralDetails.__struct_fields__)


def test_two_logs_under_one_code_are_neither_taken_for_the_unit(two):
    county, neighbour, _, _, there_origin = two
    with unit_context(county):
        assert reachable(code=neighbour.code).origin == there_origin
        connected = {"accepted_here": "2026-11-01", "accepted_there": "2026-11-01"}
        other = f"minqing/{neighbour.code}/00000000"
        Peer.objects.create(
            origin=other, code=neighbour.code, name="x", address="http://x", **connected
        )
        assert reachable(code=neighbour.code) is None
        assert reachable(origin=other).origin == other
