"""Taking officials out of .lrmx files: first the table of what would happen, then the same files once more to do it.

Nothing of a file is kept between the two steps: the page carries a keyed stamp of the files it showed, and the files are
posted again (the browser still holds them; without JavaScript they are chosen again).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from minqing.accounts.models import Role
from minqing.archives.errors import ArchiveError
from minqing.archives.importing import ImportFile, Outcome, official_import
from minqing.desk import seen
from minqing.desk.access import staff_page

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from minqing.accounts.models import Staff
    from minqing.archives.importing import FileReport, Finding, ImportReport


@dataclass(frozen=True, kw_only=True)
class FileLines:
    """One file: what a clerk reads line by line, and what is dropped by rule in one sentence."""

    report: FileReport
    label: str  # what becomes of the file
    lines: tuple[Finding, ...]
    dropped: tuple[Finding, ...]


ACTIONS = {
    "new": gettext_lazy("新登记"),
    "update": gettext_lazy("补充"),
    "unchanged": gettext_lazy("没有变化"),
    "refused": gettext_lazy("没有收"),
}
"""What becomes of a file."""


@staff_page(Role.CLERK, methods=("GET", "POST"))
def import_files(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Show what would be taken, changed, refused and dropped; with the same files again, take it."""
    if request.method != "POST":
        return _page(request)
    files = [
        ImportFile(name=given.name or "", octets=given.read())
        for given in request.FILES.getlist("file")
    ]
    if not files:
        return _page(request, fault=_missing(request), status=400)
    stamp = seen.stamp([(file.name, hashlib.sha256(file.octets).digest()) for file in files])
    wanted = request.POST.get("then") == "apply"
    if wanted and request.POST.get("checked") != stamp:
        report = official_import(by=staff, files=files, apply=False)
        return _page(
            request,
            report=report,
            stamp=stamp,
            fault=_("文件和刚才看过的不一样，还没有导入。请看下面的表，没有问题再按导入。"),
            status=409,
        )
    try:
        report = official_import(by=staff, files=files, apply=wanted)
    except ArchiveError as error:
        return _page(request, fault=str(error), status=error.status)
    if not wanted:
        return _page(request, report=report, stamp=stamp)
    taken = len(report.files) - report.refused
    messages.success(
        request,
        _("导入了 %(taken)d 个文件，没有收的 %(refused)d 个。新的内容等另一位同志审核公开。")
        % {"taken": taken, "refused": report.refused},
    )
    return redirect("desk:officials")


def _missing(request: HttpRequest) -> str:
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.FILE_UPLOAD_MAX_MEMORY_SIZE:
        return _("文件合起来超过 12 MB，没有收。请分几次导入。")
    return _("请先选文件。")


def _page(
    request: HttpRequest,
    *,
    report: ImportReport | None = None,
    stamp: str = "",
    fault: str = "",
    status: int = 200,
) -> HttpResponse:
    files = [_file_lines(one) for one in report.files] if report is not None else []
    actions = [one.report.action for one in files]
    words = {
        "files": files,
        "totals": [
            (label, actions.count(action)) for action, label in ACTIONS.items() if action in actions
        ],
        "refused_lines": report.total(Outcome.REFUSED) if report is not None else 0,
        "brings_something": "new" in actions or "update" in actions,
        "stamp": stamp,
        "fault": fault,
    }
    return render(request, "desk/archives/import.html", words, status=status)


def _file_lines(report: FileReport) -> FileLines:
    dropped = tuple(line for line in report.findings if line.outcome == Outcome.DROPPED)
    lines = tuple(line for line in report.findings if line.outcome != Outcome.DROPPED)
    return FileLines(report=report, label=str(ACTIONS[report.action]), lines=lines, dropped=dropped)
