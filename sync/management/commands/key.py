"""`minqing key show|rotate|retire`: change a unit's keys without anybody losing trust in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from sync import identity
from sync.errors import SyncFault
from sync.exchange import keys
from tenants.current import unit_by_code, unit_context
from tenants.errors import UnitFault

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Change keys: rotate announces the next one in the log and both are good; retire ends the older one for ever."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        show = verbs.add_parser(
            "show", help="print the public keys, two of a use while they overlap"
        )
        show.add_argument("unit")
        for name, text in (
            ("rotate", "make and announce the key that is to follow"),
            ("retire", "end the older of two keys"),
        ):
            verb = verbs.add_parser(name, help=text)
            verb.add_argument("unit")
            verb.add_argument("use", choices=keys.USES)
            if name == "retire":
                verb.add_argument(
                    "--force",
                    action="store_true",
                    help="also where a connected peer lacks the announcement",
                )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with unit_context(unit_by_code(options["unit"])):
                getattr(self, f"_{options['verb']}")(options)
        except (SyncFault, UnitFault) as fault:
            raise CommandError(str(fault)) from fault

    def _show(self, options: dict[str, Any]) -> None:
        for use in keys.USES:
            for key in identity.public_keys(use):
                self.stdout.write(f"{use:<8}{key}")
        for log_key in identity.log_keys():
            self.stdout.write(
                f"fingerprint of the log key {log_key.id.hex()}: {log_key.fingerprint}"
            )

    def _rotate(self, options: dict[str, Any]) -> None:
        self.stdout.write(keys.rotate(options["use"]))
        self.stdout.write(
            "Both keys are good now. When every peer has pulled: `minqing key retire`."
        )

    def _retire(self, options: dict[str, Any]) -> None:
        ended = keys.retire(options["use"], force=options["force"])
        self.stdout.write(f"Ended for ever: {ended}")
