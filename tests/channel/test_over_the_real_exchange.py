"""The whole way over real HTTP between units: lodged, handed on, answered, read by code, sealed, carried in parcels."""

from __future__ import annotations

import datetime

import pytest
from django.db import transaction

from minqing.accounts.models import Role
from minqing.channel import boxes, parcels, selectors, services
from minqing.channel.models import Message
from sync import identity, ledger
from sync.exchange import peers, pull
from sync.formats import proofs
from sync.models import Received
from tenants.current import unit_context
from tests.support.channel import MARKED, lodged, photo, staff
from tests.support.served import connect, served


@pytest.fixture
def joined(fresh_database, county, neighbour):
    with served() as port:
        connect(county, neighbour, port, "channel.designation")
        with unit_context(neighbour):
            there, there_origin = staff("there", Role.HANDLER), identity.origin()
        with unit_context(county):
            here = staff("here", Role.HANDLER)
        yield here, there, there_origin


def slot_and_pull(source, target):
    """End the slot at one unit and have the other fetch what was disclosed to it."""
    with unit_context(source):
        ledger.seal()
        ledger.seal_slot()
        origin = identity.origin()
    with unit_context(target):
        pulled = pull.pull(peers.peer_by_origin(origin))
        assert pulled.fault == ""


def test_a_report_reaches_another_unit_word_for_word_and_its_answer_comes_back(
    joined, county, neighbour
):
    here, there, there_origin = joined
    with unit_context(county):
        taken = lodged(MARKED, photos=(photo(),))
        services.case_refer(by=here, number=taken.number, origin=there_origin, reason="归你们管")
    slot_and_pull(county, neighbour)
    with unit_context(neighbour):
        (row,) = selectors.desk_cases(there)
        case = selectors.case_for(there, row.number)
        assert case.messages[0].octets == MARKED
        assert len(case.photos) == 1
        services.case_accept(by=there, number=row.number)
        services.case_answer(by=there, number=row.number, words="已修好。\r\n".encode())
    slot_and_pull(neighbour, county)
    with unit_context(county):
        view = selectors.case_by_code(taken.code)
        assert view.state == "answered"
        assert view.messages[-1].octets == "已修好。\r\n".encode()
        proof = proofs.decode(selectors.proof_by_code(taken.code))
        assert proof.opening.body == MARKED
        assert proof.opening.commitment == case.messages[0].commitment


def test_sealing_reaches_the_other_unit_and_empties_its_copies(joined, county, neighbour):
    here, there, there_origin = joined
    with unit_context(neighbour):
        keepers = []
        for n, office in enumerate(("纪检", "组织")):
            private, public = boxes.keys_made()
            keeper = staff(f"keeper{n}", Role.CUSTODIAN, office=office)
            services.custodian_register(by=None, staff=keeper, post="主任", key=public)
            keepers.append((keeper, private))
        services.designation_enter(
            by=None, document="1号", issuer="市纪委监委", day=datetime.date(2026, 11, 1)
        )
    slot_and_pull(neighbour, county)
    with unit_context(county):
        assert selectors.competent_receivers().receivers == ()
        (offered,) = selectors.foreign_designations(None)
        services.receiver_accept(by=None, commitment=offered.commitment)
        assert [receiver.name for receiver in selectors.competent_receivers().receivers] == [
            "隆回县"
        ]
        taken = lodged(MARKED)
        services.case_refer(by=here, number=taken.number, origin=there_origin, reason="")
    slot_and_pull(county, neighbour)
    with unit_context(neighbour):
        assert any(MARKED in bytes(row.body) for row in Received.objects.exclude(body=None))
    with unit_context(county):
        services.case_seal(by=here, number=taken.number)
        with transaction.atomic():
            parcels.parcels_send()
        assert selectors.case_by_code(taken.code).sealed
    slot_and_pull(county, neighbour)
    with unit_context(neighbour):
        assert selectors.desk_cases(there) == []
        assert not Message.objects.exists()
        assert not any(MARKED in bytes(row.body) for row in Received.objects.exclude(body=None))
        keeper, private = keepers[0]
        (sealed,) = selectors.sealed_for(keeper)
        assert (
            services.sealed_open(by=keeper, report=sealed.id, private_key=private).words == MARKED
        )
