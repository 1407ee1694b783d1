"""`minqing demo_load`: what `minqing demo` runs inside the deployment it has started."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from minqing.config.doctor import claims_write, examine
from minqing.demo.load import load
from sync.refusals import PeerFault


class Command(BaseCommand):
    help = "Load the demonstration's units, people and entries. Called by `minqing demo`."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            load(lambda sentence: self.stderr.write(f"minqing: {sentence}"))
        except PeerFault as fault:
            raise CommandError(str(fault)) from fault
        claims_write(examine())
