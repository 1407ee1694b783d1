"""Who this unit is to others, and the keys that web and worker may hold.

The log key and the witness key never leave the signer. The others are files of 32 secret octets, mode 600,
in ``<state>/keys/<schema>/``: ``ack`` (acknowledgements), ``peer`` (requests and disclosure notes), ``box``
(X25519, sealed records). While one key follows another the new one lies beside it as ``<name>.next``: until the
older is retired both sign, and what was sealed to either opens.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.conf import settings
from django.db import connection, transaction
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox

from sync.formats import notes, possession
from sync.models import Log
from sync.signer import client
from sync.signer.messages import OpenLog, OpenPolicy, ProvePossession, WitnessKey
from tenants.current import current_unit

if TYPE_CHECKING:
    from pathlib import Path

    from sync.signer.messages import Answer
    from tenants.models import Unit

SECRETS = ("ack", "peer", "box")


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Public identity of a unit, as its unit document shows it."""

    origin: str
    """``minqing/<unit code>/<8 hex>``: the log's fixed name."""

    log_key: str
    """Verifier key (C2SP vkey) that signs checkpoints; its name is the origin."""

    ack_key: str
    """Verifier key of acknowledgements, named ``<origin>/ack``."""

    peer_key: str
    """Verifier key of signed requests and disclosure notes, named ``<origin>/peer``."""

    box_key: str
    """X25519 public key in base64: records for this unit are sealed to it where others carry them."""

    witness_key: str
    """Verifier key of the deployment's witness: one per operator, shared by its units."""

    operator: str
    """Who runs the deployment. Witnesses count as operators, not units."""


def origin() -> str:
    """Return the fixed name of the current unit's log. Every request and pull asks several times: one plain statement.

    Raises:
        Log.DoesNotExist: the unit has none yet.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT origin FROM sync_log WHERE unit = %s", [current_unit().code])
        row = cursor.fetchone()
    if row is None:
        raise Log.DoesNotExist
    name: str = row[0]
    return name


def log_key() -> notes.VerifierKey:
    """Return the key of the current unit's log; the first call has the signer make it, for ever.

    Raises:
        SignerUnreachable, SignerRefused: only before the key is pinned.
    """
    log = Log.objects.get(unit=current_unit().code)
    if not log.log_key:
        made = client.signer().ask(OpenLog(origin=log.origin)).key
        Log.objects.filter(unit=log.unit, log_key="").update(log_key=made)
        log.refresh_from_db(fields=["log_key"])
    return notes.VerifierKey.parse(log.log_key)


def log_key_pin(key: notes.VerifierKey) -> None:
    """Pin the key that the signer uses for the current unit's log from now on."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL minqing.rotation = 'on'")
        Log.objects.filter(unit=current_unit().code).update(log_key=str(key))
        cursor.execute("SET LOCAL minqing.rotation = 'off'")


def log_keys() -> list[notes.VerifierKey]:
    """Return the log's key, and the one that is to follow while two overlap.

    Raises:
        SignerUnreachable, SignerRefused: nobody answers, or the key is lost.
    """
    return _both(client.signer().ask(OpenLog(origin=origin())))


def witness_key() -> notes.VerifierKey:
    """Return the deployment's witness key.

    Raises:
        SignerUnreachable: nobody answers.
    """
    return witness_keys()[0]


def witness_keys() -> list[notes.VerifierKey]:
    """Return the deployment's witness key, and the one that is to follow while two overlap.

    Raises:
        SignerUnreachable: nobody answers.
    """
    return _both(client.signer().ask(WitnessKey()))


def _both(answer: Answer) -> list[notes.VerifierKey]:
    return [notes.VerifierKey.parse(text) for text in (answer.key, answer.next) if text]


def identity() -> Identity:
    """Return the current unit's public identity.

    Raises:
        SignerUnreachable: the signer does not run.
    """
    return Identity(
        origin=origin(),
        log_key=str(log_key()),
        ack_key=str(ack_key().verifier),
        peer_key=str(peer_key().verifier),
        box_key=public_keys("box")[0],
        witness_key=str(witness_key()),
        operator=settings.MINQING.operator,
    )


