"""Signed policies of a region, keys that ended, and fork proofs as files: all offline, with nothing but keys."""

from __future__ import annotations

import datetime
import secrets
from dataclasses import replace

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from sync.errors import NoteFault, PolicyFault, ProofFault, SignerRefused
from sync.formats import (
    copies,
    forks,
    heads,
    merkle,
    notes,
    policies,
    proofs,
    records,
    regions,
    verify,
)
from sync.signer.messages import OpenLog, OpenPolicy, SignPolicy

TODAY = datetime.date(2026, 11, 22)
ORIGIN = "minqing/430522/0a1b2c3d"
REGION = "minqing/430500/00aa11bb"


def nodes_of(leaves):
    """Return a reader of the roots of complete subtrees over these leaf hashes."""
    return lambda height, index: merkle.root_of(leaves[index << height : (index + 1) << height])


def key(name, kind=notes.ED25519):
    return notes.SigningKey.from_seed(name, secrets.token_bytes(32), kind)


OLD, NEW = key(ORIGIN), key(ORIGIN)
SUPERIOR = key(f"{REGION}/policy")
OURS = [key(f"minqing/witness/own{n}", notes.COSIGNATURE) for n in range(2)]
FIRST = [key(f"minqing/witness/first{n}", notes.COSIGNATURE) for n in range(2)]
SECOND = [key("minqing/witness/second", notes.COSIGNATURE)]


def terms(**changes):
    operators = [
        regions.Operator(name="own", witnesses=tuple(k.verifier for k in OURS), logs=(ORIGIN,)),
        regions.Operator(name="first", witnesses=tuple(k.verifier for k in FIRST)),
        regions.Operator(name="second", witnesses=tuple(k.verifier for k in SECOND)),
    ]
    values = {
        "region": REGION, "version": 3, "signed": TODAY, "expires": TODAY + datetime.timedelta(days=30),
        "logs": [NEW.verifier], "operators": operators, "quorum": 1, "former": {OLD.verifier: 1},
    }  # fmt: skip
    return regions.Terms(**{**values, **changes})


def signed(by=SUPERIOR, **changes):
    return notes.sign(regions.compose(terms(**changes)), by).encode()


def proof(log_key, *witnesses, grown=0):
    """Return a proof file of one record, under a head of one entry and so many more."""
    header = records.encode_header(
        records.Header(
            audience="public", chain=records.Chain(n=1, prev=""), day="2026-11-22", kind="tests.line",
            media_type="text/plain", origin=ORIGIN, schema=1, subject="line",
        )
    )  # fmt: skip
    opening = proofs.Opening(header=header, salt=bytes(32), body=b"words")
    leaves = [merkle.leaf_hash(records.log_entry(opening.commitment))] + [bytes(32)] * grown
    node = nodes_of(leaves)
    head = notes.Checkpoint(ORIGIN, len(leaves), merkle.root_of(leaves))
    note = notes.sign_checkpoint(head, log_key)
    lines = tuple(notes.cosign(note.text, witness, 1_800_000_000) for witness in witnesses)
    path = tuple(merkle.inclusion_proof(0, len(leaves), node))
    whole = notes.Note(note.text, (*note.signatures, *lines)).encode()
    return proofs.encode(proofs.Proof(opening=opening, index=0, path=path, note=whole))


def test_a_policy_is_taken_from_its_signer_alone_and_until_its_last_day():
    found = regions.open_signed(signed(), SUPERIOR.verifier, today=TODAY)
    assert (found.region, found.version) == (REGION, 3)
    assert found.policy.former == {OLD.verifier: 1}
    with pytest.raises(PolicyFault, match="not signed by the key"):
        regions.open_signed(signed(by=key(f"{REGION}/policy")), SUPERIOR.verifier, today=TODAY)
    stranger = key("minqing/430600/00000000/policy")
    with pytest.raises(PolicyFault, match="does not sign for the region"):
        regions.open_signed(signed(by=stranger), stranger.verifier, today=TODAY)
    with pytest.raises(PolicyFault, match=r"ended on .* ask minqing/430500"):
        regions.open_signed(signed(), SUPERIOR.verifier, today=TODAY + datetime.timedelta(days=31))
    with pytest.raises(PolicyFault, match="not signed"):
        regions.open_signed(signed().replace(b"version 3", b"version 9"), SUPERIOR.verifier)


@pytest.mark.parametrize(
    "changes",
    [{"quorum": 4}, {"expires": TODAY}, {"expires": TODAY + datetime.timedelta(days=401)}],
)
def test_a_policy_that_cannot_be_met_or_never_ends_is_not_made(changes):
    with pytest.raises(PolicyFault):
        regions.compose(terms(**changes))


