"""Keys change without anybody losing trust: announced in the log, good side by side, then the older one ends for ever."""

from __future__ import annotations

import httpx
import msgspec
import pytest
from django.conf import settings
from django.core.management import call_command
from nacl.public import PublicKey, SealedBox

from sync import identity, ledger
from sync.errors import SignerRefused
from sync.exchange import (
    documents,
    keyring,
    keys,
    mirror,
    peers,
    pull,
    repinning,
    requests,
    witness,
)
from sync.formats import heads, merkle, notes, possession, records
from sync.ledger import receipts
from sync.models import Entry, Incident, Opening, Peer, PeerKey
from sync.refusals import PeerFault, PeerLied, RequestRefused
from sync.signer.messages import Cosign
from tenants.current import unit_context
from tenants.services import unit_provision
from tests.support import liar as lies
from tests.support.exchange import KIND, applied_bodies, publish
from tests.support.fetching import fetch
from tests.support.served import connect, served


@pytest.fixture
def port(fresh_database):
    with served() as port:
        yield port
    for file in (settings.MINQING.state / "keys").glob("*/box.former.*"):
        file.unlink()  # the run's folder outlives the test


def log_secret(signer, origin):
    """Return the log's private key as a thief of the signer's folder would have it."""
    for file in signer.folder.glob("private/log-*"):
        name, seed = file.read_text().split("\n")[:2]
        if name == origin and not file.name.endswith(".next"):
            return notes.SigningKey.from_seed(name, notes.decode64(seed))
    raise AssertionError


@pytest.mark.usefixtures("keys_alone")
def test_every_key_of_a_unit_changes_while_records_go_on_flowing(
    port, county, city, neighbour, signer
):
    connect(county, city, port, KIND)
    publish(county, b"before")
    assert fetch(city, county).fault == ""
    uses = ("log", "peer", "ack", "box")
    with unit_context(county):
        origin = identity.origin()
        old_log, old_peer = log_secret(signer, origin), identity.peer_key()
        old_box = identity.public_keys("box")[0]
        for use in uses:
            keys.rotate(use)
            with pytest.raises(PeerFault, match="邵阳市"):
                keys.retire(use)
        both = identity.public_keys("log")
    sealed = SealedBox(PublicKey(notes.decode64(old_box))).encrypt(b"late parcel")
    overlap = publish(county, b"while both are good")
    assert {
        str(k)
        for k in notes.signed_by(
            notes.parse_note(overlap.note), [notes.VerifierKey.parse(t) for t in both]
        )
    } == set(both)
    for _ in range(2):
        assert fetch(city, county).fault == fetch(county, city).fault == ""
    with unit_context(county):
        for use in uses:
            keys.retire(use)
        assert [len(identity.public_keys(use)) for use in uses] == [1, 1, 1, 1]
        assert identity.box_open(sealed) == b"late parcel"
        acknowledged = publish(county, b"after")
        commitment = receipts_of(b"after")
        note = receipts.acknowledge(commitment)
        assert receipts.open_acknowledgement(note, [identity.ack_key().verifier])[1] == commitment
        document = documents.own_document()
    assert acknowledged.size > overlap.size
    for _ in range(2):
        assert fetch(city, county).fault == fetch(county, city).fault == ""
    assert applied_bodies(city) == [b"before", b"while both are good", b"after"]
    with unit_context(city):
        peer = Peer.objects.get()
        assert (peer.fingerprint, peer.log_key) == (document.fingerprint, document.keys.log)
        assert not Incident.objects.exists()
        ended = PeerKey.objects.get(use="log", key=str(old_log.verifier))
        assert overlap.size <= ended.last < acknowledged.size
        # who stole the old log key signs whatever he likes: it proves nothing
        forged = notes.sign_checkpoint(notes.Checkpoint(origin, 10**6, bytes(32)), old_log).encode()
        with pytest.raises(PeerLied, match="ended at size"):
            mirror.head_keep(peer, forged)
        below = notes.sign_checkpoint(notes.Checkpoint(origin, 1, bytes(32)), old_log).encode()
        with pytest.raises(PeerLied, match="no outside witness"):
            mirror.head_keep(peer, below)
    # nor does the old request key open anything
    message = requests.Message(
        method="GET", url=f"http://{city.host}:{port}/exchange/yours/head", headers={}, body=b""
    )
    for key, status in ((old_peer, 401), (None, 200)):
        with unit_context(county):
            used = (key or identity.peer_key()).private
        headers = requests.sign(message, key=used, keyid=origin)
        answer = httpx.get(
            f"http://127.0.0.1:{port}/exchange/yours/head",
            headers={**headers, "host": f"{city.host}:{port}"},
            trust_env=False,
        )
        assert answer.status_code == status
    # a unit that connects now sees the new keys only, and reads the whole history with them
    connect(county, neighbour, port, KIND)
    assert fetch(neighbour, county).fault == ""
    assert applied_bodies(neighbour) == [b"before", b"while both are good", b"after"]


