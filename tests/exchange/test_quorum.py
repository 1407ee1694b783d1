"""As many operators as the region's policy asks for, however many witnesses each runs; proofs stand under a head that has them."""

from __future__ import annotations

import datetime
import time
from contextlib import ExitStack

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from minqing.accounts.models import Role
from sync import audiences, identity, ledger
from sync.exchange import peers, pull, region, witness
from sync.formats import notes, verify
from sync.ledger import receipts
from sync.models import Peer
from sync.models.exchange import Contact
from tenants.current import unit_context
from tests.support import liar as lies
from tests.support.desk import signed_in, staff_of
from tests.support.exchange import KIND, publish
from tests.support.served import served
from tests.support.witnessing import cosigning


@pytest.fixture
def three(fresh_database, county):
    """Two witnesses of one operator and one of another, connected; yields how to connect one more."""
    with served(), ExitStack() as stack:

        def joins(code, operator):
            made = lies.Liar(code)
            made.operator = operator
            liar = stack.enter_context(made.served())
            with unit_context(county):
                liar.recipient = identity.origin()
                ledger.publish()
                state = peers.connection_request(liar.address)
                peers.connection_accept(state.origin, state.fingerprint)
                Peer.objects.filter(origin=liar.origin).update(accepted_there=timezone.localdate())
            return liar

        yield [joins("430581", "one"), joins("430582", "one"), joins("430583", "two")], joins


def ask(*liars):
    """Ask again; only these answer."""
    Contact.objects.update(due_at=timezone.now())
    for liar in liars:
        liar.misbehave("/witness", cosigning(liar))
    witness.ask_witnesses()


@pytest.mark.usefixtures("keys_alone")
def test_two_witnesses_of_one_operator_are_one(three, county):
    (first, beside, other), _ = three
    publish(county, b"line")
    with unit_context(county):
        region.publish(quorum=2)
        ask(first, beside)
        state = region.quorum(ledger.head())
        assert (state.needed, state.seen, state.operators, state.met) == (2, 1, 2, False)
        ask(other)
        state = region.quorum(ledger.head())
        assert (state.seen, state.met) == (2, True)


@pytest.mark.usefixtures("keys_alone")
def test_a_policy_that_ended_asks_for_nothing(three, county):
    (first, _, other), _ = three
    with unit_context(county):
        region.publish(quorum=2, days=10)
        keys = {str(one.keys["witness"].verifier) for one in (first, other)}
        asked = region.asks_for()
        assert asked(keys)
        assert not asked({min(keys)})
        later = timezone.now() + datetime.timedelta(days=12)
        with time_machine.travel(later, tick=False):
            assert region.asks_for() is None


@pytest.mark.usefixtures("keys_alone")
def test_a_proof_stands_under_the_newest_head_that_the_policy_takes(three, county):
    (first, _beside, other), joins = three
    publish(county, b"line")
    with unit_context(county):
        with transaction.atomic():
            commitment = ledger.append(
                kind=KIND, subject="proved", body=b"proved", audience=audiences.PUBLIC, media_type="text/plain"
            ).commitment  # fmt: skip
        ledger.seal()
        found = region.publish(quorum=2)
        ask(first, other)
        met = ledger.head().size
    stranger = joins("430584", "three")  # after the policy: it does not count there
    newest = publish(county, b"more").size
    with unit_context(county):
        other.misbehave("/witness", lambda http: http.send_error(500))
        ask(first, stranger)
        head = ledger.head()
        assert (head.size, len(witness.operators(head.size, head.root))) == (newest, 2)
        assert not region.quorum(head).met
        proof = receipts.proof(commitment)
        verdict = verify.verify(proof, found.policy)
        assert (verdict.result, verdict.size) == (verify.WITNESSED, met)
        assert notes.parse_checkpoint(notes.parse_note(head.note).text).size == newest


def test_pages_name_the_witness_s_units_and_its_operator_and_nobody_of_the_logs_own(
    three, county, visit
):
    (first, beside, other), joins = three
    twin = joins("430585", "two")
    first.add(b"line")

    def seen(note):
        text = notes.parse_note(note).text
        lines = [
            notes.cosign(text, one.keys["witness"], int(time.time())).line
            for one in (beside, other)
        ]
        return note + "".join(lines).encode()

    first.bend("/ledger/checkpoint", seen)
    with unit_context(county):
        Peer.objects.filter(origin=other.origin).update(name="隆回县")
        Peer.objects.filter(origin=twin.origin).update(
            name="邵阳市", witness_key=str(other.keys["witness"].verifier)
        )
        assert pull.pull(Peer.objects.get(origin=first.origin)).fault == ""
        (state,) = (one for one in peers.peers_with_state() if one.origin == first.origin)
        (one,) = state.countersigned
        assert (one.operator, one.units) == ("two", ("隆回县", "邵阳市"))
        assert one.witness == other.keys["witness"].name
        assert state.witnesses == ("two",)
    staff = staff_of(county, "operator", Role.OPERATOR)
    for page in (
        visit(county).get("/connected/"),
        signed_in(county, staff).get("/desk/connections/"),
        signed_in(county, staff).get(f"/desk/connections/{first.origin}/"),
    ):
        text = page.content.decode()
        assert "隆回县等 2 个单位" in text
        assert "（two 运行）" in text
        assert "（one 运行）" not in text
