"""Erasing by order (依法删除): whole entries, whole officials, or records named by their commitments. Cannot be undone.

One supervisor enters an order and another confirms it (双人): nobody alone makes a report or an entry vanish everywhere.

The log's commitments are public, and who names one need not know what it stands for. So an order reaches only what the
acting supervisor may know of: records of the archives, and what another room's guard lets through. Who read what, pads,
reports that name the supervisor and whatever nobody answers for are refused with one and the same sentence.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from minqing.accounts.audit import read_recorded
from minqing.accounts.models import Role, Staff
from minqing.accounts.permissions import require
from minqing.archives import checks
from minqing.archives.errors import BadValue, MoveRefused, NotInArchive, SamePerson
from minqing.archives.models import Entry, ErasureEntry, Official, Reply
from minqing.archives.projection import subject_of
from sync.errors import LedgerFault
from sync.ledger import erasure

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Iterable, Sequence

    from django.db.models import QuerySet

    Guard = Callable[[Staff, list[str]], bool]
    """Says whether a member of staff may know of the things with all these subjects."""

KEPT = datetime.timedelta(days=14)
"""How long an order may be confirmed."""
_OURS = "archives."
_guards: dict[str, Guard] = {}


def register_guard(kinds: str, guard: Guard) -> None:
    """Have a room asked before records whose kind begins with ``kinds`` are erased by order."""
    _guards.setdefault(kinds, guard)


def entry_records(*, by: Staff, entry: uuid.UUID) -> list[str]:
    """Return every record about one of our entries, statements and internal ones too: what an order for it names.

    Raises:
        NotAllowed: ``by`` is not a supervisor.
        NotInArchive: no such entry here.
    """
    require(by, Role.SUPERVISOR)
    rows = Entry.objects.filter(public_id=entry)
    if not rows.exists():
        raise NotInArchive
    return erasure.records_about(_subjects_of(rows))


def official_records(*, by: Staff, official: uuid.UUID) -> list[str]:
    """Return every record about one of our officials with all entries.

    Raises:
        NotAllowed: ``by`` is not a supervisor.
        NotInArchive: no such official here.
    """
    require(by, Role.SUPERVISOR)
    row = Official.objects.filter(public_id=official).first()
    if row is None:
        raise NotInArchive
    subjects = [
        subject_of("official", official),
        *_subjects_of(Entry.objects.filter(official=row)),
    ]
    return erasure.records_about(subjects)


@transaction.atomic
def erasure_enter(
    *,
    by: Staff,
    commitments: Iterable[str],
    basis: str,
    kind: str = ErasureEntry.Kind.RECORD,
    what: str = "",
) -> uuid.UUID:
    """Enter an order: the first of two people; nothing is erased yet. Return its id.

    ``kind`` and ``what`` (public id or number) tell the second person what the records are about.

    Raises:
        NotAllowed: ``by`` is not a supervisor.
        BadValue: no legal basis is given, or a commitment cannot be read.
        MoveRefused: one of the records does not stand here, or is nothing that ``by`` may have erased.
    """
    staff = require(by, Role.SUPERVISOR)
    why = checks.text(_("法律依据和文号"), basis, longest=400)
    wanted = sorted({checks.commitment(text) for text in commitments})
    if not wanted or "" in wanted:
        raise MoveRefused(_("没有可以删除的存证记录：可能还没有登记完，或者已经删除。"))
    if not _reaches(staff, wanted):
        raise MoveRefused(_out_of_reach())
    today = timezone.localdate()
    ErasureEntry.objects.filter(day__lt=today - KEPT).delete()
    row = ErasureEntry.objects.create(
        kind=kind, what=what[:80], commitments=wanted, basis=why, entered_by=staff, day=today
    )
    read_recorded(staff, "erasure.entered", str(row.pk))
    return row.pk


@transaction.atomic
def erasure_confirm(*, by: Staff, entry: uuid.UUID) -> str:
    """Confirm the order that somebody else entered: what it names is erased for good. Return the order's commitment.

    Raises:
        NotAllowed: ``by`` is not a supervisor.
        NotInArchive: nobody entered it, or it is about something that ``by`` may not know of.
        SamePerson: ``by`` entered it.
        MoveRefused: what it names has changed, or who entered it is no supervisor any more.
    """
    staff = require(by, Role.SUPERVISOR)
    row = _entered(staff, entry, ErasureEntry.objects.select_for_update(of=("self",)))
    if row.entered_by_id == staff.pk:
        raise SamePerson
    if not row.entered_by.has_role(Role.SUPERVISOR) or not _reaches(
        row.entered_by, row.commitments
    ):
        raise MoveRefused(_("录入的人已经不能办这件事，请重新录入。"))
    try:
        order = erasure.erase(row.commitments, basis=row.basis).commitment
    except LedgerFault as fault:
        raise MoveRefused(_out_of_reach()) from fault
    read_recorded(staff, "erasure", order)
    row.delete()
    return order


@transaction.atomic
def erasure_drop(*, by: Staff, entry: uuid.UUID) -> None:
    """Drop an order that nobody confirmed; who entered it may as well.

    Raises:
        NotAllowed: ``by`` is not a supervisor.
        NotInArchive: nobody entered it, or it is about something that ``by`` may not know of.
    """
    staff = require(by, Role.SUPERVISOR)
    row = _entered(staff, entry, ErasureEntry.objects.select_for_update(of=("self",)))
    read_recorded(staff, "erasure.dropped", str(row.pk))
    row.delete()


def erasures_entered(by: Staff) -> list[ErasureEntry]:
    """Return the orders that wait for a second person and are about nothing hidden from ``by``.

    Raises:
        NotAllowed: ``by`` is not a supervisor.
    """
    staff = require(by, Role.SUPERVISOR)
    rows = _standing(ErasureEntry.objects.all())
    return [row for row in rows if _reaches(staff, row.commitments)]


def _standing(rows: QuerySet[ErasureEntry]) -> QuerySet[ErasureEntry]:
    return rows.filter(day__gte=timezone.localdate() - KEPT).select_related("entered_by")


def _entered(staff: Staff, pk: uuid.UUID, rows: QuerySet[ErasureEntry]) -> ErasureEntry:
    row = _standing(rows).filter(pk=pk).first()
    if row is None or not _reaches(staff, row.commitments):
        raise NotInArchive
    return row


def commitments_typed(typed: str) -> list[str]:
    """Read commitments as somebody typed or pasted them, one a line or apart by blanks.

    Raises:
        BadValue: there is none.
    """
    found = [checks.commitment(text.lower()) for text in typed.split()]
    if not found:
        raise BadValue(_("请填写“%(field)s”。") % {"field": _("存证号")})
    return found


def _reaches(staff: Staff, commitments: Sequence[str]) -> bool:
    """Say whether all these records stand here and this person may have them erased."""
    standing = erasure.standing(commitments)
    asked: dict[str, list[str]] = {}
    for record in standing:
        room = next((room for room in (_OURS, *_guards) if record.kind.startswith(room)), "")
        asked.setdefault(room, []).append(record.subject)
    let = [
        room == _OURS or (room in _guards and _guards[room](staff, subjects))
        for room, subjects in asked.items()
    ]
    return len(standing) == len(commitments) and all(let)


def _out_of_reach() -> str:
    return _("有的记录不在本单位的存证里，或者还没有登记完，或者是系统自己的记录；什么也没有删。")


def _subjects_of(entries: Iterable[Entry]) -> list[str]:
    rows = list(entries)
    replies = Reply.objects.filter(entry__in=rows).values_list("public_id", flat=True)
    return [
        *(subject_of("entry", row.public_id) for row in rows),
        *(subject_of("reply", reply) for reply in replies),
    ]