def receipts_of(body):
    row = Opening.objects.get(body=body)
    return bytes(Entry.objects.get(index=row.index).commitment).hex()


@pytest.mark.usefixtures("keys_alone")
def test_a_peer_that_slept_through_the_change_holds_it_up_until_an_operator_says_so(
    port, county, city
):
    connect(county, city, port, KIND)
    with unit_context(county):
        keys.rotate("peer")
        with pytest.raises(PeerFault, match="force"):
            keys.retire("peer")
        keys.retire("peer", force=True)
        with pytest.raises(PeerFault, match="rotate it first"):
            keys.retire("peer")
        with pytest.raises(SignerRefused, match="rotate it first"):
            keys.retire("log")


@pytest.mark.usefixtures("keys_alone")
def test_a_witness_that_slept_takes_the_new_log_key_by_its_fingerprint_and_on_the_record(
    fresh_database, city
):
    with lies.Liar().served() as liar, unit_context(city):
        ledger.publish()
        liar.recipient = identity.origin()
        for number in range(2):
            liar.add(b"before %d" % number)
        state = peers.connection_request(liar.address)
        peers.connection_accept(state.origin, state.fingerprint)
        Peer.objects.update(accepted_there=Peer.objects.get().accepted_here)
        assert pull.pull(Peer.objects.get()).fault == ""
        with pytest.raises(witness.Conflict):  # it begins with what was pulled and proven
            witness.add_checkpoint(b"old 0\n\n" + liar.checkpoint())
        witness.add_checkpoint(b"old 2\n\n" + liar.checkpoint())
        old = liar.keys["log"]
        liar.keys["log"] = liar.log_key = notes.SigningKey.from_seed(liar.origin, bytes(range(32)))
        proof = notes.encode64(merkle.leaf_hash(records.log_entry(liar.add(b"after"))))
        asked = f"old 2\n{proof}\n\n".encode() + liar.checkpoint()
        assert "does not hold" in pull.pull(Peer.objects.get()).fault
        with pytest.raises(RequestRefused):
            witness.add_checkpoint(asked)
        for wrong in (old.verifier.fingerprint, "0" * 32):
            with pytest.raises(PeerFault, match="not the one"):
                repinning.repin(liar.origin, wrong)
        assert Peer.objects.get().log_key == str(old.verifier)
        new = liar.log_key.verifier
        call_command("peer", "repin", city.code, liar.origin, "--fingerprint", new.fingerprint)
        assert repinning.repin(liar.origin, new.fingerprint) == str(new)  # again: the same
        assert pull.pull(Peer.objects.get()).fault == ""
        assert applied_bodies(city)[-1] == b"after"
        assert witness.add_checkpoint(asked).startswith("— minqing/witness/")
        ledger.seal()
        (said,) = [
            msgspec.json.decode(bytes(row.body))
            for row in Opening.objects.filter(kind=repinning.KIND)
        ]
        assert said == {
            "origin": liar.origin,
            "former": str(old.verifier),
            "key": str(new),
            "size": 2,
        }
        # The old key proves nothing beyond what was proven under it, here or at the witness.
        liar.add(b"a thief's")
        liar.log_key = old
        assert "ended at size" in pull.pull(Peer.objects.get()).fault
        with pytest.raises(RequestRefused):
            witness.add_checkpoint(b"old 3\n\n" + liar.checkpoint())


