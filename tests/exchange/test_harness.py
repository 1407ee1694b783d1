"""Units as separate processes, with everything that can go wrong between them going wrong: two short runs of the soak."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest

from tests.conftest import TEMPLATE
from tests.exchange.harness import checks, plan, standalone
from tests.exchange.harness.every import EVERY_STEP
from tests.exchange.harness.lies import LIES
from tests.exchange.harness.run import Run

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

SEED, STEPS = 7, 120


def test_five_units_under_partitions_kills_lies_and_restores_come_to_agree(
    django_db_setup, django_db_blocker, tmp_path
):
    with django_db_blocker.unblock():
        server = standalone.server()
    with Run(
        seed=SEED, units=5, template=TEMPLATE, server=server, log=tmp_path / "steps.jsonl"
    ) as run:
        figures = run.go(STEPS)
    assert figures["checks"] == 1
    assert figures["checked records"] > 100
    assert figures["lies found"] > 0
    assert figures["parcels taken in"] > 0
    assert figures["cut"] > 0
    assert figures["database_killed"] > 0
    assert figures["came back to the broker"] > 0
    told, *steps = map(json.loads, (tmp_path / "steps.jsonl").read_text().splitlines())
    assert told["network"] in {"namespaces", "loopback"}
    again = plan.Plan(SEED, 5)
    assert [{"n": n, **again.step()} for n in range(1, STEPS + 1)] == steps


def test_each_kind_of_step_befalls_three_units_and_has_its_effect(
    django_db_setup, django_db_blocker, tmp_path
):
    assert {step["do"] for step in EVERY_STEP} == {*plan.OFTEN, *plan.SERVERS, *plan.KEYS}
    with django_db_blocker.unblock():
        server = standalone.server()
    with Run(
        seed=0, units=3, template=TEMPLATE, server=server, log=tmp_path / "steps.jsonl"
    ) as run:
        figures = run.go(recorded=EVERY_STEP)
    assert figures["steps"] == len(EVERY_STEP)
    assert figures["lies found"] == len(LIES) + len(["old head", "replay", "fork", "replay"])
    assert figures["refused to seal"] == len(["restore", "clone"])
    assert figures["came back from peers"] == 1
    assert figures["records erased"] == 1
    assert figures["offers made"] == 2
    assert figures["offers accepted"] == figures["offers cancelled"] == 1
    assert figures["discs taken in"] == 3
    assert figures["keys announced"] == len(
        [*plan.USES, "of the unit that is restored", "that it has to learn"]
    )
    assert figures["keys ended"] == len([*plan.USES, "that it has to learn"])
    assert figures["policies published"] == 2
    assert figures["parcels put by the broker"] > 0
    assert figures["came back to the broker"] == 1
    assert figures["checks"] == 1


def test_every_kind_of_step_comes_in_a_long_run_and_two_seeds_differ():
    first, second = plan.Plan(1, 5), plan.Plan(2, 5)
    steps = [first.step() for _ in range(10_000)]
    assert {step["do"] for step in steps} == {*plan.OFTEN, *plan.SERVERS, *plan.KEYS}
    assert {step["history"] for step in steps if step["do"] == "grant"} == {True, False}
    assert steps != [second.step() for _ in range(10_000)]
    assert all(step["unit"] != step["peer"] for step in steps if step["do"] != "move")


def test_dice_of_their_own_leave_the_other_steps_of_a_seed_as_they_were(monkeypatch):
    drawn = plan.Plan(1, 5)
    steps = [step for step in (drawn.step() for _ in range(1000)) if step["do"] not in plan.KEYS]
    monkeypatch.setattr(plan, "KEYS_EVERY", 10**9)
    without = plan.Plan(1, 5)
    assert [without.step() for _ in steps] == steps
    assert len(steps) < 1000


LEAF = "ab" * 32


def log(*leaves, waiting=(), gone=()):
    commitments = [leaf[1] for leaf in leaves]
    return {
        "origin": "minqing/430501/00000001", "size": len(leaves), "root": checks._root(commitments),
        "leaves": list(leaves), "waiting": list(waiting),
        "gone": list(gone),
    }  # fmt: skip


def taken(log, *, rows=None, handed=None, held=(), copy=None, cursors=None):
    mine = [leaf for leaf in log["leaves"] if leaf[3] in {"public", "connected"}]
    return {
        "mirrored": log["size"] if cursors is None else cursors, "applied": log["size"] if cursors is None else cursors,
        "copy": "".join(leaf[1] for leaf in log["leaves"]) if copy is None else copy,
        "rows": [[leaf[0], 0, leaf[1], 3] for leaf in mine] if rows is None else rows, "held": list(held),
        "handed": [[leaf[0], leaf[4], leaf[3], place + 1, leaf[1]] for place, leaf in enumerate(mine)] if handed is None else handed,
    }  # fmt: skip


LOG = log(
    [0, "aa" * 32, "soak.line", "public", "s", "one"],
    [1, "bb" * 32, "soak.line", "connected", "s", "two"],
    [2, "cc" * 32, "soak.line", "unit:minqing/430509/00000009", "s", "three"],
)
OBSERVER = {**log(), "origin": "minqing/430502/00000002"}


@pytest.mark.parametrize(
    ("gone", "faults"), [((), []), (("bb" * 32,), ["was handed over after number 2"])]
)
def test_only_the_number_of_a_record_that_was_lost_may_be_given_anew(gone, faults):
    leaves = [
        [0, "aa" * 32, "soak.line", "public", "s", "one"],
        [1, "bb" * 32, *[None] * 4],
        [2, "cc" * 32, "soak.line", "public", "s", "anew"],
    ]
    known = log(*leaves, gone=gone)
    rows = [
        [index, *((2, commitment, 0) if commitment in gone else (0, commitment, 3))]
        for index, commitment, *_ in leaves
    ]
    handed = [[index, "s", "public", n, leaves[index][1]] for index, n in ((0, 1), (1, 2), (2, 2))]
    found = checks.faults(
        {1: known, 2: OBSERVER}, {(2, 1): taken(known, rows=rows, handed=handed)}, defaultdict(set)
    )
    assert [fault for fault in faults if not any(fault in said for said in found)] == []
    assert len(found) == len(faults)


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ({"cursors": 2}, "cursors 2, 2 of 3"),
        ({"rows": [[0, 0, "aa" * 32, 3]]}, "record 1 (soak.line, connected) came as None"),
        ({"rows": [[0, 0, "aa" * 32, 3], [1, 0, "bb" * 32, 3], [2, 0, "cc" * 32, 3]]}, "must not have come"),
        ({"rows": [[0, 0, "aa" * 32, 3], [1, 0, LEAF, 3]]}, "came as (0, 'abab"),
        ({"rows": [[0, 0, "aa" * 32, 3], [1, 1, "bb" * 32, 3]]}, "came as (1, "),
        ({"held": [[1, "waits"]]}, "held back"),
        ({"copy": LEAF * 3}, "copied leaves"),
        ({"handed": [[0, "s", "public", 1, "aa" * 32]]}, "never handed"),
        ({"handed": [[0, "s", "public", 1, ""], [1, "s", "connected", 1, ""], [0, "s", "public", 2, ""]]}, "twice"),
        ({"handed": [[1, "s", "public", 2, ""], [0, "s", "public", 1, ""]]}, "after number 2"),
    ],
)  # fmt: skip
def test_the_check_sees_what_was_lost_doubled_disclosed_or_turned_round(what, sentence):
    issued = {1: LOG, 2: OBSERVER}
    assert checks.faults(issued, {(2, 1): taken(LOG)}, {1: set(), 2: set()}) == []
    found = checks.faults(issued, {(2, 1): taken(LOG, **what)}, {1: set(), 2: set()})
    assert any(sentence in fault for fault in found), found


def test_only_what_was_given_late_for_connected_units_may_come_out_of_order():
    for audience, fault in (("connected", False), ("public", True)):
        leaves = [
            [place, letter * 64, "soak.line", audience, "s", letter]
            for place, letter in enumerate("ab")
        ]
        known = log(*leaves)
        handed = [[1, "s", audience, 2, "b" * 64], [0, "s", audience, 1, "a" * 64]]
        given = ({1: known, 2: OBSERVER}, {(2, 1): taken(known, handed=handed)}, defaultdict(set))
        assert len(checks.faults(*given)) == 1
        assert bool(checks.faults(*given, {(2, 1)})) is fault
        assert checks.faults(*given, {(1, 2)})


@pytest.mark.parametrize(
    ("row", "seen"),
    [((2, 0), False), ((0, 3), True), ((0, 0), True), ((2, 1), True), ((3, 3), True)],
)
def test_the_check_sees_a_peer_that_keeps_what_was_ordered_away(row, seen):
    gone = "bb" * 32
    known = log(LOG["leaves"][0], [1, gone, *[None] * 4], gone=[gone])
    state, contents = row
    rows = [[0, 0, "aa" * 32, 3], [1, state, gone, contents]]
    found = checks.faults(
        {1: known, 2: OBSERVER}, {(2, 1): taken(known, rows=rows)}, defaultdict(set)
    )
    assert any("record 1 was erased by order and is still here" in fault for fault in found) is seen
    assert len(found) == seen


def test_the_check_sees_units_that_think_differently_of_a_home():
    here, there = "minqing/430501/00000001", "minqing/430502/00000002"
    agreed = {1: {"soak:1-0": [there, ""]}, 2: {"soak:1-0": [there, ""]}}
    assert checks.home_faults(agreed) == []
    for other in ({"soak:1-0": [here, ""]}, {"soak:1-0": [there, "forked"]}, {}):
        assert len(checks.home_faults({**agreed, 2: other})) == 1
    assert len(checks.home_faults({1: {"s": [here, "x"]}, 2: {"s": [here, "x"]}})) == 1


def test_the_check_sees_what_an_issuer_lost_or_sealed_twice():
    good = [0, "aa" * 32, "soak.line", "public", "s", "one"]
    for issued, acknowledged, sentence in (
        (log(good), {LEAF}, "1 acknowledged records are lost"),
        (log(good, [1, "bb" * 32, "soak.line", "public", "s", "one"]), set(), "sealed twice"),
        (
            log(good, [1, "aa" * 32, "soak.line", "public", "s", "two"]),
            set(),
            "stands in the log twice",
        ),
        (log(good, waiting=[LEAF]), set(), "wait though everything was sealed"),
        ({**log(good), "root": LEAF}, set(), "do not give the root"),
        ({**log(good), "size": 2}, set(), "entries are not those"),
    ):
        found = checks.faults({1: issued}, {}, {1: acknowledged})
        assert any(sentence in fault for fault in found), found
