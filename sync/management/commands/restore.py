"""`minqing restore check|from-peers|status UNIT`: after a restored backup or a copied machine, before anything is sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from sync.errors import SyncFault
from sync.exchange import returning
from sync.ledger import refill
from tenants.current import unit_by_code, unit_context
from tenants.errors import UnitFault

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Find out whether a unit's database is older than what it signed, and get back what its peers hold."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        for name, text in (
            (
                "check",
                "ask peers for the largest head of ours they hold; run it after every restore, before serving",
            ),
            (
                "from-peers",
                "bring back the tree and what was disclosed to peers; then `minqing unit adopt` resumes",
            ),
            ("status", "say why nothing is sealed, and which entries cannot be opened"),
        ):
            verbs.add_parser(name, help=text).add_argument("unit")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with unit_context(unit_by_code(options["unit"])):
                getattr(self, f"_{options['verb'].replace('-', '_')}")()
        except (SyncFault, UnitFault) as fault:
            raise CommandError(str(fault)) from fault

    def _check(self) -> None:
        why = returning.look_around()
        if why:
            raise CommandError(why)
        self.stdout.write("No peer that answers holds a head of ours that is not in this database.")

    def _from_peers(self) -> None:
        done = returning.recover()
        self.stdout.write(
            f"{done.before} entries were here, {done.size} are here now; {done.openings} records came back, "
            f"{done.erased} were erased again by the list outside the backup."
        )
        for line in done.silent:
            self.stdout.write(f"not asked or not used: {line}")
        self._closed(done.unopened)
        if done.signed > done.size:
            raise CommandError(
                f"This unit signed {done.signed} entries; nobody who answers holds the last {done.signed - done.size}. Find another "
                "copy (a disc, a peer that is away); else the log ends here and the superior unit names a new origin."
            )
        self.stdout.write("Nothing is sealed yet. When people have looked: `minqing unit adopt`.")

    def _status(self) -> None:
        self.stdout.write(refill.halted() or returning.waits() or "The log goes on.")
        self._closed(refill.ranges(refill.unopened()))

    def _closed(self, runs: list[tuple[int, int]]) -> None:
        for first, last in runs:
            self.stdout.write(
                f"cannot be opened: index {first}" + (f" to {last}" if last > first else "")
            )
