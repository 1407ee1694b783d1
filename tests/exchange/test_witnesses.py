"""Witnessing over HTTP: a peer's head is cosigned if it continues the last one; operators are counted, not units."""

from __future__ import annotations

import hashlib
import sqlite3

import httpx
import msgspec
import pytest
from django.utils import timezone

from sync import identity, ledger
from sync.errors import RolledBack
from sync.exchange import keys, peers, pull, witness
from sync.formats import merkle, notes, possession
from sync.models import Cosignature, Incident, Peer
from sync.models.exchange import Contact, PeerHead
from tenants.current import unit_context
from tests.support import liar as lies
from tests.support.exchange import publish
from tests.support.witnessing import cosigning


@pytest.fixture
def liar(port, county):
    """A made-up unit of another operator, connected to 新邵县."""
    with lies.Liar().served() as liar:
        for number in range(4):
            liar.add(b"%d" % number)
        with unit_context(county):
            liar.recipient = identity.origin()
            ledger.publish()
            state = peers.connection_request(liar.address)
            peers.connection_accept(state.origin, state.fingerprint)
            Peer.objects.update(accepted_there=Peer.objects.get().accepted_here)
        yield liar


def submit(port, unit, body):
    return httpx.post(
        f"http://127.0.0.1:{port}/witness/add-checkpoint",
        content=body,
        headers={"host": f"{unit.host}:{port}"},
        trust_env=False,
    )


def request(liar, old, size):
    leaves = [merkle.leaf_hash(b"\x01" + bytes.fromhex(text)) for text in liar.commitments()]

    def node(height, index):
        return merkle.root_of(leaves[index << height : (index + 1) << height])

    proof = merkle.consistency_proof(old, size, node) if 0 < old <= size else []
    lines = "".join(f"{notes.encode64(value)}\n" for value in proof)
    return f"old {old}\n{lines}\n".encode() + liar.checkpoint(size)


def test_a_head_is_cosigned_and_the_next_must_continue_it(port, liar, county):
    first = submit(port, county, request(liar, 0, 2))
    assert first.status_code == 200
    with unit_context(county):
        key = identity.witness_key()
    note = notes.parse_note(liar.checkpoint(2))
    signed = notes.Note(note.text, (notes.parse_signature(first.text.strip("\n")),))
    assert [cosignature.key for cosignature in notes.cosigned_by(signed, [key])] == [key]
    again = submit(port, county, request(liar, 0, 4))
    assert (again.status_code, again.text, again.headers["content-type"]) == (
        409,
        "2\n",
        "text/x.tlog.size",
    )
    assert submit(port, county, request(liar, 2, 4)).status_code == 200
    digest = hashlib.sha256(liar.origin.encode()).hexdigest()
    kept = httpx.get(
        f"http://127.0.0.1:{port}/witness/{digest}/checkpoint",
        headers={"host": f"{county.host}:{port}"},
        trust_env=False,
    )
    assert notes.open_checkpoint(kept.content, liar.log_key.verifier).size == 4


def test_a_fork_shown_to_the_witness_is_not_cosigned_and_freezes(port, liar, county):
    assert submit(port, county, request(liar, 0, 4)).status_code == 200
    liar.records = liar.records[:3]
    liar.add(b"another fourth")
    assert submit(port, county, request(liar, 4, 4)).status_code == 422
    with unit_context(county):
        assert Incident.objects.get().name == "forked"
        assert Peer.objects.get().state == "frozen"


@pytest.mark.parametrize("honest", [True, False])
def test_a_witness_that_lost_its_memory_takes_no_second_history(port, liar, county, signer, honest):
    with unit_context(county):
        assert pull.pull(Peer.objects.get()).fault == ""
    assert (
        submit(port, county, request(liar, 4, 4)).status_code == 409
    )  # seen at size 4, not cosigned
    assert submit(port, county, request(liar, 0, 4)).text == "4\n"
    signer.restart()
    with sqlite3.connect(signer.folder / "high-water.sqlite3") as memory:
        memory.execute("DELETE FROM witnessed")
    memory.close()
    if not honest:
        liar.records = liar.records[:3]
        liar.add(b"another fourth")
    liar.add(b"fifth")
    assert submit(port, county, request(liar, 0, 5)).text == "4\n"
    assert submit(port, county, request(liar, 4, 5)).status_code == (200 if honest else 422)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"old x\n\nnote", 400),
        (b"old 0\n" + b"AAAA\n" * 64 + b"\n", 400),
        (b"old 0\n\nminqing/430500/00000000\n0\nAAAA\n", 404),
    ],
)
def test_malformed_and_unknown_heads_are_refused(port, liar, county, body, status):
    assert submit(port, county, body).status_code == status


