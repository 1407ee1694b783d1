"""Loading the demonstration into the current unit through the same services that staff use. Loading twice changes nothing."""

from __future__ import annotations

import datetime
import math
from typing import TYPE_CHECKING

from django.utils import timezone

from minqing.archives.demo.entries import DemoEntry, demo_entries
from minqing.archives.demo.people import demo_files, demo_offices
from minqing.archives.importing import ImportReport, official_import
from minqing.archives.matrix import PlanItem
from minqing.archives.models import EntryVersion, Official, PublicationPlan
from minqing.archives.services import (
    entry_correct,
    entry_draft,
    entry_publish,
    entry_submit,
    official_edit,
    official_publish,
    plan_enter,
    post_edit,
    reply_attach,
    reply_publish,
)
from minqing.archives.values import Wording
from tenants.current import current_unit

if TYPE_CHECKING:
    import uuid

    from minqing.accounts.models import Staff

YEAR = datetime.timedelta(days=364)
"""Whole weeks, so that a working day stays one."""


def demo_load(*, clerk: Staff, reviewer: Staff, supervisor: Staff) -> ImportReport:
    """Fill the current unit's archives: plan, officials out of their files, entries, statements, one correction.

    Three people act, as they must: ``clerk`` (经办) writes, ``reviewer`` (审核) publishes, ``supervisor`` (督办) enters the
    plan. What is here already is left alone. Returns the table of the import.
    """
    code = current_unit().code
    _enter_plan(supervisor)
    report = official_import(by=clerk, files=demo_files(code), apply=True)
    officials = {row.name: row for row in Official.objects.all()}
    for office in demo_offices(code):
        official = officials[office.name]
        if official.record_version:
            continue
        official_edit(
            by=clerk,
            official=official.public_id,
            name=official.name,
            birth_month=official.birth_month,
            telephone=office.telephone,
        )
        post = official.posts.filter(to_month="").first()
        if post is not None:
            post_edit(
                by=clerk, official=official.public_id, post=post.pk, unit_name=post.unit_name, title=post.title,
                from_month=post.from_month, duties=office.duties,
            )  # fmt: skip
        official_publish(by=reviewer, official=official.public_id)
    known = set(EntryVersion.objects.values_list("title", flat=True))
    back = _back()
    for entry in demo_entries(code):
        if entry.title not in known:
            person = officials[entry.official].public_id if entry.official else None
            _load_entry(entry, person, back, clerk=clerk, reviewer=reviewer)
    return report


def _enter_plan(supervisor: Staff) -> None:
    opened = set(
        PublicationPlan.objects.filter(ended_on__isnull=True).values_list("item", flat=True)
    )
    for number, item in enumerate(PlanItem.values, start=1):
        if item not in opened:
            plan_enter(
                by=supervisor, item=item, document_number=f"演示发〔2026〕{number}号", document_title="群众考评公开方案（演示）",
                document_day=datetime.date(2026, 1, 5) - _back(),
            )  # fmt: skip


def _load_entry(
    entry: DemoEntry,
    person: uuid.UUID | None,
    back: datetime.timedelta,
    *,
    clerk: Staff,
    reviewer: Staff,
) -> None:
    day = entry.day - back
    words = Wording(
        day=day, source_unit=entry.source_unit, title=entry.title, text=entry.text, note="演示数据", negative=entry.negative,
        expires_on=timezone.localdate() + YEAR if entry.negative else None,
    )  # fmt: skip
    made = entry_draft(
        by=clerk, source=entry.source, wording=words, official=person, unit_name=entry.unit_name
    ).public_id
    if entry.stage == "draft":
        return
    entry_submit(by=clerk, entry=made)
    if entry.stage == "submitted":
        return
    entry_publish(by=reviewer, entry=made)
    if entry.reply:
        reply_publish(
            by=reviewer,
            reply=reply_attach(by=clerk, entry=made, text=entry.reply, day=day).public_id,
        )
    if entry.correction:
        corrected = Wording(
            day=day,
            source_unit=entry.source_unit,
            title=entry.title,
            text=entry.correction,
            note="演示数据",
        )
        entry_correct(by=clerk, entry=made, wording=corrected, reason=entry.correction_reason)
        entry_publish(by=reviewer, entry=made)


def _back() -> datetime.timedelta:
    """Whole years that a machine with an earlier clock puts everything back."""
    newest = max(entry.day for entry in demo_entries())
    ahead = newest - timezone.localdate()
    return YEAR * max(0, math.ceil(ahead / YEAR))
