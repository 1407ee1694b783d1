"""`minqing policy publish|trust|show|check`: whom the region's units trust, signed by the superior unit, with a last day."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from sync import ledger
from sync.errors import SyncFault
from sync.exchange import region
from sync.formats import notes, regions
from tenants.current import unit_by_code, unit_context
from tenants.errors import UnitFault

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "The region's policy: keys of logs and witnesses, how many operators must have seen a head, keys that ended."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        publish = verbs.add_parser(
            "publish", help="sign and publish the next version, as the region's superior unit"
        )
        publish.add_argument("unit")
        publish.add_argument(
            "--quorum",
            type=int,
            required=True,
            metavar="K",
            help="operators that must have seen a head; units of one operator are one",
        )
        publish.add_argument(
            "--days", type=int, default=region.DAYS, help="how long it holds (default %(default)s)"
        )
        publish.add_argument(
            "--successor",
            action="append",
            default=[],
            metavar="ORIGIN=KEY",
            help="a log that lost its key, and the log that goes on in its place",
        )
        trust = verbs.add_parser(
            "trust", help="name a connected unit our region's superior: its policy is used here"
        )
        trust.add_argument("unit")
        trust.add_argument("peer", help="its origin; '-' for none")
        show = verbs.add_parser(
            "show", help="show the policy in force and how the newest head stands against it"
        )
        show.add_argument("unit")
        show.add_argument(
            "--save",
            type=Path,
            metavar="FILE",
            help="write the signed file, for `minqing verify --policy`",
        )
        check = verbs.add_parser("check", help="check a signed policy file offline")
        check.add_argument("file", type=Path)
        check.add_argument(
            "--key",
            required=True,
            help="the superior unit's policy key, from its log or its notice board",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["verb"] == "check":
                self._check(options)
                return
            with unit_context(unit_by_code(options["unit"])):
                getattr(self, f"_{options['verb']}")(options)
        except (SyncFault, UnitFault) as fault:
            raise CommandError(str(fault)) from fault
        except OSError as fault:
            raise CommandError(f"{fault.filename}: {fault.strerror}.") from fault

    def _publish(self, options: dict[str, Any]) -> None:
        successors = {}
        for text in options["successor"]:
            origin, _, key = text.partition("=")
            successors[origin] = notes.VerifierKey.parse(key)
        self._say(
            region.publish(quorum=options["quorum"], days=options["days"], successors=successors)
        )

    def _trust(self, options: dict[str, Any]) -> None:
        region.trust("" if options["peer"] == "-" else options["peer"])
        self.stdout.write("Done. Its policy arrives with the ordinary pull.")

    def _show(self, options: dict[str, Any]) -> None:
        found = region.current()
        if found is None:
            self.stdout.write(
                "No region's policy is used here. `minqing policy trust` names the superior unit."
            )
            return
        self._say(found)
        state = region.quorum(ledger.head())
        if state is not None:
            verdict = "enough" if state.met else "not enough yet"
            self.stdout.write(
                f"our newest head: seen by {state.seen} of {state.operators} other operators, {state.needed} needed: {verdict}"
            )
        if options["save"]:
            options["save"].write_bytes(region.current_note() or b"")

    def _check(self, options: dict[str, Any]) -> None:
        key = notes.VerifierKey.parse(options["key"])
        self._say(
            regions.open_signed(options["file"].read_bytes(), key, today=timezone.localdate())
        )

    def _say(self, found: regions.RegionPolicy) -> None:
        policy = found.policy
        self.stdout.write(
            f"region {found.region}, version {found.version}, signed {found.signed}, holds until {found.expires}\n"
            f"logs {len(policy.logs)}, operators {len(policy.groups) - (policy.quorum in policy.groups)}, "
            f"ended keys {len(policy.former)}, successors {len(policy.successors)}"
        )
        if found.expires - timezone.localdate() <= region.SOON:
            self.stdout.write(
                "It ends soon: `minqing policy publish` at the superior unit makes the next version."
            )
