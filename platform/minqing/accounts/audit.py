"""Who read what through the application (查阅留痕): one slotted ledger record per reading of a guarded thing.

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
    from minqing.accounts.models import Staff

KIND = "accounts.read"


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
