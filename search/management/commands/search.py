"""`minqing search rebuild|doctor|query`: the indexes of this deployment's units."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from search import doctor, indexer, service
from search.documents import INDEXES
from search.errors import SearchFault
from search.query import SearchRequest
from tenants.current import unit_by_code, unit_context, units
from tenants.errors import UnitFault

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.core.management.base import CommandParser

    from tenants.models import Unit


class Command(BaseCommand):
    help = "Rebuild, examine or ask the search indexes."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        rebuild = verbs.add_parser("rebuild", help="build beside the index in use, then switch")
        examine = verbs.add_parser(
            "doctor",
            help="compare files and ids with the database; exit status 1 when something is wrong",
        )
        query = verbs.add_parser("query", help="one search")
        for verb in (rebuild, examine):
            verb.add_argument("--unit", help="code of one unit (default: all)")
            verb.add_argument("--index", choices=INDEXES, help="one index (default: both)")
        examine.add_argument("--json", action="store_true")
        query.add_argument("unit", help="code of the unit")
        query.add_argument("text")
        query.add_argument("--index", choices=INDEXES, default="public")
        query.add_argument("--page", type=int, default=1)
        query.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['verb']}")(options)
        except (SearchFault, UnitFault) as fault:
            raise CommandError(str(fault)) from fault

    def _rebuild(self, options: dict[str, Any]) -> None:
        for unit in _chosen(options):
            with unit_context(unit):
                for index in [options["index"]] if options["index"] else INDEXES:
                    name = indexer.rebuild(index, self._progress(f"{unit.code} {index}"))
                    self.stdout.write(f"{unit.code} {index}: {name} is in use")
                indexer.drain()

    def _progress(self, what: str) -> Callable[[int, int], None]:
        def show(done: int, total: int) -> None:
            share = 100 * done // total if total else 100
            self.stderr.write(f"{what}: {done} of {total} documents ({share} %)")

        return show

    def _doctor(self, options: dict[str, Any]) -> None:
        findings = []
        for unit in _chosen(options):
            with unit_context(unit):
                findings += [
                    (unit.code, finding)
                    for finding in doctor.examine()
                    if options["index"] in {None, finding.index}
                ]
        if options["json"]:
            rows = [
                {"unit": code, "index": f.index, "fault": f.fault, "remedy": f.remedy}
                for code, f in findings
            ]
            self.stdout.write(json.dumps(rows, ensure_ascii=False))
        else:
            for code, finding in findings:
                self.stdout.write(
                    f"{code} {finding.index or 'both'}: {finding.fault} {finding.remedy}"
                )
        if findings:
            raise CommandError(f"{len(findings)} faults.", returncode=1)
        if not options["json"]:
            self.stdout.write("The indexes hold what the database says.")

    def _query(self, options: dict[str, Any]) -> None:
        with unit_context(unit_by_code(options["unit"])):
            result = service.search(
                options["index"], SearchRequest(text=options["text"], page=options["page"])
            )
        if not result.ready:
            raise CommandError("There is no index yet. Run `minqing search rebuild`.")
        if options["json"]:
            hits = [
                {
                    "id": hit.id,
                    "kind": hit.kind,
                    "title": hit.title,
                    "url": hit.url,
                    "unit": hit.unit_code,
                }
                for hit in result.hits
            ]
            self.stdout.write(
                json.dumps(
                    {"total": result.total, "version": result.version, "hits": hits},
                    ensure_ascii=False,
                )
            )
            return
        self.stdout.write(f"{result.total} found (index {result.version})")
        for hit in result.hits:
            self.stdout.write(f"{hit.unit_code} {hit.kind:<10} {hit.title}  {hit.url}")
        if result.did_you_mean:
            self.stdout.write("Did you mean: " + ", ".join(result.did_you_mean))


def _chosen(options: dict[str, Any]) -> list[Unit]:
    return [unit_by_code(options["unit"])] if options["unit"] else units()
