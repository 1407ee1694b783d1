"""A report that is erased by order is gone from the case, here and at the unit it was handed to."""

from __future__ import annotations

import pytest

from minqing.accounts.models import Role
from minqing.archives import services
from minqing.archives.errors import MoveRefused, NotInArchive, SamePerson
from minqing.channel import erasing, selectors, upkeep
from minqing.channel.errors import UnknownCase
from minqing.channel.models import Attachment, Case, Forgetting, Message
from minqing.channel.services.forgetting import received_emptied
from sync import ledger
from sync.erasers import Gone
from sync.exchange.erasing import orders
from sync.ledger import erasure
from sync.models import Entry, Opening, Peer, Received
from tenants.current import unit_context
from tests.support.archives import erased
from tests.support.channel import lodged, photo, staff
from tests.support.desk import signed_in

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
        erased(supervisor, named)
        case.refresh_from_db()
        assert case.contact == ""
        assert [bytes(m.octets).decode() for m in case.messages.all()] == [erasing.ERASED]
        assert not Attachment.objects.exists()
        assert not Opening.objects.filter(subject=case.subject).exists()
        with pytest.raises(UnknownCase):
            erasing.records_of("2026-XX-00000", by=supervisor)
        assert erasure.replay() == 0


def test_nobody_erases_blindly_what_they_may_not_know_of(county):
    """The log's commitments are public: a supervisor whom a report names could name them all."""
    with unit_context(county):
        chief = staff("chief", Role.SUPERVISOR, name="赵虚构")
        made = lodged("赵虚构收了修路的钱。".encode())
        mine = lodged(WORDS)
        other = staff("other", Role.SUPERVISOR)
        selectors.case_for(other, mine.number)  # who read it stands in the log
        ledger.seal_slot()
        Case.objects.filter(number=made.number).update(kept_from=None)  # before that name came here
        with pytest.raises(UnknownCase):
            erasing.records_of(made.number, by=chief)
        blind = dict(Opening.objects.values_list("index", "kind"))
        assert {"channel.words", "accounts.read", ledger.PAD} <= set(blind.values())
        refused = set()
        own = {*erasing.records_of(mine.number, by=chief)}
        for entry in Entry.objects.filter(index__in=blind):
            commitment = bytes(entry.commitment).hex()
            if commitment not in own:
                with pytest.raises(MoveRefused) as fault:
                    services.erasure_enter(by=chief, commitments=[commitment], basis="依据")
                refused.add(str(fault.value))
        assert len(refused) == 1  # pads, readings and hidden reports cannot be told apart
        assert Opening.objects.filter(index__in=blind).count() == len(blind)
        entered = services.erasure_enter(by=chief, commitments=own, basis="依据")
        assert services.erasures_entered(other) == services.erasures_entered(chief) != []
        with pytest.raises(SamePerson):
            services.erasure_confirm(by=chief, entry=entered)
        Case.objects.filter(number=mine.number).update(kept_from=[other.pk])
        assert services.erasures_entered(other) == []  # nor does the second learn of it
        with pytest.raises(NotInArchive):
            services.erasure_confirm(by=other, entry=entered)
        assert Opening.objects.filter(index__in=blind).count() == len(blind)
        Case.objects.filter(number=mine.number).update(kept_from=None)
        services.erasure_confirm(by=other, entry=entered)
        assert Opening.objects.filter(index__in=blind).count() == len(blind) - len(own)


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


def test_the_desk_is_not_shown_what_the_daily_round_erased_at_other_units(county):
    with unit_context(county):
        for _slot in range(3):
            ledger.seal_slot()
        upkeep.forget()
        ledger.seal()
        chief = staff("chief", Role.SUPERVISOR)
        assert len(orders()) == 1
        assert orders(but=upkeep.BASIS) == []
    page = signed_in(county, chief).get("/desk/erasures/").content.decode()
    assert upkeep.BASIS not in page
