"""Load the demonstration through the same services that staff use; running it again adds nothing.

What it makes is what a region would: units, sign-ins, publication plans, officials out of .lrmx files,
reviewed and published entries, and accepted connections with grants between all units.
"""

from __future__ import annotations

from datetime import date
from importlib import resources
from itertools import permutations
from typing import TYPE_CHECKING

from django.conf import settings

from minqing.accounts.models import Staff
from minqing.accounts.services import staff_create
from minqing.archives.demo import demo_entries
from minqing.archives.importing.service import ImportFile, official_import
from minqing.archives.matrix import PlanItem
from minqing.archives.models import Official, PublicationPlan
from minqing.archives.services import (
    entry_draft,
    entry_publish,
    entry_submit,
    official_publish,
    plan_enter,
)
from minqing.demo.data import PASSWORD, STAFF, UNITS
from sync import ledger, peers
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
        unit = Unit.objects.get(code=row.code)
        with unit_context(unit):
            _staff()
            _plans()
            if not Official.objects.exists():
                say(f"{row.name}: officials and entries")
                _officials(row.code)
                _entries(row.code)
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


def _plans() -> None:
    for number, item in enumerate(PlanItem.values, 1):
        if not PublicationPlan.objects.filter(item=item).exists():
            plan_enter(
                by=_who("supervisor"), item=item, document_number=f"演示〔2026〕{number}号",
                document_title="群众考评干部信息公开方案（演示）", document_day=date(2026, 3, 2),
            )  # fmt: skip


def _officials(code: str) -> None:
    folder = resources.files("minqing.archives.demo")
    files = [
        ImportFile(name=path.name, octets=path.read_bytes())
        for path in sorted(folder.iterdir(), key=lambda path: path.name)
        if path.name.startswith(f"{code}_") and path.name.endswith(".lrmx")
    ]
    report = official_import(by=_who("clerk"), files=files, apply=True)
    if report.refused:
        raise RuntimeError("; ".join(file.fault for file in report.files if file.fault))
    for official in Official.objects.all():
        official_publish(by=_who("reviewer"), official=official.public_id)


def _entries(code: str) -> None:
    people = {official.name: official.public_id for official in Official.objects.all()}
    for row in demo_entries():
        if row.unit_code != code:
            continue
        entry = entry_draft(
            by=_who("clerk"), source=row.source, wording=row.wording, unit_name=row.unit_name,
            official=people.get(row.official), names_person=row.names_person,
        )  # fmt: skip
        entry_submit(by=_who("clerk"), entry=entry.public_id)
        entry_publish(by=_who("reviewer"), entry=entry.public_id)


def _connect() -> None:
    """Connect every pair as two operators would who read fingerprints to each other by telephone."""
    units = {row.code: Unit.objects.get(code=row.code) for row in UNITS}
    addresses = {row.code: _address(row.host) for row in UNITS}
    origins: dict[str, str] = {}
    fingerprints: dict[str, str] = {}
    for code, unit in units.items():
        with unit_context(unit):
            own = peers.own_document()
            origins[code], fingerprints[code] = own.origin, own.fingerprint
    for here, there in permutations(units, 2):
        with unit_context(units[here]):
            known = {state.origin: state for state in peers.peers_with_state()}
            if origins[there] not in known:
                peers.connection_request(addresses[there])
            if known.get(origins[there]) is None or known[origins[there]].state != "connected":
                peers.connection_accept(origins[there], fingerprints[there])
            for kind in kinds():
                if kind.apply is not None:
                    peers.grant_set(origins[there], kind.name, history=True)


def _address(host: str) -> str:
    port = settings.MINQING.public_port
    return f"http://{host}:{port}" if port else f"https://{host}"