def test_a_key_record_that_does_not_fit_its_use_or_ends_in_the_future_is_refused(
    port, county, city
):
    connect(county, city, port, KIND)
    with unit_context(county):
        stranger = notes.SigningKey.from_seed("minqing/430599/00000000", bytes(32)).verifier
        keys._log(keys.Notice(use="log", key=str(stranger)))
        good = str(notes.SigningKey.from_seed(identity.origin(), bytes(32)).verifier)
        keys._log(
            keys.Notice(use="log", key=good, ended=identity.public_keys("log")[0], last=10**9)
        )
    fetch(city, county)
    with unit_context(city):
        assert not PeerKey.objects.filter(use="log").exists()
        assert keyring.log_keys(Peer.objects.get()).former == {}


def test_a_peer_ends_no_key_but_its_own_and_announces_no_flood_of_keys(
    port, county, city, monkeypatch
):
    connect(county, city, port, KIND)
    with unit_context(city):
        theirs = identity.public_keys("log")[0]
    with unit_context(county):
        origin = identity.origin()
        seeds = [bytes([number]) * 32 for number in range(1, 8)]
        held = [notes.SigningKey.from_seed(origin, seed) for seed in seeds]
        new = [str(key.verifier) for key in held]
        for key in held:
            monkeypatch.setattr(
                identity, "possession_proofs", lambda k, key=key: possession.prove(origin, k, [key])
            )
            keys._log(keys.Notice(use="log", key=str(key.verifier)))
        for ended in (theirs, "no key at all"):
            keys._log(keys.Notice(use="log", key=new[0], ended=ended, last=0))
    fetch(city, county)
    with unit_context(city):
        assert keys.former_log_keys() == {}
        peer = Peer.objects.get()
        assert keyring.good_keys(peer, "log") == [peer.log_key, *reversed(new[-keyring.COMING :])]


def test_the_witness_believes_a_logs_new_key_by_what_both_signed_not_by_who_asks(signer):
    origin = "minqing/430581/00000000"
    old, new, evil = (notes.SigningKey.from_seed(origin, bytes([n]) * 32) for n in (1, 2, 3))
    empty = notes.Checkpoint(
        origin, 0, bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    )

    def ask(*signers, next_key=""):
        note = notes.sign_checkpoint(empty, *signers).encode()
        return signer().ask(
            Cosign(log_key=str(old.verifier), next_key=next_key, old=0, proof=[], note=note)
        )

    ask(old)
    with pytest.raises(SignerRefused) as refused:
        ask(evil, next_key=str(evil.verifier))
    assert refused.value.code == "unknown-key"
    ask(old, new, next_key=str(new.verifier))
    ask(new, next_key=str(new.verifier))
    with pytest.raises(SignerRefused):
        ask(old)
    assert (
        heads.open_head(
            notes.sign_checkpoint(empty, new).encode(), heads.LogKeys.only(new.verifier)
        ).size
        == 0
    )


@pytest.mark.usefixtures("keys_alone")
def test_a_unit_whose_key_files_are_lost_is_believed_again_only_after_a_new_connection(
    port, county, city
):
    connect(county, city, port, KIND)
    publish(county, b"before")
    publish(city, b"theirs")
    assert fetch(city, county).fault == fetch(county, city).fault == ""
    for use in identity.SECRETS:
        (settings.MINQING.state / "keys" / county.schema_name / use).unlink()
    unit_provision(county)  # as `minqing prepare` does
    publish(county, b"after")
    assert "refused" in fetch(county, city).fault
    assert "signed with a key that is not known here" in fetch(city, county).fault
    assert applied_bodies(city) == [b"before"]
    with unit_context(city), pytest.raises(RequestRefused, match="other keys"):
        peers.connection_asked(_document_of(county))
    for unit in (county, city):
        with unit_context(unit):
            peers.connection_end(Peer.objects.get().origin)
    connect(county, city, port, KIND)
    publish(city, b"theirs again")
    assert fetch(city, county).fault == fetch(county, city).fault == ""
    assert applied_bodies(city) == [b"before", b"after"]
    assert applied_bodies(county) == [b"theirs", b"theirs again"]


def _document_of(unit):
    with unit_context(unit):
        return documents.own_document()


@pytest.mark.usefixtures("keys_alone")
def test_the_witness_key_changes_with_two_lines_in_between(port, county):
    with unit_context(county):
        ledger.publish()
        before = identity.witness_key()
        keys.rotate("witness")
        assert [str(k) for k in identity.witness_keys()] == identity.public_keys("witness")
        assert Opening.objects.filter(subject="key/witness").count() == 1
        keys.retire("witness")
        assert identity.witness_key() != before
