"""Every text and every frame that units send each other, made a little wrong: its reader refuses with its own sentence, or
reads something that is written back as the very same octets. Nothing else ever comes out of a reader."""

from __future__ import annotations

import contextlib
import io
import json

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings

from sync.errors import UNREADABLE, NoteFault, PolicyFault, ProofFault, RecordFault
from sync.exchange import documents, erasing, heads_seen, keys
from sync.formats import (
    forks,
    framing,
    handovers,
    heads,
    notes,
    policies,
    proofs,
    records,
    regions,
    tiles,
    withholding,
)
from sync.ledger import erasure, receipts
from sync.refusals import PeerFault
from sync.signer import messages
from sync.transports import parcels
from tests.support.liar import Liar
from tests.support.mutation import changed, changes

ORIGIN = "minqing/430522/00000000"
KEY = notes.SigningKey.from_seed(ORIGIN, bytes(range(32)))
PEER = notes.SigningKey.from_seed(f"{ORIGIN}/peer", bytes(32))
WITNESS = notes.SigningKey.from_seed(f"{ORIGIN}/witness", bytes(32), notes.COSIGNATURE)
HEAD = notes.sign_checkpoint(notes.Checkpoint(ORIGIN, 7, bytes(32)), KEY).encode()
HEADER = records.encode_header(
    records.Header(
        audience="public", chain=records.Chain(n=2, prev="ab" * 32), day="2026-11-22", kind="tests.line",
        media_type="text/plain", origin=ORIGIN, schema=1, subject="one",
    )
)  # fmt: skip
DISCLOSURE = framing.Disclosure(
    issuer=ORIGIN, recipient="minqing/430500/00000000", epoch=3, size=9, count=2, last="ab" * 32, grants=(("tests.line", 4),)
).sign(PEER)  # fmt: skip
ROWS = framing.row(framing.Opening(7, bytes(32), HEADER, "话".encode())) + framing.end(DISCLOSURE)
PROOF = proofs.encode(
    proofs.Proof(
        opening=proofs.Opening(header=HEADER, salt=bytes(32), body=b"body"), index=3, path=(bytes(32), bytes(32)), note=HEAD
    )
)  # fmt: skip
POLICY = f"log {KEY.verifier}\nwitness a {WITNESS.verifier}\ngroup g 1 a\nquorum g\n".encode()
FORK = forks.ForkProof(keys=(KEY.verifier,), smaller=HEAD, larger=HEAD, edge=(bytes(32),)).encode()
WITHHELD = withholding.WithholdingProof(
    keys=(PEER.verifier,), earlier=DISCLOSURE, later=DISCLOSURE
).encode()
BUNDLE = tiles.encode_bundle([records.log_entry(f"{n:064x}") for n in range(3)])


PARCEL = parcels.pack(
    parcels.Label(issuer=ORIGIN, recipient="minqing/430500/00000000", epoch=3, size=7, leaves=(0, 2), records=(4, 9)),
    PEER, head=HEAD, leaves=bytes(64), sealed=b"sealed",
)  # fmt: skip
ACK = notes.SigningKey.from_seed(f"{ORIGIN}/ack", bytes(32))
ACKNOWLEDGED = notes.sign(
    f"minqing/acknowledgement/v1\norigin {ORIGIN}\ncommitment {'ab' * 32}\nday 2026-11-22\nin the log by 2026-11-23\n", ACK
).encode()  # fmt: skip
STEP = handovers.encode(
    handovers.Close(
        subject="official:2f6d4c1e-8a55-4a8e-9d0b-6f2a51c7e301", accept="ab" * 32, offer="cd" * 32, records=3, root="ef" * 32
    )
)  # fmt: skip
ORDER = b'{"basis":"x","commitments":["%s"],"held_until":"2026-12-22"}' % (b"ab" * 32)
RECEIPT = b'{"held_until":"2026-12-22","order":"%s","records":3}' % (b"ab" * 32)
NOTICE = b'{"use":"log","key":"%s","ended":"","last":0,"proof":""}' % str(KEY.verifier).encode()
SEEN = json.dumps([{"origin": ORIGIN, "note": HEAD.decode()}]).encode()


def _parcel(octets):
    parcel = parcels.read(io.BytesIO(octets))
    if parcel is not None:
        parcel.check([PEER.verifier])
        assert octets.startswith(PARCEL)  # what holds is what its issuer made


