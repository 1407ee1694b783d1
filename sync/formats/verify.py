"""Does a proof file hold? Offline, with nothing but the file and a policy. Pure.

Without a policy that came from elsewhere, or without a countersignature from outside, all that is shown is
what the unit itself says; the verdict then is ``UNIT_WORD_ONLY``.
"""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes

from sync.errors import ProofFault
from sync.formats import heads, merkle, notes, policies, proofs, records

WITNESSED, UNIT_WORD_ONLY = "witnessed", "unit-word-only"

MEANING = (
    "What the countersignatures mean: {operators} operators outside this unit's deployment say they saw one history. If one office "
    "can order all of them, they guard against mistakes, single dishonest staff and one broken machine, not against that office. "
    "Against it there is your own copy, a witness outside the region, and the daily head on the notice board."
)
NOT_SHOWN = (
    "that anybody read these words",
    "that the desk saw these words and not an edited copy",
    "that the unit still holds them",
    "who wrote them",
    "the day in the record: it is the unit's word",
)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a proof file shows. It exists only if the record is in the tree of the checkpoint."""

    result: str
    """``witnessed`` or ``unit-word-only``."""

    reason: str
    """Why only the unit's word, or empty."""

    origin: str
    index: int
    size: int
    kind: str
    day: str
    media_type: str
    body: bytes
    commitment: str
    operators: tuple[str, ...]
    """Names in the policy of the witnesses that countersigned."""

    before: datetime.datetime | None
    """When as many operators as the policy asks for had countersigned: the record was in the log before it. None where they have not."""

    @property
    def sha256(self) -> str:
        """SHA-256 of the body."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def sm3(self) -> str:
        """SM3 (GB/T 32905) of the body."""
        digest = hashes.Hash(hashes.SM3())
        digest.update(self.body)
        return digest.finalize().hex()


def verify(octets: bytes, policy: policies.Policy | None) -> Verdict:
    """Check a proof file.

    Args:
        octets: the file.
        policy: keys of logs and witnesses, from somebody other than the unit; None: there is none.

    Raises:
        ProofFault, RecordFault, NoteFault: the file does not hold.
    """
    proof = proofs.decode(octets)
    header = records.decode_header(proof.opening.header)
    commitment = proof.opening.commitment
    note = notes.parse_note(proof.note)
    checkpoint = notes.parse_checkpoint(note.text)
    if checkpoint.origin != header.origin:
        raise ProofFault(
            f"The record belongs to {header.origin!r}, the checkpoint to {checkpoint.origin!r}."
        )
    merkle.verify_inclusion(
        index=proof.index,
        size=checkpoint.size,
        leaf=merkle.leaf_hash(records.log_entry(commitment)),
        proof=proof.path,
        root=checkpoint.root,
    )
    seen, reason = _judge(note, checkpoint, proof.note, policy)
    before = _reached(policy, seen) if policy is not None and not reason else None
    return Verdict(
        result=UNIT_WORD_ONLY if reason else WITNESSED,
        reason=reason,
        origin=header.origin,
        index=proof.index,
        size=checkpoint.size,
        kind=header.kind,
        day=header.day,
        media_type=header.media_type,
        body=proof.opening.body,
        commitment=commitment,
        operators=tuple(sorted(map(_shown, seen))),
        before=_moment(before),
    )


def _judge(
    note: notes.Note, checkpoint: notes.Checkpoint, octets: bytes, policy: policies.Policy | None
) -> tuple[dict[str, notes.Cosignature], str]:
    """Return the countersignatures by policy name, and why they are not enough (empty: they are)."""
    if policy is None:
        return {}, "No policy was given: even the unit's own signature was not checked."
    known = policy.log_keys(checkpoint.origin)
    if not known.current and not known.former:
        return (
            {},
            f"The policy does not know {checkpoint.origin}: even the unit's own signature was not checked.",
        )
    heads.open_head(octets, known)
    names = {key: name for name, key in policy.outside(checkpoint.origin).items()}
    seen = {names[found.key]: found for found in notes.cosigned_by(note, names)}
    if not seen:
        return seen, "No operator outside the unit countersigned."
    if not policy.met({found.key for found in seen.values()}):
        return seen, "Fewer operators countersigned than the policy asks for."
    return seen, ""


def _reached(policy: policies.Policy, seen: dict[str, notes.Cosignature]) -> int | None:
    """Return when enough operators had countersigned: one whose clock is years behind must not say it alone."""
    had: set[notes.VerifierKey] = set()
    for cosignature in sorted(seen.values(), key=lambda found: found.timestamp):
        had.add(cosignature.key)
        if policy.met(had):
            return cosignature.timestamp
    return None


def _shown(name: str) -> str:
    """Return a name of a policy's as it can be printed: its octets need not be UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _moment(timestamp: int | None) -> datetime.datetime | None:
    if timestamp is None:
        return None
    try:
        return datetime.datetime.fromtimestamp(timestamp, datetime.UTC)
    except (OverflowError, ValueError) as fault:
        raise ProofFault("A countersignature has an impossible time.") from fault
