"""Reports of the demonstration: three of invented people, so that a desk opened for the first time has work on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from minqing.channel.models import Case, Kind
from minqing.channel.services import case_accept, case_answer, report_lodge

if TYPE_CHECKING:
    from minqing.accounts.models import Staff


@dataclass(frozen=True, kw_only=True)
class _Report:
    kind: Kind
    words: str
    place: str = ""
    answer: str | None = None
    """None: nobody has looked at it yet; empty: accepted; else what the office wrote."""


_REPORTS = (
    _Report(
        kind=Kind.COMPLAINT,
        words="（演示）示例路口的路灯坏了半个月，晚上接孩子要打手电。\n打过两次电话，都说会来修。",
        place="示例路口",
    ),
    _Report(
        kind=Kind.SUGGESTION,
        words="（演示）便民大厅中午没有人，在外做工的人只有中午赶得回来。能不能轮流值班？",
        answer="",
    ),
    _Report(
        kind=Kind.QUESTION,
        words="（演示）高龄津贴从哪个月开始发？要带什么材料，家里人能不能代办？",
        answer="（演示）满八十周岁的当月起发。带身份证和银行卡，家属可以代办，另带家属的身份证。",
    ),
)


@transaction.atomic  # broken off half-way there are none, and the next start loads all
def demo_load(*, handler: Staff) -> None:
    """Lodge the reports in the current unit and handle them as far as shown, unless it has reports already."""
    if Case.objects.exists():
        return
    for report in _REPORTS:
        lodged = report_lodge(words=report.words.encode(), kind=report.kind, place=report.place)
        if report.answer is not None:
            case_accept(by=handler, number=lodged.number)
        if report.answer:
            case_answer(by=handler, number=lodged.number, words=report.answer.encode())
