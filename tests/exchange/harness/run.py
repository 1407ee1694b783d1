"""Running a plan against a fleet, writing every step down, and judging what comes of it."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from tests.exchange.harness import checks, wires
from tests.exchange.harness.broker import SharedByAll
from tests.exchange.harness.commands import KINDS
from tests.exchange.harness.fleet import RECEIVED, Fleet
from tests.exchange.harness.plan import Plan
from tests.exchange.harness.proxy import Network, Proxy
from tests.exchange.harness.steps import Steps

CHECK_EVERY = 1000
_ROUNDS = 8


class SoakFailure(AssertionError):
    """The units did something that they must not; the message says the seed, the step and where the log is."""


class Run:
    """One seed on one fleet. Use as a context manager; ``go`` runs and judges.

    ``servers`` units have a database server of their own, ``network`` asks for one kind of wires by its name.
    """

    def __init__(self, *, seed, units, template, server, log, servers=1, network=""):
        self.seed = seed
        self.folder = Path(tempfile.mkdtemp(prefix="minqing-soak-"))
        self.folder.chmod(0o755)
        self.counts = Counter()
        self.acknowledged = defaultdict(set)
        self.number = 0
        self.kept = Path(log).with_suffix(".parts")
        """What the parts wrote, after a failure."""

        self._units = units
        self._servers = servers
        self.narrowed = set()
        """Pairs of a peer and a unit that once gave it kinds from then on only."""
        self.policy = 0
        """Version of the region's policy that the first unit published last."""
        self.parted = set()
        """Units that were cut off from the broker since the last check."""
        self.broker = None
        """The broker that the units share, once it answers."""
        inside = Network()
        with ExitStack() as closing:
            self._log = closing.enter_context(Path(log).open("w", encoding="utf-8"))
            self.wires = wires.lay(units, inside, which=network)
            closing.callback(self.wires.close)
            self.proxy = Proxy(inside, self.wires.listening)
            closing.callback(self.proxy.close)
            self.fleet = Fleet(
                self.folder,
                template=template,
                server=server,
                port=self.proxy.port,
                wires=self.wires,
            )
            self._closing = closing.pop_all()
        self.steps = Steps(self)

    def __enter__(self):
        try:
            self._begin()
        except BaseException as fault:
            self.__exit__(type(fault))
            raise
        return self

    def __exit__(self, kind=None, *_):
        with self._closing:
            self.fleet.close()
        if kind is not None:
            self.kept.mkdir(exist_ok=True)
            for written in self.folder.glob("*.log"):
                shutil.copy(written, self.kept)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _begin(self):
        self._write(network=self.wires.says, why=self.wires.reason, servers=self._servers)
        first = self._units - self._servers
        units = [self.fleet.add(own_server=n >= first) for n in range(self._units)]
        for unit in units:
            unit.origin = f"minqing/{unit.code}/{secrets.token_hex(4)}"
        shared = SharedByAll(self.folder, units, self.proxy)
        self._closing.callback(shared.close)
        for unit in units:
            self.proxy.network.sources[self.wires.source(unit.number)] = unit.number
            self.proxy.network.webs[unit.number] = (self.wires.web(unit.number), unit.backend)
            self.fleet.fill(unit)
            self.fleet.start(unit)
        begun = []
        for unit in units:
            unit.parts["worker"].send(
                "begin", begun.append, code=unit.code, host=unit.host, origin=unit.origin
            )
        for unit in units:
            unit.parts["worker"].drain(0)
        if [answer.get("is") for answer in begun] != [unit.origin for unit in units]:
            self.fail(f"the units could not begin: {begun}")
        for unit in units:
            for other in units[unit.number :]:
                self.connect(unit, other)
        for unit in units[1:]:
            self.tell(unit, "trust", origin=units[0].origin)
        self.broker = shared.ready()
        self._let_the_broker_carry(units[0], units[1])

    def _let_the_broker_carry(self, unit, peer):
        """Publish until a record of the peer has come over the broker: a run in which nothing does would test pull alone."""
        deadline = time.monotonic() + 120
        before = _received(unit)
        while _received(unit) == before:
            if time.monotonic() > deadline:
                for asked, other in ((peer, unit), (unit, peer)):
                    knows = self.tell(asked, "fast_path", origin=other.origin)
                    self._write(n=self.number, unit=asked.number, peer=other.number, knows=knows)
                self.fail(
                    f"nothing of unit {peer.number} comes to unit {unit.number} over the broker that all share"
                )
            self.tell(peer, "hurry")
            words = [["soak.line", "news", "public", f"over the broker {secrets.token_hex(8)}"]]
            self.acknowledged[peer.number].update(self.tell(peer, "append", records=words))
            self.tell(peer, "seal")
            for each in (
                peer,
                unit,
            ):  # a parcel that does not continue what is here has the reader pull
                self.tell(each, "work", most=20)
            time.sleep(0.1)

    def connect(self, unit, other):
        """Connect two units as their operators would; each grants the other every kind."""
        self.tell(unit, "request", address=f"http://{other.host}:{self.proxy.port}")
        self.tell(other, "accept", origin=unit.origin)
        state = self.tell(unit, "accept", origin=other.origin)
        assert state == "connected", state
        self.tell(unit, "grant", origin=other.origin, kinds=KINDS)
        self.tell(other, "grant", origin=unit.origin, kinds=KINDS)

    def tell(self, unit, command, **named):
        """Ask a worker something that must not fail; return the answer."""
        answer = unit.parts["worker"].ask(command, **named)
        if "fault" in answer:
            self.fail(
                f"unit {unit.number}: {command} failed: {answer['fault']}: {answer['sentence']}"
            )
        return answer["is"]

    def go(self, steps=0, *, recorded=None):
        """Run so many steps of the seed, or recorded ones; then heal and check."""
        plan = Plan(self.seed, self._units)
        script = recorded if recorded is not None else (plan.step() for _ in range(steps))
        began = time.monotonic()
        for step in script:
            self.number += 1
            self._write(n=self.number, **step)
            self.counts[step["do"]] += 1
            self.steps.do(step)
            if self.number % CHECK_EVERY == 0:
                self.check()
        stepping = time.monotonic() - began
        self.check()
        return {
            "steps": self.number,
            "seconds": round(stepping, 1),
            **dict(sorted(self.counts.items())),
        }

    def fail(self, sentence):
        """Raise with all that reproduces it."""
        self._write(n=self.number, failed=sentence)
        raise SoakFailure(
            f"seed {self.seed}, step {self.number}: {sentence} (log: {self._log.name}, parts: {self.kept})"
        )

    def _write(self, **line):
        self._log.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._log.flush()

    # --- judging ----------------------------------------------------------------------------

    def judge(self, unit, standing):
        """Fail on any incident against a unit that did not lie."""
        for _, origin, name, sentence in self.steps.surprising(standing):
            other = next((u for u in self.fleet.units if u.origin == origin), None)
            self._tell_chain(sentence, unit, other)
            number = origin if other is None else other.number
            self.fail(f"unit {unit.number} invented {name} against {number}: {sentence}")

    def _tell_chain(self, sentence, unit, other):
        """Write into the log what both sides know of the chain of a record that an incident names."""
        named = re.match(r"Record (\d+):", sentence)
        if named is None or other is None:
            return
        for asked in (unit, other):
            answer = asked.parts["worker"].ask(
                "told", origin=other.origin, index=int(named.group(1))
            )
            self._write(n=self.number, unit=asked.number, told=answer)

    def check(self):
        """Heal everything, let the units come to rest, and compare all with all."""
        self.steps.heal_all()
        units = self.fleet.units
        if self.parted:  # the fast path comes back by itself, both ways
            number = min(self.parted)
            unit, other = units[number - 1], units[number % self._units]
            self._let_the_broker_carry(unit, other)
            self._let_the_broker_carry(other, unit)
            self.counts["came back to the broker"] += 1
        self.parted.clear()
        for unit in units:  # nothing else comes in while all is compared with all
            self.fleet.kill(unit, "receiver")
        pairs = [(unit, other) for unit in units for other in units if other is not unit]
        for unit, other in pairs:
            self.tell(unit, "grant", origin=other.origin, kinds=KINDS)
        for unit in units:
            self.tell(unit, "slot")
        self._come_to_rest(units, pairs)
        issued = {unit.number: self.tell(unit, "issued") for unit in units}
        takings = {
            (unit.number, other.number): self.tell(unit, "taken", origin=other.origin) for unit, other in pairs
        }  # fmt: skip
        for unit in units:
            self.judge(unit, self.tell(unit, "incidents"))
        found = checks.faults(issued, takings, self.acknowledged, self.narrowed)
        found += checks.home_faults({unit.number: self.tell(unit, "custodies") for unit in units})
        if self.policy:
            said = {unit.number: self.tell(unit, "policy_in_force") for unit in units}
            found += checks.policy_faults(said, units[0].origin, self.policy)
        if found:
            self.fail("; ".join(found[:6]))
        self.counts["parcels taken in"] = sum(_received(unit) for unit in units)
        self.counts["checked records"] = sum(len(log["leaves"]) for log in issued.values())
        self.counts["checks"] += 1
        for unit in units:
            self.fleet.start(unit)

    def _come_to_rest(self, units, pairs):
        """Seal and pull until nothing grows: what a pull brings (orders carried out, heads seen) is logged in turn."""
        sizes = None
        for _ in range(_ROUNDS):
            for unit in units:
                self.tell(unit, "settle_handovers")
            before, sizes = sizes, [self.tell(unit, "seal") for unit in units]
            if sizes == before:
                return
            for unit, other in pairs:
                worker = unit.parts["worker"]
                worker.send(
                    "pull", partial(self.steps.pulled, unit, whole=True), origin=other.origin
                )
            for unit in units:  # all have read: a sweep may log an order of erasure, and who reads then is told to ask again
                self.tell(unit, "size")
            for unit in units:
                self.tell(unit, "sweep")
        self.fail(f"the units do not come to rest: their logs still grow, last to {sizes}")


def _received(unit):
    """How many parcels brought a unit records over the broker."""
    counted = unit.state / RECEIVED
    return counted.stat().st_size if counted.exists() else 0
