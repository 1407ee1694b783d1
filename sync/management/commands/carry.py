"""`minqing carry out|in|introduce|meet`: logs and records on discs, between networks that do not meet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from sync.errors import SyncFault
from sync.exchange import documents, peers
from sync.transports import carrying, discs
from tenants.current import unit_by_code, unit_context, units
from tenants.errors import UnitFault

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from tenants.models import Unit


class Command(BaseCommand):
    help = "Carry a log and its records on discs, where units do not reach each other."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        out = verbs.add_parser(
            "out", help="write what a peer lacks into a folder; go on with one that was begun"
        )
        out.add_argument("folder", type=Path)
        out.add_argument("--to", required=True, help="origin of the peer")
        out.add_argument("--unit", help="code of the unit that discloses, where several are here")
        out.add_argument(
            "--from", dest="start", type=int, help="begin at this index (`carry in` says it)"
        )
        out.add_argument(
            "--cursor", type=Path, help="the cursor file that came back, if it is not in the folder"
        )
        taking = verbs.add_parser(
            "in", help="take a disc in, for every unit of this deployment that it is for"
        )
        taking.add_argument(
            "folder", type=Path, help="the folder, or one file of parcels put end to end"
        )
        taking.add_argument(
            "--cursors", type=Path, help="write the cursors into this folder, not onto the disc"
        )
        introduce = verbs.add_parser(
            "introduce", help="write this unit's document, for a unit it cannot reach"
        )
        introduce.add_argument("file", type=Path)
        introduce.add_argument("--unit")
        meet = verbs.add_parser(
            "meet", help="take in the document of a unit that cannot be reached"
        )
        meet.add_argument("file", type=Path)
        meet.add_argument("--unit")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["verb"] == "in":
                self._in(options)
                return
            with unit_context(_unit(options["unit"])):
                getattr(self, f"_{options['verb']}")(options)
        except (SyncFault, UnitFault) as fault:
            raise CommandError(str(fault)) from fault
        except OSError as fault:
            raise CommandError(f"{fault.filename}: {fault.strerror}.") from fault

    def _out(self, options: dict[str, Any]) -> None:
        written = discs.write(
            options["folder"], options["to"], start=options["start"], cursor=options["cursor"]
        )
        self.stdout.write(
            f"{options['folder']} holds the records from index {written.start} to {written.size} for {options['to']} "
            f"({written.files} files written now)."
        )

    def _in(self, options: dict[str, Any]) -> None:
        carried, faults = carrying.take_disc(options["folder"], cursors=options["cursors"])
        for each in carried:
            self.stdout.write(
                f"{each.unit} has of {each.issuer}: mirrored {each.taken.mirrored}, applied {each.taken.applied}\n"
                f"  to be carried back: {each.cursor}"
            )
        for fault in faults:
            self.stderr.write(fault)
        if faults:
            raise CommandError(
                f"{len(faults)} things on the disc did not hold; what did is taken in."
            )

    def _introduce(self, options: dict[str, Any]) -> None:
        document = documents.own_document()
        options["file"].write_bytes(document.encode())
        self.stdout.write(f"{document.origin}\n{document.fingerprint}")

    def _meet(self, options: dict[str, Any]) -> None:
        document = documents.read_document(discs.read_small(options["file"]))
        peers.connection_asked(document)
        self.stdout.write(
            f"{document.name} {document.origin}\n{document.fingerprint}\n"
            "Compare the fingerprint with the other side by telephone or letter, then both run `minqing peer accept`."
        )


def _unit(code: str | None) -> Unit:
    if code:
        return unit_by_code(code)
    here = units()
    if len(here) != 1:
        raise UnitFault(f"{len(here)} units are here: say which with --unit CODE.")
    return here[0]
