"""The signer itself: signs what continues what it signed before, and nothing else.

It formats every octet it signs. The order is always: check, write the new head to disk, sign. A crash
between the last two leaves a head that the next request asks for again; Ed25519 is
deterministic, so the answer is the same note.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sync import audiences
from sync.errors import NoteFault, PolicyFault, ProofFault, SignerRefused
from sync.formats import merkle, notes, possession, regions
from sync.signer import keyfiles, messages
from sync.signer.store import Seen, Signed, Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


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
        self._doors: dict[type, Callable[[Any], messages.Answer]] = {
            messages.OpenLog: self._open_log,
            messages.LastHead: self._last_head,
            messages.Confirm: self._confirm,
            messages.SignHead: self._sign_head,
            messages.Adopt: self._adopt,
            messages.OpenPolicy: lambda request: self._both(self._policy_keys(request.origin)),
            messages.SignPolicy: self._sign_policy,
            messages.RotateKey: self._rotate,
            messages.RetireKey: self._retire,
            messages.WitnessKey: lambda _: self._both(self._witness_keys()),
            messages.ProvePossession: self._prove_possession,
            messages.Cosign: self._cosign,
            messages.Repin: self._repin,
            messages.Witnessed: self._witnessed,
        }

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
            door = self._doors.get(type(request))
            if door is None:
                raise SignerRefused("bad-request", "The signer does not know this request.")
            return door(request)

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
            self._store.keep_confirmed(request.origin)
            key = self._make_key(self._log_file(request.origin), request.origin, notes.ED25519)
        elif signed is None:
            raise self._state_lost(request.origin)
        return self._both(self._both_keys(self._log_file(request.origin), notes.ED25519))

    def _last_head(self, request: messages.LastHead) -> messages.Answer:
        signed = self._last(request.origin)
        return messages.Answer(size=signed.size, root=signed.root)

    def _confirm(self, request: messages.Confirm) -> messages.Answer:
        self._known(request.origin)
        self._store.keep_confirmed(request.origin)
        return messages.Answer()

    def _last(self, origin: str) -> Signed:
        signed = self._known(origin)
        if not self._store.confirmed(origin):
            sentence = f"The machine was started anew: nothing is signed for {origin} until its peers were asked what they know of it."
            raise SignerRefused("started-anew", sentence, signed.size)
        return signed

    def _known(self, origin: str) -> Signed:
        if self._log_key(origin) is None:
            raise SignerRefused("unknown-log", f"The signer holds no key of {origin}.")
        self._refuse_copy()
        signed = self._store.signed(origin)
        if signed is None:
            raise self._state_lost(origin)
        return signed

    def _sign_head(self, request: messages.SignHead) -> messages.Answer:
        last = self._last(request.origin)
        keys = self._both_keys(self._log_file(request.origin), notes.ED25519)
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
            notes.Checkpoint(request.origin, request.size, request.root), *keys
        )
        return messages.Answer(size=request.size, note=note.encode())

    def _adopt(self, request: messages.Adopt) -> messages.Answer:
        if self._log_key(request.origin) is None:
            raise SignerRefused(
                "unknown-log",
                f"The signer holds no key of {request.origin}; adopting cannot bring it back.",
            )
        if len(request.root) != merkle.HASH_LENGTH or request.size < 0:
            raise SignerRefused("bad-request", "This is not a tree head.")
        signed = self._store.signed(request.origin)
        if signed is not None and request.size < signed.size:
            sentence = f"The signer knows the last head (size {signed.size}) and it is not this one: bring back the newer data."
            raise SignerRefused("not-lost", sentence, signed.size)
        if signed is not None:
            self._check_continues(signed, request.size, request.root, request.proof)
        self._store.keep_signed(request.origin, Signed(request.size, request.root))
        self._store.keep_confirmed(request.origin)
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

    # --- the region's policy ----------------------------------------------------------------

    def _sign_policy(self, request: messages.SignPolicy) -> messages.Answer:
        keys = self._policy_keys(request.origin)
        try:
            found = regions.read_text(request.text)
        except PolicyFault as fault:
            raise SignerRefused("bad-request", str(fault)) from fault
        if found.region != request.origin:
            raise SignerRefused("bad-request", "This is the policy of another region.")
        version = self._store.policy_version(request.origin)
        if found.version <= version:
            raise SignerRefused(
                "conflict", f"Version {version} of this policy was signed already.", version
            )
        self._store.keep_policy_version(request.origin, found.version)
        return messages.Answer(size=found.version, note=notes.sign(request.text, *keys).encode())

    def _policy_keys(self, origin: str) -> list[notes.SigningKey]:
        if self._log_key(origin) is None:
            raise SignerRefused("unknown-log", f"The signer holds no key of {origin}.")
        self._refuse_copy()
        path = self._file("policy", origin)
        if not path.exists():
            self._make_key(path, regions.key_name(origin), notes.ED25519)
        return self._both_keys(path, notes.ED25519)

    # --- rotation: for a while two keys sign ----------------------------------------------------

    def _rotate(self, request: messages.RotateKey) -> messages.Answer:
        path, key_type = self._rotated(request)
        before, *following = self._both_keys(path, key_type)
        if not following:
            name = keyfiles.witness_name() if request.use == "witness" else before.name
            following = [self._make_key(keyfiles.following(path), name, key_type)]
        return self._both([before, *following])

    def _retire(self, request: messages.RetireKey) -> messages.Answer:
        path, key_type = self._rotated(request)
        before, *following = self._both_keys(path, key_type)
        if following:
            last = self._last(request.origin).size if request.use == "log" else 0
            (after,) = following
            self._store.keep_ended(str(before.verifier), str(after.verifier), last)
            keyfiles.following(path).rename(
                path
            )  # the older secret is gone: nobody can sign with it any more
            keyfiles.sync_folder(path.parent)
            self._keys.pop(path.name, None)
            self._keys.pop(keyfiles.following(path).name, None)
            before = after
        ended = self._store.ended_before(str(before.verifier))
        if ended is None:
            raise SignerRefused("no-next", "There is one key only: rotate it first.")
        return messages.Answer(key=str(before.verifier), former=ended[0], size=ended[1])

    def _rotated(self, request: messages.RotateKey | messages.RetireKey) -> tuple[Path, int]:
        self._refuse_copy()
        match request.use:
            case "witness":
                self._witness_keys()
                return self._file("witness"), notes.COSIGNATURE
            case "policy":
                self._policy_keys(request.origin)
                return self._file("policy", request.origin), notes.ED25519
            case "log":
                self._last(request.origin)
                return self._log_file(request.origin), notes.ED25519
        raise SignerRefused("bad-request", "The signer holds no keys of that use.")

    def _prove_possession(self, request: messages.ProvePossession) -> messages.Answer:
        self._refuse_copy()
        own = [self._log_file(request.origin), self._file("policy", request.origin)]
        held = [key for path in own for key in self._both_keys(path, notes.ED25519)]
        held += self._both_keys(self._file("witness"), notes.COSIGNATURE)
        return messages.Answer(proofs=possession.prove(request.origin, request.keys, held))

    @staticmethod
    def _both(keys: list[notes.SigningKey]) -> messages.Answer:
        first, *following = (str(key.verifier) for key in keys)
        return messages.Answer(key=first, next=following[0] if following else "")

    # --- witness (c2sp.org/tlog-witness) --------------------------------------------------

    def _cosign(self, request: messages.Cosign) -> messages.Answer:
        self._refuse_copy()
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
        self._check_continues(seen, checkpoint.size, checkpoint.root, request.proof)
        lines = [notes.cosign(note.text, key, int(self._clock())) for key in self._witness_keys()]
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

    def _repin(self, request: messages.Repin) -> messages.Answer:
        self._refuse_copy()
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

    def _witnessed(self, request: messages.Witnessed) -> messages.Answer:
        seen = self._store.seen(request.origin)
        if seen is None:
            raise SignerRefused(
                "never-witnessed", f"No checkpoint of {request.origin} was cosigned here."
            )
        return messages.Answer(key=seen.log_key, size=seen.size, root=seen.root, note=seen.note)

    # --- keys: one file each, mode 600 ----------------------------------------------------

    def _log_file(self, origin: str) -> Path:
        return self._file("log", origin)

    def _file(self, use: str, origin: str = "") -> Path:
        name = f"{use}-{hashlib.sha256(origin.encode()).hexdigest()[:32]}" if origin else use
        return self._folder / "private" / name

    def _log_key(self, origin: str) -> notes.SigningKey | None:
        key = self._read_key(self._log_file(origin), notes.ED25519)
        if key is not None and key.name != origin:
            raise SignerRefused("unknown-log", "The key file belongs to another origin.")
        return key

    def _witness_keys(self) -> list[notes.SigningKey]:
        path = self._file("witness")
        if not path.exists():
            self._make_key(path, keyfiles.witness_name(), notes.COSIGNATURE)
        return self._both_keys(path, notes.COSIGNATURE)

    def _both_keys(self, path: Path, key_type: int) -> list[notes.SigningKey]:
        """Return the key in a file, and the one that is to follow it if there is one."""
        found = (self._read_key(place, key_type) for place in (path, keyfiles.following(path)))
        return [key for key in found if key is not None]

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
        keyfiles.write(path, name)
        key = self._read_key(path, key_type)
        assert key is not None
        return key


def _pin(seen: Seen, signers: set[str]) -> tuple[str, str]:
    """Return the keys under which a log is known from now on.

    A new key is believed beside the pinned one once one head carries both signatures, and alone once a head carries
    only its own: what the asker says counts for nothing here.
    """
    if seen.next_key and seen.log_key not in signers:
        return seen.next_key, ""
    coming = signers - {seen.log_key}
    return seen.log_key, coming.pop() if coming else seen.next_key
