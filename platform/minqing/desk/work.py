"""The queue's values: a job is one thing that waits for somebody, with its day and the one verb to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

if TYPE_CHECKING:
    import datetime

SOON = 3
"""Days before a deadline from which it is shown as near."""

SHOWN = 30
"""Jobs shown in one section; the rest stand behind a link."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One line of the queue."""

    title: str
    about: str
    href: str
    verb: str
    due: datetime.date | None
    today: datetime.date
    when_else: str = ""  # said where there is no deadline
    number: str = ""  # never broken over two lines

    @property
    def days_left(self) -> int | None:
        """Whole days until the deadline; negative when it has passed."""
        return None if self.due is None else (self.due - self.today).days

    @property
    def urgency(self) -> str:
        """``overdue``, ``soon`` or nothing."""
        return "" if self.days_left is None else urgency_of(self.days_left)

    @property
    def when(self) -> str:
        """How long there is, in words."""
        return self.when_else if self.days_left is None else days_in_words(self.days_left)


@dataclass(frozen=True, kw_only=True)
class Section:
    """The jobs of one verb, late ones first."""

    key: str
    title: str
    href: str  # the page with all of them
    total: int
    late: int
    jobs: tuple[Job, ...]

    @property
    def more(self) -> int:
        """How many stand behind the link."""
        return self.total - len(self.jobs)


def section(key: str, title: str, href: str, jobs: list[Job]) -> Section:
    """Put jobs in order (what is due first, then what has no day) and keep the first ones."""
    ordered = sorted(jobs, key=lambda job: (job.due is None, job.due or job.today))
    return Section(
        key=key,
        title=title,
        href=href,
        total=len(jobs),
        late=sum(job.urgency == "overdue" for job in jobs),
        jobs=tuple(ordered[:SHOWN]),
    )


def urgency_of(left: int) -> str:
    """``overdue``, ``soon`` or nothing, by the days that are left."""
    return "overdue" if left < 0 else "soon" if left <= SOON else ""


def days_in_words(left: int) -> str:
    """``逾期 3 天``, ``今天到期`` or ``还有 5 天``."""
    if left < 0:
        return ngettext("逾期 %(n)d 天", "逾期 %(n)d 天", -left) % {"n": -left}
    if left == 0:
        return _("今天到期")
    return ngettext("还有 %(n)d 天", "还有 %(n)d 天", left) % {"n": left}
