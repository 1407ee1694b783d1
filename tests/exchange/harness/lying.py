"""Units that lie, once each: every lie must be found, with evidence, and held against nobody else."""

from __future__ import annotations

import httpx

from sync.exchange import requests
from tests.exchange.harness.hands import Hands
from tests.exchange.harness.lies import HEAD, LIES, older_head
from tests.exchange.harness.proxy import Bend
from tests.support.liar import Liar


class Lying(Hands):
    """Steps in which somebody lies."""

    def lie(self, unit, peer, step):
        """Let a peer lie once in one answer: the unit must say so, with evidence, and go on afterwards."""
        path, change, expected = LIES[step["lie"]]
        if unit.restored or peer.restored:
            return
        self.whole(unit, peer)
        self.news(peer, unit)
        self.told(unit, peer, Bend(path, change), expected, step["lie"])

    def old_head(self, unit, peer, step):
        """Let a peer show a head that is older than one it has shown."""
        if unit.restored or peer.restored:
            return
        self.whole(unit, peer)
        self.news(peer, unit)
        mirrored = self.run.tell(unit, "pull", origin=peer.origin)["mirrored"]
        change = older_head(self.net.heads.get(peer.number, ()), peer.origin, mirrored)
        if change is not None:
            self.told(unit, peer, Bend(HEAD, change), "rolled-back", "old head")

    def told(self, unit, peer, bend, expected, lie):
        pair = (unit.number, peer.number)
        self.net.bends[pair] = bend
        pulled = self.run.tell(unit, "pull", origin=peer.origin)
        del self.net.bends[pair]
        if not bend.delivered:
            self.run.fail(f"the lie {lie!r} of {peer.number} never reached {unit.number}: {pulled}")
        standing = self.surprising(pulled["open"])
        found = [(origin, name) for _, origin, name, _ in standing]
        if found != [(peer.origin, expected)]:
            self.run.fail(
                f"unit {peer.number} told {unit.number} the lie {lie!r}; found were {found}: {pulled['fault']}"
            )
        self.settle(unit, standing[0][0])
        self.run.counts["lies found"] += 1
        self.pulled(unit, unit.parts["worker"].ask("pull", origin=peer.origin), whole=True)

    def replay(self, unit, peer, step):
        """Send a unit's last signed request a second time: refused, and held against nobody without evidence."""
        if unit.restored or peer.restored:
            return
        self.whole(unit, peer)
        self.pulled(unit, unit.parts["worker"].ask("pull", origin=peer.origin), whole=True)
        status = self.run.proxy.replay((unit.number, peer.number))
        standing = self.surprising(self.run.tell(peer, "incidents"))
        if status != 401 or [(origin, name) for _, origin, name, _ in standing] != [
            (unit.origin, "replayed")
        ]:
            self.run.fail(f"a replayed request was answered with {status}, incidents {standing}")
        self.settle(peer, standing[0][0])
        self.run.counts["lies found"] += 1

    def fork(self, unit, _, step):
        """A made-up unit shows one history, then another one signed with the same key: proof, and a freeze."""
        self.whole(unit)
        with Liar(f"{990000 + self.run.number}").served(self.run.wires.listening) as liar:
            liar.recipient = unit.origin
            for number in range(5):
                liar.add(b"true %d" % number, kind="soak.line")
            self.run.tell(unit, "request", address=liar.address)
            self.run.tell(unit, "accept", origin=liar.origin)
            self._accept(liar, unit)
            if self.run.tell(unit, "pull", origin=liar.origin)["fault"]:
                self.run.fail("a made-up unit could not be followed")
            liar.records = liar.records[: step["kept"]]
            while len(liar.records) < step["grown"]:
                liar.add(b"another history %d" % len(liar.records), kind="soak.line")
            standing = self.surprising(self.run.tell(unit, "pull", origin=liar.origin)["open"])
            if [(origin, name) for _, origin, name, _ in standing] != [(liar.origin, "forked")]:
                self.run.fail(f"a forked log was found as {standing}")
            settled = self.settle(unit, standing[0][0])
            if liar.origin not in settled["proven"] or not settled["frozen"]:
                self.run.fail(f"a forked log is not proven or not frozen: {settled}")
            self.run.tell(unit, "end", origin=liar.origin)
        self.run.counts["lies found"] += 1

    def _accept(self, liar, unit):
        url = f"http://{unit.host}:{self.run.proxy.port}/exchange/accept"
        message = requests.Message(method="POST", url=url, headers={}, body=liar.document())
        headers = requests.sign(message, key=liar.keys["peer"].private, keyid=liar.origin)
        address = f"http://127.0.0.1:{self.run.proxy.port}/exchange/accept"
        headers = {**headers, "host": f"{unit.host}:{self.run.proxy.port}"}
        httpx.post(
            address, content=message.body, headers=headers, trust_env=False
        ).raise_for_status()
