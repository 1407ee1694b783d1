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
from typing import TYPE_CHECKING, Any

import msgspec

from sync import audiences
from sync.errors import PolicyFault, SignerRefused
from sync.formats import merkle, notes, possession, regions
from sync.signer import keyfiles, messages
from sync.signer.store import Signed, Store, check_continues
from sync.signer.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class SignerBusy(Exception):
    """Another signer runs on this folder."""


class Signer:
    """Keys and high-water marks of one deployment. One instance per folder, thread-safe."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock_file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock_file)
            raise SignerBusy(f"A signer runs on {folder} already.") from None
        self._keys: dict[str, notes.SigningKey] = {}
        witnesses = self._both_keys(self._file("witness"), notes.COSIGNATURE)
        self._store = Store(folder, witnesses=[str(key.verifier) for key in witnesses])
        self._turn = threading.Lock()  # guards every check-and-persist
        witness = Witness(self._store, self._witness_keys, clock)
        self._doors: dict[type, Callable[[Any], messages.Answer]] = {
            messages.OpenLog: self._open_log,
            messages.LastHead: self._last_head,
            messages.Confirm: self._confirm,
            messages.SignHead: self._sign_head,
            messages.Adopt: self._adopt,
            messages.OpenPolicy: self._open_policy,
            messages.SignPolicy: self._sign_policy,
            messages.RotateKey: self._rotate,
            messages.RetireKey: self._retire,
            messages.WitnessKey: lambda _: self._both(self._witness_keys()),
            messages.ProvePossession: self._prove_possession,
            messages.Cosign: witness.cosign,
            messages.Repin: witness.repin,
            messages.Witnessed: witness.witnessed,
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
        self._store.refuse_copy()
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
        self._store.refuse_copy()
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
            check_continues(last, request.size, request.root, request.proof)
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
            check_continues(signed, request.size, request.root, request.proof)
        self._store.keep_signed(request.origin, Signed(request.size, request.root))
        self._store.keep_confirmed(request.origin)
        if self._store.copied:
            # A head of ours is vouched for by whoever adopts; what the witness cosigned since the copy was made nobody knows.
            self._store.stamp(forgotten=[str(key.verifier) for key in self._witness_keys()])
        return messages.Answer(size=request.size)

    @staticmethod
    def _state_lost(origin: str) -> SignerRefused:
        sentence = f"The signer has lost what it signed last for {origin}: the log is read-only until `minqing unit adopt`."
        return SignerRefused("state-lost", sentence)

    # --- the region's policy ----------------------------------------------------------------

    def _open_policy(self, request: messages.OpenPolicy) -> messages.Answer:
        keys, version = (
            self._policy_keys(request.origin),
            self._store.policy_version(request.origin),
        )
        return msgspec.structs.replace(self._both(keys), size=version)

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
        self._store.refuse_copy()
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
        self._store.refuse_copy()
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
        self._store.refuse_copy()
        own = [self._log_file(request.origin), self._file("policy", request.origin)]
        held = [key for path in own for key in self._both_keys(path, notes.ED25519)]
        held += self._both_keys(self._file("witness"), notes.COSIGNATURE)
        return messages.Answer(proofs=possession.prove(request.origin, request.keys, held))

    @staticmethod
    def _both(keys: list[notes.SigningKey]) -> messages.Answer:
        first, *following = (str(key.verifier) for key in keys)
        return messages.Answer(key=first, next=following[0] if following else "")

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
