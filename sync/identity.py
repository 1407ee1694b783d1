"""Who this unit is to others, and the keys that web and worker may hold.

The log key and the witness key never leave the signer. The others are files of 32 secret octets, mode 600,
in ``<state>/keys/<schema>/``: ``ack`` (acknowledgements), ``peer`` (requests and disclosure notes), ``box``
(X25519, sealed records).
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.conf import settings

from sync.formats import notes
from sync.models import Log
from sync.signer import client
from sync.signer.messages import OpenLog, WitnessKey
from tenants.current import current_unit

if TYPE_CHECKING:
    from pathlib import Path

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
    """Return the fixed name of the current unit's log."""
    return Log.objects.get(unit=current_unit().code).origin


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


def witness_key() -> notes.VerifierKey:
    """Return the deployment's witness key.

    Raises:
        SignerUnreachable: nobody answers.
    """
    return notes.VerifierKey.parse(client.signer().ask(WitnessKey()).key)


def identity() -> Identity:
    """Return the current unit's public identity.

    Raises:
        SignerUnreachable: the signer does not run.
    """
    box = X25519PrivateKey.from_private_bytes(box_seed()).public_key().public_bytes_raw()
    return Identity(
        origin=origin(),
        log_key=str(log_key()),
        ack_key=str(ack_key().verifier),
        peer_key=str(peer_key().verifier),
        box_key=notes.encode64(box),
        witness_key=str(witness_key()),
        operator=settings.MINQING.operator,
    )


def ack_key() -> notes.SigningKey:
    """Return the key that signs acknowledgements."""
    return notes.SigningKey.from_seed(f"{origin()}/ack", _seed("ack"))


def peer_key() -> notes.SigningKey:
    """Return the key that signs requests to peers and disclosure notes."""
    return notes.SigningKey.from_seed(f"{origin()}/peer", _seed("peer"))


def box_seed() -> bytes:
    """Return the 32 octets of the X25519 private key."""
    return _seed("box")


def _folder(unit: Unit) -> Path:
    folder: Path = settings.MINQING.state / "keys" / unit.schema_name
    return folder


def _seed(name: str) -> bytes:
    return (_folder(current_unit()) / name).read_bytes()


def make_secrets(unit: Unit) -> None:
    """Make the unit's key files where they are missing; safe between processes."""
    folder = _folder(unit)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in SECRETS:
        path = folder / name
        if path.exists():
            continue
        draft = folder / f".{name}.{secrets.token_hex(8)}"
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(file, secrets.token_bytes(32))
            os.fsync(file)
        finally:
            os.close(file)
        try:
            os.link(draft, path)
        except FileExistsError:
            continue
        finally:
            draft.unlink()