def test_operators_are_counted_not_their_machines_and_the_units_own_as_none():
    policy = regions.open_signed(signed(quorum=2), SUPERIOR.verifier, today=TODAY).policy
    one = verify.verify(proof(NEW, *FIRST), policy)
    assert (one.result, len(one.operators)) == (verify.UNIT_WORD_ONLY, 2)
    own = verify.verify(proof(NEW, *OURS, *FIRST), policy)
    assert own.result == verify.UNIT_WORD_ONLY
    assert verify.verify(proof(NEW, FIRST[0], *SECOND), policy).result == verify.WITNESSED


def test_a_witness_whose_name_is_not_utf_8_counts_and_can_be_printed():
    text = f"log {NEW.verifier}\nwitness ? {SECOND[0].verifier}\nquorum ?\n".encode()
    policy = policies.parse(text.replace(b"?", b"\xff"))
    found = verify.verify(proof(NEW, *SECOND), policy)
    assert (found.result, found.operators) == (verify.WITNESSED, ("\ufffd",))


def test_a_proof_from_before_the_rotation_holds_with_an_outside_countersignature_alone():
    policy = regions.open_signed(signed(), SUPERIOR.verifier, today=TODAY).policy
    assert verify.verify(proof(OLD, *SECOND), policy).result == verify.WITNESSED
    with pytest.raises(NoteFault, match="no outside witness"):
        verify.verify(proof(OLD), policy)
    with pytest.raises(NoteFault, match="no outside witness"):
        verify.verify(proof(OLD, *OURS), policy)
    with pytest.raises(NoteFault, match="ended at size 1"):
        verify.verify(proof(OLD, *SECOND, grown=1), policy)


def test_the_command_wants_the_key_of_a_signed_policys_signer(tmp_path, capsys):
    today = datetime.datetime.now(tz=datetime.UTC).date()  # noqa: TID251  the command asks the clock
    text = regions.compose(terms(signed=today, expires=today + datetime.timedelta(days=2)))
    (tmp_path / "policy").write_bytes(notes.sign(text, SUPERIOR).encode())
    (tmp_path / "proof").write_bytes(proof(NEW, *SECOND))
    arguments = ["verify", str(tmp_path / "proof"), "--policy", str(tmp_path / "policy")]
    with pytest.raises(CommandError, match="policy-key"):
        call_command(*arguments)
    with pytest.raises(CommandError, match="not signed by the key"):
        call_command(*arguments, "--policy-key", str(key(f"{REGION}/policy").verifier))
    call_command(*arguments, "--policy-key", str(SUPERIOR.verifier))
    assert "1 operators outside" in capsys.readouterr().out
    call_command("policy", "check", str(tmp_path / "policy"), "--key", str(SUPERIOR.verifier))
    assert "version 3" in capsys.readouterr().out


def test_the_signer_signs_a_version_of_a_policy_once_and_for_its_own_region_only(signer):
    door = signer()
    with pytest.raises(SignerRefused, match="no key"):
        door.ask(OpenPolicy(origin=REGION))
    door.ask(OpenLog(origin=REGION))
    made = notes.VerifierKey.parse(door.ask(OpenPolicy(origin=REGION)).key)
    note = door.ask(SignPolicy(origin=REGION, text=regions.compose(terms()))).note
    assert regions.open_signed(note, made).version == 3
    signer.restart()
    for text in (regions.compose(terms()), "anything\n", regions.compose(terms(region=ORIGIN))):
        with pytest.raises(SignerRefused):
            signer().ask(SignPolicy(origin=REGION, text=text))


# --- fork proofs ------------------------------------------------------------------------------


def forked(small, large, by=NEW, *, cosigner=None):
    """Return a fork proof between a head of one history and a larger one of another."""
    told = [merkle.leaf_hash(b"told %d" % n) for n in range(small)]
    other = [merkle.leaf_hash(b"other %d" % n) for n in range(large)]
    node = nodes_of(other)
    checkpoints = (notes.Checkpoint(ORIGIN, len(t), merkle.root_of(t)) for t in (told, other))
    made = [notes.sign_checkpoint(checkpoint, by) for checkpoint in checkpoints]
    if cosigner is not None:
        made = [
            replace(note, signatures=(*note.signatures, notes.cosign(note.text, cosigner, 1)))
            for note in made
        ]
    return forks.fork_proof(
        keys=[by.verifier], smaller=made[0].encode(), larger=made[1].encode(),
        sizes=(small, large), node=node,
    )[forks.FILE]  # fmt: skip


