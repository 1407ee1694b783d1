"""Who changed whose account; and who read what through the application (查阅留痕): one slotted ledger record per reading of a guarded thing.

The record's audience is the unit itself, and it waits for the slot, so that the log outside tells
nobody when a case was opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from django.db import transaction

from minqing.accounts.permissions import require
from sync import audiences, identity, ledger

if TYPE_CHECKING:
    from minqing.accounts.models import Proposal, Staff

KIND = "accounts.read"
STAFF_KIND = "accounts.staff"
ACT_KIND = "accounts.act"


def read_recorded(by: Staff, what: str, subject: str) -> None:
    """Append that ``by`` read ``what`` of ``subject``.

    ``what`` is a short machine word such as ``case.contact``; ``subject`` names the thing by its
    public number or id, never by its content.

    Raises:
        NotAllowed: ``by`` is not an active member of staff of this unit; the caller must then show nothing.
    """
    reader = require(by)
    body = msgspec.json.encode(
        {"reader": reader.username, "subject": subject, "what": what}, order="deterministic"
    )
    with transaction.atomic():
        ledger.append(
            kind=KIND, subject=f"staff:{reader.username}", body=body, audience=audiences.for_unit(identity.origin()),
            media_type="application/json",
        )  # fmt: skip


def staff_recorded(by: Staff | None, staff: Staff | Proposal, what: str) -> None:
    """Append who changed whose account how; never a password. Only this unit holds the record.

    ``by=None`` is the host's own command line, written as an empty name, which nobody can sign in with.
    """
    body = {
        "by": by.username if by is not None else "",
        "office": staff.office,
        "roles": sorted(staff.roles),
        "username": staff.username,
        "what": what,
    }
    with transaction.atomic():
        ledger.append(
            kind=STAFF_KIND, subject=f"staff:{staff.username}", body=msgspec.json.encode(body, order="deterministic"),
            audience=audiences.for_unit(identity.origin()), media_type="application/json",
        )  # fmt: skip
        ledger.seal_soon()


def act_recorded(by: Staff | None, what: str, subject: str) -> None:
    """Append that somebody who runs the platform did ``what`` to ``subject``: connections, grants, who opens sealed reports.

    ``by=None`` is the host's own command line.
    """
    body = {"by": by.username if by is not None else "", "subject": subject, "what": what}
    with transaction.atomic():
        ledger.append(
            kind=ACT_KIND, subject="acts", body=msgspec.json.encode(body, order="deterministic"),
            audience=audiences.for_unit(identity.origin()), media_type="application/json",
        )  # fmt: skip
        ledger.seal_soon()
