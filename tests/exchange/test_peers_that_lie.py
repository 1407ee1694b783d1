"""A peer that lies is refused, with the evidence kept, and what it had told truly before stays. Each lie over real HTTP."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from sync import audiences, identity
from sync.errors import ProofFault
from sync.exchange import incidents, mirror, reading
from sync.formats import forks, framing, heads, notes, records
from sync.models import Incident, Peer, Quarantine
from sync.models.exchange import PeerHead
from sync.models.ledger import Pending
from sync.refusals import PeerFault
from tenants.current import unit_context
from tests.support.exchange import KIND, applied_bodies
from tests.support.followed import TRUE, cursors, fetch, followed_liar, incident


@pytest.fixture
def liar(county):
    with followed_liar(county) as liar:
        yield liar


def test_lines_that_somebody_writes_under_a_head_replace_no_note_and_are_replaced(liar, county):
    with unit_context(county):
        peer, witness = Peer.objects.get(), identity.witness_key()
        true = PeerHead.objects.get()
        junk = notes.Signature(witness.name, witness.id, bytes(72)).line.encode()
        mirror.head_keep(peer, bytes(true.note) + junk)
        assert bytes(PeerHead.objects.get().note) == bytes(true.note)
        liar.add(b"more")
        note = liar.checkpoint()
        for told in (note + junk, note):  # heard from somebody else first, then from the log itself
            mirror.head_keep(peer, told)
        assert bytes(PeerHead.objects.get(size=6).note) == note


def test_a_changed_byte_in_a_record_is_refused(liar, county):
    liar.add(b"a sentence")
    liar.bend("/exchange/records", lambda octets: octets.replace(b"a sentence", b"A sentence"))
    assert "not what the log committed to" in fetch(county).fault
    name, evidence, _ = incident(county)
    assert name == "changed"
    assert b"A sentence" in evidence["row"]
    assert evidence["leaf"].hex() == liar.commitments()[5]
    assert applied_bodies(county) == TRUE
    assert cursors(county) == (6, 5)
    liar.behave()
    assert fetch(county).fault == ""
    assert applied_bodies(county) == [*TRUE, b"a sentence"]


def test_a_changed_leaf_is_an_alarm_without_a_freeze(liar, county):
    liar.add(b"next")
    liar.bend("/ledger/tile/entries", lambda octets: octets[:-1] + bytes([octets[-1] ^ 1]))
    assert "do not lead" in fetch(county).fault
    name, evidence, peer = incident(county)
    assert name == "diverged"
    assert evidence["head.note"] == liar.checkpoint()
    assert peer.frozen_on is None
    assert cursors(county) == (5, 5)
    liar.behave()
    assert fetch(county).fault == ""
    assert applied_bodies(county) == [*TRUE, b"next"]


def test_an_epoch_past_belief_is_refused_and_the_next_pull_goes_well(liar, county):
    liar.add(b"next")
    liar.epoch = 2**31
    assert "past the largest" in fetch(county).fault
    assert incident(county)[0] == "wrong-note"
    liar.epoch = 2**31 - 1
    assert fetch(county).fault == ""
    assert applied_bodies(county) == [*TRUE, b"next"]


@pytest.mark.parametrize("erased_first", [True, False])
def test_an_erased_record_that_repeats_a_commitment_is_held_against_the_peer(
    liar, county, erased_first
):
    if erased_first:
        liar.erased.add(len(liar.records))
        liar.add(b"gone")
    liar.erased.add(len(liar.records))
    liar.records.append(liar.records[-1])
    liar.add(b"next")
    assert fetch(county).fault == ""
    assert incident(county)[0] == "repeated"
    assert applied_bodies(county) == [*TRUE, b"next"]


def test_a_refused_record_that_stands_in_the_log_twice_stops_nothing(liar, county):
    liar.add(b"not ours", origin="minqing/430599/00000000")
    liar.records.append(liar.records[-1])
    liar.add(b"next")
    assert fetch(county).fault == ""
    with unit_context(county):
        found = sorted(Incident.objects.values_list("name", flat=True))
        assert found == ["foreign-origin", "repeated"]
    assert applied_bodies(county) == [*TRUE, b"next"]


def test_a_dropped_record_is_refused_because_the_note_counts_it(liar, county):
    liar.add(b"dropped")
    liar.add(b"shown")
    rows = liar.rows
    liar.rows = lambda start, stop: [row for row in rows(start, stop) if row.index != 5]
    assert "counts 7 records" in fetch(county).fault
    name, evidence, _ = incident(county)
    assert name == "withheld"
    said = framing.read_disclosure(evidence["disclosure.note"], liar.keys["peer"].verifier)
    assert (said.count, said.size, said.recipient) == (7, 7, liar.recipient)
    assert applied_bodies(county) == TRUE


def test_a_withheld_record_that_the_note_denies_shows_as_a_gap_in_its_chain(liar, county):
    liar.add(b"one", subject="case")
    liar.hidden.add(liar.records.__len__())
    liar.add(b"two", subject="case")
    liar.add(b"three", subject="case")
    liar.add(b"elsewhere")
    assert fetch(county).fault == ""
    assert applied_bodies(county) == [*TRUE, b"one", b"elsewhere"]
    name, evidence, _ = incident(county)
    assert name == "broken-chain"
    assert b"three" in evidence["row"]
    with unit_context(county):
        assert Quarantine.objects.get().subject == "case"
    # What turns up later below the size of the signed note makes the chain whole, and proves the withholding.
    liar.hidden.clear()
    liar.epoch = 1
    assert fetch(county).fault == ""
    assert sorted(applied_bodies(county)) == sorted([*TRUE, b"one", b"two", b"three", b"elsewhere"])
    with unit_context(county):
        assert Incident.objects.filter(name="withheld").exists()


def test_a_record_that_turns_up_below_an_earlier_note_contradicts_that_note(liar, county):
    liar.hidden.add(5)
    liar.add(b"hidden")
    liar.add(b"shown")
    assert fetch(county).fault == ""
    liar.hidden.clear()
    liar.add(b"later")
    assert "counts" in fetch(county).fault
    assert incident(county)[0] == "withheld"
    assert applied_bodies(county) == [*TRUE, b"shown"]


def test_reordered_records_are_refused(liar, county):
    liar.add(b"a")
    liar.add(b"b")
    rows = liar.rows
    liar.rows = lambda start, stop: rows(start, stop)[::-1]
    assert "came after" in fetch(county).fault
    assert incident(county)[0] == "reordered"
    assert applied_bodies(county) == TRUE


def test_reordered_leaves_are_refused(liar, county):
    liar.add(b"a")
    liar.add(b"b")
    liar.bend("/ledger/tile/entries", lambda octets: octets[:-70] + octets[-35:] + octets[-70:-35])
    assert "do not lead" in fetch(county).fault
    assert incident(county)[0] == "diverged"
    assert cursors(county) == (5, 5)


def test_a_log_that_is_rolled_back_is_refused_but_not_frozen(liar, county):
    short = liar.checkpoint(3)
    liar.bend("/ledger/checkpoint", lambda _: short)
    assert "size 3 after one of size 5" in fetch(county).fault
    name, evidence, peer = incident(county)
    assert name == "rolled-back"
    assert (evidence["head.note"], evidence["last.note"]) == (short, liar.checkpoint())
    assert peer.frozen_on is None
    assert cursors(county) == (5, 5)


@pytest.mark.parametrize(("kept", "grown"), [(0, 9), (2, 8), (4, 5), (3, 4), (4, 300), (0, 5)])
def test_a_forked_log_freezes_with_proof_that_anyone_can_check(liar, county, kept, grown):
    liar.records = liar.records[:kept]
    while len(liar.records) < grown:
        liar.add(b"another history %d" % len(liar.records))
    assert "signed" in fetch(county).fault
    name, evidence, peer = incident(county)
    assert name == "forked"
    assert peer.frozen_on is not None
    assert peer.state == "frozen"
    assert liar.origin in forks.verify_fork(
        evidence[forks.FILE], heads.LogKeys.only(notes.VerifierKey.parse(peer.log_key))
    )
    liar.add(b"after the fork")
    fetch(county)
    assert applied_bodies(county) == TRUE


def test_after_a_thaw_the_copied_history_is_followed_and_the_other_one_freezes_again(liar, county):
    true, chains = list(liar.records), dict(liar.chains)
    liar.records = liar.records[:3]
    while len(liar.records) < 8:
        liar.add(b"another history %d" % len(liar.records))
    other = list(liar.records)
    fetch(county)
    with unit_context(county):
        (row,) = Incident.objects.all()
        incidents.thaw_propose(row.pk, by="first", reason="查清了")
        with pytest.raises(PeerFault, match="second operator"):
            incidents.thaw_agree(row.pk, by="first")
        incidents.thaw_agree(row.pk, by="second")
    liar.records, liar.chains = true, chains
    liar.add(b"goes on")
    assert fetch(county).fault == ""
    assert applied_bodies(county) == [*TRUE, b"goes on"]
    liar.records = other
    assert "signed" in fetch(county).fault
    with unit_context(county):
        assert Peer.objects.get().state == "frozen"
        assert Incident.objects.filter(name="forked", settled_on=None).exists()
        assert b"\xe6\x9f\xa5\xe6\xb8\x85\xe4\xba\x86" in bytes(
            Pending.objects.get(kind=incidents.THAW).body
        )
    assert applied_bodies(county) == [*TRUE, b"goes on"]


def test_a_fork_at_a_power_of_two_carries_that_subtrees_root(liar, county):
    for number in range(5, 8):
        liar.add(b"true %d" % number)
    assert fetch(county).fault == ""
    true_head = liar.checkpoint()
    liar.records = liar.records[:6]
    for number in range(6, 20):
        liar.add(b"other %d" % number)
    assert "no beginning" in fetch(county).fault
    _, evidence, _ = incident(county)
    assert evidence["smaller.note"] == true_head
    proof, key = forks.decode(evidence[forks.FILE]), heads.LogKeys.only(liar.log_key.verifier)
    assert len(proof.edge) == 1
    forks.verify_fork(proof.encode(), key)
    with pytest.raises(ProofFault, match=r"beginning|reproduce"):
        forks.verify_fork(replace(proof, smaller=liar.checkpoint(8)).encode(), key)


def test_a_head_signed_by_another_key_is_refused(liar, county):
    liar.add(b"next")
    liar.log_key = notes.SigningKey.from_seed(liar.origin, bytes(32))
    assert "does not hold" in fetch(county).fault
    name, evidence, peer = incident(county)
    assert (name, peer.frozen_on) == ("bad-signature", None)
    assert evidence["head.note"] == liar.checkpoint()
    assert cursors(county) == (5, 5)


def test_a_note_signed_by_another_key_or_for_another_unit_is_refused(liar, county):
    liar.add(b"next")
    right = liar.keys["peer"]
    liar.keys["peer"] = notes.SigningKey.from_seed(f"{liar.origin}/peer", bytes(32))
    assert "not known here" in fetch(county).fault
    liar.keys["peer"] = right
    liar.recipient = "minqing/430500/00000000"
    assert "another unit" in fetch(county).fault
    with unit_context(county):
        assert {row.name for row in Incident.objects.all()} == {"unknown-key", "wrong-note"}
    assert applied_bodies(county) == TRUE


def test_a_repeated_commitment_is_refused_and_counted_once(liar, county):
    liar.records.append(liar.records[2])
    liar.add(b"after")
    assert fetch(county).fault == ""
    assert applied_bodies(county) == [*TRUE, b"after"]
    assert incident(county)[0] == "repeated"


def test_the_same_words_under_the_same_chain_number_with_a_new_salt_are_not_counted_twice(
    liar, county
):
    liar.chains["line-2", audiences.PUBLIC] = (0, "")
    liar.add(b"true 2", subject="line-2")
    assert fetch(county).fault == ""
    assert applied_bodies(county) == TRUE
    assert incident(county)[0] == "broken-chain"


def test_a_foreign_origin_is_refused(liar, county):
    liar.add(b"said by somebody else", origin="minqing/430500/00000000")
    liar.add(b"after")
    assert fetch(county).fault == ""
    assert applied_bodies(county) == [*TRUE, b"after"]
    name, evidence, _ = incident(county)
    assert name == "foreign-origin"
    assert b"said by somebody else" in evidence["row"]


def test_a_chain_that_names_another_predecessor_is_held_with_what_follows_it(liar, county):
    liar.add(b"one", subject="s")
    liar.chains["s", audiences.PUBLIC] = (1, "ab" * 32)
    liar.add(b"two", subject="s")
    liar.add(b"three", subject="s")
    liar.add(b"free")
    assert fetch(county).fault == ""
    assert applied_bodies(county) == [*TRUE, b"one", b"free"]
    with unit_context(county):
        assert [row.reason for row in Quarantine.objects.all()] == ["broken-chain", "waits"]


@pytest.mark.parametrize("header", [b"{}", b"\xff\xfe", b'{"kind": "tests.line"}', b""])
def test_an_unreadable_header_stops_the_issuers_apply_but_not_its_mirror(liar, county, header):
    liar.add(b"before")
    liar.add(b"unreadable", header=header)
    liar.add(b"after")
    assert "index 6" in fetch(county).fault
    assert applied_bodies(county) == [*TRUE, b"before"]
    assert cursors(county) == (8, 6)
    liar.add(b"still after")
    assert "index 6" in fetch(county).fault
    assert cursors(county) == (9, 6)


def test_a_header_with_a_repeated_key_is_unreadable(liar, county):
    octets = liar.records[0][1]
    liar.add(b"two meanings", header=octets[:-1] + b',"schema":1}')
    assert "index 5" in fetch(county).fault
    assert applied_bodies(county) == TRUE


def test_an_erased_record_leaves_no_gap(liar, county):
    liar.add(b"one", subject="s")
    liar.add(b"two", subject="s")
    liar.erased.add(6)
    liar.add(b"three", subject="s")
    assert fetch(county).fault == ""
    assert applied_bodies(county) == [*TRUE, b"one", b"three"]


def test_a_head_that_a_third_unit_saw_proves_a_split_view(liar, county):
    from sync.exchange import heads_seen
    from sync.kinds import ReceivedRecord

    true = liar.records[:]
    liar.records = true[:3]
    liar.add(b"shown to others only")
    other_view = liar.checkpoint()
    liar.records = true
    body = json.dumps([{"origin": liar.origin, "note": other_view.decode()}]).encode()
    with unit_context(county):
        record = ReceivedRecord(
            origin="minqing/430500/00000000", index=0, commitment="00" * 32, header=None, body=body
        )
        heads_seen.apply([record])
        forged = body.replace(b"shown", b"shown")
        heads_seen.apply(
            [ReceivedRecord(origin="x", index=1, commitment="11" * 32, header=None, body=forged)]
        )
        assert PeerHead.objects.filter(proven=False).count() == 1
    name, evidence, peer = incident(county)
    assert name == "forked"
    assert peer.frozen_on is not None
    forks.verify_fork(evidence[forks.FILE], heads.LogKeys.only(liar.log_key.verifier))


def test_nothing_is_asked_with_a_key_that_the_peer_could_use_elsewhere(liar, county):
    signed = [request for request in liar.seen if request[1].startswith("/exchange/records")]
    assert signed
    headers = {name.lower(): value for name, value in signed[0][2].items()}
    assert liar.address.removeprefix("http://") == headers["host"]
    assert '"@target-uri"' in headers["signature-input"]
    assert records.BODY_LIMIT < reading.ANSWER_CAP
    assert KIND == "tests.line"
