"""Witnessing, both ways, by c2sp.org/tlog-witness: cosigning peers' heads, and having ours cosigned.

The witness key and the memory of what it cosigned are the deployment's and live in the signer, where check and
persist are one step. Counted are operators, not units: a witness of our own deployment counts as none, so
it is not asked.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils import timezone

from sync import identity, ledger
from sync.errors import NoteFault, ProofFault, SignerFault, SignerRefused
from sync.exchange import keyring, mirror, region, requests
from sync.exchange.contacts import contact_note, contacts_due
from sync.exchange.incidents import incident_record
from sync.exchange.peers import client_for, connected_peers
from sync.formats import forks, heads, merkle, notes
from sync.ledger import refill, tree
from sync.ledger.heads import COSIGNATURES, with_cosignatures
from sync.models.exchange import Contact, Cosignature, Peer, PeerHead, PeerKey
from sync.models.ledger import Head
from sync.refusals import PeerLied, Refused, RequestRefused, Unreachable
from sync.signer import client as signer_client
from sync.signer.messages import Cosign, Witnessed

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from sync.exchange.client import Client
    from sync.ledger import SignedHead

PATH = "/witness/add-checkpoint"
_PROOF_LINES = 63
_ALONE_SECONDS = 120.0
"""How long whoever asks a witness has it to itself, should it never say how that ended."""

_doubtful = threading.BoundedSemaphore(2)
"""Witnesses that did not answer last time are asked by two threads of this process at a time: the others have work to do."""

_NOT_NOW = frozenset({"bad-note", "unknown-key", "copied", "state-lost"})
"""Refusals of the signer that say nothing about the request's form."""

_log = logging.getLogger(__name__)


