"""`minqing staff create|list|disable|password|proposals|agree|refuse`: the staff of one unit."""

from __future__ import annotations

import json
import secrets
import sys
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from minqing.accounts.audit import staff_recorded
from minqing.accounts.errors import AccountsError, StaffFault
from minqing.accounts.models import Role, Staff
from minqing.accounts.proposing import agreed, proposals, turned_down
from minqing.accounts.selectors import staff_list
from minqing.accounts.services import password_set, staff_create, staff_disable
from tenants.current import unit_by_code, unit_context
from tenants.errors import UnitFault

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Make, show and disable the staff of one unit."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser(
            "create", help="make a member of staff; a first password is printed once"
        )
        create.add_argument("username")
        create.add_argument("name")
        create.add_argument(
            "--role", action="append", required=True, choices=Role.values, dest="roles"
        )
        create.add_argument("--office", default="")
        listing = verbs.add_parser("list", help="one line per member of staff")
        listing.add_argument("--json", action="store_true")
        disable = verbs.add_parser("disable", help="shut an account")
        disable.add_argument("username")
        password = verbs.add_parser("password", help="give a new first password, printed once")
        password.add_argument("username")
        waiting = verbs.add_parser(
            "proposals", help="what an operator proposed and another must agree to"
        )
        agree = verbs.add_parser(
            "agree", help="agree to a proposal here, where no other operator can"
        )
        refuse = verbs.add_parser("refuse", help="turn a proposal down")
        for verb in (agree, refuse):
            verb.add_argument("username")
        for verb in (create, password):
            verb.add_argument(
                "--password-stdin",
                action="store_true",
                help="read the password from standard input",
            )
        for verb in (create, listing, disable, password, waiting, agree, refuse):
            verb.add_argument("--unit", required=True, help="code of the unit, for example 430522")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with unit_context(unit_by_code(options["unit"])), transaction.atomic():
                getattr(self, f"_{options['verb']}")(options)
        except (AccountsError, UnitFault) as fault:
            raise CommandError(str(fault)) from fault

    def _create(self, options: dict[str, Any]) -> None:
        word, shown = _first_password(options)
        staff = staff_create(
            username=options["username"], name=options["name"], roles=options["roles"], office=options["office"],
            password=word, must_change_password=True,
        )  # fmt: skip
        staff_recorded(None, staff, "created")
        self.stdout.write(f"{staff.username} {staff.name} {','.join(staff.roles)}{shown}")

    def _list(self, options: dict[str, Any]) -> None:
        rows = staff_list()
        if options["json"]:
            listed = [
                {
                    "username": row.username,
                    "name": row.name,
                    "office": row.office,
                    "roles": row.roles,
                    "active": row.is_active,
                }
                for row in rows
            ]
            self.stdout.write(json.dumps(listed, ensure_ascii=False))
            return
        for row in rows:
            self.stdout.write(
                f"{row.username:<20} {row.name}  {','.join(row.roles)}{'' if row.is_active else '  (disabled)'}"
            )

    def _disable(self, options: dict[str, Any]) -> None:
        staff = _named(options["username"])
        staff_disable(staff=staff)
        staff_recorded(None, staff, "disabled")
        self.stdout.write(f"{options['username']} can no longer sign in")

    def _password(self, options: dict[str, Any]) -> None:
        word, shown = _first_password(options)
        staff = _named(options["username"])
        password_set(staff=staff, password=word, must_change_password=True)
        staff_recorded(None, staff, "password")
        self.stdout.write(
            f"{options['username']} signs in with the new password and must change it{shown}"
        )

    def _proposals(self, options: dict[str, Any]) -> None:
        for row in proposals(None):
            self.stdout.write(
                f"{row.username:<20} {row.what:<9} {row.name}  {','.join(row.roles)}  by {row.by} on {row.day}"
            )

    def _agree(self, options: dict[str, Any]) -> None:
        word = agreed(by=None, username=options["username"]).word
        half = f"\nsecond half of the first password: {word}" if word else ""
        self.stdout.write(f"done: {options['username']}{half}")

    def _refuse(self, options: dict[str, Any]) -> None:
        turned_down(by=None, username=options["username"])
        self.stdout.write(f"turned down: {options['username']}")


def _first_password(options: dict[str, Any]) -> tuple[str, str]:
    if options["password_stdin"]:
        return sys.stdin.readline().rstrip("\n"), ""
    word = secrets.token_urlsafe(12)
    return word, f"\nfirst password: {word}"


def _named(username: str) -> Staff:
    staff = Staff.objects.filter(username=username).first()
    if staff is None:
        raise StaffFault(
            f"No member of staff here signs in as {username!r}. `minqing staff list` shows those there are."
        )
    return staff
