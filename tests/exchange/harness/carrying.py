"""What goes from hand to hand: subjects that change their home, and discs."""

from __future__ import annotations

import shutil

from tests.exchange.harness.hands import SEALING, Hands

_DISC = ("DiscFault", "LedgerFault", "RolledBack", "OSError", *SEALING)
"""A disc cannot be written or read while the disk is full, the signer away or the database older than the log."""


class Carrying(Hands):
    """Steps of handovers, in any order and at any moment; and a disc carried from one unit to another."""

    def offer(self, unit, peer, step):
        """Offer a subject to another unit, whether or not it is there to give."""
        if unit.restored:
            return
        own = step["subject"].startswith(f"soak:{unit.number}-")
        kept = self.run.acknowledged[unit.number]

        def then(answer):
            if isinstance(answer.get("is"), list):
                kept.update(answer["is"])
                self.run.counts["offers made"] += 1

        self.send(
            unit, "offer", then, may=SEALING, subject=step["subject"], to=peer.origin, own=own
        )

    def accept(self, unit, _, step):
        """Accept every offer that has come."""
        if not unit.restored:
            self.send(unit, "accept_offers", self._stepped(unit, "offers accepted"), may=SEALING)

    def call_off(self, unit, _, step):
        """Cancel every offer that is not closed."""
        if not unit.restored:
            self.send(unit, "cancel_offers", self._stepped(unit, "offers cancelled"), may=SEALING)

    def _stepped(self, unit, name):
        kept = self.run.acknowledged[unit.number]

        def then(answer):
            for made in answer.get("is") or ():
                if isinstance(made, list):
                    kept.update(made)
                    self.run.counts[name] += 1

        return then

    def carry(self, unit, peer, step):
        """Write a disc at one unit and take it in at another; whatever befell either, it accuses nobody."""
        folder = self.run.folder / f"disc-{unit.number}-{peer.number}"
        if unit.restored or peer.restored:
            return
        out = self.worker(unit)
        out.drain(0)
        written = out.ask("carry_out", folder=str(folder), to=peer.origin)
        self._expected(unit, "carry_out", written)
        if "is" in written:
            came = self.worker(peer)
            came.drain(0)
            taken = came.ask("carry_in", folder=str(folder))
            self._expected(peer, "carry_in", taken)
            if "is" in taken:
                self.run.judge(peer, taken["is"]["open"])
                self.run.counts["discs taken in"] += not taken["is"]["faults"]
        shutil.rmtree(folder, ignore_errors=True)

    def _expected(self, unit, command, answer):
        fault = answer.get("fault")
        if fault is not None and fault not in _DISC:
            self.run.fail(f"unit {unit.number}: {command} failed: {fault}: {answer['sentence']}")
