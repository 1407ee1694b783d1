"""A unit restored from an old backup: it refuses to seal, gets back what peers hold, and goes on without a fork."""

from __future__ import annotations

import shutil

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from sync import audiences, identity, ledger
from sync.errors import LedgerFault, NoteFault, RolledBack
from sync.exchange import doorbell, erasing, keys, peers, returning
from sync.formats import notes
from sync.ledger import audit, erasure, refill
from sync.ledger.local import local_fetch, local_openings
from sync.models import Incident, Opening, Peer, PeerHead, Quarantine, Received
from sync.models.exchange import MirrorBundle
from tenants.current import unit_context
from tenants.errors import UnitFault
from tenants.services import unit_adopt
from tests.support.backups import back_up, bring_back, restore
from tests.support.exchange import KIND, applied_bodies, publish
from tests.support.fetching import fetch
from tests.support.served import connect


def bodies(unit):
    with unit_context(unit):
        return [bytes(row.body) for row in Opening.objects.filter(kind=KIND).order_by("index")]


def commitment_of(unit, body):
    with unit_context(unit), connection.cursor() as cursor:
        cursor.execute(
            "SELECT encode(commitment, 'hex') FROM sync_opening JOIN sync_entry USING (index) WHERE body = %s",
            [body],
        )
        return cursor.fetchone()[0]


@pytest.mark.usefixtures("keys_alone")
def test_an_old_backup_seals_nothing_gets_back_what_peers_hold_and_goes_on_without_a_fork(
    port, county, city, capsys
):
    connect(county, city, port, KIND)
    publish(county, b"before", b"erased later")
    back_up(county)
    with unit_context(county):
        own = audiences.for_unit(identity.origin())
        erasure.erase([commitment_of(county, b"erased later")], basis="示例依据")
        ledger.seal()
    publish(county, b"after", subject="chain")
    publish(county, b"inner", audience=own)
    with unit_context(county):
        keys.rotate("log")
    assert fetch(city, county).fault == fetch(city, county).fault == ""
    with unit_context(county):
        keys.retire("log")  # the backup will not know the key that signs now
    publish(county, b"after that")
    assert fetch(city, county).fault == ""
    with unit_context(county):
        true_head = ledger.head()
    restore(county)
    assert b"erased later" in bodies(county)

    with pytest.raises(RolledBack, match="restored"):
        publish(county, b"written after the restore")
    call_command("restore", "from-peers", county.code)
    told = capsys.readouterr().out
    assert "cannot be opened: index" in told
    assert bodies(county) == [b"before", b"after", b"after that"]
    with unit_context(county):
        assert ledger.head().root == true_head.root
    with pytest.raises(RolledBack, match="unit adopt"):
        publish(county, b"still too early")

    with unit_context(county):
        unit_adopt(county)
    publish(county, b"goes on")
    assert fetch(city, county).fault == ""
    assert applied_bodies(city)[-3:] == [
        b"written after the restore",
        b"still too early",
        b"goes on",
    ]
    with unit_context(city):
        assert not Incident.objects.exists()
    with unit_context(county):
        report, commitments = audit.audit_log(local_fetch, identity.log_key())
        audit.audit_openings(report, commitments, local_openings(report.size), every=True)
    assert report.findings == []
    assert (report.listed, report.erased) == (1, 1)


def test_an_answer_to_what_a_restored_unit_has_forgotten_waits_until_it_knows_again(
    port, county, city
):
    connect(county, city, port, KIND)
    publish(county, b"before", b"erased later")
    assert fetch(city, county).fault == ""
    back_up(county)
    with unit_context(county):
        erasure.erase([commitment_of(county, b"erased later")], basis="示例依据")
        ledger.seal()
    assert fetch(city, county).fault == ""  # obeys, and confirms
    restore(county)
    assert fetch(county, city).fault == ""
    with unit_context(county):
        assert Quarantine.objects.get().reason == "rejected"
    bring_back(county)
    assert fetch(county, city).fault == ""
    with unit_context(county):
        assert not Quarantine.objects.exists()
        (order,) = erasing.orders()
        assert [answer.confirmed_on is None for answer in order.answers] == [False]


def test_what_an_adopted_unit_counts_anew_contradicts_nothing_that_it_had_signed(
    port, county, city
):
    connect(county, city, port, KIND)
    with unit_context(city):
        city_origin = identity.origin()
    publish(county, b"one")
    assert fetch(city, county).fault == ""
    back_up(county)
    with unit_context(county):
        peers.grant_set(city_origin, "tests.other", history=True)
    publish(county, b"two", b"erased")
    assert fetch(city, county).fault == ""
    with unit_context(county):
        erasure.erase([commitment_of(county, b"erased")], basis="示例依据")
        ledger.seal()
    assert fetch(city, county).fault == ""
    restore(county)
    bring_back(county)
    publish(county, b"goes on")
    assert fetch(city, county).fault == ""
    assert applied_bodies(city)[-1] == b"goes on"
    with unit_context(city):
        assert not Incident.objects.exists()