@pytest.mark.parametrize("sizes", [(8, 8), (8, 11), (11, 16), (1, 2), (256, 700), (3, 4)])
def test_a_fork_proof_is_one_file_that_the_key_alone_bears_out(sizes):
    assert ORIGIN in forks.verify_fork(forked(*sizes), heads.LogKeys.only(NEW.verifier))
    with pytest.raises(ProofFault, match="No key"):
        forks.verify_fork(forked(*sizes), heads.LogKeys.only(OLD.verifier))


def test_one_history_is_never_a_fork_whatever_hashes_are_sent_along():
    leaves = [merkle.leaf_hash(b"told %d" % n) for n in range(11)]
    node = nodes_of(leaves)
    small, large = (
        notes.sign_checkpoint(notes.Checkpoint(ORIGIN, n, merkle.root_of(leaves[:n])), NEW).encode()
        for n in (8, 11)
    )
    honest = forks.fork_proof(
        keys=[NEW.verifier], smaller=small, larger=large, sizes=(8, 11), node=node
    )[forks.FILE]
    keys = heads.LogKeys.only(NEW.verifier)
    with pytest.raises(ProofFault, match="is a beginning"):
        forks.verify_fork(honest, keys)
    bent = replace(forks.decode(honest), edge=(bytes(32),))
    with pytest.raises(ProofFault, match="do not reproduce"):
        forks.verify_fork(bent.encode(), keys)
    for edge in ((), tuple(node(h, i) for h, i in copies.cover(0, 7))):
        with pytest.raises(ProofFault):
            forks.verify_fork(replace(bent, edge=edge).encode(), keys)
    with pytest.raises(ProofFault, match="no fork proof"):
        forks.verify_fork(honest + b"\n", keys)
    spelled = honest.replace(b"\nkey ", b"\nkey ", 1).replace(b"smaller ", b"key x\nsmaller ", 1)
    with pytest.raises(ProofFault, match="no fork proof"):
        forks.verify_fork(spelled, keys)


def test_a_stolen_key_that_ended_proves_no_fork_beyond_its_last_size():
    keys = heads.LogKeys(
        current=(NEW.verifier,), former={OLD.verifier: 8}, witnesses=(SECOND[0].verifier,)
    )
    with pytest.raises(ProofFault, match="ended at size 8"):
        forks.verify_fork(forked(8, 11, by=OLD, cosigner=SECOND[0]), keys)
    with pytest.raises(ProofFault, match="no outside witness"):
        forks.verify_fork(forked(5, 8, by=OLD), keys)
    assert "5" in forks.verify_fork(forked(5, 8, by=OLD, cosigner=SECOND[0]), keys)


def test_the_command_tells_a_trusted_key_from_one_that_came_with_the_file(tmp_path, capsys):
    file = tmp_path / "fork.proof"
    file.write_bytes(forked(8, 11))
    call_command("fork_proof", "verify", str(file), "--key", str(NEW.verifier))
    assert "签名" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        call_command("fork_proof", "verify", str(file))
    assert ended.value.code == 3
    assert NEW.verifier.fingerprint in capsys.readouterr().out
    with pytest.raises(CommandError, match="No key"):
        call_command("fork_proof", "verify", str(file), "--key", str(OLD.verifier))
    file.write_bytes(b"anything")
    with pytest.raises(CommandError, match="no fork"):
        call_command("fork_proof", "verify", str(file))


def test_a_key_or_policy_that_cannot_be_used_says_nothing_about_the_proof(tmp_path):
    file, policy = tmp_path / "fork.proof", tmp_path / "policy"
    file.write_bytes(forked(8, 11))
    today = timezone.localdate()
    days = {
        "signed": today - datetime.timedelta(days=9),
        "expires": today + datetime.timedelta(days=9),
    }
    policy.write_bytes(signed(**days))
    known = ("--policy", str(policy), "--policy-key", str(SUPERIOR.verifier))
    call_command("fork_proof", "verify", str(file), *known)
    policy.write_bytes(signed(**{**days, "expires": today - datetime.timedelta(days=1)}))
    for asked, said in (
        ((str(file), *known), "ended on"),
        ((str(file), "--policy", str(policy)), "--policy-key"),
        ((str(file), "--key", f"{NEW.verifier}A"), "base64|key"),
        ((str(tmp_path / "nowhere"), "--key", str(NEW.verifier)), "No such file"),
    ):
        with pytest.raises(CommandError, match=said) as refused:
            call_command("fork_proof", "verify", *asked)
        assert refused.value.returncode == 2
    file.write_bytes(forked(8, 11)[:-9])
    with pytest.raises(CommandError, match="no fork") as refused:
        call_command("fork_proof", "verify", str(file), "--key", str(NEW.verifier))
    assert refused.value.returncode == 1