def test_a_wrong_signature_or_proof_is_refused(port, liar, county):
    assert submit(port, county, request(liar, 0, 2)).status_code == 200
    wrong_proof = request(liar, 2, 4).replace(
        b"\n\n", b"\n" + notes.encode64(bytes(32)).encode() + b"\n\n", 1
    )
    assert submit(port, county, wrong_proof).status_code == 422
    liar.log_key = notes.SigningKey.from_seed(liar.origin, bytes(32))
    assert submit(port, county, request(liar, 2, 4)).status_code == 403


def test_each_refusal_is_the_one_that_tlog_witness_names(port, liar, county):
    stray = f"{notes.encode64(bytes(32))}\n".encode()
    empty = notes.Checkpoint(liar.origin, 0, bytes(32))
    other_root = b"old 0\n\n" + notes.sign_checkpoint(empty, liar.log_key).encode()
    assert submit(port, county, other_root).status_code == 422
    assert submit(port, county, b"old 0\n" + stray + b"\n" + liar.checkpoint(2)).status_code == 422
    assert submit(port, county, b"old 3\n\n" + liar.checkpoint(2)).status_code == 400
    head, _, line = liar.checkpoint(2).rpartition(b" ")
    broken = line.replace(line[8:12], b"AAAA")
    assert submit(port, county, b"old 0\n\n" + head + b" " + broken).status_code == 403
    assert submit(port, county, request(liar, 0, 2)).status_code == 200
    assert submit(port, county, request(liar, 2, 2)).status_code == 200
    stale = submit(port, county, request(liar, 1, 4))
    assert (stale.status_code, stale.text) == (409, "2\n")
    assert submit(port, county, b"old 2\n" + stray + b"\n" + liar.checkpoint(4)).status_code == 422


def test_a_wrong_proof_from_anybody_accuses_nobody_and_a_real_fork_is_found_with_the_next_pull(
    port, liar, county
):
    assert submit(port, county, request(liar, 0, 2)).status_code == 200
    assert submit(port, county, b"old 2\n\n" + liar.checkpoint(4)).status_code == 422
    with unit_context(county):
        assert not Incident.objects.exists()
        assert pull.pull(Peer.objects.get()).fault == ""
        assert PeerHead.objects.filter(size=4).get().proven
    true = list(liar.records)
    liar.records = liar.records[:1]
    for number in range(2):
        liar.add(b"another %d" % number)
    assert submit(port, county, b"old 2\n\n" + liar.checkpoint(3)).status_code == 422
    liar.records = true
    with unit_context(county):
        assert Incident.objects.get().name == "forked"
        assert Peer.objects.get().state == "frozen"


def test_a_witness_that_holds_a_later_head_of_ours_stops_a_copy_of_us(port, liar, county, signer):
    publish(county, b"one", b"two")
    with unit_context(county):
        origin = identity.origin()
    for file in signer.folder.glob("private/log-*"):
        name, seed = file.read_text().split("\n")[:2]
        if name == origin:
            ours = notes.SigningKey.from_seed(name, notes.decode64(seed))
    later = notes.sign_checkpoint(notes.Checkpoint(origin, 99, bytes(32)), ours).encode()

    def ahead(http):
        asked = http.command == "POST"
        http.send_response(409 if asked else 200)
        http.send_header("Content-Length", str(len(b"99\n" if asked else later)))
        http.end_headers()
        http.wfile.write(b"99\n" if asked else later)

    liar.misbehave("/witness", ahead)
    with unit_context(county):
        assert witness.ask_witnesses() == 0
    with pytest.raises(RolledBack, match="own signature"):
        publish(county, b"would be a fork")