def ack_key() -> notes.SigningKey:
    """Return the key that signs acknowledgements."""
    return ack_keys()[0]


def ack_keys() -> list[notes.SigningKey]:
    """Return it, and the one that is to follow while two overlap: both sign."""
    return [notes.SigningKey.from_seed(f"{origin()}/ack", seed) for seed in _seeds("ack")]


def peer_key() -> notes.SigningKey:
    """Return the key that signs requests to peers and disclosure notes."""
    return peer_keys()[0]


def peer_keys() -> list[notes.SigningKey]:
    """Return it, and the one that is to follow while two overlap: notes carry both, requests the older."""
    return [notes.SigningKey.from_seed(f"{origin()}/peer", seed) for seed in _seeds("peer")]


def box_seed() -> bytes:
    """Return the 32 octets of the X25519 private key."""
    return box_seeds()[0]


def box_seeds() -> list[bytes]:
    """Return it, and the one that is to follow while two overlap: whatever is sealed to either must open."""
    return _seeds("box")


def public_keys(use: str) -> list[str]:
    """Return the public halves of one use, as a unit document writes them: the older first.

    Raises:
        SignerUnreachable, SignerRefused: for keys that the signer holds.
    """
    match use:
        case "log":
            return [str(key) for key in log_keys()]
        case "witness":
            return [str(key) for key in witness_keys()]
        case "policy":
            return [str(key) for key in _both(client.signer().ask(OpenPolicy(origin=origin())))]
        case "box":
            privates = (X25519PrivateKey.from_private_bytes(seed) for seed in box_seeds())
            return [notes.encode64(key.public_key().public_bytes_raw()) for key in privates]
    signers = {"ack": ack_keys, "peer": peer_keys}[use]()
    return [str(key.verifier) for key in signers]


def possession_proofs(keys: dict[str, str]) -> dict[str, str]:
    """Prove that this unit holds keys that it announces together: signatures by use (see ``formats.possession``).

    Raises:
        SignerUnreachable, SignerRefused: for keys that the signer holds.
    """
    asked = client.signer().ask(ProvePossession(origin=origin(), keys=keys))
    return {**asked.proofs, **possession.prove(origin(), keys, [*ack_keys(), *peer_keys()])}


def secret_rotate(name: str) -> None:
    """Make the secret that is to follow, unless it is there: one of ``SECRETS``."""
    _write(_folder(current_unit()) / f"{name}.next")


def secret_retire(name: str) -> str:
    """End the older secret; return its public half, or nothing where there is no other.

    A box key that ended still opens what lies sealed to it; the others are gone.
    """
    folder = _folder(current_unit())
    before, following = folder / name, folder / f"{name}.next"
    if not following.exists():
        return ""
    former = public_keys(name)[0]
    if name == "box":
        os.link(before, folder / f"box.former.{secrets.token_hex(4)}")
    following.rename(before)
    return former


def box_open(sealed: bytes) -> bytes:
    """Open what was sealed to a box key of this unit, of now or of before.

    Raises:
        CryptoError: none of them opens it.
    """
    folder = _folder(current_unit())
    formers = [path.read_bytes() for path in sorted(folder.glob("box.former.*"))]
    *others, last = [*box_seeds(), *formers]
    for seed in others:
        with contextlib.suppress(CryptoError):
            return SealedBox(PrivateKey(seed)).decrypt(sealed)
    return SealedBox(PrivateKey(last)).decrypt(sealed)


def _folder(unit: Unit) -> Path:
    folder: Path = settings.MINQING.state / "keys" / unit.schema_name
    return folder


def _seeds(name: str) -> list[bytes]:
    folder = _folder(current_unit())
    following = folder / f"{name}.next"
    seeds = [(folder / name).read_bytes()]
    return [*seeds, following.read_bytes()] if following.exists() else seeds


def make_secrets(unit: Unit) -> None:
    """Make the unit's key files where they are missing; safe between processes."""
    folder = _folder(unit)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in SECRETS:
        _write(folder / name)


def _write(path: Path) -> None:
    """Make a key file whole, unless it is there."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, secrets.token_bytes(32))
        os.fsync(file)
    finally:
        os.close(file)
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
