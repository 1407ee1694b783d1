"""`minqing broker receive|definitions|empty`: the fast path over a broker that units share."""

from __future__ import annotations

import json
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from sync import audiences
from sync.errors import SyncFault
from sync.transports import brokers, consuming, fastpath
from tenants.current import unit_by_code, unit_context, units
from tenants.errors import UnitFault

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from tenants.models import Unit


class Command(BaseCommand):
    help = "Exchange parcels over a broker that units share. Pull works without it."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser(
            "receive", help="receive for every unit here that has a broker, until stopped"
        )
        made = verbs.add_parser(
            "definitions",
            help="read `origin password` lines, write RabbitMQ's definitions for these units",
        )
        made.add_argument("vhost")
        empty = verbs.add_parser(
            "empty", help="empty a unit's own queues, dead letters too; nothing is lost"
        )
        empty.add_argument("unit")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['verb']}")(options)
        except (SyncFault, UnitFault) as fault:
            raise CommandError(str(fault)) from fault

    def _receive(self, options: dict[str, Any]) -> None:
        here = []
        for unit in units():
            with unit_context(unit):
                if brokers.broker() is not None:
                    here.append(unit)
        if not here:
            raise CommandError("No unit here shares a broker: MINQING_EXCHANGE_BROKERS names none.")
        stop, told = threading.Event(), threading.Event()

        def end(*_: object) -> None:
            told.set()
            stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        threads = [
            threading.Thread(target=_consume, args=(unit, stop), name=f"receive-{unit.code}")
            for unit in here
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if not told.is_set():
            raise CommandError(
                "A receiver ended by itself; the others ended with it, to be started again."
            )

    def _definitions(self, options: dict[str, Any]) -> None:
        passwords = {}
        for number, line in enumerate(sys.stdin, 1):
            words = line.split()
            if not words:
                continue
            if len(words) != 2 or not audiences.ORIGIN.fullmatch(words[0]):
                raise CommandError(
                    f"Line {number}: write an origin and a password, with a blank between."
                )
            passwords[words[0]] = words[1]
        self.stdout.write(json.dumps(brokers.definitions(options["vhost"], passwords), indent=1))

    def _empty(self, options: dict[str, Any]) -> None:
        with unit_context(unit_by_code(options["unit"])):
            self.stdout.write(f"{fastpath.forget()} parcels went.")


def _consume(unit: Unit, stop: threading.Event) -> None:
    try:
        consuming.consume(unit, stop)
    finally:
        stop.set()
        connections.close_all()
