"""Staff, plans, officials and entries for tests of the archives, all made through the services."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from django.contrib.auth.hashers import make_password

from minqing.accounts.models import Role, Staff
from minqing.archives import services
from minqing.archives.matrix import PlanItem, Source
from minqing.archives.models import EntryVersion
from minqing.archives.values import Wording

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable

DAY = datetime.date(2026, 11, 2)


def staff(username: str, *roles: str) -> Staff:
    """Make a member of staff of the current unit who cannot sign in (stretching a password takes a third of a second)."""
    return Staff.objects.create(
        username=username, name=f"演示{username}", roles=sorted(roles), password=make_password(None)
    )


class Office:
    """A clerk, a reviewer and a supervisor of the current unit, with every plan item open unless told otherwise."""

    def __init__(self, *, plans: bool = True) -> None:
        self.clerk = staff("clerk", Role.CLERK)
        self.reviewer = staff("reviewer", Role.REVIEWER)
        self.supervisor = staff("supervisor", Role.SUPERVISOR)
        for item in PlanItem.values if plans else ():
            self.open_plan(item)

    def open_plan(self, item: str) -> None:
        services.plan_enter(
            by=self.supervisor,
            item=item,
            document_number="新组发〔2026〕1号",
            document_title="公开方案（演示）",
            document_day=DAY,
        )

    def official(self, name: str = "王示例", *, publish: bool = True) -> uuid.UUID:
        row = services.official_create(
            by=self.clerk, name=name, birth_month="198003", telephone="0739-000 0001"
        )
        services.post_add(
            by=self.clerk,
            official=row.public_id,
            unit_name="坪上镇",
            title="党委副书记、镇长",
            from_month="202403",
            duties="主持镇政府全面工作",
        )
        if publish:
            services.official_publish(by=self.reviewer, official=row.public_id)
        return row.public_id

    def draft(
        self, official: uuid.UUID | None = None, *, source: str = Source.INSPECTION, **more: Any
    ) -> uuid.UUID:
        given = more.pop("wording", None) or wording()
        return services.entry_draft(
            by=self.clerk, source=source, wording=given, official=official, **more
        ).public_id

    def submitted(self, official: uuid.UUID | None = None, **more: Any) -> uuid.UUID:
        entry = self.draft(official, **more)
        services.entry_submit(by=self.clerk, entry=entry)
        return entry

    def published(self, official: uuid.UUID | None = None, **more: Any) -> uuid.UUID:
        entry = self.submitted(official, **more)
        services.entry_publish(by=self.reviewer, entry=entry)
        return entry

    def corrected(self, entry: uuid.UUID, **more: Any) -> None:
        services.entry_correct(
            by=self.clerk, entry=entry, wording=wording(**more), reason="数字核对有误"
        )
        services.entry_publish(by=self.reviewer, entry=entry)


def wording(**more: Any) -> Wording:
    """Make the words of an entry."""
    values: dict[str, Any] = {
        "day": DAY,
        "source_unit": "县督查室",
        "title": "村道硬化工程进度滞后，限期整改",
        "text": "现场检查 6 个村，4 个村完成率低于计划。要求 15 个工作日内完成路基。",
        "note": "督查记录第 12 号",
    }
    return Wording(**{**values, **more})


def erased(by: Staff, commitments: Iterable[str], basis: str = "依据") -> str:
    """Have records erased by ``by`` and a second supervisor; return the order's commitment."""
    entered = services.erasure_enter(by=by, commitments=commitments, basis=basis)
    second = Staff.objects.filter(username="second").first() or staff("second", Role.SUPERVISOR)
    return services.erasure_confirm(by=second, entry=entered)


def version_of(entry: uuid.UUID) -> EntryVersion:
    """Return an entry's newest version."""
    return EntryVersion.objects.filter(entry__public_id=entry).latest("number")
