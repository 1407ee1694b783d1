"""A script by hand: each kind of step in an order in which it has something to do. Dice leave the rare ones out of a short run."""

from __future__ import annotations

from itertools import count

from tests.exchange.harness.lies import LIES
from tests.exchange.harness.plan import USES

_words = count(1)


def _step(do, unit=1, peer=2, **detail):
    return {"do": do, "unit": unit, "peer": peer, **detail}


def _line(subject="subject-1", audience="public", kind="soak.line"):
    return [kind, subject, audience, f"written by hand {next(_words)}"]


def _append(unit, peer):
    """Records of each audience, and one for a slot."""
    lines = [_line(audience=audience) for audience in ("public", "connected", f"@{peer}", "public")]
    return _step("append", unit, peer, records=[*lines, _line("slotted", kind="soak.slotted")])


def _exchanged(unit, peer):
    """New records of a unit, sealed and pulled by its peer."""
    return [_append(unit, peer), _step("seal", unit), _step("pull", peer, unit)]


LOAD = [
    *_exchanged(1, 2),
    *_exchanged(2, 3),
    _step("slot", 1),
    _step(
        "move", 2, 3,
        left=[_line("official-1", kind="soak.move")], arrived=[_line("official-1", kind="soak.move")],
    ),
    _step("work", 1, most=8),
    _step("sweep", 2),
    _step("witness", 1),
    _step("carry", 1, 3),
]  # fmt: skip

GRANTS = [
    _step("revoke", 1, 2),
    *_exchanged(1, 2),
    _step("grant", 1, 2, history=False),
    *_exchanged(1, 2),
    _step("slot", 1),
    _step("erase", 1, which=0.0),
    _step("seal", 1),
    _step("pull", 2, 1),
]

HANDOVERS = [
    _step("offer", 1, 3, subject="soak:1-1"),
    _step("call off", 1),
    _step("offer", 1, 2, subject="soak:1-0"),
    _step("seal", 1),
    _step("pull", 2, 1),
    _step("accept", 2),
]

WIRES = [
    _step("cut", 1, 3, both=True),
    _step("late", 2, 3, seconds=0.05),
    _step("lossy", 3, 2, faults=["lost", "half", "before", ""]),
    *_exchanged(3, 1),
    _step("pull", 3, 2),
    _step("join", 1, 3),
    _step("clock", 3, hours=9),
    _step("pull", 3, 1),
    _step("set clock", 3),
]

BROKER = [
    _step("broker_spoiled", 1, 2, again=True, after=0.0),
    _step("broker_cut", 2, 1, again=True, after=0.0),
    *_exchanged(1, 2),
    _step("broker_joined", 2, 1, again=True, after=0.0),
    _step("receiver_killed", 1, 2, again=True, after=0.0),
    _step("broker_silent", 1, 2, again=True, after=0.0),
    _step("broker_wiped", 1, 2, again=True, after=0.0),
]

MACHINES = [
    _step("kill", 2, role="signer", after=0.0),
    _step("start", 2),
    _step("sever", 1),
    _step("wipe", 1),
    _step("fill", 2, role="worker"),
    _step("append", 2, 1, records=[_line()]),
    _step("seal", 2),
    _step("empty", 2),
    _step("database_killed", 3, 1, again=True, after=0.0),
]

LYING = [
    *(_step("lie", 1, 2, lie=name) for name in LIES),
    _step("old head", 1, 2),
    _step("replay", 1, 2),
    _step("fork", 3, 1, kept=3, grown=8),
]

KEYS = [
    *(_step("rotate", 1, use=use) for use in USES),
    *_exchanged(1, 2),
    *(_step("pull", peer, 1) for peer in (2, 3, 3)),
    _step("carry", 2, 1),
    *(_step("retire", 1, use=use) for use in USES),
    _step("policy", 1, quorum=2),
    *_exchanged(1, 2),
    _step("pull", 3, 1),
    _step("carry", 2, 1),
    _step("replay", 1, 2),
    _step("policy", 1, quorum=1),
]
"""That a peer has a record shows when it asks for more. What is carried is sealed to the one box key, then to the other."""

DISASTERS = [
    _step("back up", 2),
    _step("rotate", 2, use="peer"),
    _step("rotate", 1, use="peer"),
    *_exchanged(1, 2),
    *(_step("pull", peer, 1) for peer in (2, 3, 3)),
    _step("retire", 1, use="peer"),
    *_exchanged(1, 2),
    *_exchanged(2, 1),
    _step("clone", 1, 2),
    _step("restore", 2, 1),
    _step("pull", 2, 1),
    _step("recover", 2, **{"from peers": True}),
]
"""The backup is older than a key of unit 1 that unit 2 has to know, to read what unit 1 wrote since."""

EVERY_STEP = [*LOAD, *GRANTS, *HANDOVERS, *WIRES, *BROKER, *MACHINES, *LYING, *KEYS, *DISASTERS]
