"""`minqing disclosure audit|verify`: has a peer held back what it had to disclose? Two of its own notes prove it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from sync.errors import SyncFault
from sync.exchange import disclosures, peers
from sync.formats import notes, withholding
from sync.management.offline import OWN_KEYS_ONLY, called_rightly
from tenants.current import unit_by_code, unit_context
from tenants.errors import UnitFault

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Ask a peer again what it had disclosed, and check proofs of withholding offline."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        audit = verbs.add_parser("audit", help="hold a peer's notes against what it says today")
        audit.add_argument("unit")
        audit.add_argument("peer")
        check = verbs.add_parser(
            "verify",
            help="exit 0: it shows withholding; 1: it does not; 2: key or file cannot be used; 3: only by the keys it names itself",
        )
        check.add_argument("file", type=Path)
        check.add_argument(
            "--key", action="append", default=[], help="the issuer's peer key, as you know it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['verb']}")(options)
        except (SyncFault, UnitFault) as fault:
            raise CommandError(str(fault)) from fault
        except OSError as fault:
            raise CommandError(f"{fault.filename}: {fault.strerror}.") from fault

    def _audit(self, options: dict[str, Any]) -> None:
        with unit_context(unit_by_code(options["unit"])):
            found = disclosures.audit(peers.peer_by_origin(options["peer"]))
            for incident in found:
                self.stdout.write(incident.sentence)
        if found:
            raise CommandError(
                "The proofs are with the incidents: `minqing peer incidents --evidence`."
            )
        self.stdout.write("Its notes agree with what it says today.")

    def _verify(self, options: dict[str, Any]) -> None:
        with called_rightly():
            octets = options["file"].read_bytes()
            trusted = [notes.VerifierKey.parse(text) for text in options["key"]]
        proof = withholding.decode(octets)
        self.stdout.write(withholding.verify_withholding(octets, trusted or proof.keys))
        if not trusted:
            self.stdout.write(
                "Checked with the keys that the file names itself: compare them by another way."
            )
            sys.exit(OWN_KEYS_ONLY)
