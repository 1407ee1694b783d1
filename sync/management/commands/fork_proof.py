"""`minqing fork-proof verify FILE`: does a file prove that a log signed two histories? Offline; exit 0 yes, 1 no, 2 it was called wrongly, 3 by its own keys only."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from sync.errors import SyncFault
from sync.formats import forks, heads, notes, policies, regions
from sync.management.offline import OWN_KEYS_ONLY, called_rightly

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


_WHAT_IT_MEANS = (
    "Both heads carry the log's own signature; one history cannot begin with both. The file does not say who did it or why: a stolen "
    "key, a copied machine and a restored backup look the same as intent. 两份存证公告都有该单位自己的签名，却不可能属于同一份记录；原因要由人查清。"
)


class Command(BaseCommand):
    help = "Check a fork proof offline, with the log's key from somebody other than whoever handed you the file."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        check = verbs.add_parser(
            "verify",
            help="exit 0: it shows a fork; 1: it does not; 2: key, policy or file cannot be used; 3: only by the keys it names itself",
        )
        check.add_argument("file", type=Path)
        check.add_argument(
            "--key", action="append", default=[], help="the log's verifier key, as you know it"
        )
        check.add_argument("--policy", type=Path, help="a policy file that knows the log")
        check.add_argument(
            "--policy-key", help="key of whoever signed the policy, if it is a region's"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with called_rightly():
            octets = options["file"].read_bytes()
            keys = [notes.VerifierKey.parse(text) for text in options["key"]]
            policy = _policy(options)
        try:
            proof = forks.decode(octets)
            trusted = _trusted(keys, policy, proof)
            own = heads.LogKeys(current=proof.keys)
            sentence = forks.verify_fork(octets, trusted or own)
        except SyncFault as fault:
            raise CommandError(f"This shows no fork (不能证明): {fault}") from fault
        self.stdout.write(f"{sentence}\n{_WHAT_IT_MEANS}")
        if trusted is None:
            self.stdout.write(
                "Checked with the keys that the file names itself. Compare their fingerprints by another way:"
            )
            for key in proof.keys:
                self.stdout.write(f"  {key.name}  {key.fingerprint}")
            sys.exit(OWN_KEYS_ONLY)


def _policy(options: dict[str, Any]) -> policies.Policy | None:
    if not options["policy"]:
        return None
    octets = options["policy"].read_bytes()
    return regions.read_any(octets, options["policy_key"], today=timezone.localdate())


def _trusted(
    keys: list[notes.VerifierKey], policy: policies.Policy | None, proof: forks.ForkProof
) -> heads.LogKeys | None:
    """Return whose signatures count; None: those that the file names itself."""
    if keys:
        return heads.LogKeys(current=tuple(keys))
    if policy is None:
        return None
    return policy.log_keys(notes.parse_checkpoint(notes.parse_note(proof.larger).text).origin)
