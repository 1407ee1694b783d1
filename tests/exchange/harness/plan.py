"""The seeded scheduler: what happens next, and to whom. It looks at nothing but its own random numbers."""

from __future__ import annotations

import random

from tests.exchange.harness.lies import LIES

OFTEN = {
    "append": 300, "move": 20, "seal": 110, "slot": 5, "pull": 230, "work": 40, "sweep": 12, "witness": 10,
    "cut": 20, "join": 25, "late": 12, "lossy": 25, "kill": 18, "start": 25, "sever": 6, "wipe": 4,
    "clock": 4, "set clock": 8, "fill": 6, "empty": 10, "back up": 3, "restore": 3, "recover": 8, "clone": 1,
    "lie": 24, "old head": 3, "replay": 3, "fork": 1, "revoke": 3, "grant": 6, "erase": 4,
    "offer": 18, "accept": 18, "call off": 5, "carry": 8,
}  # fmt: skip
"""How often each step comes, as weights."""

SERVERS = {
    "broker_wiped": 3, "broker_silent": 2, "broker_spoiled": 4, "receiver_killed": 4, "broker_cut": 4, "broker_joined": 4,
    "database_killed": 4,
}  # fmt: skip
"""Steps that befall the broker and the databases' servers, drawn by dice of their own: a seed's other steps are the
same with and without them."""

SERVERS_EVERY = 12

KEYS = {"rotate": 2, "retire": 3, "policy": 1}
"""Steps in which a unit changes its keys, or the region's policy names those of all anew; by dice of their own, too."""

KEYS_EVERY = 40
USES = ("peer", "ack", "box")
"""The keys that are a unit's own: those of the log and of the witness lie with the signer."""

SUBJECTS = 12
OFFICIALS = 8
KEPT = 3
"""Subjects that are named after each unit and may be handed over."""


class Plan:
    """Steps of one seed over so many units: dictionaries that a log can hold."""

    def __init__(self, seed, units):
        self._dice = random.Random(seed)
        self._servers_dice = random.Random(f"servers {seed}")
        self._keys_dice = random.Random(f"keys {seed}")
        self._grants_dice = random.Random(f"grants {seed}")
        self._units = units
        self._homes = [self._dice.randint(1, units) for _ in range(OFFICIALS)]
        self._words = 0
        dice = self._dice
        self._details = {
            "append": lambda unit, _: {
                "records": [self._record(unit) for _ in range(dice.randint(1, 4))]
            },
            "move": lambda _, peer: self._move(peer),
            "work": lambda *_: {"most": dice.randint(1, 8)},
            "cut": lambda *_: {"both": dice.random() < 0.7},
            "late": lambda *_: {"seconds": round(dice.uniform(0.01, 0.15), 3)},
            "lossy": lambda *_: {
                "faults": dice.choices(["lost", "half", "before", ""], k=dice.randint(1, 5))
            },
            "kill": lambda *_: self._kill(),
            "clock": lambda *_: {"hours": dice.choice([-30, -5, -1, 1, 9, 50])},
            "fill": lambda *_: {"role": dice.choice(["signer", "web", "worker"])},
            "lie": lambda *_: {"lie": dice.choice(list(LIES))},
            "fork": lambda *_: {"kept": dice.randint(0, 4), "grown": dice.randint(5, 12)},
            "recover": lambda *_: {"from peers": dice.random() < 0.5},
            "offer": lambda unit, _: {
                "subject": f"soak:{dice.choice([unit, dice.randint(1, units)])}-{dice.randrange(KEPT)}"
            },
            "grant": lambda *_: {"history": self._grants_dice.random() < 0.5},
            "erase": lambda *_: {"which": round(dice.random(), 6)},
        }
        """What a step says besides its name, its unit and its peer."""

    def step(self):
        """Return the next step."""
        if self._keys_dice.randrange(KEYS_EVERY) == 0:
            return self._keys_step()
        if self._servers_dice.randrange(SERVERS_EVERY) == 0:
            return self._servers_step()
        dice = self._dice
        (name,) = dice.choices(list(OFTEN), weights=list(OFTEN.values()))
        unit = dice.randint(1, self._units)
        peer = dice.choice([other for other in range(1, self._units + 1) if other != unit])
        step = {"do": name, "unit": unit, "peer": peer}
        detail = self._details.get(name)
        return step | detail(unit, peer) if detail is not None else step

    def _servers_step(self):
        dice = self._servers_dice
        (name,) = dice.choices(list(SERVERS), weights=list(SERVERS.values()))
        unit, peer = dice.sample(range(1, self._units + 1), 2)
        return {
            "do": name,
            "unit": unit,
            "peer": peer,
            "again": dice.random() < 0.7,
            "after": round(dice.uniform(0, 0.05), 4),
        }

    def _keys_step(self):
        dice = self._keys_dice
        (name,) = dice.choices(list(KEYS), weights=list(KEYS.values()))
        unit, peer = dice.sample(range(1, self._units + 1), 2)
        step = {"do": name, "unit": unit, "peer": peer, "use": dice.choice(USES)}
        return step | {"quorum": dice.randint(0, 2)} if name == "policy" else step

    def _kill(self):
        role = self._dice.choice(["signer", "web", "worker", "worker"])
        return {"role": role, "after": round(self._dice.uniform(0, 0.03), 4)}

    def _record(self, unit):
        """One record: kind, subject, audience, words. ``for`` a unit is written ``@<number>``."""
        dice = self._dice
        audience = dice.choices(["public", "connected", "@"], weights=[6, 3, 2])[0]
        if audience == "@":
            audience = (
                f"@{dice.choice([other for other in range(1, self._units + 1) if other != unit])}"
            )
        at_home = [number for number, home in enumerate(self._homes) if home == unit]
        if at_home and dice.random() < 0.4:
            subject = f"official-{dice.choice(at_home)}"
        else:
            subject = f"subject-{dice.randrange(SUBJECTS)}"
        kind = "soak.slotted" if dice.random() < 0.08 else "soak.line"
        self._words += 1
        return [kind, subject, audience, f"{self._words} " + "话" * dice.randint(0, 400)]

    def _move(self, home):
        """An official goes to another unit: said where he leaves and where he arrives."""
        official = self._dice.randrange(OFFICIALS)
        left = self._homes[official]
        self._homes[official] = home
        self._words += 2
        subject = f"official-{official}"
        return {
            "unit": left, "peer": home,
            "left": [["soak.move", subject, "public", f"{self._words - 1} left"]],
            "arrived": [["soak.move", subject, "public", f"{self._words} arrived"]],
        }  # fmt: skip
