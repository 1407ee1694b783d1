"""A database that was restored, cloned or adopted, and a signer that fails, as the log's unit meets them."""

from __future__ import annotations

import shutil

import pytest
from django.core.management import CommandError, call_command
from django.db import connections, transaction

from sync import ledger
from sync.audiences import PUBLIC
from sync.errors import LedgerFault, RolledBack, SignerRefused, SignerUnreachable
from sync.formats import merkle, notes
from sync.identity import log_key
from sync.kinds import RecordKind, register_kind
from sync.ledger import adoption, tree
from sync.models import Entry, Head, Log, Opening, Pending
from sync.signer import client, messages
from sync.signer.core import Signer
from tenants.current import unit_context
from tests.conftest import drop_database, use_database

register_kind(RecordKind(name="test.note"))


def append(subject="s"):
    with transaction.atomic():
        return ledger.append(kind="test.note", subject=subject, body=b"{}", audience=PUBLIC)


def refusal(signer, request):
    with pytest.raises(SignerRefused) as caught:
        signer.ask(request)
    return caught.value


@pytest.fixture
def witness(tmp_path):
    made = Signer(tmp_path / "witness", clock=lambda: 1_800_000_000.5)
    yield made
    made.close()


def test_a_restored_database_is_refused_and_nothing_is_written(fresh_database, county):
    backup = f"{fresh_database}_backup"

    with unit_context(county):
        append("a")
        ledger.seal()
    connections.close_all()
    server_copy(fresh_database, backup)
    try:
        with unit_context(county):
            append("b")
            ledger.seal()
        use_database(backup)
        with unit_context(county):
            append("c")
            with pytest.raises(RolledBack):
                ledger.seal()
            with pytest.raises(RolledBack):
                ledger.seal_slot()
            assert Log.objects.get().size == 1
            assert Pending.objects.count() == 1
            assert ledger.head().size == 1
    finally:
        use_database(fresh_database)
        drop_database(backup)


def server_copy(source, name):
    from tests.conftest import _server

    server = _server()
    with server.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
    server.close()


def test_of_two_clones_with_their_signers_the_outside_witness_takes_one(
    fresh_database, county, signer, witness, tmp_path
):

    with unit_context(county):
        append("a")
        ledger.seal()
        key = str(log_key())
        witness.ask(messages.Cosign(log_key=key, old=0, proof=[], note=ledger.head().note))
    folder = signer.folder
    signer.restart()
    connections.close_all()
    clone = f"{fresh_database}_clone"
    server_copy(fresh_database, clone)
    shutil.copytree(folder, tmp_path / "clone")
    try:
        grown = []
        for name, place in ((fresh_database, folder), (clone, tmp_path / "clone")):
            use_database(name)
            there = Signer(place)
            there._store.stamp()  # the worst case: the machine itself was copied, so that nothing differs
            client.stand_in(lambda there=there: there)
            with unit_context(county):
                append(name)
                sealed = ledger.seal()
                proof = merkle.consistency_proof(1, sealed.size, ledger.tree.node_at(sealed.size))
                grown.append(messages.Cosign(log_key=key, old=1, proof=proof, note=sealed.note))
            there.close()
        witness.ask(grown[0])
        assert refusal(witness, grown[1]).code == "conflict"
        later = messages.Cosign(log_key=key, old=2, proof=[], note=grown[1].note)
        assert refusal(witness, later).code == "inconsistent"
    finally:
        use_database(fresh_database)
        drop_database(clone)


def test_an_adoption_is_logged_and_opens_the_log_again(fresh_database, county, signer):
    with unit_context(county):
        append()
        ledger.seal()
        folder = signer.folder
        signer.restart()
        for file in folder.glob("high-water*"):
            file.unlink()
        append()
        with pytest.raises(SignerRefused, match="unit adopt"):
            ledger.seal()
        call_command("unit", "adopt", county.code)
        assert ledger.head().size == 3
        assert Opening.objects.filter(kind=adoption.KIND, audience=PUBLIC).count() == 1
        assert ledger.seal().size == 3
        call_command(
            "ledger", "adopt", county.code
        )  # nothing is lost any more: the same head, said again
        assert ledger.head().size == 4


def test_a_restored_database_cannot_be_adopted(fresh_database, county, signer):
    with unit_context(county):
        append()
        ledger.seal()
        origin = log_key().name
    ahead = [tree_leaf(county), *map(merkle.leaf_hash, (b"0", b"1"))]
    proof = merkle.consistency_proof(
        1, 3, lambda height, index: merkle.root_of(ahead[index << height : (index + 1) << height])
    )
    signer().ask(
        messages.SignHead(origin=origin, size=3, root=merkle.root_of(ahead), old=1, proof=proof)
    )
    with pytest.raises(CommandError, match="newer data"):
        call_command("unit", "adopt", county.code)


def tree_leaf(unit):
    with unit_context(unit):
        return tree.leaf(bytes(Entry.objects.get(index=0).commitment))


def test_a_head_by_another_signer_is_not_published(county, signer):
    class Liar:
        def ask(self, request):
            if isinstance(request, messages.SignHead):
                other = notes.SigningKey.from_seed(request.origin, bytes(32))
                return messages.Answer(
                    note=notes.sign_checkpoint(
                        notes.Checkpoint(request.origin, request.size, request.root), other
                    ).encode()
                )
            return signer().ask(request)

    with unit_context(county):
        ledger.seal()
        append()
        client.stand_in(Liar)
        with pytest.raises(notes.NoteFault):
            ledger.seal()
        assert Head.objects.count() == 1
        client.stand_in(signer)
        assert ledger.seal().size == 1


@pytest.mark.parametrize("lost_answer", [False, True])
def test_a_signer_that_fails_or_whose_answer_is_lost_holds_nothing_up_for_good(
    county, signer, lost_answer
):
    class Failing:
        def ask(self, request):
            if isinstance(request, messages.SignHead):
                if lost_answer:
                    signer().ask(request)
                raise SignerUnreachable("cut")
            return signer().ask(request)

    with unit_context(county):
        append()
        client.stand_in(Failing)
        with pytest.raises(SignerUnreachable):
            ledger.seal()
        assert Log.objects.get().size == 1
        with pytest.raises(LedgerFault):
            ledger.head()
        append()
        client.stand_in(signer)
        assert ledger.seal().size == 2