def test_a_peer_that_was_silent_when_a_log_came_back_accuses_nobody_of_numbers_given_anew(
    port, county, city, neighbour
):
    connect(county, city, port, KIND)
    connect(county, neighbour, port, KIND)
    with unit_context(city):
        city_origin = identity.origin()
    own = audiences.for_unit(city_origin)
    publish(county, b"one", subject="a", subjects=1, audience=own)
    back_up(county)
    publish(county, b"two", b"three", subject="a", subjects=1, audience=own)
    publish(county, b"in public")
    assert fetch(city, county).fault == fetch(neighbour, county).fault == ""
    restore(county)
    with unit_context(county):
        peer = peers.peer_by_origin(city_origin)
        Peer.objects.filter(pk=peer.pk).update(address="http://127.0.0.1:9")
    bring_back(county)
    with unit_context(county):
        Peer.objects.filter(pk=peer.pk).update(address=peer.address)
    publish(county, b"two anew", b"three anew", subject="a", subjects=1, audience=own)
    assert fetch(city, county).fault == ""
    assert [body for body in applied_bodies(city) if body != b"in public"] == [
        b"one",
        b"two",
        b"three",
        b"two anew",
        b"three anew",
    ]
    publish(county, b"four", subject="a", subjects=1, audience=own)
    assert fetch(city, county).fault == ""
    assert applied_bodies(city)[-1] == b"four"
    with unit_context(city):
        assert not Incident.objects.exists()
        assert not Quarantine.objects.exists()


def test_a_chain_whose_end_was_erased_goes_on_after_a_restore_and_nobody_is_accused(
    port, county, city
):
    """Whoever obeyed the order keeps the place of what was erased; the restored unit cannot know its number any more."""
    connect(county, city, port, KIND)
    publish(county, b"one", subject="a", subjects=1)
    back_up(county)
    publish(county, b"two", subject="a", subjects=1)
    assert fetch(city, county).fault == ""
    with unit_context(county):
        erasure.erase([commitment_of(county, b"two")], basis="示例依据")
        ledger.seal()
    assert fetch(city, county).fault == ""
    restore(county)
    bring_back(county)
    publish(county, b"two, corrected", b"three", subject="a", subjects=1)
    assert fetch(city, county).fault == ""
    assert applied_bodies(city)[-2:] == [b"two, corrected", b"three"]
    with unit_context(city):
        assert not Incident.objects.exists()
        assert not Quarantine.objects.exists()


def test_what_a_restored_unit_wrote_on_places_that_were_taken_is_set_aside_and_told(
    port, county, city, monkeypatch
):
    connect(county, city, port, KIND)
    publish(county, b"one", subject="a", subjects=1)
    back_up(county)
    publish(county, b"two", b"three", subject="a", subjects=1)
    assert fetch(city, county).fault == ""
    restore(county)
    with pytest.raises(
        RolledBack
    ):  # three more on the old end of the chain, and one that is in nobody's way
        publish(county, b"stale 2", b"stale 3", b"stale 4", subject="a", subjects=1)
    with pytest.raises(RolledBack):
        publish(county, b"elsewhere", subject="b", subjects=1)
    assert "3 records written after the restore were set aside" in bring_back(county)[-1]
    publish(county, b"four", subject="a", subjects=1)
    assert fetch(city, county).fault == ""
    assert applied_bodies(city) == [b"one", b"two", b"three", b"elsewhere", b"four"]
    with unit_context(city):
        assert not Incident.objects.exists()
    with unit_context(county):
        report, commitments = audit.audit_log(local_fetch, identity.log_key())
        audit.audit_openings(report, commitments, local_openings(report.size), every=True)
    assert report.findings == []


def test_a_copy_whose_signer_is_as_old_as_itself_is_found_out_by_what_peers_hold(
    port, county, city, signer, monkeypatch
):
    connect(county, city, port, KIND)
    publish(county, b"before")
    back_up(county)
    signer.restart()
    shutil.copytree(signer.folder, signer.folder.with_name("old"))
    publish(county, b"after")
    assert fetch(city, county).fault == ""
    restore(county)
    signer.restart()
    for file in signer.folder.glob("high-water*"):
        file.unlink()
    for file in signer.folder.with_name("old").glob("high-water*"):
        shutil.copy(file, signer.folder / file.name)

    monkeypatch.setattr(doorbell, "queue", lambda task, arguments: task(*arguments))
    monkeypatch.setattr(returning, "_looked", {})
    with unit_context(county):
        returning.sweep()
        assert "own signature" in refill.halted()
    with pytest.raises(CommandError, match="own signature"):
        call_command("restore", "check", county.code)
    with pytest.raises(RolledBack):
        publish(county, b"would be a fork")
    with unit_context(county), pytest.raises(UnitFault, match="from-peers"):
        unit_adopt(county)
    bring_back(county)
    publish(county, b"goes on")
    assert fetch(city, county).fault == ""
    assert applied_bodies(city) == [b"before", b"after", b"would be a fork", b"goes on"]


