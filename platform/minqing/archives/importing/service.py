"""The import itself: a dry run says what would happen, ``apply=True`` does exactly that. One file is one person, whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.utils.translation import gettext as _

from minqing.accounts.models import Role, Staff
from minqing.accounts.permissions import require
from minqing.archives import checks
from minqing.archives.errors import ArchiveError, BadValue, ImportRefused
from minqing.archives.importing import lrm, lrmx
from minqing.archives.importing.fields import FIELDS
from minqing.archives.importing.resume import (
    ImportedPost,
    plain,
    read_month,
    read_resume,
    split_post,
)
from minqing.archives.importing.table import FileReport, Finding, ImportReport, Outcome
from minqing.archives.models import Official
from minqing.archives.services import official_create, official_edit, post_add, post_edit
from tenants.current import current_unit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from minqing.archives.importing.sheet import Sheet

FILES_LIMIT = 500
"""Most files of one import."""


@dataclass(frozen=True, kw_only=True)
class ImportFile:
    """A file as it was uploaded or read."""

    name: str
    octets: bytes


@dataclass(frozen=True, kw_only=True)
class _Person:
    """What a file says about one official, checked."""

    name: str
    birth_month: str
    posts: tuple[ImportedPost, ...]
    findings: tuple[Finding, ...]


@transaction.atomic
def official_import(*, by: Staff, files: Iterable[ImportFile], apply: bool) -> ImportReport:
    """Take officials of this unit out of ``.lrmx`` or older ``.lrm`` files.

    A dry run (``apply=False``) does the same work and rolls it back, so that its table is the table of the import. A
    refused file leaves nothing and does not hold up the others. Importing a file again changes nothing.

    Raises:
        NotAllowed: ``by`` is not a clerk.
        ImportRefused: too many files at once.
    """
    staff = require(by, Role.CLERK)
    given = list(files)
    if len(given) > FILES_LIMIT:
        raise ImportRefused(_("一次最多导入 %(limit)d 个文件。") % {"limit": FILES_LIMIT})
    with (
        connection.cursor() as cursor
    ):  # one import at a time in a unit: matching reads what the other writes
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtext('archives.import'), hashtext(current_schema()))"
        )
    with transaction.atomic():
        reports = [_import_one(staff, file) for file in given]
        if not apply:
            transaction.set_rollback(True)
            reports = [
                replace(report, official_id=None) if report.action == "new" else report
                for report in reports
            ]
    return ImportReport(applied=apply, files=tuple(reports))


def _import_one(staff: Staff, file: ImportFile) -> FileReport:
    name = plain(file.name.replace("\\", "/").rsplit("/", 1)[-1])[:120] or "?"
    try:
        person = _read(file.octets, name)
        with transaction.atomic():
            action, official = _write(staff, person, name)
    except ArchiveError as fault:
        sentence = str(fault) if isinstance(fault, ImportRefused) else f"{name}：{fault}"
        return FileReport(
            file=name, action="refused", fault=sentence, name="", official_id=None, findings=()
        )
    return FileReport(
        file=name,
        action=action,
        fault="",
        name=person.name,
        official_id=official.public_id,
        findings=person.findings,
    )


def _read(octets: bytes, file: str) -> _Person:
    sheet = (lrm if lrm.is_lrm(octets) else lrmx).read(octets, file=file)
    findings: list[Finding] = []
    given = sheet.values.get("XingMing")
    if given is None or not given.text.strip():
        raise ImportRefused(_("%(file)s 没有姓名。") % {"file": file})
    try:
        name = checks.name(given.text)
    except BadValue as fault:
        raise ImportRefused(
            _("%(file)s 第 %(line)d 行：%(why)s") % {"file": file, "line": given.line, "why": fault}
        ) from fault
    findings.append(
        _finding(
            "XingMing",
            Outcome.TAKEN if name == given.text.strip() else Outcome.CHANGED,
            given.line,
            name,
        )
    )
    birth_month = _birth_month(sheet, findings)
    posts = _posts(sheet, findings)
    if not posts:
        raise ImportRefused(
            _("%(file)s 里没有读出任何职务，请检查“现任职务”和“简历”。") % {"file": file}
        )
    findings.extend(sheet.findings)
    return _Person(name=name, birth_month=birth_month, posts=posts, findings=tuple(findings))


def _birth_month(sheet: Sheet, findings: list[Finding]) -> str:
    given = sheet.values.get("ChuShengNianYue")
    if given is None or not given.text.strip():
        return ""
    month = read_month(given.text)
    if not month:
        findings.append(
            _finding(
                "ChuShengNianYue",
                Outcome.REFUSED,
                given.line,
                _("不是年月，应写成 198003 或 1980.03"),
            )
        )
        return ""
    outcome = Outcome.TAKEN if month == given.text.strip() else Outcome.CHANGED
    findings.append(
        _finding("ChuShengNianYue", outcome, given.line, _("只用来区分同名的人，不公开"))
    )
    return month


def _posts(sheet: Sheet, findings: list[Finding]) -> tuple[ImportedPost, ...]:
    posts: list[ImportedPost] = []
    resume = sheet.values.get("JianLi")
    if resume is not None:
        read = read_resume(resume.text)
        for post in read.posts:
            _take(post, "JianLi", resume.line + post.line, posts, findings)
        findings.extend(
            _finding(
                "JianLi", Outcome.DROPPED, resume.line + number, _("学习经历或补充说明，不是职务")
            )
            for number in read.left_out
        )
        findings.extend(
            _finding(
                "JianLi",
                Outcome.REFUSED,
                resume.line + number,
                _("没有看懂，应写成“2015.10--2020.03  某镇副镇长”"),
            )
            for number in read.not_understood
        )
    current = sheet.values.get("XianRenZhiWu")
    if current is not None and current.text.strip():
        post = split_post("".join(current.text.split()))
        same = [
            index
            for index, known in enumerate(posts)
            if (known.unit_name, known.title) == (post.unit_name, post.title) and not known.to_month
        ]
        if same:
            findings.append(
                _finding(
                    "XianRenZhiWu", Outcome.TAKEN, current.line, f"{post.unit_name}{post.title}"
                )
            )
        else:
            begun = max((known.from_month for known in posts if not known.to_month), default="")
            _take(replace(post, from_month=begun), "XianRenZhiWu", current.line, posts, findings)
    return tuple(posts)


def _take(
    post: ImportedPost, tag: str, line: int, posts: list[ImportedPost], findings: list[Finding]
) -> None:
    try:
        title = checks.text(_("职务"), post.title, longest=120)
        unit_name = checks.text(_("单位"), post.unit_name or current_unit().name, longest=120)
    except BadValue as fault:
        findings.append(_finding(tag, Outcome.REFUSED, line, str(fault)))
        return
    posts.append(replace(post, title=title, unit_name=unit_name))
    said = (
        f"{unit_name}｜{title}"
        if post.is_split
        else _("%(title)s（没有分出单位，记在本单位，请核对）") % {"title": title}
    )
    findings.append(_finding(tag, Outcome.CHANGED if post.is_split else Outcome.TAKEN, line, said))


def _write(staff: Staff, person: _Person, file: str) -> tuple[str, Official]:
    official = _match(person, file)
    action = "unchanged"
    if official is None:
        official = official_create(by=staff, name=person.name, birth_month=person.birth_month)
        action = "new"
    elif person.birth_month and not official.birth_month:
        official_edit(
            by=staff,
            official=official.public_id,
            name=official.name,
            birth_month=person.birth_month,
            telephone=official.telephone,
        )
        action = "update"
    known = {(post.unit_name, post.title, post.from_month): post for post in official.posts.all()}
    for post in person.posts:
        there = known.get((post.unit_name, post.title, post.from_month))
        if there is None:
            added = post_add(
                by=staff, official=official.public_id, unit_name=post.unit_name, title=post.title, from_month=post.from_month,
                to_month=post.to_month, is_public=post.is_leading,
            )  # fmt: skip
            known[(post.unit_name, post.title, post.from_month)] = added
        elif post.to_month and not there.to_month:
            post_edit(
                by=staff, official=official.public_id, post=there.pk, unit_name=there.unit_name, title=there.title,
                from_month=there.from_month, to_month=post.to_month, duties=there.duties, is_public=there.is_public,
            )  # fmt: skip
        else:
            continue
        action = "new" if action == "new" else "update"
    return action, official


def _match(person: _Person, file: str) -> Official | None:
    """Unit and name, and the month of birth where both sides have one."""
    namesakes = list(Official.objects.select_for_update().filter(name=person.name))
    if person.birth_month:
        exact = [row for row in namesakes if row.birth_month == person.birth_month]
        if exact:
            return exact[0]
        namesakes = [row for row in namesakes if not row.birth_month]
    if len(namesakes) > 1:
        raise ImportRefused(
            _("%(file)s：本单位有 %(count)d 位“%(name)s”，分不清是哪一位。请在文件里补上出生年月。")
            % {"file": file, "count": len(namesakes), "name": person.name}
        )
    return namesakes[0] if namesakes else None


def _finding(tag: str, outcome: Outcome, line: int, detail: str) -> Finding:
    return Finding(field=tag, label=FIELDS[tag].label, outcome=outcome, line=line, detail=detail)
