"""The two papers: the acknowledgement at once, the proof after the slot; and what a reader can check."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

from sync import ledger
from sync.audiences import PUBLIC, for_unit
from sync.errors import LedgerFault, NoteFault, PolicyFault, ProofFault, SyncFault
from sync.formats import merkle, notes, policies, proofs, records, verify
from sync.identity import ack_key, log_key, origin
from sync.kinds import RecordKind, register_kind
from sync.ledger import receipts, tree
from sync.models import Cosignature
from sync.signer.core import Signer
from sync.signer.messages import Cosign, WitnessKey
from tenants.current import unit_context

register_kind(RecordKind(name="test.note"))
register_kind(RecordKind(name="test.report", slotted=True))

WORDS = "  村口的路灯坏了\r\n半个月。\t😀é\n".encode()


@pytest.fixture
def witness(tmp_path):
    made = Signer(tmp_path / "witness")
    yield made
    made.close()


def lodge(body=WORDS, kind="test.report", audience=None):
    audience = audience or for_unit(origin())
    return ledger.append(
        kind=kind, subject="case-1", body=body, audience=audience, media_type="text/plain"
    ).commitment


def countersign(witness, operator="outside", *, old=0, proof=()):
    """Have an outside witness take the newest head, as the exchange does."""
    head = ledger.head()
    request = Cosign(log_key=str(log_key()), old=old, proof=list(proof), note=head.note)
    key = witness.ask(WitnessKey()).key
    Cosignature.objects.create(
        size=head.size,
        root=head.root,
        witness_key=key,
        operator=operator,
        line=witness.ask(request).line,
    )
    return f"log {log_key()}\nwitness region {key}\nquorum region\n".encode()


def test_the_acknowledgement_comes_at_once_and_the_proof_after_the_slot(county):
    with unit_context(county):
        commitment = lodge()
        note = receipts.acknowledge(commitment)
        assert receipts.proof(commitment) is None
        ledger.seal()
        assert receipts.proof(commitment) is None
        ledger.seal_slot()
        proof = proofs.decode(receipts.proof(commitment))
        assert proof.opening.body == WORDS
        assert proof.opening.commitment == commitment
        assert receipts.acknowledge(commitment) == note
        assert receipts.open_acknowledgement(note, [ack_key().verifier])[:2] == (
            origin(),
            commitment,
        )


def test_an_acknowledgement_never_reads_as_a_checkpoint_nor_under_another_key(county):
    with unit_context(county):
        note = receipts.acknowledge(lodge())
        with pytest.raises(NoteFault):
            notes.parse_checkpoint(notes.parse_note(note).text)
        with pytest.raises(NoteFault):
            receipts.open_acknowledgement(note, [log_key()])
        ledger.seal_slot()
        with pytest.raises(NoteFault):
            receipts.open_acknowledgement(ledger.head().note, [log_key()])


def test_an_unknown_commitment_is_not_acknowledged(county):
    with unit_context(county), pytest.raises(LedgerFault):
        receipts.acknowledge("0" * 64)


def test_without_policy_or_outside_witness_it_is_the_units_word_only(county, witness):
    with unit_context(county):
        commitment = lodge()
        ledger.seal_slot()
        bare = receipts.proof(commitment)
        own = policies.parse(f"log {log_key()}\nquorum none\n".encode())
        assert verify.verify(bare, None).result == verify.UNIT_WORD_ONLY
        assert verify.verify(bare, own).result == verify.UNIT_WORD_ONLY
        policy = policies.parse(countersign(witness))
        assert verify.verify(bare, policy).result == verify.UNIT_WORD_ONLY
        verdict = verify.verify(receipts.proof(commitment), policy)
        assert (verdict.result, verdict.operators, verdict.body) == (
            verify.WITNESSED,
            ("region",),
            WORDS,
        )
        assert verdict.before is not None
        stranger = policies.parse(b"quorum none\n")
        assert verify.verify(receipts.proof(commitment), stranger).result == verify.UNIT_WORD_ONLY


def test_a_proof_stands_under_the_newest_head_that_most_operators_have_taken(
    county, witness, tmp_path
):
    """The newest head has its first signature before the others: a reader who asks for two must not be given that one."""
    other = Signer(tmp_path / "other", clock=lambda: 2_000_000_000)
    try:
        with unit_context(county):
            commitment = lodge()
            ledger.seal_slot()
            keys = [countersign(one, name).split()[4] for one, name in ((witness, "first"), (other, "second"))]  # fmt: skip
            both = ledger.head().size
            lodge(b"more")
            ledger.seal_slot()
            size = ledger.head().size
            proof = merkle.consistency_proof(both, size, tree.node_at(size))
            countersign(witness, "first", old=both, proof=proof)
            file = receipts.proof(commitment)
            named = b"".join(b"witness w%d %b\n" % place for place in enumerate(keys))
            policy = b"log %b\n%bgroup two 2 w0 w1\nquorum two\n" % (
                str(log_key()).encode(),
                named,
            )
            verdict = verify.verify(file, policies.parse(policy))
            assert verdict.operators == ("w0", "w1")
            assert verdict.before.timestamp() == 2_000_000_000  # when the second had it, too
    finally:
        other.close()


def test_every_changed_octet_of_a_proof_is_noticed(county, witness):
    with unit_context(county):
        for _ in range(3):
            commitment = lodge()
            ledger.seal_slot()
        policy = policies.parse(countersign(witness))
        good = receipts.proof(commitment)
        assert verify.verify(good, policy).result == verify.WITNESSED
        for at in range(0, len(good), 7):
            bad = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
            try:
                verdict = verify.verify(bad, policy)
            except SyncFault:
                continue
            # What still parses can only have lost signatures of names that the policy does not know.
            assert verdict.result == verify.UNIT_WORD_ONLY, at


def test_a_proof_of_one_unit_does_not_pass_under_the_head_of_another(county, neighbour, witness):
    with unit_context(county):
        commitment = lodge()
        ledger.seal_slot()
        proof = proofs.decode(receipts.proof(commitment))
    with unit_context(neighbour):
        ledger.seal_slot()
        note = ledger.head().note
    with pytest.raises(ProofFault, match="belongs"):
        verify.verify(
            proofs.encode(
                proofs.Proof(opening=proof.opening, index=proof.index, path=proof.path, note=note)
            ),
            None,
        )


def test_prove_public_tells_nothing_about_other_records(county):
    with unit_context(county):
        hidden = lodge()
        shown = lodge(kind="test.note", audience=PUBLIC)
        ledger.seal_slot()
        assert receipts.prove_public(hidden) is None
        assert receipts.prove_public("0" * 64) is None
        assert proofs.decode(receipts.prove_public(shown)).opening.commitment == shown


def run(tmp_path, proof, policy=None, *options):
    file = tmp_path / "a.tlog-proof"
    file.write_bytes(proof)
    out = io.StringIO()
    arguments = ["verify", str(file), *options]
    if policy is not None:
        (tmp_path / "policy").write_bytes(policy)
        arguments += ["--policy", str(tmp_path / "policy")]
    try:
        call_command(*arguments, stdout=out)
    except SystemExit as end:
        return end.code, out.getvalue()
    except CommandError as fault:
        return fault.returncode, str(fault)
    return 0, out.getvalue()


def test_the_verify_command_tells_bytes_unit_time_and_operators(county, witness, tmp_path):
    with unit_context(county):
        commitment = lodge()
        ledger.seal_slot()
        policy = countersign(witness)
        proof = receipts.proof(commitment)
    code, text = run(tmp_path, proof, policy)
    assert code == 0
    assert "1 operators outside" in text
    assert "SM3" in text
    assert "not shown" in text
    code, text = run(tmp_path, proof)
    assert code == 3
    assert "The unit's word only" in text
    code, text = run(tmp_path, proof.replace(b"index ", b"index 1"), policy)
    assert code == 1
    code, text = run(tmp_path, b"hello", policy)
    assert code == 1
    assert "proof file" in text
    for wrong in (
        ("--compare", str(tmp_path / "nowhere")),
        ("--save", str(tmp_path / "no" / "file")),
    ):
        code, text = run(tmp_path, proof, policy, *wrong)
        assert (code, "No such file" in text) == (2, True)  # says nothing about the proof
    code, text = run(tmp_path, proof, b"no policy")
    assert code == 2
    (tmp_path / "own").write_bytes(WORDS.replace(b"\r\n", b"\n"))
    code, text = run(tmp_path, proof, policy, "--compare", str(tmp_path / "own"), "--json")
    assert code == 1
    assert json.loads(text)["compared"] == "line-ends"


def test_the_known_sm3_vector():
    # GB/T 32905-2016, appendix A.1
    body = verify.Verdict(
        result="", reason="", origin="", index=0, size=0, kind="", day="", media_type="", body=b"abc", commitment="", operators=(), before=None,
    )  # fmt: skip
    assert body.sm3 == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


WITNESS = "witness.example/w1"


def vkey(name, seed, key_type):
    return str(notes.SigningKey.from_seed(name, bytes([seed]) * 32, key_type).verifier)


def test_policies_count_groups_of_groups():
    keys = {
        name: vkey(name, at, notes.COSIGNATURE)
        for at, name in enumerate(("X1", "X2", "X3", "Y1", "Y2"), 1)
    }
    text = "# region\n" + "".join(
        f" witness\t{name} {key} https://example.org/\n" for name, key in keys.items()
    )
    text += "group X 2 X1 X2 X3\ngroup Y any Y1 Y2\ngroup both all X Y\nquorum both\n"
    policy = policies.parse(text.encode())
    known = {name: notes.VerifierKey.parse(key) for name, key in keys.items()}
    assert policy.met({known["X1"], known["X3"], known["Y2"]})
    assert not policy.met({known["X1"], known["Y1"], known["Y2"]})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "quorum nobody\n",
        "quorum none\nquorum none\n",
        "log nonsense\nquorum none\n",
        f"witness a {vkey('a', 1, notes.ED25519)}\nquorum a\n",
        f"witness a {vkey('a', 1, notes.COSIGNATURE)}\nwitness b {vkey('b', 1, notes.COSIGNATURE)}\nquorum a\n",
        f"witness none {vkey('a', 1, notes.COSIGNATURE)}\nquorum none\n",
        f"witness a {vkey('a', 1, notes.COSIGNATURE)}\ngroup g 2 a\nquorum g\n",
        f"witness a {vkey('a', 1, notes.COSIGNATURE)}\ngroup g any a\ngroup h any a\nquorum g\n",
        "quorum none\r\n",
        "group g any g\nquorum g\n",
    ],
)
def test_a_policy_that_could_be_misread_is_refused(text):
    with pytest.raises(PolicyFault):
        policies.parse(text.encode())


def test_names_of_a_policy_are_octets_that_need_not_be_utf_8():
    text = b"witness \xff %s http://\xfe\ngroup \xfd any \xff\nquorum \xfd\n# \xfc\n"
    policy = policies.parse(text % vkey("a", 1, notes.COSIGNATURE).encode())
    assert not policy.met(set())
    assert policy.met(set(policy.witnesses.values()))
    for line in (
        b"quorum \xfe\n",
        b"#: run-by \xff \xff\nquorum none\n",
        b"log \xff+00000000+AA==\nquorum none\n",
    ):
        with pytest.raises(PolicyFault):
            policies.parse(
                text.partition(b"quorum")[0] % vkey("a", 1, notes.COSIGNATURE).encode() + line
            )


def test_a_record_of_another_form_is_not_acknowledged_twice_differently(county):
    with unit_context(county):
        commitment = lodge()
        assert records.committed(records.log_entry(commitment)) == commitment
        assert receipts.acknowledge(commitment) == receipts.acknowledge(commitment)