def _json(form):
    return lambda octets: msgspec.json.decode(octets, type=form)


def _document():
    liar = Liar()
    liar.address = "https://liar.example.cn"
    return liar.document()


def _signer_request():
    asked = messages.SignHead(origin=ORIGIN, size=2, root=bytes(32), old=1, proof=[bytes(32)])
    return messages.encode(asked)[4:]


READERS = {
    "unit document": (documents.read_document, _document(), PeerFault),
    "note": (notes.parse_note, HEAD, NoteFault),
    "checkpoint": (lambda octets: notes.open_checkpoint(octets, KEY.verifier), HEAD, NoteFault),
    "head": (lambda octets: heads.open_head(octets, heads.LogKeys.only(KEY.verifier)), HEAD, NoteFault),
    "header": (records.decode_header, HEADER, RecordFault),
    "disclosure note": (lambda octets: framing.read_disclosure(octets, PEER.verifier), DISCLOSURE, NoteFault),
    "records": (framing.split, ROWS, framing.FramingFault),
    "proof file": (proofs.decode, PROOF, ProofFault),
    "policy": (policies.parse, POLICY, PolicyFault),
    "signed policy": (lambda octets: regions.read_any(octets, None), POLICY, PolicyFault),
    "fork proof": (forks.decode, FORK, ProofFault),
    "fork proof, verified": (
        lambda octets: forks.verify_fork(octets, heads.LogKeys.only(KEY.verifier)), FORK, ProofFault
    ),
    "withholding proof": (withholding.decode, WITHHELD, ProofFault),
    "parcel": (_parcel, PARCEL, parcels.ParcelFault),
    "acknowledgement": (
        lambda octets: receipts.open_acknowledgement(octets, [ACK.verifier]), ACKNOWLEDGED, NoteFault
    ),
    "step of a handover": (handovers.decode, STEP, RecordFault),
    "order of erasure": (_json(erasure.Order), ORDER, UNREADABLE),
    "receipt of an erasure": (_json(erasing.Erased), RECEIPT, UNREADABLE),
    "key record": (_json(keys.Notice), NOTICE, UNREADABLE),
    "heads seen": (_json(list[heads_seen.Seen]), SEEN, UNREADABLE),
    "bundle": (tiles.decode_bundle, BUNDLE, ProofFault),
    "signer request": (messages.decode_request, _signer_request(), UNREADABLE),
}  # fmt: skip
"""Reader, right octets, and the one error it may raise."""


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(wanted=changes)
def test_a_reader_refuses_near_misses_with_its_own_error(name, wanted):
    read, right, refusal = READERS[name]
    with contextlib.suppress(refusal):
        read(changed(right, wanted))


@settings(max_examples=150, deadline=None)
@given(wanted=changes)
@example(wanted=[])
def test_what_is_read_has_one_spelling(wanted):
    header, note, proof = (changed(octets, wanted) for octets in (HEADER, HEAD, PROOF))
    with contextlib.suppress(RecordFault):
        assert records.encode_header(records.decode_header(header)) == header
    with contextlib.suppress(NoteFault):
        assert notes.parse_note(note).encode() == note
    with contextlib.suppress(ProofFault):
        assert proofs.encode(proofs.decode(proof)) == proof


@settings(max_examples=150, deadline=None)
@given(wanted=changes)
def test_a_signature_covers_every_octet_of_its_text(wanted):
    text = HEAD.split(b"\n\n")[0]
    other = changed(text, wanted)
    if other != text:
        with pytest.raises(NoteFault):
            notes.open_checkpoint(HEAD.replace(text, other), KEY.verifier)


@pytest.mark.parametrize(
    "change",
    [
        {"minqing": 2}, {"origin": "minqing/430500/00000000"}, {"origin": "minqing/../00000000"}, {"address": "file:///etc/passwd"},
        {"address": "http://93.184.216.34"}, {"name": "县\u202e"}, {"name": "县\x00"}, {"code": ""}, {"kinds": ["a.b"] * 501}, {"kinds": "a.b"},
        {"keys": {}}, {"operator": "x" * 121},
    ],
)  # fmt: skip
def test_a_document_that_does_not_fit_together_is_refused_with_a_sentence(change):
    octets = json.dumps(json.loads(_document()) | change).encode()
    with pytest.raises(PeerFault, match=r"unit document|address|https"):
        documents.read_document(octets)
