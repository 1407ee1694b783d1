"""The table of an import: what was taken, changed, refused and dropped, per file and field. Never a dropped value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    import uuid


class Outcome(models.TextChoices):
    """What became of one field."""

    TAKEN = "taken", _("收下")
    CHANGED = "changed", _("改写后收下")
    REFUSED = "refused", _("不合要求，没有收")
    DROPPED = "dropped", _("按规定不收")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the table."""

    field: str  # tag in the file, for example ShenFenZheng
    label: str  # 身份证号
    outcome: Outcome
    line: int  # in the file, from 1; 0 where the field has none
    detail: str  # what was taken or changed to, or why not; empty for sensitive fields


@dataclass(frozen=True, kw_only=True)
class FileReport:
    """One file."""

    file: str
    action: str  # new | update | unchanged | refused
    fault: str  # why the file is refused, naming file and line
    name: str  # the person, empty when refused before it was read
    official_id: (
        uuid.UUID | None
    )  # after an import that was applied, or when the official is here already
    findings: tuple[Finding, ...]


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """All files of one import."""

    applied: bool
    files: tuple[FileReport, ...]

    @property
    def refused(self) -> int:
        """Files of which nothing was taken."""
        return sum(report.action == "refused" for report in self.files)

    def total(self, outcome: Outcome) -> int:
        """Lines with an outcome."""
        return sum(
            finding.outcome == outcome for report in self.files for finding in report.findings
        )
