"""Wrong answers to what a unit asks less often, and what discs carry: a restored unit's questions, a witness's word, a cursor, a box.

A wrong one costs one attempt; nothing is believed that does not hold, and the right one that comes next is taken."""

from __future__ import annotations

import contextlib
import hashlib
import io
import struct

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from nacl.public import PublicKey, SealedBox

from sync import identity, ledger
from sync.errors import LedgerFault, NoteFault
from sync.exchange import peers, returning, witness
from sync.formats import framing, notes
from sync.ledger import refill, tree
from sync.models import Contact, Cosignature, Following, Opening, Peer
from sync.transports import discs, parcels, taking
from sync.transports.parcels import Label
from sync.transports.sources import Held
from tenants.current import unit_context
from tests.support.backups import back_up, restore
from tests.support.exchange import KIND, applied_bodies, publish
from tests.support.followed import fetch, followed_liar
from tests.support.mutation import changed, changes

some = settings(
    max_examples=15, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip


@pytest.fixture
def liar(fresh_database, county):
    """A made-up unit, connected to 新邵县 and followed."""
    with followed_liar(county) as liar:
        yield liar


# --- what a restored unit asks ------------------------------------------------------------------


@pytest.fixture
def robbed(liar, county):
    """新邵县 restored from an older backup; the made-up unit holds what it lost."""
    publish(county, b"one", b"two")
    back_up(county)
    publish(county, b"three", b"four")
    with unit_context(county):
        head = ledger.head()
        rows = [
            framing.Opening(row.index, bytes(row.salt), bytes(row.header), bytes(row.body))
            for row in Opening.objects.order_by("index")
        ]
        liar.kept = {
            returning.HEAD: head.note,
            f"{returning.LEAVES}?number=0": tree.read_commitments(0, head.size),
            **{
                f"{returning.RECORDS}?from={start}": b"".join(map(framing.row, rows[start:])) + framing.end(b"")
                for start in range(head.size)
            },
        }  # fmt: skip
    return county


def bodies(unit):
    with unit_context(unit):
        return [bytes(row.body) for row in Opening.objects.filter(kind=KIND).order_by("index")]


@pytest.mark.parametrize("path", [returning.HEAD, returning.LEAVES, returning.RECORDS])
@some
@given(wanted=changes)
def test_wrong_answers_bring_a_restored_unit_nothing_that_is_not_its_own(
    robbed, liar, path, wanted
):
    restore(robbed)
    liar.bend(path, lambda octets: changed(octets, wanted))
    with unit_context(robbed), contextlib.suppress(LedgerFault):
        returning.recover()
    assert bodies(robbed)[:2] == [b"one", b"two"]
    assert set(bodies(robbed)) <= {b"one", b"two", b"three", b"four"}
    liar.behave()
    with unit_context(robbed):
        done = returning.recover()
        assert (done.silent, done.unopened, refill.unopened()) == ([], [], [])
    assert bodies(robbed) == [b"one", b"two", b"three", b"four"]


# --- what a witness answers ---------------------------------------------------------------------


def due():
    Cosignature.objects.all().delete()
    Contact.objects.filter(direction="witness").update(due_at=timezone.now(), failures=0)


def conflict(octets):
    """Answer that another size was cosigned last."""

    def handler(http):
        http.send_response(409)
        http.send_header("Content-Type", "text/x.tlog.size")
        http.send_header("Content-Length", str(len(octets)))
        http.end_headers()
        http.wfile.write(octets)

    return handler


@some
@given(
    answer=st.sampled_from(["cosignature", "size", "checkpoint"]), wanted=changes,
    size=st.sampled_from([b"0\n", b"1\n", b"2\n", b"9999\n"]),
)  # fmt: skip
def test_a_witness_that_answers_wrongly_neither_counts_nor_halts_the_log(
    liar, county, answer, wanted, size
):
    publish(county, b"seen")
    liar.cosigns = True
    with unit_context(county):
        due()
        head = ledger.head()
        place = f"/witness/{hashlib.sha256(head.origin.encode()).hexdigest()}/checkpoint"
        liar.kept[place] = head.note
        if answer == "cosignature":
            liar.bend(witness.PATH, lambda octets: changed(octets, wanted))
        else:
            liar.misbehave(
                witness.PATH, conflict(changed(size, wanted) if answer == "size" else size)
            )
            liar.bend(place, lambda octets: changed(octets, wanted))
        witness.ask_witnesses()
        text = notes.parse_note(head.note).text
        for row in Cosignature.objects.all():
            note = notes.Note(text, (notes.parse_signature(row.line),))
            assert notes.cosigned_by(note, [liar.keys["witness"].verifier])
        assert refill.halted() == ""
        liar.behave()
        due()
        assert witness.ask_witnesses() == 1


# --- what discs carry ---------------------------------------------------------------------------


def signed(text, key):
    """Sign a text that may be no note's."""
    try:
        return notes.sign(text.decode("utf-8"), key).encode()
    except (NoteFault, UnicodeDecodeError):
        return text


def cursor(liar, epoch=0, applied=0):
    lines = f"from {liar.origin}\nof {identity.origin()}\nepoch {epoch}\nmirrored 0\napplied {applied}\n"
    return f"minqing cursor 1\n{lines}".encode()


@pytest.mark.parametrize("number", [2**31, 2**32, 2**53, 2**63 - 1, 2**63])
@pytest.mark.parametrize("word", ["epoch", "applied"])
def test_a_cursor_with_a_number_that_nothing_here_reaches_is_refused(
    liar, county, tmp_path, word, number
):
    publish(county, b"to be carried")
    path = tmp_path / "cursor"
    with unit_context(county):
        path.write_bytes(signed(cursor(liar, **{word: number}), liar.keys["peer"]))
        with pytest.raises(discs.DiscFault):
            discs.write(tmp_path / "disc", liar.origin, cursor=path)


@some
@given(wanted=changes)
@example(wanted=[])
def test_a_wrong_cursor_of_a_peers_is_refused_and_the_right_one_is_taken(
    liar, county, tmp_path, wanted
):
    head = publish(county, b"to be carried")
    with unit_context(county):
        right = cursor(liar)
        path = tmp_path / "cursor"
        path.write_bytes(signed(changed(right, wanted), liar.keys["peer"]))
        with contextlib.suppress(discs.DiscFault):
            discs.write(tmp_path / "disc", liar.origin, cursor=path)
        path.write_bytes(signed(right, liar.keys["peer"]))
        assert discs.write(tmp_path / "disc", liar.origin, cursor=path).size == head.size


@some
@given(wanted=changes)
def test_a_box_with_something_wrong_inside_costs_one_parcel_and_changes_no_record(
    liar, county, wanted
):
    start = len(liar.records)
    liar.add(b"true %d" % start)
    truth = [body for _, _, body in liar.records]
    with unit_context(county):
        peer, recipient = peers.peer_by_origin(liar.origin), identity.origin()
        key = PublicKey(notes.decode64(identity.identity().box_key))
        inside = b"".join(map(framing.row, liar.rows(start, start + 1)))
        inside += framing.end(liar.note(start + 1))
        sealed = SealedBox(key).encrypt(changed(struct.pack(">I", len(inside)) + inside, wanted))
        label = Label(
            issuer=liar.origin, recipient=recipient, epoch=0, size=start + 1, leaves=(0, start + 1), records=(start, start + 1)
        )  # fmt: skip
        leaves = bytes.fromhex("".join(liar.commitments()))
        octets = parcels.pack(
            label, liar.keys["peer"], head=liar.checkpoint(), leaves=leaves, sealed=sealed
        )
        held = Held(label, lambda: parcels.read(io.BytesIO(octets)))
        taking.take(peer, [held])
        assert Following.objects.get().mirrored == start + 1
    assert applied_bodies(county) in (truth, truth[:-1])
    assert fetch(county).fault == ""
    assert applied_bodies(county) == truth
    with unit_context(county):
        assert Peer.objects.get().frozen_on is None
