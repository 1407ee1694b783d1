"""`minqing unit create|list|show|adopt`: the units of this deployment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from tenants.current import unit_by_code, units
from tenants.errors import UnitFault
from tenants.models import Level, Unit
from tenants.services import unit_adopt, unit_create

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Make and show the units of this deployment."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="make a unit")
        create.add_argument("code", help="division code, for example 430522")
        create.add_argument("name", help="its name, for example 新邵县")
        create.add_argument("--level", choices=Level.values, default="county")
        create.add_argument(
            "--host", required=True, help="host name, for example xinshao.localhost"
        )
        create.add_argument("--parent", help="code of the unit above it")
        create.add_argument("--title", default="", help="title of the public pages")
        create.add_argument("--organiser", default="", help="who runs the site (主办)")
        create.add_argument("--telephone", default="")
        listing = verbs.add_parser("list", help="one line per unit")
        listing.add_argument("--json", action="store_true")
        show = verbs.add_parser("show", help="one unit")
        show.add_argument("code")
        show.add_argument("--json", action="store_true")
        adopt = verbs.add_parser(
            "adopt", help="vouch for a unit after its signer's memory was lost"
        )
        adopt.add_argument("code")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['verb']}")(options)
        except UnitFault as fault:
            raise CommandError(str(fault)) from fault

    def _create(self, options: dict[str, Any]) -> None:
        parent = unit_by_code(options["parent"]) if options["parent"] else None
        unit = unit_create(
            code=options["code"], name=options["name"], level=options["level"], host=options["host"], parent=parent,
            title=options["title"], organiser=options["organiser"], telephone=options["telephone"],
        )  # fmt: skip
        self.stdout.write(f"{unit.code} {unit.name} serves under {unit.host}")

    def _adopt(self, options: dict[str, Any]) -> None:
        for line in unit_adopt(unit_by_code(options["code"])):
            self.stdout.write(line)

    def _list(self, options: dict[str, Any]) -> None:
        rows = [_row(unit) for unit in units()]
        if options["json"]:
            self.stdout.write(json.dumps(rows, ensure_ascii=False))
            return
        for row in rows:
            self.stdout.write(f"{row['code']:<12} {row['level']:<11} {row['name']}  {row['host']}")

    def _show(self, options: dict[str, Any]) -> None:
        row = _row(unit_by_code(options["code"]))
        if options["json"]:
            self.stdout.write(json.dumps(row, ensure_ascii=False))
            return
        for key, value in row.items():
            self.stdout.write(f"{key:<10} {value}")


def _row(unit: Unit) -> dict[str, str]:
    return {
        "code": unit.code,
        "name": unit.name,
        "level": unit.level,
        "parent": unit.parent.code if unit.parent else "",
        "host": unit.host,
        "title": unit.site_title,
        "schema": unit.schema_name,
    }
