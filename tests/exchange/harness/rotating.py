"""Keys that change while records flow: announced, good side by side for a while, then the older one ends."""

from __future__ import annotations

from tests.exchange.harness.hands import Hands


class Rotating(Hands):
    """Steps in which a whole unit changes the keys that are its own: an operator sees to it, and repeats what was broken off."""

    def rotate(self, unit, _, step):
        """Announce the next key of one use; asked again before the older one ended, it is the same."""
        self._changed(unit, "rotate", step["use"], "keys announced")

    def retire(self, unit, _, step):
        """End the older key, once every peer has the other. Whoever restores an older backup reads in the log what came."""
        others = [other for other in self.fleet.units if other is not unit]
        if any(other.restored for other in others):
            return
        self.rest()  # what peers ask for at this moment says what they have
        self._changed(unit, "retire", step["use"], "keys ended")

    def policy(self, unit, peer, step):
        """Have the first unit, which the others trust to, publish the region's next policy."""
        first = self.fleet.units[0]
        if not first.restored:
            self.whole(first)
            self.run.policy = self.run.tell(first, "publish_policy", quorum=step["quorum"])
            self.run.counts["policies published"] += 1

    def _changed(self, unit, command, use, counted):
        if unit.restored:
            return ""
        self.whole(unit)
        done = self.run.tell(unit, command, use=use)
        self.run.counts[counted] += bool(done)
        return done
