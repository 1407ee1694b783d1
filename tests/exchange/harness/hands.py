"""What every step has at hand: asking a worker, making units whole, judging what a pull says."""

from __future__ import annotations

from tests.exchange.harness.commands import KINDS

AHEAD = 3
"""Questions that one worker may have waiting."""

CONNECTION = ("OperationalError", "InterfaceError")
"""What a worker says whose database connection was severed under it."""

SEALING = ("SignerUnreachable", *CONNECTION)


class Hands:
    """Ways to the fleet and to the network between its units."""

    def __init__(self, run):
        self.run = run
        self.fleet = run.fleet
        self.net = run.proxy.network

    def send(self, unit, command, then, may=CONNECTION, **named):
        """Ask without waiting. ``may`` names the faults that are no surprise."""
        part = self.worker(unit)
        restored = unit.restored

        def judged(answer):
            if answer is None:
                return
            fault = answer.get("fault")
            if fault is not None and fault not in may and not (restored and fault == "RolledBack"):
                self.run.fail(
                    f"unit {unit.number}: {command} failed: {fault}: {answer['sentence']}"
                )
            then(answer)

        part.drain(AHEAD - 1)
        part.send(command, judged, **named)

    def worker(self, unit):
        if "worker" not in unit.parts:
            self.fleet.start(unit, "worker")
        return unit.parts["worker"]

    def _records(self, unit, records):
        return [
            [kind, subject, f"unit:{self.fleet.units[int(audience[1:]) - 1].origin}" if audience[0] == "@" else audience, body]
            for kind, subject, audience, body in records
        ]  # fmt: skip

    def pulled(self, unit, answer, *, whole=False):
        """Judge a pull; where everything is ``whole`` it must have gone well."""
        if answer is None or "is" not in answer:
            if whole:
                self.run.fail(f"unit {unit.number} could not pull: {answer}")
            return
        self.run.judge(unit, answer["is"]["open"])
        if whole and (answer["is"]["fault"] or answer["is"]["busy"]):
            self.run.fail(f"unit {unit.number} could not pull from a whole unit: {answer['is']}")

    def news(self, peer, unit):
        """Let a peer have two new records for a unit, sealed."""
        self.run.tell(peer, "grant", origin=unit.origin, kinds=KINDS)
        words = [
            ["soak.line", "news", "public", f"news {self.run.number} {place}"] for place in (1, 2)
        ]
        self.run.acknowledged[peer.number].update(self.run.tell(peer, "append", records=words))
        self.run.tell(peer, "seal")

    def whole(self, *units):
        """Make units whole: no part down, clock right, room on the disk, every path between them open."""
        for unit in units:
            self.empty(unit, None, None)
            self.fleet.start(unit)
            if unit.hours:
                self.clock(unit, None, {"hours": 0})
            self._hear(unit)
            for other in units:
                self.join(unit, other, None)

    def rest(self):
        """Wait until every worker has answered, and can again."""
        for unit in self.fleet.units:
            self.fleet.serve(unit)
            self._hear(unit)

    def _hear(self, unit):
        """Ask a worker something whose answer is nothing to us: a connection that was severed shows at the next question."""
        self.send(unit, "size", lambda _: None)
        self.worker(unit).drain(0)

    def pause(self, unit):
        """Stop a unit between two questions."""
        self.worker(unit).drain(0)
        self.fleet.serve(unit)
        self.fleet.stop(unit)

    def size(self, unit):
        self.whole(unit)
        return self.run.tell(unit, "size")[1]

    def heal_all(self):
        """Make everything whole."""
        self.net.heal()
        self.run.wires.heal()
        for unit in self.fleet.units:
            self.recover(unit, None, {"from peers": False})
        self.whole(*self.fleet.units)

    def surprising(self, standing):
        """Return the open incidents that the restored units of this moment do not explain."""
        restored = {other.origin for other in self.fleet.units if other.restored}
        return [row for row in standing if not (row[1] in restored and row[2] == "rolled-back")]

    def settle(self, unit, incident):
        settled = self.run.tell(unit, "settle", incident=incident)
        if not settled["evidence"]:
            self.run.fail(f"unit {unit.number} kept no evidence of an incident")
        return settled
