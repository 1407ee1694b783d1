"""`minqing archives import FILE… [--apply] --unit CODE --by USERNAME`: officials out of .lrmx and .lrm files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from minqing.accounts.errors import AccountsError
from minqing.accounts.models import Staff
from minqing.archives.errors import ArchiveError
from minqing.archives.importing import ImportFile, Outcome, official_import
from minqing.archives.importing.lrmx import LIMIT
from tenants.current import unit_by_code, unit_context
from tenants.errors import UnitFault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.management.base import CommandParser

    from minqing.archives.importing import FileReport

ACTIONS = {"new": "新增", "update": "更新", "unchanged": "没有变化", "refused": "没有收"}


class Command(BaseCommand):
    help = "Take officials out of files that units have. Without --apply it only shows what would happen."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        importing = verbs.add_parser(
            "import",
            help="read .lrmx and older .lrm files; sensitive fields are dropped at the door",
        )
        importing.add_argument(
            "files", nargs="+", type=Path, metavar="FILE", help="a file, or a folder of them"
        )
        importing.add_argument("--unit", required=True, help="code of the unit, for example 430522")
        importing.add_argument(
            "--by",
            required=True,
            metavar="USERNAME",
            help="the clerk (经办) who answers for the import; someone else reviews it",
        )
        importing.add_argument("--apply", action="store_true", help="write what the table shows")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            files = list(_files(options["files"]))
            with unit_context(unit_by_code(options["unit"])):
                clerk = Staff.objects.filter(username=options["by"]).first()
                if clerk is None:
                    raise CommandError(
                        f"No member of staff of {options['unit']} signs in as {options['by']!r}. `minqing staff list` shows those there are."
                    )
                report = official_import(by=clerk, files=files, apply=options["apply"])
        except (AccountsError, ArchiveError, UnitFault) as fault:
            raise CommandError(str(fault)) from fault
        except OSError as fault:
            raise CommandError(f"{fault.filename}: {fault.strerror}.") from fault
        for file in report.files:
            self._show(file)
        counts = "，".join(f"{outcome.label} {report.total(outcome)} 项" for outcome in Outcome)
        self.stdout.write(
            f"共 {len(report.files)} 个文件，{counts}，没有收的文件 {report.refused} 个。"
        )
        if not report.applied:
            self.stdout.write("这是试读，什么都没有写入。加 --apply 正式导入。")
        if report.refused:
            raise CommandError(f"{report.refused} 个文件没有收，原因见上。")

    def _show(self, file: FileReport) -> None:
        self.stdout.write(f"{file.file}  {file.name}  {ACTIONS[file.action]}")
        if file.fault:
            self.stdout.write(f"    {file.fault}")
        for finding in file.findings:
            self.stdout.write(
                f"    第{finding.line}行 {finding.label}  {Outcome(finding.outcome).label}  {finding.detail}".rstrip()
            )


def _files(paths: list[Path]) -> Iterator[ImportFile]:
    for path in paths:
        for file in sorted(path.glob("*.lrm*")) if path.is_dir() else [path]:
            with file.open("rb") as opened:
                yield ImportFile(name=file.name, octets=opened.read(LIMIT + 1))
