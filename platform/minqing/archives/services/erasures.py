"""Erasing by order (依法删除): whole entries, whole officials, or records named by their commitments. Cannot be undone.

The log's commitments are public, and who names one need not know what it stands for. So an order reaches only what the
acting supervisor may know of: records of the archives, and what another room's guard lets through. Who read what, pads,
reports that name the supervisor and whatever nobody answers for are refused with one and the same sentence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from minqing.accounts.audit import read_recorded
from minqing.accounts.models import Role, Staff
from minqing.accounts.permissions import require
from minqing.archives import checks
from minqing.archives.errors import BadValue, MoveRefused, NotInArchive
from minqing.archives.models import Entry, Official, Reply
from minqing.archives.projection import subject_of
from sync.errors import LedgerFault
from sync.ledger import erasure

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Iterable, Sequence

    Guard = Callable[[Staff, list[str]], bool]
    """Says whether a member of staff may know of the things with all these subjects."""

_guards: dict[str, Guard] = {}


def register_guard(kinds: str, guard: Guard) -> None:
    """Have a room asked before records whose kind begins with ``kinds`` are erased by order."""
    _guards.setdefault(kinds, guard)


@transaction.atomic
def entry_erase(*, by: Staff, entry: uuid.UUID, basis: str) -> str:
    """Erase every record about one of our entries, statements and internal ones too; return the order's commitment.

    Raises:
        NotAllowed: ``by`` is not a supervisor.
        NotInArchive: no such entry here.
        BadValue: no legal basis is given.
        MoveRefused: nothing of it is sealed, or it is erased already.
    """
    require(by, Role.SUPERVISOR)
    rows = Entry.objects.filter(public_id=entry)
    if not rows.exists():
        raise NotInArchive
    return records_erase(by=by, commitments=erasure.records_about(_subjects_of(rows)), basis=basis)


@transaction.atomic
def official_erase(*, by: Staff, official: uuid.UUID, basis: str) -> str:
    """Erase every record about one of our officials with all entries; return the order's commitment.

    Raises:
        NotAllowed: ``by`` is not a supervisor.
        NotInArchive: no such official here.
        BadValue: no legal basis is given.
        MoveRefused: nothing of it is sealed, or it is erased already.
    """
    require(by, Role.SUPERVISOR)
    row = Official.objects.filter(public_id=official).first()
    if row is None:
        raise NotInArchive
    subjects = [
        subject_of("official", official),
        *_subjects_of(Entry.objects.filter(official=row)),
    ]
    return records_erase(by=by, commitments=erasure.records_about(subjects), basis=basis)


@transaction.atomic
def records_erase(*, by: Staff, commitments: Sequence[str], basis: str) -> str:
    """Erase records of this unit named by their commitments; return the order's commitment.

    Raises:
        NotAllowed: ``by`` is not a supervisor.
        BadValue: no legal basis is given, or a commitment cannot be read.
        MoveRefused: one of them does not stand here, or is nothing that ``by`` may have erased.
    """
    staff = require(by, Role.SUPERVISOR)
    why = checks.text(_("法律依据和文号"), basis, longest=400)
    wanted = sorted({checks.commitment(text) for text in commitments})
    if not wanted or "" in wanted:
        raise MoveRefused(_("没有可以删除的存证记录：可能还没有登记完，或者已经删除。"))
    try:
        _require_reach(staff, wanted)
        order = erasure.erase(wanted, basis=why).commitment
    except LedgerFault as fault:
        raise MoveRefused(
            _("有的记录不在本单位的存证里，或者还没有登记完，或者是系统自己的记录；什么也没有删。")
        ) from fault
    read_recorded(staff, "erasure", order)
    return order


def commitments_typed(typed: str) -> list[str]:
    """Read commitments as somebody typed or pasted them, one a line or apart by blanks.

    Raises:
        BadValue: there is none.
    """
    found = [checks.commitment(text.lower()) for text in typed.split()]
    if not found:
        raise BadValue(_("请填写“%(field)s”。") % {"field": _("存证号")})
    return found


def _require_reach(staff: Staff, commitments: Sequence[str]) -> None:
    """Refuse records that are not here any more and those that this person may not have erased, alike."""
    standing = erasure.standing(commitments)
    reached = len(standing) == len(commitments)
    asked: dict[str, list[str]] = {}
    for record in standing:
        room = next((room for room in ("archives.", *_guards) if record.kind.startswith(room)), "")
        asked.setdefault(room, []).append(record.subject)
    for room, subjects in asked.items():
        guard = _guards.get(room)
        if room != "archives." and (guard is None or not guard(staff, subjects)):
            reached = False
    if not reached:
        raise LedgerFault("Not all of these records are this person's to have erased.")


def _subjects_of(entries: Iterable[Entry]) -> list[str]:
    rows = list(entries)
    replies = Reply.objects.filter(entry__in=rows).values_list("public_id", flat=True)
    return [
        *(subject_of("entry", row.public_id) for row in rows),
        *(subject_of("reply", reply) for reply in replies),
    ]
