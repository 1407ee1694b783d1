"""Making values of a case's rows: shown copies, courses, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from minqing.channel.models import Case, Deadline, Message, Verdict
from minqing.channel.states import State
from minqing.channel.values import DeadlineView, MessageView, PhotoView, ReferralView, StepView
from minqing.workdays.rules import rule_named

if TYPE_CHECKING:
    import datetime

MASK = "■"


def shown_text(message: Message) -> str:
    """Return the shown copy: the decoded words with the masked stretches covered, nothing else changed."""
    text = bytes(message.octets).decode("utf-8")
    for mask in message.masks.all():
        end = mask.start + mask.length
        text = text[: mask.start] + MASK * len(text[mask.start : end]) + text[end:]
    return text


def messages_of(case: Case) -> tuple[MessageView, ...]:
    """Return the dialogue in order."""
    return tuple(
        MessageView(
            n=message.n, sender=message.sender, sender_label=message.get_sender_display(), purpose=message.purpose,
            purpose_label=message.get_purpose_display(), octets=bytes(message.octets), text=shown_text(message),
            masked=bool(message.masks.all()), commitment=message.commitment, day=message.day,
        )
        for message in case.messages.prefetch_related("masks")
    )  # fmt: skip


def photos_of(case: Case) -> tuple[PhotoView, ...]:
    """Return the photos' places; their octets are fetched one by one."""
    return tuple(PhotoView(id=str(pk), n=n) for pk, n in case.attachments.values_list("id", "n"))


def steps_of(case: Case) -> tuple[StepView, ...]:
    """Return the course in order."""
    return tuple(
        StepView(
            state=step.state,
            label=str(step.get_state_display()),
            note=step.note,
            unit=step.unit,
            day=step.day,
        )
        for step in case.steps.all()
    )


def deadline_view(deadline: Deadline, today: datetime.date) -> DeadlineView:
    """Return one limit with its ground."""
    rule = rule_named(deadline.rule)
    return DeadlineView(
        rule=rule.name, task=rule.task, basis=rule.basis, day=deadline.day, provisional=deadline.provisional,
        met_on=deadline.met_on, late=(deadline.met_on or today) > deadline.day,
    )  # fmt: skip


def deadlines_of(case: Case) -> tuple[DeadlineView, ...]:
    """Return the limits, earliest first."""
    today = timezone.localdate()
    return tuple(deadline_view(deadline, today) for deadline in case.deadlines.all())


def referrals_of(case: Case) -> tuple[ReferralView, ...]:
    """Return where the case was handed."""
    return tuple(
        ReferralView(
            origin=referral.origin, name=referral.name, reason=referral.reason, state=referral.state,
            label=str(State(referral.state).label), day=referral.day, commitment=referral.commitment,
        )
        for referral in case.referrals.all()
    )  # fmt: skip


def verdict_of(case: Case) -> str:
    """Return the last rating in words, or nothing."""
    verdict = case.ratings.order_by("-round").values_list("verdict", flat=True).first()
    return str(Verdict(verdict).label) if verdict else ""
