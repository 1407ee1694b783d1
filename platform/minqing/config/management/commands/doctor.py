"""`minqing doctor`: what does not hold here, how to mend it, and what the pages may promise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from minqing.config.doctor import WITNESSES, claims_write, examine

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = (
        "Check a running installation, say what to mend, decide which promises its pages may print."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = examine()
        claims = claims_write(findings)
        # An unwitnessed log is a lesser promise, told on every receipt, not a fault of the installation.
        faults = [
            finding for finding in findings if not finding.held and finding.claim != WITNESSES
        ]
        if options["json"]:
            rows = [{"name": f.name, "held": f.held, "sentence": f.sentence} for f in findings]
            self.stdout.write(
                json.dumps(
                    {"sound": not faults, "claims": claims, "findings": rows}, ensure_ascii=False
                )
            )
        else:
            for finding in findings:
                self.stdout.write(
                    f"{'ok ' if finding.held else 'NOT'} {finding.name}: {finding.sentence}"
                )
            for name, may in claims.items():
                self.stdout.write(f"the pages {'may' if may else 'may not'} claim: {name}")
        if faults:
            raise CommandError(f"{len(faults)} things need mending.", returncode=1)
