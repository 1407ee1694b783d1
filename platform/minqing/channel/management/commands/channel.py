"""`minqing channel keys|custodian|designate|withdraw|receivers|accept|refuse|places`: what a unit enters once for its channel."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from minqing.accounts.models import Staff
from minqing.channel import selectors, services
from minqing.channel.boxes import keys_made
from minqing.channel.errors import ChannelFault
from tenants.current import unit_by_code, unit_context
from tenants.errors import UnitFault

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Keys of custodians, the designation document and the list of places of one unit."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser(
            "keys", help="make a custodian's pair of keys; run it on the custodian's own machine"
        )
        custodian = verbs.add_parser("custodian", help="enter a custodian's public key")
        custodian.add_argument("username")
        custodian.add_argument("key", help="the public key in base64")
        custodian.add_argument(
            "--post", required=True, help="the custodian's post, as the public reads it"
        )
        designate = verbs.add_parser(
            "designate", help="enter the document by which the unit takes such reports"
        )
        designate.add_argument("document", help="its number, for example 邵纪发〔2026〕1号")
        designate.add_argument("--issuer", required=True)
        designate.add_argument("--day", required=True, type=datetime.date.fromisoformat)
        withdraw = verbs.add_parser(
            "withdraw", help="withdraw the designation; the form closes at once"
        )
        places = verbs.add_parser(
            "places", help="replace the list of places by a CSV with columns code, name, within"
        )
        places.add_argument("file", type=Path)
        receivers = verbs.add_parser(
            "receivers", help="list other units' designations and which are accepted here"
        )
        accept = verbs.add_parser(
            "accept", help="let another unit's designation stand behind the second door here"
        )
        refuse = verbs.add_parser("refuse", help="take an accepted designation back")
        for verb in (accept, refuse):
            verb.add_argument("origin", help="the other unit's origin, as `receivers` lists it")
        for verb in (receivers, accept, refuse, custodian, designate, withdraw, places):
            verb.add_argument("--unit", required=True, help="code of the unit, for example 430522")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verb"] == "keys":
            private, public = keys_made()
            self.stdout.write(f"private {private}\npublic  {public}")
            self.stdout.write(
                "The private key stays with the custodian, on paper or on a stick. Nobody else has it; lost is lost."
            )
            return
        try:
            with unit_context(unit_by_code(options["unit"])):
                self.stdout.write(self._done(options))
        except (ChannelFault, UnitFault, OSError, UnicodeDecodeError) as error:
            raise CommandError(str(error)) from error

    def _done(self, options: dict[str, Any]) -> str:
        match options["verb"]:
            case "custodian":
                staff = Staff.objects.filter(username=options["username"]).first()
                if staff is None:
                    raise CommandError(
                        f"No member of staff has the sign-in name {options['username']}."
                    )
                services.custodian_register(
                    by=None, staff=staff, post=options["post"], key=options["key"]
                )
                return f"{staff.name} can open what is sealed from now on."
            case "designate":
                services.designation_enter(
                    by=None,
                    document=options["document"],
                    issuer=options["issuer"],
                    day=options["day"],
                )
                return "The designation stands and is published; the sealed form is open."
            case "withdraw":
                services.designation_withdraw(by=None)
                return "The designation is withdrawn; the sealed form is closed."
            case "receivers":
                lines = [
                    f"{'accepted' if one.accepted_on else 'open':8}  {one.origin}  {one.name}  {one.issuer} {one.document}"
                    for one in selectors.foreign_designations(None)
                ]
                return "\n".join(lines) or "No other unit has published a designation."
            case "accept":
                services.receiver_accept(by=None, commitment=_commitment(options["origin"]))
                return "Accepted: the unit stands behind the second door from now on."
            case "refuse":
                services.receiver_end(by=None, commitment=_commitment(options["origin"]))
                return "Taken back: the unit no longer stands behind the second door."
            case _:
                count = services.villages_load(text=options["file"].read_text(encoding="utf-8-sig"))
                return f"The form offers {count} places now."


def _commitment(origin: str) -> str:
    for one in selectors.foreign_designations(None):
        if one.origin == origin:
            return one.commitment
    raise CommandError(f"{origin} has published no designation that is in force here.")
