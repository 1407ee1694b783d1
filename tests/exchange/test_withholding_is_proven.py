"""A peer that holds a record back and shows it later has signed two notes that contradict each other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.core.management import CommandError, call_command

from sync import audiences, identity
from sync.errors import ProofFault
from sync.exchange import disclosures, peers, pull, returning
from sync.formats import framing, notes, withholding
from sync.models import Following, Incident, Peer
from sync.models.exchange import DisclosureNote
from tenants.current import unit_context
from tests.support import liar as lies
from tests.support.backups import back_up, bring_back, restore
from tests.support.carried import origin_of
from tests.support.exchange import KIND, applied_bodies, publish
from tests.support.followed import fetch, followed_liar, incident
from tests.support.handing import pull_in
from tests.support.served import address, connect, served

EARLIER = framing.Disclosure(
    issuer="minqing/430581/00000000", recipient="minqing/430522/00000000", epoch=1, size=100, count=10,
    last="ab" * 32, grants=(("tests.line", 0),),
)  # fmt: skip
KEY = notes.SigningKey.from_seed("minqing/430581/00000000/peer", bytes(32))


def proven(earlier, later, key=KEY):
    return withholding.WithholdingProof(
        keys=(key.verifier,), earlier=earlier.sign(key), later=later.sign(key)
    ).encode()


@pytest.mark.parametrize(
    "later",
    [{"count": 11}, {"count": 11, "size": 90}, {"count": 11, "epoch": 2}, {"last": "cd" * 32}],
)
def test_more_records_up_to_no_larger_a_size_is_a_contradiction(later):
    octets = proven(EARLIER, replace(EARLIER, **later))
    assert "held back" in withholding.verify_withholding(octets, [KEY.verifier])
    stranger = notes.SigningKey.from_seed(KEY.name, b"\x01" * 32)
    with pytest.raises(ProofFault, match="shows nothing"):
        withholding.verify_withholding(octets, [stranger.verifier])
    with pytest.raises(ProofFault, match="no proof"):
        withholding.verify_withholding(octets[:-9], [KEY.verifier])


@pytest.mark.parametrize(
    "later",
    [
        {"count": 9},
        {"count": 9, "last": "cd" * 32},
        {"count": 11, "size": 101},
        {"count": 11, "grants": (("tests.line", 0), ("tests.other", 0))},
        {"count": 11, "recipient": "minqing/430524/00000000"},
        {"count": 11, "epoch": 0},
        {"count": 11, "epoch": framing.EPOCHS},
        {"last": "cd" * 32, "epoch": framing.EPOCHS + 1},
        {},
    ],
)
def test_erasure_growth_and_other_grants_are_none(later):
    with pytest.raises(ProofFault, match="do not contradict"):
        withholding.verify_withholding(proven(EARLIER, replace(EARLIER, **later)), [KEY.verifier])


def test_a_record_that_turns_up_late_convicts_the_note_that_did_not_count_it(
    county, tmp_path, capsys
):
    with lies.Liar().served() as liar:
        for number in range(5):
            liar.add(b"%d" % number)
        liar.hidden = {3}
        with unit_context(county):
            liar.recipient = identity.origin()
            state = peers.connection_request(liar.address)
            peers.connection_accept(state.origin, state.fingerprint)
            Peer.objects.update(accepted_there=Peer.objects.get().accepted_here)
            peer = Peer.objects.get()
            assert pull.pull(peer).fault == ""
            before = Following.objects.values().get()
            assert disclosures.audit(peer) == []
            liar.hidden = set()
            (incident,) = disclosures.audit(peer)
            assert Following.objects.values().get() == before
            assert Incident.objects.get() == incident
            evidence = {row.name: bytes(row.content) for row in incident.evidence.all()}
    file = tmp_path / "withholding.proof"
    file.write_bytes(evidence["withholding.proof"])
    call_command("disclosure", "verify", str(file), "--key", str(liar.keys["peer"].verifier))
    assert "4 records up to size 5, and of 5" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        call_command("disclosure", "verify", str(file))
    assert ended.value.code == 3
    for asked in ((str(file), "--key", "mistyped"), (str(tmp_path / "nowhere"),)):
        with pytest.raises(CommandError) as refused:
            call_command("disclosure", "verify", *asked)
        assert refused.value.returncode == 2  # says nothing about the proof


@pytest.fixture
def liar(county):
    """A unit that hides its sixth record and is followed up to the seventh."""
    with followed_liar(county) as liar:
        liar.add(b"hidden")
        liar.hidden = {5}
        liar.add(b"shown")
        assert fetch(county).fault == ""
        yield liar


@pytest.mark.parametrize("grown", [0, 1, 40])
def test_a_reading_under_a_new_epoch_proves_by_itself_what_the_one_before_hid(
    liar, county, tmp_path, capsys, monkeypatch, grown
):
    monkeypatch.setattr("sync.exchange.reading.FIRST_LEAVES", 4)
    for number in range(grown):
        liar.add(b"%d" % number)
    liar.hidden.clear()
    liar.epoch = 1
    for _ in range(2):
        assert fetch(county).fault == ""
    name, evidence, _ = incident(county)
    assert name == "withheld"
    file = tmp_path / "withholding.proof"
    file.write_bytes(evidence["withholding.proof"])
    call_command("disclosure", "verify", str(file), "--key", str(liar.keys["peer"].verifier))
    assert "6 records up to size 7, and of 7 up to size 7" in capsys.readouterr().out
    with unit_context(county):
        assert Incident.objects.get().times == 1


@pytest.mark.parametrize("instead", [{"grants": (("tests.line", 0),)}, {"epoch": framing.EPOCHS}])
def test_other_grants_and_an_adoption_prove_nothing(liar, county, instead):
    liar.hidden.clear()
    liar.epoch = 1
    for name, value in instead.items():
        setattr(liar, name, value)
    assert fetch(county).fault == ""
    assert b"hidden" in applied_bodies(county)
    with unit_context(county):
        assert not Incident.objects.exists()


@pytest.mark.usefixtures("fresh_database")
def test_what_a_silent_peer_brings_back_later_contradicts_no_note_from_before(
    county, city, neighbour
):
    def city_answers(address):
        with unit_context(county):
            Peer.objects.filter(origin=origin_of(city)).update(address=address)

    with served() as port:
        connect(county, city, port, KIND)
        connect(county, neighbour, port, KIND)
        back_up(county)
        publish(county, b"the city alone", audience=audiences.for_unit(origin_of(city)))
        pull_in(city, county)
        pull_in(neighbour, county)
        restore(county)
        city_answers("http://127.0.0.1:9")
        with unit_context(county):
            returning.recover()
        with unit_context(city):  # the leaves are there and not all records: nothing is counted yet
            assert "cannot answer now" in pull.pull(Peer.objects.get()).fault
        bring_back(county)
        pull_in(city, county)
        city_answers(address(city, port))
        bring_back(county)
        pull_in(city, county)
        with unit_context(city):
            adoptions = {
                note.epoch // framing.EPOCHS: note.count for note in DisclosureNote.objects.all()
            }
            assert set(adoptions) == {0, 1, 2}
            assert disclosures.audit(Peer.objects.get()) == []
            assert not Incident.objects.exists()
