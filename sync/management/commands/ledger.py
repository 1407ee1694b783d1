"""`minqing ledger audit|head|seal|adopt`: look at a log, seal what waits, take back a lost signer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from sync import ledger
from sync.errors import NoteFault, SyncFault
from sync.exchange.client import Client
from sync.formats import notes
from sync.identity import log_key
from sync.ledger import adoption, audit
from sync.ledger.local import local_fetch, local_openings
from sync.refusals import ExchangeFault
from tenants.current import unit_by_code, unit_context, units
from tenants.errors import UnitFault

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

LARGEST = 64 * 1024 * 1024


class Command(BaseCommand):
    help = "Check any unit's log from outside; show, seal and adopt the logs of this deployment."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        check = verbs.add_parser(
            "audit", help="rebuild a log's tree and compare it with what the unit signed"
        )
        check.add_argument(
            "target", help="address of a unit (http://… or https://…), or the code of a unit here"
        )
        check.add_argument(
            "--key", help="the log's verifier key; from somebody other than the unit"
        )
        check.add_argument(
            "--openings", action="store_true", help="open records and account for every index"
        )
        check.add_argument("--json", action="store_true")
        head = verbs.add_parser("head", help="print the newest signed head")
        head.add_argument("code")
        seal = verbs.add_parser("seal", help="seal what waits, now; also ends the slot")
        seal.add_argument("code", nargs="?", help="one unit (default: all)")
        adopt = verbs.add_parser(
            "adopt", help="vouch for a log after the signer lost its last head"
        )
        adopt.add_argument("code")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['verb']}")(options)
        except (SyncFault, UnitFault, ExchangeFault) as fault:
            raise CommandError(str(fault)) from fault

    def _audit(self, options: dict[str, Any]) -> None:
        target = options["target"]
        if "://" in target:
            if not options["key"]:
                raise CommandError(
                    "Give the log's key with --key; one that comes from the unit itself proves nothing."
                )
            with Client(target) as http:
                self._report(
                    options, _from_outside(http, options["key"], openings=options["openings"])
                )
            return
        with unit_context(unit_by_code(target)):
            report, commitments = audit.audit_log(local_fetch, log_key())
            if options["openings"] and commitments:
                audit.audit_openings(report, commitments, local_openings(report.size), every=True)
        self._report(options, report)

    def _report(self, options: dict[str, Any], report: audit.Report) -> None:
        if options["json"]:
            shown = {**report.__dict__, "root": report.root.hex()}
            self.stdout.write(json.dumps(shown, ensure_ascii=False))
        else:
            self.stdout.write(
                f"{report.origin}: {report.size} entries, root {notes.encode64(report.root)}"
            )
            self.stdout.write(
                f"opened {report.opened}, erased {report.erased}, not disclosed {report.closed}"
            )
            for finding in report.findings:
                self.stdout.write(f"FINDING {finding}")
        if report.findings:
            raise CommandError(f"The log does not hold: {len(report.findings)} findings.")

    def _head(self, options: dict[str, Any]) -> None:
        with unit_context(unit_by_code(options["code"])):
            self.stdout.write(ledger.head().note.decode(), ending="")

    def _seal(self, options: dict[str, Any]) -> None:
        chosen = [unit_by_code(options["code"])] if options["code"] else units()
        for unit in chosen:
            with unit_context(unit):
                ledger.seal()
                self.stdout.write(f"{unit.code}: {ledger.seal_slot().size} entries")

    def _adopt(self, options: dict[str, Any]) -> None:
        unit = unit_by_code(options["code"])
        with unit_context(unit):
            self.stdout.write(adoption.adopt_unit(unit))


def _from_outside(http: Client, key: str, *, openings: bool) -> audit.Report:
    def fetch(path: str) -> bytes:
        return http.get(path, cap=LARGEST, signed=False).body

    try:
        verifier = notes.VerifierKey.parse(key)
    except NoteFault as fault:
        raise CommandError(f"--key: {fault}") from fault
    report, commitments = audit.audit_log(fetch, verifier)
    if openings and commitments:
        audit.audit_openings(report, commitments, audit.public_openings(fetch))
    return report
