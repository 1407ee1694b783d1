"""Every text and every frame that units send each other, made a little wrong: its reader refuses with its own sentence, or
reads something that is written back as the very same octets. Nothing else ever comes out of a reader.

``tests/corpus/<message>/`` keeps examples: ``good…`` is read, ``bad…`` is refused; what once made trouble stays there."""

from __future__ import annotations

import contextlib
import datetime
import io
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings

from minqing.archives import bodies
from minqing.channel import designations, frames, travelling
from minqing.channel.evidence import Original
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
from sync.ledger import adoption, audit, erasure, receipts
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
REGION = notes.SigningKey.from_seed(f"{ORIGIN}/policy", bytes(32))
TERMS = regions.compose(
    regions.Terms(
        region=ORIGIN, version=3, signed=datetime.date(2026, 11, 22), expires=datetime.date(2026, 12, 22), logs=[KEY.verifier],
        operators=[regions.Operator(name="somebody", witnesses=(WITNESS.verifier,), logs=(ORIGIN,))], quorum=1,
    )
)  # fmt: skip
POLICY = f"log {KEY.verifier}\nwitness a {WITNESS.verifier}\ngroup g 1 a\nquorum g\n".encode()
FORK = forks.ForkProof(keys=(KEY.verifier,), smaller=HEAD, larger=HEAD, edge=(bytes(32),)).encode()
TWO_HISTORIES = forks.ForkProof(
    keys=(KEY.verifier,), smaller=HEAD, larger=notes.sign_checkpoint(notes.Checkpoint(ORIGIN, 7, b"\x01" * 32), KEY).encode(), edge=()
).encode()  # fmt: skip
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
ADOPTED = b'{"size":9,"root":"%s","unopened":[[2,3]],"set_aside":["%s"]}' % (b"ab" * 32, b"cd" * 32)
PUBLIC = msgspec.json.encode(
    audit.OpeningsPage(records=[audit.PublicOpening(index=7, header=HEADER, salt=bytes(32), body=b"body")], next=9)
)  # fmt: skip
REFERRAL = frames.frame_encode(
    travelling.ReferralDetails(
        kind="road", place="村口", way="web", day="2026-11-22", reason="归你们管", answer_by="2026-12-22", passed_up=False,
        original=Original(commitment="ab" * 32, header=HEADER, salt=bytes(32)),
    ),
    "话".encode(),
)  # fmt: skip
MESSAGE = frames.frame_encode(
    travelling.MessageDetails(about="ab" * 16, purpose="answer", day="2026-11-22"), b"words"
)
PHOTO = frames.frame_encode(
    travelling.PhotoDetails(about="ab" * 16, media_type="image/jpeg", digest="ab" * 32), b"sealed"
)
STATUS = (
    b'{"about":"one","state":"answered","note":"","day":"2026-11-22","verdict":"","pressed":true}'
)
DESIGNATION = (
    '{"code":"430522","name":"新邵县","document":"一号","issuer":"县委","day":"2026-11-22","in_force":true,'
    '"openers":[{"office":"纪委","post":"书记","key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}]}'
).encode()
IDENTIFIER = "2f6d4c1e-8a55-4a8e-9d0b-6f2a51c7e301"
OFFICIAL = bodies.encode(
    bodies.OfficialBody(
        home_name="新邵县", name="某人", official=IDENTIFIER, posts=(), reason="", state="published", telephone="", version=1
    )
)  # fmt: skip
ENTRY = bodies.encode(
    bodies.EntryBody(
        day="2026-11-22", entry=IDENTIFIER, expires_on="2027-11-22", home_name="新邵县", negative=True, official=IDENTIFIER,
        official_name="某人", reason="", source="inspection", source_commitment="", source_unit="", state="published",
        text="事实", title="题目", unit_name="某局", version=1,
    )
)  # fmt: skip
REPLY = bodies.encode(
    bodies.ReplyBody(
        day="2026-11-22", entry=IDENTIFIER, home_name="新邵县", reply=IDENTIFIER, text="说明"
    )
)


def _parcel(octets):
    parcel = parcels.read(io.BytesIO(octets))
    if parcel is not None:
        parcel.check([PEER.verifier])
        assert octets.startswith(PARCEL)  # what holds is what its issuer made


def _json(form):
    return lambda octets: msgspec.json.decode(octets, type=form)


def _frame(form):
    return lambda octets: frames.frame_decode(octets, form)


def _body(shape):
    return lambda octets: bodies.decode(octets, shape)


def _pages(octets):
    answers = iter([octets])
    return list(audit.public_openings(lambda _: next(answers, b'{"records":[],"next":null}')))


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
    "signed policy": (
        lambda octets: regions.read_any(octets, str(REGION.verifier)), notes.sign(TERMS, REGION).encode(), PolicyFault
    ),
    "region's policy": (lambda octets: regions.read_text(octets.decode("utf-8", "surrogateescape")), TERMS.encode(), PolicyFault),
    "fork proof": (forks.decode, FORK, ProofFault),
    "fork proof, verified": (
        lambda octets: forks.verify_fork(octets, heads.LogKeys.only(KEY.verifier)), TWO_HISTORIES, ProofFault
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
    "adoption": (_json(adoption.Adopted), ADOPTED, UNREADABLE),
    "page of openings": (_pages, PUBLIC, ProofFault),
    "referral": (_frame(travelling.ReferralDetails), REFERRAL, frames.FrameFault),
    "message": (_frame(travelling.MessageDetails), MESSAGE, frames.FrameFault),
    "photo": (_frame(travelling.PhotoDetails), PHOTO, frames.FrameFault),
    "status": (lambda octets: frames.details_decode(octets, travelling.Status), STATUS, frames.FrameFault),
    "designation": (lambda octets: frames.details_decode(octets, designations._Designation), DESIGNATION, frames.FrameFault),
    "official": (_body(bodies.OfficialBody), OFFICIAL, bodies.BodyFault),
    "entry": (_body(bodies.EntryBody), ENTRY, bodies.BodyFault),
    "reply": (_body(bodies.ReplyBody), REPLY, bodies.BodyFault),
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


CORPUS = Path(__file__).parents[1] / "corpus"


def _kept():
    return sorted(path.relative_to(CORPUS) for path in CORPUS.glob("*/*"))


@pytest.mark.parametrize("path", _kept(), ids=str)
def test_an_example_that_is_kept_is_read_or_refused_as_its_name_says(path):
    read, _, refusal = READERS[path.parent.name]
    octets = (CORPUS / path).read_bytes()
    if path.name.startswith("good"):
        read(octets)
    else:
        with pytest.raises(refusal):
            read(octets)


def test_a_right_example_of_every_message_is_kept():
    good = {path.parent.name for path in _kept() if path.name.startswith("good")}
    assert good == set(READERS)


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