class Conflict(Exception):
    """The head cosigned last has another size than the request continues; ``size`` says which."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


# --- we are asked -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Asked:
    old: int
    proof: list[bytes]
    note: bytes


def add_checkpoint(body: bytes) -> str:
    """Cosign a head; return the signature line.

    Raises:
        Conflict: the request continues another size than was cosigned last.
        RequestRefused: malformed, unknown log, bad signature, or the proof does not hold.
    """
    asked = _read(body)
    origin = asked.note.split(b"\n", 1)[0].decode(errors="replace")
    peer = next((peer for peer in connected_peers() if peer.origin == origin), None)
    if peer is None:
        raise RequestRefused("not-found", "This log is not known here.")
    if not asked.old and not last_witnessed(origin):
        countersign(
            peer
        )  # a signer that lost its memory begins with what our copy proves, not with another history
    return _cosigned(peer, asked)


def _cosigned(peer: Peer, asked: _Asked) -> str:
    signing = [str(key) for key in keyring.log_keys(peer).current]
    if not signing:
        raise RequestRefused("not-accepted", "This log has ended: its key was lost or withdrawn.")
    request = Cosign(
        log_key=signing[0], next_key="".join(signing[1:2]), old=asked.old, proof=asked.proof, note=asked.note
    )  # fmt: skip
    try:
        return signer_client.signer().ask(request).line
    except SignerRefused as refusal:
        if refusal.code == "conflict":
            raise Conflict(refusal.size) from refusal
        if refusal.code == "inconsistent":
            _look_for_fork(peer, asked.note)
            raise RequestRefused("unprovable", str(refusal)) from refusal
        reason = "not-accepted" if refusal.code in _NOT_NOW else "malformed"
        raise RequestRefused(reason, str(refusal)) from refusal


def _read(body: bytes) -> _Asked:
    """Read ``old <size>``, proof lines, an empty line, the note."""
    head, blank, note = body.partition(b"\n\n")
    first, *lines = head.decode("ascii", errors="replace").split("\n")
    if not blank or not first.startswith("old ") or len(lines) > _PROOF_LINES:
        raise RequestRefused(
            "malformed", "Send: old <size>, at most 63 proof lines, an empty line, the checkpoint."
        )
    try:
        return _Asked(
            notes.parse_size(first.removeprefix("old ")),
            [notes.decode64(line) for line in lines],
            note,
        )
    except NoteFault as fault:
        raise RequestRefused("malformed", str(fault)) from fault


def last_witnessed(origin: str) -> bytes:
    """Return the note of the head cosigned last for a log, with its own signature; empty if there is none."""
    try:
        return signer_client.signer().ask(Witnessed(origin=origin)).note
    except SignerRefused:
        return b""


def countersign(peer: Peer) -> bytes:
    """Cosign the newest head of a peer that our copy proves, as if it had asked: where only discs reach it, it cannot.

    Returns the head cosigned last, with its own signature and our lines; empty if there is none.
    """
    row = PeerHead.objects.filter(peer=peer, proven=True).order_by("-size").first()
    try:
        before = last_witnessed(peer.origin)
        old = notes.parse_checkpoint(notes.parse_note(before).text).size if before else 0
        if row is None or (before and row.size <= old):
            return before
        proof = merkle.consistency_proof(old, row.size, mirror.opened(peer, row.size, old))
        with contextlib.suppress(Conflict, RequestRefused):
            _cosigned(peer, _Asked(old, proof, bytes(row.note)))
        return last_witnessed(peer.origin)
    except SignerFault as fault:  # what was taken in stays; the next disc brings a cosignature
        _log.warning("no cosignature for %s: %s", peer.origin, fault)
        return b""


def _look_for_fork(peer: Peer, note: bytes) -> None:
    """Two signed heads of one size are a fork. A proof that fails is none yet: anybody may have sent a wrong one.

    The head itself carries the log's signature: it is kept and compared with our copy, now or with the next pull.
    """
    known, before = keyring.log_keys(peer), last_witnessed(peer.origin)
    try:
        new = heads.open_head(note, known)
    except NoteFault:
        return
    with contextlib.suppress(NoteFault, ProofFault):
        old = heads.open_head(before, known)
        if old.size == new.size:
            files = forks.fork_proof(
                keys=known.current, smaller=before, larger=note, sizes=(old.size, new.size)
            )
            sentence = forks.verify_fork(files[forks.FILE], known)
            incident_record(peer, PeerLied("forked", sentence, files, freezes=True))
            return
    try:
        mirror.head_keep(peer, note)
        mirror.judge_heads(peer)
    except PeerLied as lie:
        incident_record(peer, lie)
    else:  # a pull fetches what our copy lacks, and judges it
        Contact.objects.filter(peer=peer, direction="pull").update(due_at=timezone.now())


# --- we ask -----------------------------------------------------------------------------------


def ask_witnesses() -> int:
    """Ask each outside witness for a cosignature under our newest head; return how many hold one now.

    Whom the region's policy names and who answered last time come first, so that a silent one holds up nobody else's
    signature; whoever asks has the witness to itself for a while, and of those that did not answer few are asked at a time.
    When the head carries as many lines as are served, no more are asked.
    """
    head = ledger.head()
    cosigned = Cosignature.objects.filter(size=head.size, root=head.root)
    ours = {str(key) for key in identity.witness_keys()}
    asked: set[str] = {*ours, *cosigned.values_list("witness_key", flat=True)}
    for contact in _in_order(contacts_due("witness")):
        if contact.peer.witness_key in asked:
            continue
        if cosigned.count() >= COSIGNATURES:
            break
        keys = keyring.good_keys(contact.peer, "witness")
        if asked.isdisjoint(keys):
            _ask_alone(contact, head)
        asked.update(keys)
    return cosigned.count()


def _in_order(due: QuerySet[Contact]) -> list[Contact]:
    policy, _ = region.keys_said()
    named = {str(key) for key in policy.witnesses.values()} if policy is not None else set()
    contacts = due.order_by("failures", "peer__code")
    return sorted(contacts, key=lambda contact: contact.peer.witness_key not in named)


def _ask_alone(contact: Contact, head: SignedHead) -> None:
    """Ask one witness, unless somebody else does at this moment: one that hangs must not hold every thread of a worker."""
    doubtful = contact.failures > 0
    if doubtful and not _doubtful.acquire(blocking=False):
        return
    try:
        until = timezone.now() + datetime.timedelta(seconds=_ALONE_SECONDS)
        due = Contact.objects.filter(pk=contact.pk, due_at=contact.due_at)
        if due.update(due_at=until):
            fault = _ask(contact.peer, head)
            Contact.objects.filter(pk=contact.pk, due_at=until).update(due_at=contact.due_at)
            contact_note(contact, fault)
    finally:
        if doubtful:
            _doubtful.release()


def _ask(peer: Peer, head: SignedHead) -> str:
    """Ask one witness; return what went wrong in one sentence, or nothing."""
    last = Cosignature.objects.filter(witness_key=peer.witness_key).order_by("-size").first()
    try:
        with client_for(peer) as client:
            line = _submit(client, head, last.size if last is not None else 0)
        _keep(peer, head, line)
    except (Unreachable, NoteFault) as fault:
        return str(fault)
    except Refused as refused:
        return f"The witness declined: {refused}"
    except PeerLied as lie:
        incident_record(peer, lie)
        return lie.sentence
    return ""


def unwitnessed() -> bool:
    """Whether an outside witness is due to be asked about the newest head, by whichever of its keys that count."""
    due = contacts_due("witness")
    head = Head.objects.order_by("-size").first() if due.exists() else None
    if head is None:
        return False
    held = Cosignature.objects.filter(size=head.size, root=head.root)
    if held.count() >= COSIGNATURES:
        return False
    known = {*held.values_list("witness_key", flat=True), *map(str, identity.witness_keys())}
    announced = PeerKey.objects.filter(use="witness", last=None, key__in=known)
    lacking = due.exclude(peer__witness_key__in=known)
    return lacking.exclude(peer__in=announced.values("peer")).exists()


def _submit(client: Client, head: SignedHead, old: int) -> str:
    """Submit a head; once more from where the witness says it is, if we have been there."""
    own = head.note
    for again in (False, True):
        proof = merkle.consistency_proof(old, head.size, tree.node_at(head.size))
        lines = "".join(f"{notes.encode64(node)}\n" for node in proof)
        answer = client.post(
            PATH, f"old {old}\n{lines}\n".encode() + own, understood=(409,), signed=False
        )
        if answer.status != 409:
            return answer.body.decode("utf-8", errors="replace")
        said = notes.parse_size(answer.body.decode("ascii", errors="replace").strip())
        if again or said > head.size:
            # A bare number proves nothing about us; a head with our own signature does.
            digest = hashlib.sha256(head.origin.encode()).hexdigest()
            with contextlib.suppress(Unreachable, Refused, PeerLied, NoteFault):
                refill.heed(client.get(f"/witness/{digest}/checkpoint", signed=False).body)
            raise NoteFault(f"The witness says that it cosigned size {said}; ours is {head.size}.")
        old = said
    raise NoteFault("The witness could not be satisfied.")


def keep_carried(peer: Peer, note: bytes) -> None:
    """Keep a peer's cosignature that somebody carried here, under whichever head of ours it is.

    Raises:
        NoteFault: it is no head that we published, or none of the peer's cosignatures under it holds.
    """
    carried = notes.parse_note(note)
    head = notes.parse_checkpoint(carried.text)
    row = Head.objects.filter(size=head.size, root=head.root).first()
    if row is None or head.origin != identity.origin():
        raise NoteFault("This is no head that this unit published.")
    _keep(peer, with_cosignatures(row), "".join(line.line for line in carried.signatures))


def _keep(peer: Peer, head: SignedHead, answer: str) -> None:
    known = keyring.verifiers(peer, "witness")
    now, allowed = timezone.now().timestamp(), requests.SKEW.total_seconds()
    text, kept, ahead = notes.parse_note(head.note).text, False, 0
    for line in answer.strip("\n").split("\n"):
        note = notes.Note(text, (notes.parse_signature(line),))
        for found in notes.cosigned_by(note, known):
            if found.timestamp > now + allowed:
                ahead = max(ahead, found.timestamp)
                continue
            Cosignature.objects.get_or_create(
                size=head.size,
                root=head.root,
                witness_key=str(found.key),
                defaults={"operator": peer.operator, "line": line},
            )
            kept = True
    if ahead and not kept:  # it would tell readers of a time at which nobody had seen anything
        raise NoteFault(
            f"The witness dates its cosignature {(ahead - now) / 60:.0f} minutes ahead of our clock: one of the two is wrong."
        )
    if not kept:
        raise NoteFault("The witness's answer holds no cosignature by its key.")


def operators(size: int, root: bytes) -> list[str]:
    """Return the outside operators that saw one of our heads, each once, however many units they run."""
    ours = identity.identity()
    rows = (
        Cosignature.objects.filter(size=size, root=root)
        .exclude(witness_key=ours.witness_key)
        .exclude(operator=ours.operator)
    )
    return sorted(set(rows.values_list("operator", flat=True)))
