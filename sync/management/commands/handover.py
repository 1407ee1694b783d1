"""`minqing handover list|superior|settle`: who keeps what, whose order counts when a home is dead, what people decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from sync.errors import SyncFault
from sync.exchange import peers
from sync.exchange.homes import custody, handover, settling
from sync.identity import origin
from tenants.current import unit_by_code, unit_context
from tenants.errors import UnitFault

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Show every subject whose home was ever in question; enter the directory's superiors."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        listing = verbs.add_parser("list", help="subjects, their homes and how they came there")
        listing.add_argument("unit", help="code of the unit of this deployment")
        superior = verbs.add_parser(
            "superior", help="enter whose order counts, as the region's signed directory says"
        )
        superior.add_argument("unit", help="code of the unit of this deployment")
        superior.add_argument("below", help="origin of the unit that may be dead one day")
        superior.add_argument("above", help="origin of the unit that the directory names superior")
        settle = verbs.add_parser("settle", help="decide where a contested subject is kept")
        settle.add_argument("unit", help="code of the unit of this deployment")
        settle.add_argument("subject", help="as `minqing handover list` shows it")
        settle.add_argument("home", help="origin of the unit that keeps it")
        settle.add_argument(
            "--why", required=True, help="what the decision rests on; shown in public"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with unit_context(unit_by_code(options["unit"])):
                getattr(self, f"_{options['verb']}")(options)
        except (SyncFault, UnitFault) as fault:
            raise CommandError(str(fault)) from fault

    def _superior(self, options: dict[str, Any]) -> None:
        own = origin()
        for name in (options["below"], options["above"]):
            if name != own:
                peers.peer_by_origin(name)
        custody.superior_set(options["below"], options["above"])
        handover.try_steps()
        handover.try_again()

    def _settle(self, options: dict[str, Any]) -> None:
        settling.settle(options["subject"], options["home"], options["why"])
        self.stdout.write("Settled here; other units decide for themselves.")

    def _list(self, options: dict[str, Any]) -> None:
        for stands in custody.standings():
            contested = f" CONTESTED: {stands.contested}" if stands.contested else ""
            self.stdout.write(f"{stands.subject} at {stands.home}{contested}")
            for passage in stands.passages:
                self.stdout.write(
                    f"    offer {passage.number} {passage.giver} -> {passage.taker}: {passage.state} {passage.offer}"
                )
            for ruling in stands.rulings:
                said = "ordered" if ruling.order else "notice"
                said += ", objected" if ruling.objection else ""
                self.stdout.write(
                    f"    {ruling.superior} for {ruling.giver} -> {ruling.taker}: {said} {ruling.notice}"
                )
