"""`minqing verify FILE --policy P`: does a proof file hold? Offline; exit 0 yes, 1 no, 2 it was called wrongly, 3 the unit's word only."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from sync.errors import SyncFault
from sync.formats import regions, verify
from sync.management.offline import called_rightly

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

UNIT_WORD_ONLY = 3


class Command(BaseCommand):
    help = "Check a proof file offline, with keys from a policy file that did not come from the unit itself."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the proof file (.tlog-proof)")
        parser.add_argument(
            "--policy",
            type=Path,
            help="policy file (tlog-policy) from somebody other than the unit",
        )
        parser.add_argument(
            "--policy-key",
            help="key of the superior unit that signed the policy, if it is a region's",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--save", type=Path, metavar="FILE", help="write the words themselves to a file"
        )
        parser.add_argument(
            "--compare",
            type=Path,
            metavar="FILE",
            help="compare the words with a file of one's own",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with called_rightly():
            policy = (
                regions.read_any(
                    options["policy"].read_bytes(),
                    options["policy_key"],
                    today=timezone.localdate(),
                )
                if options["policy"]
                else None
            )
            octets = options["file"].read_bytes()
            own = options["compare"].read_bytes() if options["compare"] else None
        try:
            verdict = verify.verify(octets, policy)
        except SyncFault as fault:
            raise CommandError(f"This proof does not hold (证明无效): {fault}") from fault
        if options["save"]:
            with called_rightly():
                options["save"].write_bytes(verdict.body)
        same = None if own is None else _compare(verdict.body, own)
        self.stdout.write(_json(verdict, same) if options["json"] else _text(verdict, same))
        if same is not None and same != "equal":
            sys.exit(1)
        if verdict.result == verify.UNIT_WORD_ONLY:
            sys.exit(UNIT_WORD_ONLY)


def _compare(body: bytes, own: bytes) -> str:
    """Octets decide; that a typed copy differs in line ends alone is told as a reading aid only."""
    if body == own:
        return "equal"
    return (
        "line-ends" if body.replace(b"\r\n", b"\n") == own.replace(b"\r\n", b"\n") else "different"
    )


def _json(verdict: verify.Verdict, same: str | None) -> str:
    shown = {
        "result": verdict.result, "reason": verdict.reason, "origin": verdict.origin, "index": verdict.index, "size": verdict.size,
        "kind": verdict.kind, "day": verdict.day, "media_type": verdict.media_type, "octets": len(verdict.body),
        "sha256": verdict.sha256, "sm3": verdict.sm3, "commitment": verdict.commitment, "operators": verdict.operators,
        "before": verdict.before.isoformat() if verdict.before else None, "compared": same, "not_shown": verify.NOT_SHOWN,
    }  # fmt: skip
    return msgspec.json.encode(shown).decode()


def _text(verdict: verify.Verdict, same: str | None) -> str:
    number = len(verdict.operators)
    before = f"{verdict.before:%Y-%m-%d %H:%M:%S} UTC" if verdict.before else "no time is shown"
    lines = [
        f"bytes 原文          {len(verdict.body)} octets, {verdict.media_type}",
        f"                    SHA-256 {verdict.sha256}",
        f"                    SM3     {verdict.sm3}",
        f"committed by 单位   {verdict.origin}, entry {verdict.index} of {verdict.size}",
        f"before 不晚于       {before}",
        f"seen by 外部见证    {number} operators outside the unit"
        + (f": {', '.join(verdict.operators)}" if number else ""),
    ]
    compared = {
        "equal": "Your file holds exactly these bytes.",
        "line-ends": "Your file is NOT the same bytes; it differs in line ends only.",
        "different": "Your file holds other bytes.",
    }
    if same is not None:
        lines.append(compared[same])
    lines += ["not shown 不能证明"] + [f"  - {thing}" for thing in verify.NOT_SHOWN]
    lines.append(verify.MEANING.format(operators=number))
    if verdict.result == verify.UNIT_WORD_ONLY:
        lines.append(f"The unit's word only (仅为该单位一方的说法). {verdict.reason}")
    return "\n".join(lines)
