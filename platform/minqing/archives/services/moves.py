"""The one function that changes the state of a version, and the one that appends a record about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext as _

from minqing.archives import bodies, checks
from minqing.archives.errors import MoveRefused, SamePerson
from minqing.archives.projection import Published, subject_of
from minqing.archives.states import MOVES, State
from sync import audiences, identity, ledger

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from minqing.accounts.models import Staff
    from minqing.archives.models import EntryVersion, Official


def move(
    version: EntryVersion, name: str, *, by: Staff, reason: str = "", **changes: object
) -> None:
    """Take one step and save the version with the changes that belong to it. The caller holds the entry's lock.

    Raises:
        MoveRefused: the version is not where this step begins.
        SamePerson: the step needs someone other than the author.
        BadValue: the step needs a reason.
    """
    step = MOVES[name]
    if version.state != step.source:
        raise MoveRefused(
            _("这条内容现在是“%(state)s”，不能这样处理。请刷新页面看最新情况。")
            % {"state": State(version.state).label}
        )
    if step.other_person and version.author_id == by.pk:
        raise SamePerson
    if step.needs_reason:
        checks.reason(reason)
    version.state = step.target
    for field, value in changes.items():
        setattr(version, field, value)
    version.save()


def require_home(official: Official | None) -> None:
    """Refuse to write about an official whom another unit keeps now.

    Raises:
        MoveRefused: they were handed over.
    """
    if official is not None and official.home != identity.origin():
        raise MoveRefused(_("这位同志的档案已经移交，由接收单位管理，本单位不能再改。"))


def publish(
    kind: str,
    noun: str,
    public_id: uuid.UUID,
    body: bodies.Body,
    project: Callable[[Published], None],
) -> str:
    """Append a public record of ours and show it through the code path that shows everyone's; return the commitment."""
    octets = bodies.encode(body)
    subject = subject_of(noun, public_id)
    day = timezone.localdate()
    appended = ledger.append(
        kind=kind,
        subject=subject,
        body=octets,
        audience=audiences.PUBLIC,
        media_type=bodies.MEDIA_TYPE,
        day=day,
    )
    project(
        Published(
            origin=appended.origin,
            commitment=appended.commitment,
            day=day,
            subject=subject,
            body=octets,
        )
    )
    return appended.commitment


def keep_review(entry_id: uuid.UUID, body: bodies.ReviewBody) -> str:
    """Append who wrote and who reviewed, for the unit's own eyes; the public record names it by commitment."""
    own = identity.origin()
    return ledger.append(
        kind=bodies.REVIEW_KIND, subject=subject_of("entry", entry_id), body=bodies.encode(body),
        audience=audiences.for_unit(own), media_type=bodies.MEDIA_TYPE,
    ).commitment  # fmt: skip
