"""What each step of a plan does to the fleet. Load is sent without waiting; what needs an answer waits for it."""

from __future__ import annotations

import time

from tests.exchange.harness.broker import BrokerFaults
from tests.exchange.harness.carrying import Carrying
from tests.exchange.harness.commands import KINDS
from tests.exchange.harness.disasters import Disasters
from tests.exchange.harness.hands import SEALING
from tests.exchange.harness.lying import Lying
from tests.exchange.harness.rotating import Rotating


class Steps(Carrying, Lying, Disasters, Rotating, BrokerFaults):
    """Does steps by name; knows what each may answer."""

    def __init__(self, run):
        super().__init__(run)
        self._acts = {
            "append": self.append, "move": self.move, "seal": self.seal, "slot": self.slot, "pull": self.pull, "work": self.work,
            "sweep": self.sweep, "witness": self.witness, "cut": self.cut, "join": self.join, "late": self.late, "lossy": self.lossy,
            "kill": self.kill, "start": self.start, "sever": self.sever, "wipe": self.wipe, "clock": self.clock,
            "set clock": self.set_clock, "fill": self.fill, "empty": self.empty, "back up": self.back_up, "restore": self.restore,
            "recover": self.recover, "clone": self.clone, "lie": self.lie, "old head": self.old_head, "replay": self.replay,
            "fork": self.fork, "revoke": self.revoke, "grant": self.grant, "erase": self.erase, "offer": self.offer, "accept": self.accept, "call off": self.call_off, "carry": self.carry,
            "broker_wiped": self.broker_wiped, "broker_silent": self.broker_silent, "broker_spoiled": self.broker_spoiled,
            "receiver_killed": self.receiver_killed, "broker_cut": self.broker_cut, "broker_joined": self.broker_joined,
            "database_killed": self.database_killed, "rotate": self.rotate, "retire": self.retire, "policy": self.policy,
        }  # fmt: skip

    def do(self, step):
        """Do one step, then read what answers have come."""
        unit, peer = (self.fleet.units[step[name] - 1] for name in ("unit", "peer"))
        self._acts[step["do"]](unit, peer, step)
        for other in self.fleet.units:
            if "worker" in other.parts:
                other.parts["worker"].poll()

    # --- load -------------------------------------------------------------------------------

    def append(self, unit, _, step):
        """Records of several kinds, subjects and audiences, in one transaction."""
        kept = None if unit.restored else self.run.acknowledged[unit.number]

        def then(answer):
            if kept is not None:
                kept.update(answer.get("is", ()))

        self.send(unit, "append", then, records=self._records(unit, step["records"]))

    def move(self, unit, peer, step):
        """An official leaves one unit and arrives at another."""
        self.append(unit, None, {"records": step["left"]})
        self.append(peer, None, {"records": step["arrived"]})

    def seal(self, unit, _, step):
        """Seal."""
        self.send(unit, "seal", self._sealed(unit), may=SEALING)

    def slot(self, unit, _, step):
        """End a slot."""
        self.send(unit, "slot", self._sealed(unit), may=SEALING)

    def _sealed(self, unit):
        restored = unit.restored

        def then(answer):
            if restored and "is" in answer and answer["is"] > unit.backup:
                self.run.fail(
                    f"unit {unit.number} sealed though its database is older than what it signed"
                )

        return then

    def pull(self, unit, peer, step):
        """Pull from one peer."""
        self.send(unit, "pull", lambda answer: self.pulled(unit, answer), origin=peer.origin)

    def work(self, unit, _, step):
        """Run what waits in the queue: bells to ring, pulls that bells asked for, witnesses."""
        self.send(unit, "work", self._standing(unit), may=SEALING, most=step["most"])

    def sweep(self, unit, _, step):
        """What happens once a second."""
        self.send(unit, "sweep", self._standing(unit), may=SEALING)

    def _standing(self, unit):
        return lambda answer: self.run.judge(unit, answer.get("is") or ())

    def witness(self, unit, _, step):
        """Have the head countersigned."""
        self.send(unit, "witnessed", lambda _: None, may=SEALING)

    def revoke(self, unit, peer, step):
        """Take every kind from a peer: those that share subjects go together (see the protocol's grants)."""
        self.send(unit, "grant", lambda _: None, origin=peer.origin, kinds=KINDS, granted=False)

    def grant(self, unit, peer, step):
        """Give a peer every kind again, perhaps from now on only."""
        history = step.get("history", True)
        if not history:
            self.run.narrowed.add((peer.number, unit.number))
        self.send(unit, "grant", lambda _: None, origin=peer.origin, kinds=KINDS, history=history)

    def erase(self, unit, _, step):
        """Erase one sealed record by order."""
        known = sorted(self.run.acknowledged[unit.number])
        if known and not unit.restored:
            chosen = known[int(step["which"] * len(known))]

            def then(answer):
                self.run.counts["records erased"] += "is" in answer

            self.send(
                unit,
                "erase",
                then,
                may=("LedgerFault", "OSError", *SEALING),
                commitments=[chosen],
            )

    # --- the network --------------------------------------------------------------------------

    def cut(self, unit, peer, step):
        """Part two units, both ways or one."""
        self.run.wires.cut(unit.number, peer.number)
        if step["both"]:
            self.run.wires.cut(peer.number, unit.number)

    def join(self, unit, peer, step):
        """Join them again."""
        for pair in ((unit.number, peer.number), (peer.number, unit.number)):
            for faults in (self.net.late, self.net.lossy):
                faults.pop(pair, None)
            self.run.wires.join(*pair)

    def late(self, unit, peer, step):
        """Let what one asks of the other take longer."""
        self.net.late[unit.number, peer.number] = step["seconds"]

    def lossy(self, unit, peer, step):
        """Lose or halve some of the next answers."""
        self.net.lossy[unit.number, peer.number] = list(step["faults"])

    # --- the machine --------------------------------------------------------------------------

    def kill(self, unit, _, step):
        """End a part at once; a worker begins again, the others stay away for a while."""
        time.sleep(step["after"])
        self.fleet.kill(unit, step["role"])
        if step["role"] == "worker":
            self.fleet.start(unit, "worker")

    def start(self, unit, _, step):
        """Start what is down."""
        self.fleet.start(unit)

    def sever(self, unit, _, step):
        """End a unit's database connections under it."""
        unit.server.leave(unit.database, until_gone=False)

    def database_killed(self, unit, _, step):
        """End the database server of a unit that has one to itself, as a crash would; all its parts stay."""
        alone = [other for other in self.fleet.units if other.server.own]
        time.sleep(step["after"])
        alone[unit.number % len(alone)].server.kill()

    def wipe(self, unit, _, step):
        """Lose the queue."""
        self.fleet.wipe_queue(unit)

    def clock(self, unit, _, step):
        """Set a unit's clock wrong by hours, or right; not while it answers somebody: who asks compares the answer's date."""
        for other in self.fleet.units:
            if "worker" in other.parts:
                other.parts["worker"].drain(0)
        unit.hours = step["hours"]
        for role in ("web", "worker"):
            if role in unit.parts:
                unit.parts[role].ask("clock", hours=unit.hours)

    def set_clock(self, unit, peer, step):
        """Set it right."""
        self.clock(unit, peer, {"hours": 0})

    def fill(self, unit, _, step):
        """Fill the disk for one part."""
        unit.full.add(step["role"])
        if step["role"] in unit.parts:
            unit.parts[step["role"]].limit(0)

    def empty(self, unit, _, step):
        """Make room again."""
        for role in unit.full:
            if role in unit.parts:
                unit.parts[role].limit(None)
        unit.full.clear()
