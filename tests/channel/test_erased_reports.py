"""A report that is erased by order is gone from the case, here and at the unit it was handed to."""

from __future__ import annotations

import pytest

from minqing.accounts.models import Role
from minqing.archives.services import records_erase
from minqing.channel import erasing
from minqing.channel.errors import UnknownCase
from minqing.channel.models import Attachment, Case, Forgetting, Message
from minqing.channel.services.forgetting import received_emptied
from sync import ledger
from sync.erasers import Gone
from sync.ledger import erasure
from sync.models import Opening, Peer, Received
from tenants.current import unit_context
from tests.support.channel import lodged, photo, staff

pytestmark = pytest.mark.django_db

WORDS = "绛雪轩门口的灯不亮，找张演示。".encode()


def test_an_order_for_a_case_empties_words_photos_and_contact(county):
    with unit_context(county):
        made = lodged(WORDS, contact="0739-000 0001", photos=[photo()])
        ledger.seal_slot()
        case = Case.objects.get(number=made.number)
        supervisor = staff("chief", Role.SUPERVISOR)
        for hidden in (
            {"kept_from": [supervisor.pk]},
            {"kept_from": None, "superior": "minqing/430500/00000000"},
        ):
            Case.objects.filter(pk=case.pk).update(**hidden)
            with pytest.raises(UnknownCase):  # it names them, or only the unit above may open it
                erasing.records_of(made.number, by=supervisor)
        Case.objects.filter(pk=case.pk).update(superior="")
        named = erasing.records_of(made.number, by=supervisor)
        records_erase(by=supervisor, commitments=named, basis="依据")
        case.refresh_from_db()
        assert case.contact == ""
        assert [bytes(m.octets).decode() for m in case.messages.all()] == [erasing.ERASED]
        assert not Attachment.objects.exists()
        assert not Opening.objects.filter(subject=case.subject).exists()
        with pytest.raises(UnknownCase):
            erasing.records_of("2026-XX-00000", by=supervisor)
        assert erasure.replay() == 0


def test_a_case_that_was_handed_to_this_unit_goes_when_its_source_orders_it(county):
    source = "minqing/430524/0a1b2c3d"
    with unit_context(county):
        case = Case.objects.create(
            number="2026-XS-00007", day="2026-11-02", source=source, source_subject="case-theirs", contact="x"
        )  # fmt: skip
        Message.objects.create(
            case=case, n=0, sender="citizen", purpose="report", octets=WORDS, commitment="ab" * 32, day="2026-11-02"
        )  # fmt: skip
        stranger = Gone(commitment="cd" * 32, origin="minqing/430581/00000000", kind="channel.referral", subject="case-theirs")  # fmt: skip
        erasing.let_go([stranger])
        assert bytes(case.messages.get().octets) == WORDS
        referral = Gone(commitment="cd" * 32, origin=source, kind="channel.referral", subject="case-theirs")  # fmt: skip
        erasing.let_go([referral])
        assert bytes(case.messages.get().octets) != WORDS
        assert Forgetting.objects.filter(subject=case.subject).exists()  # and what we made of it


def test_what_another_unit_calls_by_the_same_name_stays_when_a_case_is_let_go(county):
    with unit_context(county):
        peers = [
            Peer.objects.create(origin=f"minqing/{code}/0a1b2c3d", code=code, name=code, address=f"http://{code}.localhost")
            for code in ("430581", "430582")
        ]  # fmt: skip
        for number, peer in enumerate(peers):
            Received.objects.create(
                peer=peer, index=0, state=Received.APPLIED, n=1, commitment=bytes([number]) * 32, subject="case-theirs",
                audience="public", kind="channel.referral", salt=bytes(32), header=b"h", body=WORDS,
            )  # fmt: skip
        case = Case.objects.create(
            number="2026-XS-00008", day="2026-11-02", source=peers[0].origin, source_subject="case-theirs"
        )  # fmt: skip
        received_emptied(case)
        kept = Received.objects.exclude(body=None)
        assert [row.peer for row in kept] == [peers[1]]
