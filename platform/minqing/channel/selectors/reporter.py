"""What a code opens: the reporter's own case, its proof and photos."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext as _

from minqing.channel.codes import code_stretched
from minqing.channel.errors import UnknownCode
from minqing.channel.models import (
    Case,
    Custodian,
    Message,
    Purpose,
    SealedReport,
    Verdict,
)
from minqing.channel.selectors.shown import (
    deadlines_of,
    messages_of,
    photos_of,
    referrals_of,
    steps_of,
    verdict_of,
)
from minqing.channel.states import ANSWER_RULE, OPEN, TELL_RULE, State
from minqing.channel.values import Lodged, ReporterCase, SealedLodged, SealedState
from minqing.workdays.calendar import Due
from sync.errors import LedgerFault
from sync.ledger import receipts
from tenants.current import current_unit

if TYPE_CHECKING:
    from minqing.channel.values import DeadlineView, ReferralView


def case_by_code(code: str) -> ReporterCase:
    """Return the reporter's view.

    Raises:
        UnknownCode: no case answers to the code.
    """
    case = _case(code)
    if case.state == State.SEALED:
        return _sealed(case)
    today = timezone.localdate()
    limits = {limit.rule: limit for limit in deadlines_of(case)}
    late = any(limit.late and limit.met_on is None for limit in limits.values())
    unsatisfied = case.ratings.filter(verdict=Verdict.UNSATISFIED).exists()
    return ReporterCase(
        number=case.number, state=case.state, label=str(State(case.state).label), kind_label=str(case.get_kind_display()),
        place=case.where, day=case.day, receiver=current_unit().name,
        told_by=limits.get("petition-tell"), answer_by=limits.get("petition-answer"),
        messages=messages_of(case), photos=photos_of(case), steps=steps_of(case), referrals=_told_referrals(case),
        may_follow_up=case.state != State.CLOSED, may_rate=may_be_rated(case) and not case.code_seen,
        may_press=case.state in OPEN and case.pressed_on != today,
        may_escalate=case.escalated_on is None and (late or unsatisfied),
        code_seen=case.code_seen, verdict_label=verdict_of(case), sealed=False, proof_ready=_proof(case) is not None,
    )  # fmt: skip


def may_be_rated(case: Case) -> bool:
    """Say whether the last answer waits for the reporter's rating."""
    if case.state == State.ANSWERED:
        return True
    answers = case.messages.filter(purpose=Purpose.ANSWER).count()
    return case.state == State.CLOSED and not case.ratings.filter(round=answers).exists()


def lodged_by_code(code: str) -> Lodged:
    """Return the papers of a report once more, for the form whose button was pressed twice.

    Raises:
        UnknownCode: no case with its words answers to the code.
    """
    case = _case(code)
    first = case.messages.order_by("n").first()
    limits = {limit.rule: limit for limit in case.deadlines.all()}
    if first is None or not {TELL_RULE, ANSWER_RULE} <= set(limits):
        raise UnknownCode
    told_by, answer_by = (
        Due(day=limits[rule].day, provisional=limits[rule].provisional)
        for rule in (TELL_RULE, ANSWER_RULE)
    )
    return Lodged(
        number=case.number, code=code, day=case.day, told_by=told_by, answer_by=answer_by,
        acknowledgement=receipts.acknowledge(first.commitment), receiver=current_unit().name,
    )  # fmt: skip


def sealed_lodged_by_code(code: str) -> SealedLodged:
    """Return the paper of a sealed report once more, for the form whose button was pressed twice.

    Raises:
        UnknownCode: no sealed report answers to the code.
    """
    report = SealedReport.objects.filter(code=code_stretched(code)).first()
    if report is None:
        raise UnknownCode
    keepers = Custodian.objects.filter(active=True)
    return SealedLodged(
        code=code,
        day=report.day,
        openers=tuple(f"{keeper.office} · {keeper.post}" for keeper in keepers),
    )


def proof_by_code(code: str) -> bytes | None:
    """Return the proof file of the report's words, or None while the slot has not passed.

    It holds header, words, salt and path; nothing in it comes from the code, the number or the contact.

    Raises:
        UnknownCode: no case answers to the code.
    """
    case = _case(code)
    return None if case.state == State.SEALED else _proof(case)


def photo_by_code(code: str, photo: str) -> bytes:
    """Return the shown copy (JPEG) of one of the report's photos.

    Raises:
        UnknownCode: no case answers to the code, or it has no such photo.
    """
    return photo_of(_case(code), photo)


def sealed_by_code(code: str) -> SealedState:
    """Return what the reporter of a sealed report may see: that it is there and how often it was opened.

    Raises:
        UnknownCode: no sealed report answers to the code.
    """
    report = SealedReport.objects.filter(code=code_stretched(code)).first()
    if report is None:
        raise UnknownCode
    boxes = list(report.boxes.all())
    return SealedState(
        day=report.day, openers=len(boxes), openings=sum(box.openings for box in boxes)
    )


def photo_of(case: Case, photo: str) -> bytes:
    """Return one photo's shown copy.

    Raises:
        UnknownCode: the case has none of that id.
    """
    for pk, shown in case.attachments.values_list("id", "shown"):
        if str(pk) == photo:
            return bytes(shown)
    raise UnknownCode


def _told_referrals(case: Case) -> tuple[ReferralView, ...]:
    """The referrals without the silent one to the unit above, which would tell that somebody here is named.

    After the reporter has asked for the unit above, it stands there as it would have without.
    """
    told = []
    for referral in referrals_of(case):
        if referral.origin != case.superior:
            told.append(referral)
        elif case.escalated_on is not None:
            told.append(replace(referral, day=case.escalated_on, reason=""))
    return tuple(told)


def _case(code: str) -> Case:
    case = Case.objects.select_related("place__within").filter(code=code_stretched(code)).first()
    if case is None:
        raise UnknownCode
    return case


def _proof(case: Case) -> bytes | None:
    words = Message.objects.filter(case=case, n=0).values_list("commitment", flat=True).first()
    try:
        return receipts.proof(words) if words is not None else None
    except LedgerFault:  # erased by an order of its own; the case itself may still be read
        return None


def _sealed(case: Case) -> ReporterCase:
    """The case was passed on to whoever may open it, or sealed at another unit's word: that sentence, nothing else."""
    nothing: DeadlineView | None = None
    label = _("已转为密件") if case.copy_kept else str(State.SEALED.label)
    return ReporterCase(
        number=case.number, state=case.state, label=label, kind_label="", place="", day=case.day, receiver="",
        told_by=nothing, answer_by=nothing, messages=(), photos=(), steps=(), referrals=(), may_follow_up=False, may_rate=False,
        may_press=False, may_escalate=False, code_seen=case.code_seen, verdict_label="", sealed=True, copy_kept=case.copy_kept, proof_ready=False,
    )  # fmt: skip
