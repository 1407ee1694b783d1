"""Nobody is believed to hold a key because it stands in a document: each key signs what it is announced with."""

from __future__ import annotations

import json

import msgspec
import pytest

from sync import identity, ledger
from sync.errors import NoteFault
from sync.exchange import documents, keyring, keys, peers, pull
from sync.formats import box_keys, notes, possession
from sync.models import Opening, Peer, Quarantine
from sync.refusals import PeerFault, RequestRefused
from tenants.current import unit_context
from tests.support import liar as lies
from tests.support.exchange import applied_bodies

USES = ("log", "ack", "peer", "witness")


@pytest.fixture
def liar():
    with lies.Liar().served() as liar:
        yield liar


def announce(liar, change):
    """Let the made-up unit's document be another: `change(document)`."""

    def bent(octets):
        document = json.loads(octets)
        change(document)
        return json.dumps(document).encode()

    liar.bend("/.well-known/minqing", bent)


def ask(unit, liar):
    with unit_context(unit):
        ledger.publish()
        liar.recipient = identity.origin()
        return peers.connection_request(liar.address)


def joined(unit, liar, *, unproven=False):
    """Connect; the made-up unit accepts by hand."""
    state = ask(unit, liar)
    with unit_context(unit):
        peers.connection_accept(state.origin, state.fingerprint, unproven=unproven)
        Peer.objects.update(accepted_there=Peer.objects.get().accepted_here)
        return state.origin


@pytest.mark.parametrize("use", USES)
def test_a_key_that_the_announcing_unit_does_not_hold_is_refused(liar, county, city, use):
    with unit_context(city):
        name = liar.keys[use].name
        theirs = notes.VerifierKey.parse(identity.public_keys(use)[0])
        stolen = str(notes.VerifierKey(name, theirs.type, theirs.public))

    def steal(document):
        document["keys"][use] = stolen
        said = possession.text(liar.origin, document["keys"])
        document["proofs"] = {
            name: notes.encode64(key.private.sign(said)) for name, key in liar.keys.items()
        }

    announce(liar, steal)
    with pytest.raises(PeerFault, match=f"does not hold the {use} key"):
        ask(county, liar)
    with unit_context(county):
        assert not Peer.objects.exists()


def test_proofs_of_one_unit_are_worth_nothing_in_the_document_of_another(liar, county, city):
    """Whoever puts its own peer and box key beside a stranger's log key would be given what is the stranger's."""
    with unit_context(city):
        true = json.loads(documents.own_document().encode())

    def impersonate(document):
        own = {use: document["keys"][use] for use in ("peer", "box")}
        document.update(true | {"keys": true["keys"] | own})
        document["proofs"] = true["proofs"] | {"peer": document["proofs"]["peer"]}

    announce(liar, impersonate)
    with pytest.raises(PeerFault, match="are not believed"):
        ask(county, liar)


@pytest.mark.parametrize("octets", [bytes(32), bytes([1]) + bytes(31), bytes(31)])
def test_a_box_key_that_nothing_can_be_sealed_to_is_refused(liar, county, octets):
    liar.box = notes.encode64(octets)
    with pytest.raises(PeerFault, match=r"[Bb]ox key"):
        ask(county, liar)
    with pytest.raises(NoteFault):  # what a record announces later is held against the same
        box_keys.check(liar.box)


@pytest.mark.parametrize("use", USES)
def test_a_document_that_proves_some_keys_only_is_refused(liar, county, use):
    announce(liar, lambda document: document["proofs"].pop(use))
    with pytest.raises(PeerFault, match=f"nothing shows that the unit holds its {use} key"):
        ask(county, liar)


def test_a_unit_of_the_previous_release_is_taken_on_its_operators_word_only(liar, county):
    announce(liar, lambda document: document.pop("proofs"))
    state = ask(county, liar)
    assert not state.proven_keys
    with unit_context(county), pytest.raises(PeerFault, match="does not prove"):
        peers.connection_accept(state.origin, state.fingerprint)
    liar.add(b"from 0.1")
    joined(county, liar, unproven=True)
    with unit_context(county):
        assert pull.pull(Peer.objects.get()).fault == ""
    assert applied_bodies(county) == [b"from 0.1"]


