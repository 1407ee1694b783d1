"""`minqing peer request|list|accept|grant|pull|incidents|…`: the exchange, for operators."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from sync.errors import SyncFault
from sync.exchange import documents, incidents, peers, repinning, replay
from sync.exchange.pull import pull
from sync.models.exchange import Incident
from tenants.current import unit_by_code, unit_context
from tenants.errors import UnitFault

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from sync.exchange.standing import PeerState


class Command(BaseCommand):
    help = "Connect a unit of this deployment with others, see how things stand, pull, and look at incidents."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)

        def verb(name: str, help: str) -> CommandParser:  # noqa: A002  argparse's own name
            made: CommandParser = verbs.add_parser(name, help=help)
            made.add_argument("unit", help="code of the unit of this deployment")
            return made

        verb("fingerprint", "print this unit's fingerprint, to be read out to the other side")
        verb("connect", "ask the unit at an address for a connection").add_argument("address")
        accept = verb("accept", "accept a peer after comparing fingerprints by another way")
        accept.add_argument("peer")
        accept.add_argument(
            "--fingerprint", required=True, help="what the other side read out, forty digits"
        )
        accept.add_argument(
            "--unproven",
            action="store_true",
            help="take a unit of release 0.1, which cannot prove yet that it holds its keys",
        )
        repin = verb(
            "repin",
            "take a peer's new log key, where this unit slept through the change from the old one",
        )
        repin.add_argument("peer")
        repin.add_argument(
            "--fingerprint",
            required=True,
            help="what the other side read out of `minqing key show`",
        )
        verb("end", "end a connection").add_argument("peer")
        listing = verb("list", "show every peer and how things stand with it")
        listing.add_argument("--json", action="store_true")
        grant = verb("grant", "let a peer have records of a kind")
        grant.add_argument("peer")
        grant.add_argument("kinds", nargs="+", metavar="kind")
        grant.add_argument("--history", action="store_true", help="older `connected` records too")
        grant.add_argument("--revoke", action="store_true")
        pulling = verb("pull", "pull now from one peer, or from all")
        pulling.add_argument("peer", nargs="?")
        again = verb("replay", "try again what waits in quarantine")
        again.add_argument("peer")
        again.add_argument(
            "--everything", action="store_true", help="also what a handler had rejected"
        )
        seen = verb("incidents", "show what is held against peers")
        seen.add_argument(
            "--evidence", help="write the evidence of every open incident into this folder"
        )
        settle = verb("settle", "close an incident")
        settle.add_argument("incident", type=int)
        thaw = verb("thaw", "apply a frozen peer's records again: one proposes, another one agrees")
        thaw.add_argument("incident", type=int)
        thaw.add_argument("--by", required=True, metavar="NAME", help="who decides; it is logged")
        thaw.add_argument("--reason", help="why; without it this agrees to what somebody proposed")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with unit_context(unit_by_code(options["unit"])):
                getattr(self, f"_{options['verb']}")(options)
        except (SyncFault, UnitFault) as fault:
            raise CommandError(str(fault)) from fault

    def _fingerprint(self, options: dict[str, Any]) -> None:
        document = documents.own_document()
        self.stdout.write(f"{document.origin}\n{document.fingerprint}")

    def _connect(self, options: dict[str, Any]) -> None:
        state = peers.connection_request(options["address"])
        self._show(state)
        self.stdout.write(
            "Compare the fingerprint with the other side by telephone or letter, then both run `minqing peer accept`."
        )

    def _accept(self, options: dict[str, Any]) -> None:
        self._show(
            peers.connection_accept(
                options["peer"], options["fingerprint"], unproven=options["unproven"]
            )
        )

    def _repin(self, options: dict[str, Any]) -> None:
        key = repinning.repin(options["peer"], options["fingerprint"])
        self.stdout.write(f"{key}\nThe peer is known by this log key now; the log says so.")

    def _end(self, options: dict[str, Any]) -> None:
        stays = peers.connection_end(options["peer"])
        self.stdout.write(
            "The connection is ended." if stays else "The request is declined and forgotten."
        )

    def _list(self, options: dict[str, Any]) -> None:
        states = peers.peers_with_state()
        if options["json"]:
            self.stdout.write(
                json.dumps(
                    [dataclasses.asdict(state) for state in states], ensure_ascii=False, default=str
                )
            )
            return
        for state in states:
            self._show(state)
        if not states:
            self.stdout.write("No peers yet. `minqing peer connect` asks another unit.")

    def _grant(self, options: dict[str, Any]) -> None:
        with (
            transaction.atomic()
        ):  # kinds that share subjects come together, or the peer would see gaps
            for kind in options["kinds"]:
                peers.grant_set(
                    options["peer"], kind, granted=not options["revoke"], history=options["history"]
                )
        self.stdout.write("Done; the peer sees it with its next pull.")

    def _pull(self, options: dict[str, Any]) -> None:
        chosen = (
            [peers.peer_by_origin(options["peer"])] if options["peer"] else peers.connected_peers()
        )
        faults = []
        for peer in chosen:
            pulled = pull(peer)
            said = (
                "somebody else pulls from it now"
                if pulled.busy
                else f"mirrored {pulled.mirrored}, applied {pulled.applied}"
            )
            self.stdout.write(f"{peer.name} {peer.origin}: {pulled.fault or said}")
            faults += [pulled.fault] if pulled.fault else []
        if faults:
            raise CommandError(
                f"{len(faults)} of {len(chosen)} peers could not be pulled from; each is tried again by itself."
            )

    def _replay(self, options: dict[str, Any]) -> None:
        done = replay.replay(
            peers.peer_by_origin(options["peer"]), everything=options["everything"]
        )
        self.stdout.write(f"{done} records were applied.")

    def _incidents(self, options: dict[str, Any]) -> None:
        for incident in Incident.objects.filter(settled_on=None).select_related("peer"):
            frozen = " (frozen)" if incident.freezes else ""
            self.stdout.write(
                f"{incident.pk} {incident.name}{frozen} {incident.peer.origin} {incident.first_on} to {incident.last_on}, "
                f"{incident.times} times: {incident.sentence}"
            )
            if options["evidence"]:
                folder = Path(options["evidence"]) / f"{incident.pk}-{incident.name}"
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                for evidence in incident.evidence.all():
                    (folder / evidence.name).write_bytes(bytes(evidence.content))

    def _settle(self, options: dict[str, Any]) -> None:
        incidents.incident_settle(options["incident"])
        self.stdout.write("The incident is settled.")

    def _thaw(self, options: dict[str, Any]) -> None:
        if options["reason"]:
            incidents.thaw_propose(options["incident"], by=options["by"], reason=options["reason"])
            self.stdout.write(
                "Proposed. Somebody else agrees with `minqing peer thaw … --by NAME`."
            )
            return
        incidents.thaw_agree(options["incident"], by=options["by"])
        self.stdout.write("The peer's records are applied again; the log says so, with the reason.")

    def _show(self, state: PeerState) -> None:
        self.stdout.write(
            f"{state.name} {state.origin}\n  {state.state}, {state.address}, operator {state.operator}\n"
            f"  fingerprint {state.fingerprint}\n  mirrored {state.mirrored}, applied {state.applied}, lag {state.lag}, "
            f"delivered {state.delivered}, in quarantine {state.quarantined}, incidents {state.incidents}\n"
            f"  granted: {', '.join(grant.kind for grant in state.grants) or 'nothing'}"
            + ("" if state.proven_keys else "\n  it did not prove that it holds its keys")
            + (f"\n  last error: {state.last_error}" if state.last_error else "")
        )
