"""Statements of officials (本人说明) that wait for review."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from minqing.accounts.models import Role
from minqing.accounts.permissions import require
from minqing.archives.models import Reply
from minqing.archives.states import State

if TYPE_CHECKING:
    import datetime
    import uuid

    from minqing.accounts.models import Staff


@dataclass(frozen=True, kw_only=True)
class WaitingReply:
    """A statement that its reader may review."""

    entry_id: uuid.UUID
    official_name: str
    day: datetime.date


def replies_to_review(by: Staff, *, limit: int = 200) -> list[WaitingReply]:
    """Return statements on published entries that somebody else entered and nobody has reviewed.

    Raises:
        NotAllowed: ``by`` does not review.
    """
    staff = require(by, Role.REVIEWER)
    rows = (
        Reply.objects.filter(commitment="", entry__versions__state=State.PUBLISHED)
        .exclude(author=staff)
        .select_related("entry__official")
        .distinct()[:limit]
    )
    return [
        WaitingReply(
            entry_id=row.entry.public_id,
            official_name=row.entry.official.name if row.entry.official else "",
            day=row.day,
        )
        for row in rows
    ]