@pytest.mark.parametrize("use", [*USES[1:], "box"])
def test_without_proofs_nobody_gets_in_with_a_key_that_another_is_known_by(liar, county, use):
    with lies.Liar("430582").served() as known:
        ask(county, known)
        if use == "box":
            stolen = known.box
        else:
            public = known.keys[use].verifier.public
            stolen = str(notes.VerifierKey(liar.keys[use].name, liar.keys[use].type, public))
        announce(
            liar,
            lambda document: (
                document.pop("proofs"),
                document.update(operator="a third"),
                document["keys"].update({use: stolen}),
            ),
        )
        state = ask(county, liar)
        with unit_context(county), pytest.raises(PeerFault, match="another unit is known by"):
            peers.connection_accept(state.origin, state.fingerprint, unproven=True)


# --- keys that follow -------------------------------------------------------------------------


def following(liar, use, key, proof):
    """Log at the made-up unit that a key follows."""
    body = {"use": use, "key": str(key.verifier), "proof": proof}
    liar.add(
        json.dumps(body).encode(),
        kind=keys.KIND,
        subject=f"key/{use}",
        media_type="application/json",
    )


def fetch_once(unit):
    with unit_context(unit):
        assert pull.pull(Peer.objects.get()).fault == ""


@pytest.mark.parametrize("use", ["log", "peer", "witness"])
def test_a_key_that_follows_counts_only_with_its_own_signature(liar, county, city, use):
    joined(county, liar)
    kind = liar.keys[use].type
    fresh = notes.SigningKey.from_seed(liar.keys[use].name, bytes(31) + b"\x01", kind)
    following(liar, use, fresh, "")
    fetch_once(county)
    with unit_context(county):
        assert keyring.good_keys(Peer.objects.get(), use) == [str(liar.keys[use].verifier)]
    proofs = possession.prove(liar.origin, {use: str(fresh.verifier)}, [fresh])
    following(liar, use, fresh, proofs[use])
    fetch_once(county)
    with unit_context(county):
        assert str(fresh.verifier) in keyring.good_keys(Peer.objects.get(), use)
        assert not Quarantine.objects.exists()


def test_a_wrong_proof_and_an_unproven_successor_are_held_back(liar, county):
    joined(county, liar)
    fresh = notes.SigningKey.from_seed(liar.keys["peer"].name, bytes(31) + b"\x02")
    wrong = possession.prove(liar.origin, {"peer": str(fresh.verifier)}, [fresh])["peer"]
    other = notes.SigningKey.from_seed(liar.keys["peer"].name, bytes(31) + b"\x03")
    following(liar, "peer", other, wrong)
    fetch_once(county)
    with unit_context(county):
        assert "does not hold the peer key" in Quarantine.objects.get().sentence
        Quarantine.objects.all().delete()
    body = {"use": "ack", "key": str(notes.SigningKey.from_seed(f"{liar.origin}/ack", bytes(32)).verifier),
            "ended": str(liar.keys["ack"].verifier), "last": 0}  # fmt: skip
    liar.add(json.dumps(body).encode(), kind=keys.KIND, subject="key/ack")
    fetch_once(county)
    with unit_context(county):
        assert "Nothing shows" in Quarantine.objects.get().sentence
        assert Peer.objects.get().ack_key == str(liar.keys["ack"].verifier)


def test_a_stranger_who_knows_the_public_log_key_renames_no_unit_that_left(liar, county):
    origin = joined(county, liar)
    with unit_context(county):
        before = Peer.objects.get().name
        peers.connection_end(origin)
        document = json.loads(liar.document())
        document |= {"name": "冒名单位", "operator": "冒名", "proofs": {}}
        stranger = documents.read_document(json.dumps(document).encode())
        with pytest.raises(RequestRefused, match="proved its keys"):
            peers.connection_asked(stranger)
        left = Peer.objects.get()
        assert (left.name, left.ended_on is None) == (before, False)


@pytest.mark.usefixtures("keys_alone")
def test_every_announcement_of_ours_carries_its_proof(county):
    with unit_context(county):
        ledger.publish()
        for use in ("log", "ack", "peer", "policy"):
            keys.rotate(use)
            keys.retire(use)
        for row in Opening.objects.filter(kind=keys.KIND):
            said = msgspec.json.decode(bytes(row.body), type=keys.Notice)
            possession.check(identity.origin(), {said.use: said.key}, {said.use: said.proof})
        assert Opening.objects.filter(kind=keys.KIND).count() == 8
