"""Adopting a log: an operator vouches for its state after the signer lost what it signed last. Logged, publicly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from django.db import transaction

from sync import identity, ledger
from sync.audiences import PUBLIC
from sync.errors import SyncFault
from sync.formats import merkle, tiles
from sync.models import Log
from sync.signer import client
from sync.signer.messages import Adopt
from tenants.current import current_unit
from tenants.errors import UnitFault

if TYPE_CHECKING:
    from tenants.models import Unit

KIND = "sync.adoption"


class Adopted(msgspec.Struct, frozen=True, kw_only=True):
    """Body of an adoption record."""

    size: int
    root: str
    """In hexadecimal."""


def adopt_unit(unit: Unit) -> str:
    """Adopt the log of one unit; registered with ``tenants.services.register_adopter``.

    Raises:
        UnitFault: with the signer's reason.
    """
    try:
        return f"{unit.code}: log adopted at {adopt()} entries; the adoption stands in the log"
    except SyncFault as fault:
        raise UnitFault(str(fault)) from fault


def adopt() -> int:
    """Tell the signer the log's state, append the adoption as a public record, seal it; return the size adopted.

    Raises:
        SignerRefused: the signer knows a last head: there is nothing to adopt, or newer data exist.
        SignerUnreachable: the signer does not run.
    """
    key = identity.log_key()
    log = Log.objects.get(unit=current_unit().code)
    root = merkle.root(tiles.split(bytes(log.edge)) if log.edge else [])
    client.signer().ask(Adopt(origin=key.name, size=log.size, root=root))
    body = msgspec.json.encode(Adopted(size=log.size, root=root.hex()), order="deterministic")
    with transaction.atomic():
        ledger.append(kind=KIND, subject="signer", body=body, audience=PUBLIC)
    ledger.seal()
    return log.size
