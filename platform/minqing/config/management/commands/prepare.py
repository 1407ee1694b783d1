"""`minqing prepare`: bring the database to the present version."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from minqing.config.database.prepare import prepare


class Command(BaseCommand):
    help = "Make the database if it is missing, migrate every unit and set up what units keep. Repeatable."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        prepare()
        self.stdout.write("The database is up to date.")
