"""What the channel holds of an erased record leaves: words, masks, photos, and every further record that repeats them.

A case that came from another unit and was handed on is let go as a whole: our own records repeat its words, and the
next daily erasure orders them away wherever they went.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

from django.db.models import Q

from minqing.channel.errors import UnknownCase
from minqing.channel.models import Attachment, Case, Forgetting, Mask, Message, Purpose, Step
from minqing.channel.selectors.desk import names_them, visible_cases
from sync.erasers import commitments_of
from sync.ledger import erasure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from minqing.accounts.models import Staff
    from sync.erasers import Gone

ERASED = "（已依法删除）"


def let_go(gone: Sequence[Gone]) -> None:
    """Eraser of the channel. Repeatable: what is empty stays empty."""
    ours = [record for record in gone if record.kind.startswith("channel.") or not record.kind]
    if not ours:
        return
    commitments = commitments_of(ours)
    referred = Q(pk__in=[])
    for record in ours:
        if record.kind == "channel.referral" and record.origin:
            referred |= Q(source=record.origin, source_subject=record.subject)
    words = Message.objects.filter(commitment__in=commitments).exclude(octets=ERASED.encode())
    handed = Case.objects.filter(referred)
    cases = list(
        Case.objects.filter(pk__in=words.filter(purpose=Purpose.REPORT).values("case")).values_list(
            "pk", flat=True
        )
    ) + list(handed.values_list("pk", flat=True))
    Mask.objects.filter(message__in=words).delete()
    words.update(octets=ERASED.encode(), header=None, salt=None)
    Attachment.objects.filter(commitment__in=commitments).delete()
    Step.objects.filter(commitment__in=commitments).update(note="")
    _whole(cases)


def records_of(number: str, *, by: Staff) -> list[str]:
    """Return the commitments of every sealed record about a case: what an order for the whole case names.

    Whoever a report names, and so may not know of it, cannot have it erased by its number either.

    Raises:
        UnknownCase: no case has the number that this person may know of.
    """
    case = visible_cases(by).filter(number=number).first()
    if case is None or names_them(case, by):
        raise UnknownCase
    return erasure.records_about([case.subject])


def may_be_ordered(by: Staff, subjects: list[str]) -> bool:
    """Say whether an order by this person may reach records with these subjects: those of cases they may know of."""
    known = {
        case.subject
        for case in _cases_of(set(subjects), visible_cases(by))
        if not names_them(case, by)
    }
    return known == set(subjects)


def _cases_of(subjects: set[str], cases: QuerySet[Case]) -> list[Case]:
    ids = []
    for subject in subjects:
        with suppress(ValueError):
            ids.append(uuid.UUID(subject.removeprefix("case-")))
    return list(cases.filter(pk__in=ids))


def _whole(cases: Sequence[uuid.UUID]) -> None:
    """The report itself is gone: so is who sent it, where it was, and what was said about it."""
    if not cases:
        return
    Message.objects.filter(case__in=cases).update(octets=ERASED.encode(), header=None, salt=None)
    Mask.objects.filter(message__case__in=cases).delete()
    Attachment.objects.filter(case__in=cases).delete()
    Step.objects.filter(case__in=cases).update(note="")
    rows = Case.objects.filter(pk__in=cases)
    rows.update(contact="", place=None, place_text="")
    for case in rows:
        Forgetting.objects.get_or_create(subject=case.subject)
