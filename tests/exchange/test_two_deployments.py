"""Two whole deployments of two operators, each with its own database, state folder, signer and gunicorn."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx
import pytest

from minqing.config import postgres
from tests.support.deployment import Deployment

pytestmark = [pytest.mark.processes, pytest.mark.timeout(1200)]

_KIND = """
from sync.kinds import RecordKind, register_kind
register_kind(RecordKind(name="tests.line"))
"""
_PUBLISH = (
    _KIND
    + """
from django.db import transaction
from sync import audiences, ledger
with transaction.atomic():
    for number in range({count}):
        ledger.append(kind="tests.line", subject="line-%d" % (number % 50), body=b"{name} %d" % number, audience={audience!r}, media_type="text/plain")
print(ledger.seal().size)
"""
)
_PULL = (
    _KIND
    + """
from sync.exchange import peers
from sync.exchange.pull import pull
for peer in peers.connected_peers():
    print(pull(peer))
"""
)
_TAKEN = """
import json
from sync.models import Incident, Quarantine, Received
rows = Received.objects.filter(kind="tests.line").order_by("index")
print(json.dumps({
    "bodies": [bytes(row.body).decode() for row in rows], "states": sorted({row.state for row in rows}),
    "incidents": [str(i) for i in Incident.objects.all()], "held": Quarantine.objects.count(),
}))
"""
_GRANT = (
    _KIND
    + "from sync.exchange import peers\npeers.grant_set({origin!r}, 'tests.line', history=True)\n"
)
_STATE = "import dataclasses, json\nfrom sync.exchange import peers\nprint(json.dumps([dataclasses.asdict(s) for s in peers.peers_with_state()], default=str))"


@pytest.fixture(scope="module")
def two():
    """A county of one operator and one of another, connected by commands as operators would."""
    with Deployment("one") as one, Deployment("two") as two:
        first = one.unit_create("430522", "新邵县", "xinshao.localhost")
        second = two.unit_create("430524", "隆回县", "longhui.localhost")
        one.run("ledger", "seal")
        two.run("ledger", "seal")
        one.run("peer", "connect", "430522", second)
        ours, our_print = one.run("peer", "fingerprint", "430522").split("\n")[:2]
        theirs, their_print = two.run("peer", "fingerprint", "430524").split("\n")[:2]
        two.run("peer", "accept", "430524", ours, "--fingerprint", our_print)
        one.run("peer", "accept", "430522", theirs, "--fingerprint", their_print)
        one.python(_GRANT.format(origin=theirs), unit="430522")
        two.python(_GRANT.format(origin=ours), unit="430524")
        assert first != second
        yield one, two


def taken(deployment, unit):
    return json.loads(deployment.python(_TAKEN, unit=unit))


def test_records_cross_between_two_operators_and_say_who_has_them(two):
    one, other = two
    one.python(_PUBLISH.format(count=300, name="one", audience="connected"), unit="430522")
    other.python(_PULL, unit="430524")
    found = taken(other, "430524")
    assert found["bodies"][-300:] == [f"one {number}" for number in range(300)]
    assert (found["states"], found["incidents"], found["held"]) == ([0], [], 0)
    other.run("peer", "pull", "430524")
    (state,) = json.loads(one.python(_STATE, unit="430522"))
    assert state["state"] == "connected"
    assert state["delivered"] >= 300


def test_a_head_is_witnessed_by_the_other_operator_and_shows_it(two):
    one, _ = two
    said = one.python(
        "from sync import ledger\nfrom sync.exchange import witness\nprint(witness.ask_witnesses())\nhead = ledger.head()\nprint(witness.operators(head.size, head.root))",
        unit="430522",
    )
    assert said.split("\n")[:2] == ["1", "['two']"]
    served = httpx.get(
        f"http://127.0.0.1:{one.port}/ledger/checkpoint",
        headers={"host": f"xinshao.localhost:{one.port}"},
        trust_env=False,
    )
    assert served.text.count("\n— ") == 2


def test_a_puller_killed_at_any_point_loses_and_doubles_nothing(two):
    one, other = two
    before = len(taken(other, "430524")["bodies"])
    one.python(_PUBLISH.format(count=3000, name="more", audience="public"), unit="430522")
    for _ in range(5):
        with pulling(other) as puller:
            time.sleep(random.uniform(0.0, 0.6))
            puller.send_signal(signal.SIGKILL)
    other.python(_PULL, unit="430524")
    found = taken(other, "430524")
    assert found["bodies"][before:] == [f"more {number}" for number in range(3000)]
    assert (found["states"], found["incidents"], found["held"]) == ([0], [], 0)


def test_a_database_killed_in_the_middle_of_a_pull_loses_and_doubles_nothing(two):
    one, other = two
    before = len(taken(other, "430524")["bodies"])
    one.python(_PUBLISH.format(count=1000, name="still more", audience="public"), unit="430522")
    for _ in range(2):
        with pulling(other) as puller:
            time.sleep(random.uniform(0.0, 0.4))
            os.kill(postmaster(other), signal.SIGKILL)
            puller.wait(60)
    other.python(_PULL, unit="430524")
    found = taken(other, "430524")
    assert found["bodies"][before:] == [f"still more {number}" for number in range(1000)]
    assert (found["states"], found["incidents"], found["held"]) == ([0], [], 0)


@contextmanager
def pulling(deployment):
    """A process that pulls, in many small windows; it has set up and begins now."""
    inside = "from tenants.current import unit_by_code, unit_context\ninside = unit_context(unit_by_code('430524'))\ninside.__enter__()\n"
    code = f"import django; django.setup()\n{inside}from sync.formats import framing\nframing.WINDOW_LEAVES = 100\nprint('ready', flush=True)\n{_PULL}"
    puller = subprocess.Popen(
        [sys.executable, "-c", code],
        env=deployment._environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=deployment.state,
    )
    assert puller.stdout is not None
    assert puller.stdout.readline() == b"ready\n"
    try:
        yield puller
    finally:
        puller.kill()
        puller.wait()
        puller.stdout.close()


def postmaster(deployment):
    """Return the process id of a deployment's database server."""
    cluster = postgres.cluster_for(deployment.state)
    return int((cluster.data / "postmaster.pid").read_text().split()[0])


def test_an_issuer_that_is_away_is_only_later(two):
    one, other = two
    before = len(taken(other, "430524")["bodies"])
    one.python(_PUBLISH.format(count=10, name="away", audience="public"), unit="430522")
    one.stop()
    assert "could not be reached" in other.python(_PULL, unit="430524")
    one.start()
    other.python(_PULL, unit="430524")
    found = taken(other, "430524")
    assert len(found["bodies"]) == before + 10
    assert found["incidents"] == []
