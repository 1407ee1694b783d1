"""Anybody can write lines under somebody else's head, and a log may have very many witnesses: neither keeps a head from being told."""

from __future__ import annotations

import json
import secrets
import threading

import msgspec
import pytest
from django.db import close_old_connections
from django.utils import timezone

from sync import identity, ledger
from sync.exchange import heads_seen, keyring, mirror, peers, pull, relayed, witness
from sync.formats import heads, notes, proofs
from sync.models import Cosignature, Incident, Opening, Peer
from sync.models.exchange import Contact, PeerHead
from tenants.current import unit_context
from tests.support import liar as lies
from tests.support.exchange import KIND, applied_bodies, publish
from tests.support.followed import fetch, followed_liar
from tests.support.served import connect, served


@pytest.fixture
def liar(fresh_database, county):
    with followed_liar(county) as liar:
        yield liar


def line(name=""):
    """A line in the form of a cosignature, of a witness that nobody knows."""
    key = notes.SigningKey.from_seed(
        name or f"witness-{secrets.token_hex(8)}", secrets.token_bytes(32), notes.COSIGNATURE
    )
    return notes.Signature(key.name, key.verifier.id, secrets.token_bytes(72)).line


def padded(note, many):
    return note + "".join(line() for _ in range(many)).encode()


def kept(size):
    return bytes(PeerHead.objects.get(size=size).note)


@pytest.mark.parametrize("first", [True, False])
def test_a_head_with_lines_of_strangers_is_kept_short_and_told_to_others(liar, county, first):
    with unit_context(county):
        peer = Peer.objects.get()
        cosigned = witness.countersign(peer)
        if first:
            PeerHead.objects.all().delete()
        mirror.head_keep(peer, padded(cosigned, 50))
        note = kept(5)
        assert len(note) <= 8192
        assert len(notes.parse_note(note).signatures) <= heads.LINES
        assert notes.cosigned_by(notes.parse_note(note), keyring.counted_witnesses(peer))
        assert fetch(county).fault == ""
        PeerHead.objects.update(proven=True)
        assert heads_seen.heads_seen_log()
        (told,) = msgspec.json.decode(
            bytes(Opening.objects.get(kind=heads_seen.KIND).body), type=list[heads_seen.Seen]
        )
        assert told.note.encode() == liar.checkpoint(5)


def test_a_followed_units_proof_stands_under_a_head_that_witnesses_have_taken(liar, county):
    with unit_context(county):
        peer = Peer.objects.get()
        mirror.head_keep(peer, witness.countersign(peer))
    liar.add(b"more")
    assert fetch(county).fault == ""
    with unit_context(county):
        assert PeerHead.objects.get(size=6).proven
        note = proofs.decode(relayed.prove_followed(liar.commitments()[0])).note
        assert notes.parse_checkpoint(notes.parse_note(note).text).size == 5
        latest = proofs.decode(relayed.prove_followed(liar.commitments()[5])).note
        assert notes.parse_checkpoint(notes.parse_note(latest).text).size == 6


def test_one_head_that_cannot_be_read_hides_no_other(liar, county):
    with lies.Liar("430582").served() as other:
        with unit_context(county):
            state = peers.connection_request(other.address)
            peers.connection_accept(state.origin, state.fingerprint)
            Peer.objects.update(accepted_there=timezone.localdate())
            other.recipient = identity.origin()
        liar.add(b"more")
        seen = [
            {"origin": liar.origin, "note": "x" * 9000},
            "no head at all",
            {"origin": liar.origin, "note": liar.checkpoint(6).decode()},
        ]
        other.add(json.dumps(seen).encode(), kind=heads_seen.KIND, media_type="application/json")
        with unit_context(county):
            assert pull.pull(Peer.objects.get(origin=other.origin)).fault == ""
            assert PeerHead.objects.filter(peer__origin=liar.origin, size=6).exists()
            assert not Incident.objects.exists()


def test_a_log_with_very_many_witnesses_is_read_by_everybody(fresh_database, county, city):
    with served() as port:
        connect(county, city, port, KIND)
        publish(county, b"word")
        with unit_context(county):
            head = ledger.head()
            for number in range(120):
                Cosignature.objects.create(
                    size=head.size, root=head.root, witness_key=f"key {number}",
                    operator=f"operator {number}", line=line(),
                )  # fmt: skip
            assert len(notes.parse_note(ledger.head().note).signatures) <= heads.LINES
            assert not witness.unwitnessed()
        with unit_context(city):
            assert pull.pull(Peer.objects.get()).fault == ""
        assert applied_bodies(city) == [b"word"]


@pytest.fixture
def hanging(liar, county):
    """A witness that never answers, until the end."""
    let_go, asked = threading.Event(), threading.Semaphore(0)

    def hang(http):
        asked.release()
        let_go.wait(60)

    with unit_context(county):
        ledger.publish()
        Contact.objects.filter(direction="witness").update(due_at=timezone.now())
    liar.misbehave(witness.PATH, hang)
    threads = []

    def ask():
        def run():
            with unit_context(county):
                witness.ask_witnesses()
            close_old_connections()

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield ask, asked
    let_go.set()
    for thread in threads:
        thread.join(60)


def test_a_witness_that_hangs_is_asked_by_one_thread_and_the_others_go_on(hanging, county):
    ask, asked = hanging
    ask()
    assert asked.acquire(timeout=60)
    with unit_context(county):
        for _ in range(8):
            assert witness.ask_witnesses() == 0  # comes back: somebody asks already
    assert not asked.acquire(blocking=False)


def test_of_witnesses_that_did_not_answer_few_are_asked_at_a_time(liar, county):
    with unit_context(county):
        ledger.publish()
        Contact.objects.filter(direction="witness").update(due_at=timezone.now(), failures=1)
        for _ in range(2):
            assert witness._doubtful.acquire(blocking=False)
        try:
            witness.ask_witnesses()
        finally:
            witness._doubtful.release(2)
        assert not [path for path in liar.seen if witness.PATH in str(path)]
        witness.ask_witnesses()
        assert [path for path in liar.seen if witness.PATH in str(path)]


def test_what_is_told_of_a_log_that_ended_keeps_its_witnesses():
    ended = notes.SigningKey.from_seed("minqing/430581/00000000", bytes(32))
    outside = notes.SigningKey.from_seed("outside", bytes(32), notes.COSIGNATURE)
    head = notes.Checkpoint("minqing/430581/00000000", 3, bytes(32))
    note = notes.sign_checkpoint(head, ended).encode()
    text = notes.parse_note(note).text
    whole = note + (notes.cosign(text, outside, 7).line + line()).encode()
    keys = heads.LogKeys(current=(), former={ended.verifier: 3}, witnesses=(outside.verifier,))
    assert heads.open_head(heads.own_lines(whole, keys), keys) == head
    assert len(notes.parse_note(heads.own_lines(whole, keys)).signatures) == 2
