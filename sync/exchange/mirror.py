"""Copying a peer's log: head, then bundles in parallel, then judging what was stored.

The head's signature and its place beside the last one seen come first. New leaves are appended to our own copy
of the old ones, so a root that fits *is* the consistency proof, and one that does not leaves the octets in our
hands: from them a fork is proven, or an alarm raised that says why it is not proven.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from sync.errors import NoteFault, ProofFault
from sync.exchange import keyring, leaves
from sync.exchange.incidents import describe
from sync.exchange.room import check_room
from sync.formats import copies, forks, framing, heads, notes
from sync.models.exchange import Following, MirrorBundle, PeerHead
from sync.refusals import ExchangeFault, PeerLied

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sync.exchange.sources import Source
    from sync.models.exchange import Peer

_PIECE = 1 << 20
_COPY = "COPY sync_mirrorbundle (peer_id, number, commitments, root) FROM STDIN (FORMAT binary)"
_HEADS = 50


@dataclass(frozen=True)
class _Copied:
    """Our copy: roots of full bundles and the commitments of the unfilled one."""

    roots: list[bytes]
    tail: bytes

    @property
    def tree(self) -> copies.Tree:
        return copies.Tree(self.roots, self.tail)


def head_fetch(peer: Peer, source: Source) -> notes.Checkpoint:
    """Fetch a peer's present head and keep its note, if the peer's log key signed it.

    Raises:
        PeerLied: ``bad-signature``.
    """
    note = source.get("/ledger/checkpoint").body
    return head_keep(peer, note)


def head_keep(peer: Peer, note: bytes) -> notes.Checkpoint:
    """Keep a head of a peer, from wherever it came: it counts only with the peer's own signature on it.

    Raises:
        PeerLied: ``bad-signature``.
    """
    keys = keyring.log_keys(peer)
    try:
        head = heads.open_head(note, keys)
    except NoteFault as fault:
        known = _known(peer, note, keys)
        if known is not None:
            return known
        raise PeerLied(
            "bad-signature", f"The head does not hold: {fault}", {"head.note": note}
        ) from fault
    row = PeerHead.objects.filter(peer=peer, size=head.size, root=head.root).first()
    if row is None:
        PeerHead.objects.get_or_create(
            peer=peer,
            size=head.size,
            root=head.root,
            defaults={
                "note": heads.bounded(note, keys, keyring.counted_witnesses(peer)),
                "seen_on": timezone.localdate(),
            },
        )
    elif note != bytes(row.note) and _seen_by(peer, note) > _seen_by(peer, bytes(row.note)):
        row.note = heads.bounded(note, keys, keyring.counted_witnesses(peer))
        row.save(update_fields=["note"])
    return head


def _known(peer: Peer, octets: bytes, keys: heads.LogKeys) -> notes.Checkpoint | None:
    """Return a head that was proven here while its key counted: a log that has ended goes on showing its last one."""
    try:
        note = notes.parse_note(octets)
        head = notes.parse_checkpoint(note.text)
        signed = notes.signed_by(note, keys.former)
    except NoteFault:
        return None
    known = bool(signed) and head.origin == peer.origin and _is_proven(peer, head)
    return head if known else None


def _seen_by(peer: Peer, note: bytes) -> int:
    """Count countersignatures that hold; -1 where one does not: whoever relays a head can write lines under it."""
    try:
        return len(notes.cosigned_by(notes.parse_note(note), keyring.counted_witnesses(peer)))
    except NoteFault:
        return -1


def mirror(peer: Peer, source: Source) -> int:
    """Copy and prove what a peer's log has grown by; return the size proven (the mirror cursor).

    Raises:
        PeerLied: ``bad-signature``, ``rolled-back``, ``forked`` (freezes), ``diverged``, ``malformed``.
        Unreachable, Refused: as the client says.
    """
    head = head_fetch(peer, source)
    mirrored = Following.objects.values_list("mirrored", flat=True).get(peer=peer)
    if head.size <= mirrored:
        if head.size < mirrored or not _is_proven(peer, head):
            _judge_older(peer, head, mirrored)
        return mirrored
    _refuse_past_belief(peer, head, mirrored)
    try:
        grown = _copy(peer, source, mirrored, head.size)
        if grown is None or grown.tree.root() != head.root:
            _judge_divergence(peer, source, head, mirrored)
    except ExchangeFault:
        _forget_unproven(peer, mirrored)
        raise
    with transaction.atomic():
        PeerHead.objects.filter(peer=peer, size=head.size, root=head.root).update(proven=True)
        Following.objects.filter(peer=peer, mirrored=mirrored).update(mirrored=head.size)
    judge_heads(peer)
    return head.size


def _is_proven(peer: Peer, head: notes.Checkpoint) -> bool:
    """Whether our copy was compared with this very head before: most pulls bring nothing new."""
    return PeerHead.objects.filter(peer=peer, size=head.size, root=head.root, proven=True).exists()


def _refuse_past_belief(peer: Peer, head: notes.Checkpoint, mirrored: int) -> None:
    """Whoever signs a head of any size has a root for it too, and its leaves are on our disk before anything shows."""
    grown, most = head.size - mirrored, int(settings.MINQING.peer_growth)
    if grown > most:
        raise PeerLied(
            "malformed",
            f"Its log would have grown by {grown} entries at once; {most} are believed. Where it has, set MINQING_PEER_GROWTH.",
            {"head.note": _note_of(peer, head.size, head.root)},
        )


def _copy(peer: Peer, source: Source, mirrored: int, size: int) -> _Copied | None:
    """Fetch and store the bundles from our copy's end on; None when the first does not begin as our copy ends.

    What is stored past the mirror cursor is not proven yet; the next attempt writes over what a crash left of it.
    """
    copied, number = _copied(peer, mirrored), mirrored // copies.WIDTH
    roots, tail = copied.roots, copied.tail
    for batch in leaves.bundles(source, number, size):
        if not batch[0].startswith(tail):
            return None
        tail = b"" if len(batch[-1]) == leaves.FULL else batch[-1]
        found = [
            copies.bundle_root(bundle) if len(bundle) == leaves.FULL else None for bundle in batch
        ]
        check_room()
        _store(peer, number, zip(batch, found, strict=True))
        roots += [root for root in found if root is not None]
        number += len(batch)
    return _Copied(roots, tail)


def _forget_unproven(peer: Peer, mirrored: int) -> None:
    """Let go of bundles that no head of ours reaches: the next attempt begins at the mirror cursor in any case."""
    first = -(-mirrored // copies.WIDTH)
    MirrorBundle.objects.filter(peer=peer, number__gte=first).delete()


def _store(peer: Peer, number: int, bundles: Iterable[tuple[bytes, bytes | None]]) -> None:
    """Write bundles and their roots from a number on, over whatever is there."""
    who = peer.pk.to_bytes(8, "big")
    rows = [
        (who, place.to_bytes(8, "big"), commitments, root)
        for place, (commitments, root) in enumerate(bundles, number)
    ]
    with transaction.atomic(), connection.wrap_database_errors, connection.cursor() as cursor:
        stored = MirrorBundle.objects.filter(peer=peer, number__gte=number)
        stored.filter(number__lt=number + len(rows)).delete()
        cursor.copy_expert(_COPY, io.BytesIO(b"".join(framing.copy_rows(rows))), _PIECE)


# --- judging ---------------------------------------------------------------------------------


def judge_heads(peer: Peer) -> None:
    """Compare heads that came by other ways (other units saw them) with our copy, as far as it reaches.

    Raises:
        PeerLied: ``forked`` (freezes).
    """
    mirrored = Following.objects.filter(peer=peer).values_list("mirrored", flat=True).first() or 0
    for row in PeerHead.objects.filter(peer=peer, proven=False, size__lte=mirrored).order_by(
        "size"
    )[:_HEADS]:
        if _copied(peer, row.size).tree.root() == bytes(row.root):
            PeerHead.objects.filter(pk=row.pk).update(proven=True)
        else:
            _judge_older(peer, notes.Checkpoint(peer.origin, row.size, bytes(row.root)), mirrored)


def _judge_older(peer: Peer, head: notes.Checkpoint, mirrored: int) -> None:
    """A head that is not larger than our copy must be a beginning of it, and is a rollback if it is smaller."""
    copied = _copied(peer, head.size)
    note = _note_of(peer, head.size, head.root)
    if copied.tree.root() != head.root:
        larger = PeerHead.objects.filter(peer=peer, size=mirrored, proven=True).first()
        if larger is None:
            raise PeerLied(
                "diverged",
                "A head does not fit our copy, which no head of theirs proves.",
                {"head.note": note},
            )
        whole = opened(peer, mirrored, head.size)
        files = forks.fork_proof(
            keys=keyring.verifiers(peer, "log"), smaller=note, larger=bytes(larger.note),
            sizes=(head.size, mirrored), node=whole,
        )  # fmt: skip
        raise _fork(peer, files)
    if head.size < mirrored:
        last = PeerHead.objects.filter(peer=peer, size=mirrored, proven=True).first()
        raise PeerLied(
            "rolled-back",
            f"The peer shows a head of size {head.size} after one of size {mirrored}.",
            {"head.note": note, "last.note": bytes(last.note) if last is not None else b""},
        )


def _judge_divergence(peer: Peer, source: Source, head: notes.Checkpoint, mirrored: int) -> None:
    """The new leaves do not lead from our copy to the new head: fork, or a divergence that nobody can prove."""
    note = _note_of(peer, head.size, head.root)
    roots: list[bytes] = []
    tail = opened = sample = b""
    for batch in leaves.bundles(source, 0, head.size):
        sample = sample or b"".join(batch)
        at = mirrored // copies.WIDTH - len(roots)
        opened = batch[at] if 0 <= at < len(batch) else opened
        roots += [
            copies.bundle_root(commitments)
            for commitments in batch
            if len(commitments) == leaves.FULL
        ]
        tail = b"" if len(batch[-1]) == leaves.FULL else batch[-1]
    served = copies.Tree(roots, tail)
    ours = PeerHead.objects.filter(peer=peer, size=mirrored, proven=True).first()
    if served.root() == head.root and ours is not None and mirrored:
        node = copies.Opened(served, mirrored // copies.WIDTH, opened)
        files = forks.fork_proof(
            keys=keyring.verifiers(peer, "log"), smaller=bytes(ours.note), larger=note,
            sizes=(mirrored, head.size), node=node,
        )  # fmt: skip
        raise _fork(peer, files)
    raise PeerLied(
        "diverged",
        f"The leaves served do not lead to the head of size {head.size}. Nothing of it is taken in.",
        {
            "head.note": note,
            "last.note": bytes(ours.note) if ours is not None else b"",
            "leaves": sample,
            "facts.json": describe(
                mirrored=mirrored, size=head.size, served_root=served.root().hex()
            ),
        },
    )


def _fork(peer: Peer, files: dict[str, bytes]) -> PeerLied:
    try:
        sentence = forks.verify_fork(files[forks.FILE], keyring.log_keys(peer))
    except ProofFault as fault:
        return PeerLied(
            "diverged", f"Two heads do not fit, but that cannot be proven: {fault}", files
        )
    return PeerLied("forked", sentence, files, freezes=True)


def _note_of(peer: Peer, size: int, root: bytes) -> bytes:
    return bytes(
        PeerHead.objects.values_list("note", flat=True).get(peer=peer, size=size, root=root)
    )


# --- our copy --------------------------------------------------------------------------------


def _copied(peer: Peer, size: int) -> _Copied:
    """Return our copy of the first ``size`` leaves."""
    full, rest = divmod(size, copies.WIDTH)
    stored = MirrorBundle.objects.filter(peer=peer, number__lt=full).order_by("number")
    roots = [bytes(root) for root in stored.values_list("root", flat=True) if root is not None]
    tail = b""
    if rest:
        tail = bytes(
            MirrorBundle.objects.values_list("commitments", flat=True).get(peer=peer, number=full)
        )
    return _Copied(roots, tail[: rest * 32])


def opened(peer: Peer, size: int, at: int) -> copies.Opened:
    """Return our copy as a tree in which the bundle around ``at`` can be read leaf by leaf."""
    number = at // copies.WIDTH
    stored = MirrorBundle.objects.filter(peer=peer, number=number).values_list(
        "commitments", flat=True
    )
    width = min(copies.WIDTH, size - number * copies.WIDTH)
    return copies.Opened(
        _copied(peer, size).tree, number, bytes(stored.first() or b"")[: width * 32]
    )


def commitments_between(peer: Peer, start: int, stop: int) -> bytes:
    """Return the proven commitments from index ``start`` to before ``stop``, 32 octets each."""
    first, last = start // copies.WIDTH, -(-stop // copies.WIDTH)
    bundles = MirrorBundle.objects.filter(peer=peer, number__gte=first, number__lt=last).order_by(
        "number"
    )
    joined = b"".join(bytes(octets) for octets in bundles.values_list("commitments", flat=True))
    begin = (start - first * copies.WIDTH) * 32
    return joined[begin : begin + (stop - start) * 32]
