"""`minqing demo`: the main job on embedded defaults, with fictitious data."""

from __future__ import annotations

import json
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from minqing.config import postgres
from minqing.demo.data import STAFF, UNITS, sign_ins
from minqing.demo.deployment import Deployment, deployment
from minqing.demo.supervisor import PartFault, free_port, port_is_free
from minqing.demo.walk import walk

if TYPE_CHECKING:
    from types import FrameType

    from django.core.management.base import CommandParser

    from minqing.demo.walk import Step

_SLOT_SECONDS = 30
"""Slots of a demonstration that people look at: each empty one adds 16 records to each log. The walk of --check has short ones."""


class Command(BaseCommand):
    help = "Run three units of two levels in one deployment, with fictitious people over real place names."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--port", type=int, default=8000, help="port of all three units (default 8000)"
        )
        parser.add_argument(
            "--state",
            type=Path,
            default=Path("var/demo"),
            help="folder of the data (default var/demo)",
        )
        parser.add_argument(
            "--reset", action="store_true", help="throw earlier demonstration data away first"
        )
        parser.add_argument(
            "--check",
            action="store_true",
            help="walk the main job on free ports and exit 0 if every step held",
        )
        parser.add_argument(
            "--json", action="store_true", help="with --check: print one JSON object"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # a script that starts it in the background has SIGINT ignored, and children inherit that
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _interrupt)
        try:
            if options["check"]:
                self._check(as_json=options["json"])
            else:
                self._serve(options["state"].absolute(), options["port"], reset=options["reset"])
        except (PartFault, postgres.PostgresFault) as fault:
            raise CommandError(str(fault)) from fault
        except KeyboardInterrupt:
            raise CommandError("Stopped before the end.", returncode=130) from None

    def _say(self, sentence: str) -> None:
        self.stderr.write(f"minqing: {sentence}")

    def _serve(self, state: Path, port: int, *, reset: bool) -> None:
        if not port_is_free(port):
            raise CommandError(
                f"Port {port} is taken. Name another one: make demo ARGS='--port 8010'"
            )
        if reset:
            _forget(state)
        with deployment(
            state=state, port=port, say=self._say, slot_seconds=_SLOT_SECONDS
        ) as running:
            self._print_addresses(running)
            try:
                while True:
                    time.sleep(1)
                    running.supervisor.watch()
            except KeyboardInterrupt:
                pass

    def _print_addresses(self, running: Deployment) -> None:
        write = self.stdout.write
        write("\n民情 Minqing · 演示：人物均为虚构，地名为真实地名 (people are fictitious)\n")
        for unit in UNITS:
            write(
                f"  {unit.name}  {running.address(unit.host)}  工作台 {running.address(unit.host, '/desk/')}"
            )
        write("\n  演示登录 demonstration sign-ins:")
        for line in sign_ins():
            write(f"    {line}")
        county, first = UNITS[1], STAFF[0]
        write(
            f"\n  先试 try first: {running.address(county.host)}，再以 {first.username} 登录 then sign in as {first.username} at "
            f"{running.address(county.host, '/desk/')}\n"
        )
        write("\n  Ctrl-C stops; the data stay in " + str(running.state) + "\n")

    def _check(self, *, as_json: bool) -> None:
        state = Path(tempfile.mkdtemp(prefix="minqing-check-"))
        state.chmod(0o755)
        steps: list[Step] = []
        try:
            with deployment(state=state, port=free_port(), say=self._say) as running:
                for step in walk(running):
                    steps.append(step)
                    if not as_json:
                        self.stdout.write(
                            f"{'ok ' if step.held else 'NOT'} {step.seconds:7.2f} s  {step.name}{step.detail and '  ' + step.detail}"
                        )
        finally:
            _forget(state)
        held = bool(steps) and all(step.held for step in steps)
        if as_json:
            rows = [
                {
                    "name": step.name,
                    "held": step.held,
                    "seconds": round(step.seconds, 3),
                    "detail": step.detail,
                }
                for step in steps
            ]
            self.stdout.write(json.dumps({"held": held, "steps": rows}, ensure_ascii=False))
        if not held:
            raise CommandError("Not every step held.", returncode=1)
        self._say(f"all {len(steps)} steps held")


def _forget(state: Path) -> None:
    cluster = postgres.cluster_for(state)
    postgres.wait_until_stopped(cluster)
    shutil.rmtree(cluster.home, ignore_errors=True)
    shutil.rmtree(cluster.sockets, ignore_errors=True)
    shutil.rmtree(state, ignore_errors=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
