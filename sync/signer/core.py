"""The signer itself: signs what continues what it signed before, and nothing else.

It formats every octet it signs. The order is always: check, write the new head to disk, sign. A crash
between the last two leaves a head that the next request asks for again; Ed25519 is
deterministic, so the answer is the same note.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import threading
import time
from typing import TYPE_CHECKING

from sync import audiences
from sync.errors import NoteFault, ProofFault, SignerRefused
from sync.formats import merkle, notes
from sync.signer import messages
from sync.signer.store import Seen, Signed, Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_SEED_LENGTH = 32


class SignerBusy(Exception):
    """Another signer runs on this folder."""


class Signer:
    """Keys and high-water marks of one deployment. One instance per folder, thread-safe."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock_file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock_file)
            raise SignerBusy(f"A signer runs on {folder} already.") from None
        self._store = Store(folder)
        self._keys: dict[str, notes.SigningKey] = {}
        self._turn = threading.Lock()  # guards every check-and-persist

    def close(self) -> None:
        """Give the folder back. Closing twice changes nothing."""
        self._store.close()
        if self._lock_file >= 0:
            os.close(self._lock_file)
        self._lock_file = -1

    def ask(self, request: messages.Request) -> messages.Answer:
        """Do what is asked, one request after the other.

        Raises:
            SignerRefused: with a code of ``messages.Refusal``; nothing was changed.
        """
        with self._turn:
            match request:
                case messages.OpenLog():
                    return self._open_log(request)
                case messages.LastHead():
                    signed = self._last(request.origin)
                    return messages.Answer(size=signed.size, root=signed.root)
                case messages.SignHead():
                    return self._sign_head(request)
                case messages.Adopt():
                    return self._adopt(request)
                case messages.WitnessKey():
                    return messages.Answer(key=str(self._witness_key().verifier))
                case messages.Cosign():
                    return self._cosign(request)
                case messages.Witnessed():
                    return self._witnessed(request)
        raise SignerRefused("bad-request", "The signer does not know this request.")

    # --- our own logs ---------------------------------------------------------------------

    def _open_log(self, request: messages.OpenLog) -> messages.Answer:
        if not audiences.ORIGIN.fullmatch(request.origin):
            raise SignerRefused("bad-request", "This is not the origin of a log.")
        self._refuse_copy()
        key, signed = self._log_key(request.origin), self._store.signed(request.origin)
        if key is None:
            if signed is not None and signed.size:
                raise SignerRefused(
                    "key-lost",
                    f"The key of {request.origin} is lost; the log ends and needs a new origin.",
                )
            self._store.keep_signed(request.origin, Signed(0, merkle.EMPTY_ROOT))
            key = self._make_key(self._log_file(request.origin), request.origin, notes.ED25519)
        elif signed is None:
            raise self._state_lost(request.origin)
        return messages.Answer(key=str(key.verifier))

    def _last(self, origin: str) -> Signed:
        if self._log_key(origin) is None:
            raise SignerRefused("unknown-log", f"The signer holds no key of {origin}.")
        self._refuse_copy()
        signed = self._store.signed(origin)
        if signed is None:
            raise self._state_lost(origin)
        return signed

    def _sign_head(self, request: messages.SignHead) -> messages.Answer:
        last = self._last(request.origin)
        key = self._log_key(request.origin)
        assert key is not None
        if request.size < last.size:
            sentence = f"{request.origin} was signed at size {last.size}; {request.size} is older (a restored database?)."
            raise SignerRefused("rolled-back", sentence, last.size)
        if request.old != last.size and (request.size, request.root) != (last.size, last.root):
            raise SignerRefused(
                "conflict", f"The head signed last has size {last.size}.", last.size
            )
        if (request.size, request.root) != (last.size, last.root):
            self._check_continues(last, request.size, request.root, request.proof)
            self._store.keep_signed(request.origin, Signed(request.size, request.root))
        note = notes.sign_checkpoint(
            notes.Checkpoint(request.origin, request.size, request.root), key
        )
        return messages.Answer(size=request.size, note=note.encode())

    def _adopt(self, request: messages.Adopt) -> messages.Answer:
        if self._log_key(request.origin) is None:
            raise SignerRefused(
                "unknown-log",
                f"The signer holds no key of {request.origin}; adopting cannot bring it back.",
            )
        signed = self._store.signed(request.origin)
        if signed is not None and (signed.size, signed.root) != (request.size, request.root):
            sentence = f"The signer knows the last head (size {signed.size}) and it is not this one: bring back the newer data."
            raise SignerRefused("not-lost", sentence, signed.size)
        if len(request.root) != merkle.HASH_LENGTH or request.size < 0:
            raise SignerRefused("bad-request", "This is not a tree head.")
        self._store.keep_signed(request.origin, Signed(request.size, request.root))
        if self._store.copied:
            self._store.stamp()
        return messages.Answer(size=request.size)

    def _refuse_copy(self) -> None:
        if self._store.copied:
            raise SignerRefused(
                "copied",
                "The signer's folder was copied or restored: stop the other one, then `minqing unit adopt`.",
            )

    @staticmethod
    def _state_lost(origin: str) -> SignerRefused:
        sentence = f"The signer has lost what it signed last for {origin}: the log is read-only until `minqing unit adopt`."
        return SignerRefused("state-lost", sentence)

    @staticmethod
    def _check_continues(last: Signed | Seen, size: int, root: bytes, proof: list[bytes]) -> None:
        try:
            merkle.verify_consistency(
                old=last.size, new=size, old_root=last.root, new_root=root, proof=proof
            )
        except ProofFault as fault:
            raise SignerRefused("inconsistent", str(fault), last.size) from fault

    # --- witness (c2sp.org/tlog-witness) --------------------------------------------------

    def _cosign(self, request: messages.Cosign) -> messages.Answer:
        self._refuse_copy()
        log_key, note, checkpoint = self._read_checkpoint(request)
        seen = self._store.seen(checkpoint.origin) or Seen(str(log_key), 0, merkle.EMPTY_ROOT, b"")
        if seen.log_key != str(log_key):
            raise SignerRefused(
                "unknown-key", f"{checkpoint.origin} is known here under another key."
            )
        if request.old > checkpoint.size:
            raise SignerRefused("bad-request", "The old size is larger than the checkpoint's.")
        if request.old != seen.size:
            raise SignerRefused(
                "conflict", f"The checkpoint cosigned last has size {seen.size}.", seen.size
            )
        self._check_continues(seen, checkpoint.size, checkpoint.root, request.proof)
        if checkpoint.size == 0 and checkpoint.root != merkle.EMPTY_ROOT:
            raise SignerRefused("inconsistent", "The root of the empty tree is SHA-256 of nothing.")
        line = notes.cosign(note.text, self._witness_key(), int(self._clock()))
        own = tuple(s for s in note.signatures if (s.name, s.key_id) == (log_key.name, log_key.id))
        full = notes.Note(note.text, (*own, line)).encode()
        self._store.keep_seen(
            checkpoint.origin, Seen(str(log_key), checkpoint.size, checkpoint.root, full)
        )
        return messages.Answer(size=checkpoint.size, line=line.line, note=full)

    @staticmethod
    def _read_checkpoint(
        request: messages.Cosign,
    ) -> tuple[notes.VerifierKey, notes.Note, notes.Checkpoint]:
        try:
            log_key = notes.VerifierKey.parse(request.log_key)
            note = notes.parse_note(request.note)
            checkpoint = notes.parse_checkpoint(note.text)
        except NoteFault as fault:
            raise SignerRefused("bad-request", str(fault)) from fault
        try:
            notes.open_checkpoint(request.note, log_key)
        except NoteFault as fault:
            raise SignerRefused("bad-note", str(fault)) from fault
        return log_key, note, checkpoint

    def _witnessed(self, request: messages.Witnessed) -> messages.Answer:
        seen = self._store.seen(request.origin)
        if seen is None:
            raise SignerRefused(
                "never-witnessed", f"No checkpoint of {request.origin} was cosigned here."
            )
        return messages.Answer(key=seen.log_key, size=seen.size, root=seen.root, note=seen.note)

    # --- keys: one file each, mode 600 ----------------------------------------------------

    def _log_file(self, origin: str) -> Path:
        return self._folder / "private" / f"log-{hashlib.sha256(origin.encode()).hexdigest()[:32]}"

    def _log_key(self, origin: str) -> notes.SigningKey | None:
        key = self._read_key(self._log_file(origin), notes.ED25519)
        if key is not None and key.name != origin:
            raise SignerRefused("unknown-log", "The key file belongs to another origin.")
        return key

    def _witness_key(self) -> notes.SigningKey:
        path = self._folder / "private" / "witness"
        key = self._read_key(path, notes.COSIGNATURE)
        return key or self._make_key(
            path, f"minqing/witness/{secrets.token_hex(4)}", notes.COSIGNATURE
        )

    def _read_key(self, path: Path, key_type: int) -> notes.SigningKey | None:
        key = self._keys.get(path.name)
        if key is None and path.exists():
            name, seed = path.read_text().split("\n")[:2]
            key = self._keys[path.name] = notes.SigningKey.from_seed(
                name, notes.decode64(seed), key_type
            )
        return key

    def _make_key(self, path: Path, name: str, key_type: int) -> notes.SigningKey:
        """Write a new key whole and durably under its final name, then use it."""
        path.parent.mkdir(exist_ok=True, mode=0o700)
        draft = path.with_name(f"{path.name}.draft")
        draft.unlink(missing_ok=True)
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(
                file, f"{name}\n{notes.encode64(secrets.token_bytes(_SEED_LENGTH))}\n".encode()
            )
            os.fsync(file)
        finally:
            os.close(file)
        draft.rename(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        key = self._read_key(path, key_type)
        assert key is not None
        return key
