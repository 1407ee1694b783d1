"""Cosigning other logs' checkpoints (c2sp.org/tlog-witness): only what continues the one cosigned last, written to disk first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sync.errors import NoteFault, SignerRefused
from sync.formats import merkle, notes
from sync.signer import messages
from sync.signer.store import Seen, Store, check_continues

if TYPE_CHECKING:
    from collections.abc import Callable


class Witness:
    """The deployment's witness. Whoever calls holds the signer's turn."""

    def __init__(
        self, store: Store, keys: Callable[[], list[notes.SigningKey]], clock: Callable[[], float]
    ) -> None:
        self._store, self._keys, self._clock = store, keys, clock

    def cosign(self, request: messages.Cosign) -> messages.Answer:
        """Check that a checkpoint continues the one cosigned last, remember it, sign.

        Raises:
            SignerRefused: ``copied``, ``state-lost``, ``unknown-key``, ``bad-request``, ``bad-note``, ``conflict``, ``inconsistent``.
        """
        self._refuse_unsound()
        note, checkpoint, signers = self._read_checkpoint(request)
        seen = self._store.seen(checkpoint.origin)
        if seen is None:
            first = request.log_key if request.log_key in signers else request.next_key
            seen = Seen(first, 0, merkle.EMPTY_ROOT, b"")
        elif not signers & {seen.log_key, seen.next_key}:
            raise SignerRefused(
                "unknown-key", f"{checkpoint.origin} is known here under another key."
            )
        if request.old > checkpoint.size:
            raise SignerRefused("bad-request", "The old size is larger than the checkpoint's.")
        if request.old != seen.size:
            raise SignerRefused(
                "conflict", f"The checkpoint cosigned last has size {seen.size}.", seen.size
            )
        if checkpoint.size == 0 and checkpoint.root != merkle.EMPTY_ROOT:
            raise SignerRefused("inconsistent", "The root of the empty tree is SHA-256 of nothing.")
        check_continues(seen, checkpoint.size, checkpoint.root, request.proof)
        lines = [notes.cosign(note.text, key, int(self._clock())) for key in self._keys()]
        trusted = [notes.VerifierKey.parse(text) for text in signers]
        places = {(key.name, key.id) for key in trusted}
        own = tuple(s for s in note.signatures if (s.name, s.key_id) in places)
        full = notes.Note(note.text, (*own, *lines)).encode()
        log_key, next_key = _pin(seen, signers)
        self._store.keep_seen(
            checkpoint.origin, Seen(log_key, checkpoint.size, checkpoint.root, full, next_key)
        )
        return messages.Answer(
            size=checkpoint.size, line="".join(line.line for line in lines), note=full
        )

    def _refuse_unsound(self) -> None:
        self._store.refuse_copy()
        self._store.refuse_forgotten([str(key.verifier) for key in self._keys()])

    @staticmethod
    def _read_checkpoint(
        request: messages.Cosign,
    ) -> tuple[notes.Note, notes.Checkpoint, set[str]]:
        """Return the note, its head, and which of the log's keys that the asker names have signed it."""
        try:
            keys = [
                notes.VerifierKey.parse(text)
                for text in (request.log_key, request.next_key)
                if text
            ]
            note = notes.parse_note(request.note)
            checkpoint = notes.parse_checkpoint(note.text)
        except NoteFault as fault:
            raise SignerRefused("bad-request", str(fault)) from fault
        try:
            signers = {str(key) for key in notes.signed_by(note, keys)}
        except NoteFault as fault:
            raise SignerRefused("bad-note", str(fault)) from fault
        if not signers or checkpoint.origin != keys[0].name:
            raise SignerRefused("bad-note", "No key that is known for this log signed the note.")
        return note, checkpoint, signers

    def repin(self, request: messages.Repin) -> messages.Answer:
        """Know a log by another key, on an operator's word; what was cosigned last stays.

        Raises:
            SignerRefused: ``copied``, ``unknown-key``, ``bad-request``.
        """
        self._store.refuse_copy()
        seen = self._store.seen(request.origin)
        if seen is not None and seen.log_key != request.log_key:
            if request.former not in {seen.log_key, seen.next_key}:
                raise SignerRefused("unknown-key", f"{request.origin} is pinned by a third key.")
            if notes.VerifierKey.parse(request.log_key).name != request.origin:
                raise SignerRefused("bad-request", "The key has another log's name.")
            self._store.keep_seen(
                request.origin, replace(seen, log_key=request.log_key, next_key="")
            )
        return messages.Answer(key=request.log_key, size=seen.size if seen is not None else 0)

    def witnessed(self, request: messages.Witnessed) -> messages.Answer:
        """Tell the checkpoint cosigned last.

        Raises:
            SignerRefused: ``copied``, ``state-lost``, ``never-witnessed``.
        """
        self._refuse_unsound()
        seen = self._store.seen(request.origin)
        if seen is None:
            raise SignerRefused(
                "never-witnessed", f"No checkpoint of {request.origin} was cosigned here."
            )
        return messages.Answer(key=seen.log_key, size=seen.size, root=seen.root, note=seen.note)


def _pin(seen: Seen, signers: set[str]) -> tuple[str, str]:
    """Return the keys under which a log is known from now on.

    A new key is believed beside the pinned one once one head carries both signatures, and alone once a head carries
    only its own: what the asker says counts for nothing here.
    """
    if seen.next_key and seen.log_key not in signers:
        return seen.next_key, ""
    coming = signers - {seen.log_key}
    return seen.log_key, coming.pop() if coming else seen.next_key