def test_our_head_carries_the_cosignature_of_another_operator_and_counts_him_once(
    port, liar, county
):
    publish(county, b"one", b"two")
    liar.misbehave("/witness", cosigning(liar))
    with unit_context(county):
        assert witness.ask_witnesses() == 1
        assert witness.ask_witnesses() == 1
        head = ledger.head()
        assert witness.operators(head.size, head.root) == ["somebody else"]
        signed = notes.cosigned_by(notes.parse_note(head.note), [liar.keys["witness"].verifier])
        assert len(signed) == 1
    assert len([path for _, path, _, _ in liar.seen if path.startswith("/witness")]) == 1


def test_a_witness_that_lost_its_key_counts_by_the_one_it_announced_and_is_asked_once(
    port, liar, county
):
    new = notes.SigningKey.from_seed("minqing/witness/00aa00aa", bytes(32), notes.COSIGNATURE)
    named = str(new.verifier)
    proof = possession.prove(liar.origin, {"witness": named}, [new])["witness"]
    body = msgspec.json.encode(keys.Notice(use="witness", key=named, proof=proof))
    liar.keys["witness"] = new  # the old one is gone: nothing is signed with it any more
    liar.misbehave("/witness", cosigning(liar))
    with unit_context(county):
        ledger.publish()
        assert witness.ask_witnesses() == 0  # nobody here knows it yet
        liar.add(body, kind=keys.KIND, subject="key/witness")
        assert pull.pull(Peer.objects.get()).fault == ""
        Contact.objects.update(due_at=timezone.now())
        assert witness.ask_witnesses() == 1
        head = ledger.head()
        assert witness.operators(head.size, head.root) == ["somebody else"]
        liar.seen.clear()
        assert not witness.unwitnessed()
        assert witness.ask_witnesses() == 1
    assert liar.seen == []


def test_a_bare_number_from_a_witness_changes_nothing_here(port, liar, county):
    publish(county, b"one", b"two")
    liar.misbehave("/witness", cosigning(liar, claim=10**12))
    with unit_context(county):
        assert witness.ask_witnesses() == 0
        assert "cosigned size" in Contact.objects.get(direction="witness").last_error
        assert not Incident.objects.exists()
    publish(county, b"the log goes on")


def test_a_witness_that_is_ahead_of_our_memory_is_asked_from_where_it_is(port, liar, county):
    publish(county, b"one", b"two")
    liar.misbehave("/witness", cosigning(liar, claim=1))
    with unit_context(county):
        assert witness.ask_witnesses() == 1


def test_a_cosignature_of_a_time_to_come_is_not_kept_and_accuses_nobody(port, liar, county):
    publish(county, b"one")
    liar.misbehave("/witness", cosigning(liar, ahead=3600))
    with unit_context(county):
        assert witness.ask_witnesses() == 0
        assert "ahead of our clock" in Contact.objects.get(direction="witness").last_error
        assert not Cosignature.objects.exists()
        assert not Incident.objects.exists()
        Contact.objects.update(due_at=timezone.now())
    liar.misbehave("/witness", cosigning(liar, ahead=60))
    with unit_context(county):
        assert witness.ask_witnesses() == 1


def test_a_cosignature_that_does_not_hold_is_not_kept(port, liar, county):
    publish(county, b"one")
    real = liar.keys["witness"]
    liar.keys["witness"] = notes.SigningKey.from_seed(real.name, bytes(32), notes.COSIGNATURE)
    liar.misbehave("/witness", cosigning(liar))
    with unit_context(county):
        assert witness.ask_witnesses() == 0
        assert not Cosignature.objects.exists()


def test_units_of_one_deployment_do_not_witness_each_other(port, county, city):
    from tests.support.served import connect

    connect(county, city, port)
    publish(county, b"one")
    with unit_context(county):
        assert witness.ask_witnesses() == 0
        head = ledger.head()
        assert witness.operators(head.size, head.root) == []
