"""`minqing signer`: the process that alone holds log and witness keys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from sync.signer.core import SignerBusy
from sync.signer.process import serve

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Run the signer. It needs no database and no network; its folder must stay out of every backup."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--folder", type=Path, help="keys and last heads (default <state>/signer)"
        )
        parser.add_argument(
            "--socket", type=Path, help="where to listen (default MINQING_SIGNER_SOCKET)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        folder = options["folder"] or settings.MINQING.state / "signer"
        try:
            serve(folder, options["socket"] or settings.MINQING.signer_socket)
        except SignerBusy as fault:
            raise CommandError(str(fault)) from fault
