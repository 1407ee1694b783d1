"""Load the demonstration through the same services that staff use; running it again adds nothing.

What it makes is what a region would: units, sign-ins, publication plans, officials out of .lrmx files,
reviewed and published entries, a few reports, and accepted connections with grants between all units.
"""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction

from minqing.accounts.models import Staff
from minqing.accounts.services import staff_create
from minqing.archives import demo as archives
from minqing.channel import demo as channel
from minqing.demo.data import PASSWORD, STAFF, UNITS
from sync import ledger
from sync.exchange import documents, peers
from sync.kinds import kinds
from tenants.current import unit_context
from tenants.models import Unit
from tenants.services import unit_create

if TYPE_CHECKING:
    from collections.abc import Callable


def load(say: Callable[[str], None]) -> None:
    """Bring the demonstration's data to what this version shows."""
    _units()
    for row in UNITS:
        say(f"{row.name}: sign-ins, officials, entries, reports")
        with unit_context(Unit.objects.get(code=row.code)):
            _staff()
            archives.demo_load(
                clerk=_who("clerk"), reviewer=_who("reviewer"), supervisor=_who("supervisor")
            )
            channel.demo_load(handler=_who("handler"))
            ledger.seal()
    say("connections")
    _connect()


def _units() -> None:
    for row in UNITS:
        if not Unit.objects.filter(code=row.code).exists():
            parent = Unit.objects.get(code=row.parent) if row.parent else None
            unit_create(
                code=row.code, name=row.name, level=row.level, host=row.host, parent=parent,
                organiser=row.organiser, telephone=row.telephone,
            )  # fmt: skip


def _staff() -> None:
    for row in STAFF:
        if not Staff.objects.filter(username=row.username).exists():
            staff_create(
                username=row.username,
                name=row.name,
                roles=row.roles,
                password=PASSWORD,
                office=row.office,
            )


def _who(username: str) -> Staff:
    return Staff.objects.get(username=username)


def _connect() -> None:
    """Connect every pair as two operators would who read fingerprints to each other by telephone."""
    units = {row.code: Unit.objects.get(code=row.code) for row in UNITS}
    addresses = {row.code: _address(row.host) for row in UNITS}
    origins: dict[str, str] = {}
    fingerprints: dict[str, str] = {}
    for code, unit in units.items():
        with unit_context(unit):
            own = documents.own_document()
            origins[code], fingerprints[code] = own.origin, own.fingerprint
    for here, there in permutations(units, 2):
        with unit_context(units[here]):
            known = {state.origin: state for state in peers.peers_with_state()}
            if origins[there] not in known:
                peers.connection_request(addresses[there])
            if known.get(origins[there]) is None or known[origins[there]].state != "connected":
                peers.connection_accept(origins[there], fingerprints[there])
            with transaction.atomic():  # together, or the peer would see gaps between kinds
                for kind in kinds():
                    if kind.apply is not None:
                        peers.grant_set(origins[there], kind.name, history=True)


def _address(host: str) -> str:
    port = settings.MINQING.public_port
    return f"http://{host}:{port}" if port else f"https://{host}"