def test_a_smaller_head_does_not_make_a_larger_one_forgotten(port, county, city, neighbour, signer):
    """Who shows the largest head may be away when the rest comes back: adopted without it, the log would fork."""
    connect(county, city, port, KIND)
    connect(county, neighbour, port, KIND)
    back_up(county)
    publish(county, b"seen by both")
    assert fetch(neighbour, county).fault == ""
    publish(county, b"seen by the city")
    assert fetch(city, county).fault == ""
    restore(county)
    signer.restart()
    for file in signer.folder.glob("high-water*"):  # it forgot, too
        file.unlink()
    with unit_context(city):
        city_origin = identity.origin()
    with unit_context(county):
        assert "does not lead to it" in returning.look_around()
        address = peers.peer_by_origin(city_origin).address
        Peer.objects.filter(origin=city_origin).update(address="http://127.0.0.1:9")
    with pytest.raises(CommandError, match="holds the last 1"):
        bring_back(county)
    assert bodies(county) == [b"seen by both"]
    with unit_context(county), pytest.raises(UnitFault, match="does not lead there"):
        unit_adopt(county)
    with unit_context(county):
        Peer.objects.filter(origin=city_origin).update(address=address)
    bring_back(county)
    assert bodies(county) == [b"seen by both", b"seen by the city"]


def test_what_carries_no_signature_of_ours_halts_nothing_and_two_histories_stop_the_recovery(
    port, county, city, signer
):
    connect(county, city, port, KIND)
    publish(county, b"one")
    assert fetch(city, county).fault == ""
    with unit_context(county):
        origin, key = identity.origin(), identity.log_key()
        stranger = notes.SigningKey.from_seed(origin, bytes(32))
        head = notes.Checkpoint(origin, 10**6, bytes(32))
        with pytest.raises(NoteFault, match="No key"):
            refill.heed(notes.sign_checkpoint(head, stranger).encode())
        assert refill.halted() == ""
    (file,) = [f for f in signer.folder.glob("private/log-*") if f.read_text().startswith(origin)]
    name, seed = file.read_text().split("\n")[:2]
    ours = notes.SigningKey.from_seed(name, notes.decode64(seed))
    assert ours.verifier == key
    forged = notes.sign_checkpoint(notes.Checkpoint(origin, 1, bytes(32)), ours).encode()
    with unit_context(city):
        PeerHead.objects.filter(peer__origin=origin).update(note=forged)
    with unit_context(county), pytest.raises(LedgerFault, match="two histories"):
        returning.recover()


def test_what_came_back_stays_when_the_rest_does_not_come_and_is_not_asked_for_again(
    port, county, city, monkeypatch
):
    connect(county, city, port, KIND)
    publish(county, b"before")
    back_up(county)
    publish(county, b"two", b"three", b"four")
    assert fetch(city, county).fault == ""
    restore(county)
    monkeypatch.setattr(returning, "_ROUND", 1)  # one record an answer
    with unit_context(city):
        Received.objects.filter(body=b"four").update(body=b"five")
    with unit_context(county):
        done = returning.recover()
        assert done.openings == 2
        assert "is not ours" in done.silent[0]
        assert bodies(county) == [b"before", b"two", b"three"]
    with unit_context(city):
        Received.objects.filter(body=b"five").update(body=b"four")
        Received.objects.filter(body=b"two").update(body=b"never asked for")
    with unit_context(county):
        done = returning.recover()
        assert (done.openings, done.silent) == (1, [])
    assert bodies(county) == [b"before", b"two", b"three", b"four"]


def test_wrong_leaves_of_one_peer_stop_no_recovery_from_another(port, county, city, neighbour):
    others = (city, neighbour)
    for other in others:
        connect(county, other, port, KIND)
    publish(county, b"before")
    back_up(county)
    publish(county, b"after", b"after that")
    for other in others:
        assert fetch(other, county).fault == ""

    def serve(unit, change):
        with unit_context(unit):
            row = MirrorBundle.objects.get(peer__code=county.code)
            true, row.commitments = bytes(row.commitments), change(bytes(row.commitments))
            row.save()
        return lambda _: true

    wrong = (
        lambda octets: octets[:-32] + octets[:32],  # a leaf that stands there already
        lambda octets: octets[:-3],
        lambda octets: octets[:-32] + bytes(32),
    )
    for change in wrong:
        for liars in ((city,), (neighbour,), others):
            restore(county)
            true = [serve(unit, change) for unit in liars]
            with unit_context(county):
                if liars == others:
                    with pytest.raises(LedgerFault, match="Nobody's leaves lead"):
                        returning.recover()
                else:
                    returning.recover()
            assert (bodies(county) == [b"before", b"after", b"after that"]) is (liars != others)
            for unit, back in zip(liars, true, strict=True):
                serve(unit, back)
