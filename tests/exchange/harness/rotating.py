"""Keys that change while records flow: announced, good side by side for a while, then the older one ends."""

from __future__ import annotations

from tests.exchange.harness.hands import Hands


class Rotating(Hands):
    """Steps in which a whole unit changes the keys that are its own: an operator sees to it, and repeats what was broken off."""

    def rotate(self, unit, _, step):
        """Announce the next key of one use; asked again before the older one ended, it is the same."""
        self._changed(unit, "rotate", step["use"], "keys announced")

    def retire(self, unit, _, step):
        """End the older key, once every peer has the other. Whoever restores an older backup does not know that one:
        connecting such a unit anew is for people, so no backup of a peer's from before is used."""
        others = [other for other in self.fleet.units if other is not unit]
        if any(other.restored for other in others):
            return
        self.rest()  # what peers ask for at this moment says what they have
        if self._changed(unit, "retire", step["use"], "keys ended"):
            for other in others:
                other.backup = -1

    def _changed(self, unit, command, use, counted):
        if unit.restored:
            return ""
        self.whole(unit)
        done = self.run.tell(unit, command, use=use)
        self.run.counts[counted] += bool(done)
        return done
