"""Units of the previous release and of this tree exchange with each other, both ways, over real HTTP; and one is upgraded."""

from __future__ import annotations

import json
import tarfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.deployment import Deployment

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

PREVIOUS = Path(__file__).parents[1] / "releases" / "0.1.0.tar.xz"
"""The last release's source, as ``git archive`` made it. Units are upgraded one after the other, so two releases must always meet."""

_PUBLISH = """
from sync.kinds import RecordKind, register_kind
register_kind(RecordKind(name="tests.line", schemas={schemas}{upcasts}))
from django.db import transaction
from sync import audiences, ledger
with transaction.atomic():
    for number in range(20):
        ledger.append(kind="tests.line", subject="line-%d" % (number % 5), body=b"{name} %d" % number, audience={audience!r}, media_type="text/plain")
ledger.seal()
"""
_GRANT = """
from sync.kinds import RecordKind, register_kind
register_kind(RecordKind(name="tests.line"))
from {room} import peers
peers.grant_set({origin!r}, "tests.line")
"""
_TAKEN = """
import json
from sync.models import Incident, Quarantine, Received
rows = Received.objects.filter(kind="tests.line").order_by("index")
print(json.dumps({
    "bodies": [bytes(row.body).decode() for row in rows],
    "incidents": [str(i) for i in Incident.objects.all()],
    "held": [row.reason for row in Quarantine.objects.order_by("index")],
}))
"""
_HELD = """
from sync.models import Quarantine, Received
applied = Received.objects.filter(kind="tests.line", state=Received.APPLIED)
print("%d held, %d applied" % (Quarantine.objects.count(), applied.count()))
"""
_VERSION = "import minqing; print(minqing.__version__)"
_HEAD = """
from sync import ledger
print(ledger.head().size, ledger.head().root.hex())
"""
_ASKED = "from sync.exchange import returning; returning.look_around()"
"""What a worker does when it starts."""

_PULL = """
from sync.kinds import RecordKind, register_kind
register_kind(RecordKind(name="tests.line", schemas=(1, 2), upcasts=(bytes,), apply=lambda records: None))
from sync.exchange import pull
from sync.models import Peer
print(pull.pull(Peer.objects.get()).fault)
"""


@pytest.fixture(scope="module")
def previous(tmp_path_factory):
    """Return the folder of the previous release's source."""
    folder = tmp_path_factory.mktemp("previous")
    folder.chmod(0o755)
    with tarfile.open(PREVIOUS) as archive:
        archive.extractall(folder, filter="data")
    return folder


def publish(deployment, unit, name, audience="public", schemas="(1,)", upcasts=""):
    code = _PUBLISH.format(name=name, audience=audience, schemas=schemas, upcasts=upcasts)
    deployment.python(code, unit=unit)


def taken(deployment, unit):
    return json.loads(deployment.python(_TAKEN, unit=unit))


def lines(name):
    return [f"{name} {number}" for number in range(20)]


@contextmanager
def connected(previous):
    """Two deployments whose units are connected, of the previous release and of this tree, and both units' origins."""
    with Deployment("before", source=previous) as before, Deployment("now") as now:
        assert before.python("import sync; print(sync.__file__)").startswith(str(previous))
        assert before.python(_VERSION) == f"{PREVIOUS.name.removesuffix('.tar.xz')}\n"
        theirs = before.unit_create("430522", "新邵县", "xinshao.localhost")
        now.unit_create("430524", "隆回县", "longhui.localhost")
        before.run("ledger", "seal")
        now.run("ledger", "seal")
        now.run("peer", "connect", "430524", theirs)
        old, old_print = before.run("peer", "fingerprint", "430522").split("\n")[:2]
        new, new_print = now.run("peer", "fingerprint", "430524").split("\n")[:2]
        before.run("peer", "accept", "430522", new, "--fingerprint", new_print)
        said = now.run("peer", "accept", "430524", old, "--fingerprint", old_print, check=False)
        assert "does not prove that it holds its keys" in said
        now.run("peer", "accept", "430524", old, "--fingerprint", old_print, "--unproven")
        before.python(_GRANT.format(room="sync", origin=new), unit="430522")
        now.python(_GRANT.format(room="sync.exchange", origin=old), unit="430524")
        yield before, now


def test_the_previous_release_and_this_tree_exchange_both_ways(previous):
    with connected(previous) as (before, now):
        publish(before, "430522", "old")
        publish(before, "430522", "old for units", audience="connected")
        publish(now, "430524", "new")
        publish(now, "430524", "new for units", audience="connected")
        publish(now, "430524", "newer", schemas="(1, 2)", upcasts=", upcasts=(bytes,)")
        now.run("peer", "pull", "430524")
        before.run("peer", "pull", "430522")
        found = taken(now, "430524")
        assert found["bodies"] == lines("old") + lines("old for units")
        assert found["incidents"] == []
        found = taken(before, "430522")
        assert found["bodies"] == lines("new") + lines("new for units") + lines("newer")
        assert found["incidents"] == []
        assert set(found["held"]) == {"unknown-kind"}


def test_a_database_of_the_previous_release_is_upgraded_and_what_it_held_is_taken_in(previous):
    with connected(previous) as (before, now):
        publish(before, "430522", "old")
        publish(now, "430524", "newer", schemas="(1, 2)", upcasts=", upcasts=(bytes,)")
        before.run("peer", "pull", "430522")
        assert before.python(_HELD, unit="430522") == "20 held, 0 applied\n"
        head = before.python(_HEAD, unit="430522")

        before.upgrade()
        assert before.python(_VERSION) == now.python(_VERSION) > f"{PREVIOUS.name}"
        assert before.python(_HEAD, unit="430522") == head
        assert before.python(_HELD, unit="430522") == "20 held, 0 applied\n"
        assert before.python(_PULL, unit="430522") == "\n"
        assert before.python(_HELD, unit="430522") == "0 held, 20 applied\n"
        found = taken(before, "430522")
        assert (found["bodies"], found["incidents"]) == (lines("newer"), [])

        before.python(_ASKED, unit="430522")
        publish(before, "430522", "after")
        now.run("peer", "pull", "430524")
        found = taken(now, "430524")
        assert (found["bodies"], found["incidents"]) == (lines("old") + lines("after"), [])
