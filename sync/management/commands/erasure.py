"""`minqing erasure order|list`: erase records for good, and see which units confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from sync.errors import SyncFault
from sync.exchange import erasing
from sync.ledger import erasure
from tenants.current import unit_by_code, unit_context
from tenants.errors import UnitFault

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Erase records of a unit by a logged order, and list who has confirmed it and who is missing."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        order = verbs.add_parser(
            "order", help="erase records here and wherever they went; cannot be undone"
        )
        order.add_argument("unit", help="code of the unit of this deployment")
        order.add_argument("commitments", nargs="+", metavar="commitment")
        order.add_argument(
            "--basis",
            required=True,
            help="legal basis and document number, as the public may read it",
        )
        listing = verbs.add_parser(
            "list", help="orders of a unit: confirmed by whom, missing from whom"
        )
        listing.add_argument("unit", help="code of the unit of this deployment")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with unit_context(unit_by_code(options["unit"])):
                getattr(self, f"_{options['verb']}")(options)
        except (SyncFault, UnitFault) as fault:
            raise CommandError(str(fault)) from fault

    def _order(self, options: dict[str, Any]) -> None:
        made = erasure.erase(options["commitments"], basis=options["basis"])
        self.stdout.write(
            f"order {made.commitment}: erased here; backups and WAL expire by {erasure.held_until()}"
        )

    def _list(self, options: dict[str, Any]) -> None:
        for order in erasing.orders():
            self.stdout.write(
                f"{order.day} {order.commitment} {order.records} records: {order.basis}"
            )
            for answer in order.answers:
                said = (
                    f"erased {answer.records} on {answer.confirmed_on}, backups expire by {answer.held_until}"
                    if answer.confirmed_on is not None
                    else "MISSING" + ("" if answer.connected else " (not connected any more)")
                )
                self.stdout.write(f"    {answer.name} {answer.origin}: {said}")
