"""Who may open reports of the second door, in the order in which this unit would choose; and what is left to accept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minqing.accounts.models import Role
from minqing.accounts.permissions import require
from minqing.channel.models import Acceptance, Custodian, Designation
from minqing.channel.values import ForeignDesignation, OwnDesignation
from sync.exchange.peers import reachable_units
from tenants.current import current_unit

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from minqing.accounts.models import Staff
    from sync.exchange.standing import PeerUnit

READERS = (Role.OPERATOR, Role.SUPERVISOR)
CUSTODIANS = 2
"""How many custodians, of different offices, a report is sealed to; either opens it."""


def custodians_in_force() -> QuerySet[Custodian]:
    """Return the custodians who can sign in and open: an account that was shut or lost the role opens nothing."""
    return Custodian.objects.filter(
        active=True, staff__is_active=True, staff__roles__contains=[Role.CUSTODIAN]
    )


def own_form_open() -> bool:
    """Say whether this unit may take sealed reports itself."""
    return (
        Designation.objects.filter(origin="", withdrawn_on=None).exists()
        and custodians_in_force().count() >= CUSTODIANS
    )


def receivers_in_order() -> list[tuple[Designation, PeerUnit | None]]:
    """Return the designations that count here: the superior unit's first, then our own (without a unit), then others.

    Another unit's counts while it is in force, the unit is connected, and an operator here has accepted it.
    """
    units = {unit.origin: unit for unit in reachable_units()}
    parent = current_unit().parent
    found = [
        (designation, units.get(designation.origin))
        for designation in Designation.objects.filter(withdrawn_on=None, origin="")
        if own_form_open()
    ]
    accepted = Acceptance.objects.filter(ended_on=None, designation__withdrawn_on=None)
    found += [
        (acceptance.designation, units[acceptance.designation.origin])
        for acceptance in accepted.select_related("designation")
        if acceptance.designation.origin in units
    ]

    def place(one: tuple[Designation, PeerUnit | None]) -> tuple[int, str, str]:
        designation, unit = one
        if unit is None:
            return 1, "", ""
        above = parent is not None and unit.code == parent.code
        return (0 if above else 2), unit.code, designation.origin

    return sorted(found, key=place)


def foreign_designations(by: Staff | None) -> list[ForeignDesignation]:
    """Return what connected units published about their designation, with who accepted it here and when.

    ``by=None`` is the host's own command line.

    Raises:
        NotAllowed: ``by`` neither runs the platform nor supervises.
    """
    if by is not None:
        require(by, *READERS)
    units = {unit.origin: unit for unit in reachable_units()}
    parent = current_unit().parent
    rows = Designation.objects.filter(withdrawn_on=None).exclude(origin="")
    standing = {
        acceptance.designation_id: acceptance
        for acceptance in Acceptance.objects.filter(ended_on=None).select_related("accepted_by")
    }
    found = []
    for row in rows:
        unit, accepted = units.get(row.origin), standing.get(row.pk)
        found.append(
            ForeignDesignation(
                commitment=row.commitment, origin=row.origin, code=row.code,
                name=unit.name if unit is not None else row.name, document=row.document, issuer=row.issuer, day=row.day,
                openers=tuple(f"{opener['office']} · {opener['post']}" for opener in row.openers),
                connected=unit is not None, superior=parent is not None and row.code == parent.code,
                accepted_on=accepted.accepted_on if accepted is not None else None,
                accepted_by=accepted.accepted_by.name if accepted is not None and accepted.accepted_by is not None else "",
            )
        )  # fmt: skip
    return sorted(found, key=lambda one: (not one.superior, one.code, one.origin))


def own_designation(by: Staff) -> OwnDesignation | None:
    """Return this unit's designation in force, if there is one.

    Raises:
        NotAllowed: ``by`` neither runs the platform nor supervises.
    """
    require(by, *READERS)
    row = Designation.objects.filter(origin="", withdrawn_on=None).first()
    if row is None:
        return None
    return OwnDesignation(
        document=row.document, issuer=row.issuer, day=row.day,
        openers=tuple(f"{opener['office']} · {opener['post']}" for opener in row.openers),
    )  # fmt: skip
