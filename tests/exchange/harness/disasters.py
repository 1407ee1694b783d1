"""What befalls a whole unit: an old backup, a copied machine."""

from __future__ import annotations

from tests.exchange.harness.hands import Hands


class Disasters(Hands):
    """Steps that bring back, copy or lose a unit's data."""

    def back_up(self, unit, _, step):
        """Copy a unit's database."""
        if unit.restored:
            return
        size = self.size(unit)
        self.pause(unit)
        self.fleet.back_up(unit, size)
        self.fleet.start(unit)

    def restore(self, unit, peer, step):
        """Start a unit from its backup, though its log has grown since and a peer has seen that: it must refuse to seal."""
        if unit.restored or unit.backup < 0:
            return
        self.whole(unit, peer)
        if peer.restored:
            return
        self.news(unit, peer)
        self.run.tell(unit, "slot")
        self.pulled(peer, peer.parts["worker"].ask("pull", origin=unit.origin), whole=True)
        self.rest()
        self.pause(unit)
        self.fleet.restore(unit)
        self.fleet.start(unit)
        # What was open when the backup was made is open again, whatever was settled since.
        for number, *_ in self.run.tell(unit, "incidents"):
            self.settle(unit, number)
        text = f"{self.run.number} written after the restore"
        words = [["soak.line", "lost", "public", text]]
        unit.parts["worker"].ask("append", records=words)
        answer = unit.parts["worker"].ask("seal")
        if answer.get("fault") != "RolledBack":
            self.run.fail(
                f"unit {unit.number} was restored from an old backup and sealing said {answer}"
            )
        self.run.counts["refused to seal"] += 1

    def recover(self, unit, _, step):
        """Bring the newer data back, or what the peers hold; then the log goes on."""
        if not unit.restored:
            return
        self.rest()
        if not step["from peers"] or not self._from_peers(unit):
            self.pause(unit)
            self.fleet.recover(unit)
            self.fleet.start(unit)
        for other in (
            self.fleet.units
        ):  # keys may have changed that it could not read while this log was behind
            if other.aged and not other.restored and other is not unit:
                self.whole(unit, other)
                self.run.tell(other, "pull", origin=unit.origin)
        # Nobody has an old backup any more who was believed to have rolled back, but for those that do at this moment. What
        # this unit had open when it was restored is open again, too.
        restored = {other.origin for other in self.fleet.units if other.restored}
        for other in self.fleet.units:
            for number, origin, name, _ in self.run.tell(other, "incidents"):
                if (
                    name == "rolled-back"
                    and (origin == unit.origin or other is unit)
                    and origin not in restored
                ):
                    self.settle(other, number)

    def _from_peers(self, unit):
        """As an operator does who has nothing but the old backup: everybody is asked, then the log is adopted.

        A peer that came back from an old backup itself may know this unit by a key that has ended since, and reads the newer one only
        in a log that goes on: people connect the two anew, or find a newer backup. Return whether it was done without.
        """
        self.net.heal()
        self.run.wires.heal()
        self.whole(*self.fleet.units)
        came = self.run.tell(unit, "come_back")
        strangers = sum("401, signature" in sentence for sentence in came["silent"])
        if 0 < strangers == len(came["silent"]) <= sum(other.aged for other in self.fleet.units):
            self.run.counts["peers of an old backup did not know who asked"] += 1
            return False
        if came["signed"] != came["size"] or came["silent"]:
            self.run.fail(f"unit {unit.number} did not come back whole: {came}")
        closed = set(self.run.tell(unit, "closed"))
        for other in self.fleet.units:
            kept = closed & set(self.run.tell(other, "held", origin=unit.origin))
            if other is not unit and kept:
                self.run.fail(
                    f"unit {unit.number} did not get back {sorted(kept)} from {other.number}: {came}"
                )
        self.run.tell(unit, "adopt")
        self.fleet.keep(unit)
        for (
            other
        ) in self.fleet.units:  # as its workers do by themselves: keys may have changed meanwhile
            if other is not unit:
                self.run.tell(unit, "pull", origin=other.origin)
        self.run.counts["came back from peers"] += 1
        return True

    def clone(self, unit, peer, step):
        """Start a second unit from a copy of the first one's database and folder: it must not seal."""
        if unit.restored:
            return
        self.pause(unit)
        twin = self.fleet.clone(unit)
        self.fleet.start(unit)
        try:
            self.fleet.start(twin, "signer", "worker")
            twin.parts["worker"].ask(
                "append", records=[["soak.line", "twin", "public", "written by the clone"]]
            )
            answer = twin.parts["worker"].ask("seal")
            if answer.get("fault") not in {"SignerRefused", "RolledBack"}:
                self.run.fail(
                    f"the clone of unit {unit.number} was asked to seal and said {answer}"
                )
            self.run.counts["refused to seal"] += 1
            twin.parts["worker"].ask("pull", origin=peer.origin)
        finally:
            self.fleet.stop(twin)
            unit.server.drop(twin.database)
