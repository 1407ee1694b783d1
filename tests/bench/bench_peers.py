"""What peers cost and how soon a record is countersigned, over real HTTP, with fsync on.

`sealed_per_second_over_http`: 32 clients on kept-open connections to gunicorn; each is answered when what it sent stands
under a signed, published head (target 300). `countersigned_p95_seconds`: from append to the cosignature of another
operator's witness, through queue and worker (target 2). `idle_500_peers_percent_of_a_core`: processor time of this process and
its database for the sweep of a unit with 500 quiet peers, and for asking them as often as the pause between pulls has it once
it has grown; answering the same requests is within it, as our peers ask us as often (target 2).
"""

from __future__ import annotations

import datetime
import http.client
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from unittest import mock

from django.conf import settings
from django.utils import timezone

from sync import identity, ledger, sweeps
from sync.exchange import contacts, doorbell
from sync.exchange.pull import pull
from sync.models.exchange import Contact, Following, Peer
from tenants.current import unit_context
from tenants.services import unit_create
from tests.bench.own_server import durable_server
from tests.support.deployment import Deployment, free_port
from tests.support.liar import Liar

CLIENTS = 32
PEERS = 500
TICK = os.sysconf("SC_CLK_TCK")

_COUNTERSIGNED = """
import secrets, time
from django.db import transaction
from sync import ledger
from sync.audiences import CONNECTED
from sync.kinds import RecordKind, register_kind
from sync.models import Cosignature
register_kind(RecordKind(name="bench.line"))
for _ in range({count}):
    started = time.perf_counter()
    with transaction.atomic():
        ledger.append(kind="bench.line", subject=secrets.token_hex(16), body=b"x" * 600, audience=CONNECTED, media_type="text/plain")
    size = ledger.seal().size
    while not Cosignature.objects.filter(size__gte=size).exists():
        if time.perf_counter() - started > 60:
            raise SystemExit("no cosignature within a minute")
        time.sleep(0.005)
    print(time.perf_counter() - started)
"""


def run(quick: bool) -> dict[str, float]:
    """Measure and print; returns figures and their ratio to the target."""
    figures = _two_operators(quick) | _idle(quick)
    for name, value in figures.items():
        sys.stdout.write(f"{name:<44} {value:,.3f}\n")
    return figures


# --- two operators ----------------------------------------------------------------------------


def _two_operators(quick: bool) -> dict[str, float]:
    with Deployment("ours", durable=True) as ours, Deployment("witness", durable=True) as other:
        ours.unit_create("430522", "新邵县", "xinshao.localhost")
        address = other.unit_create("430524", "隆回县", "longhui.localhost")
        ours.run("ledger", "seal")
        other.run("ledger", "seal")
        rate, p95 = _over_http(ours, 10 if quick else 60)
        ours.run("peer", "connect", "430522", address)
        our_origin, our_print = ours.run("peer", "fingerprint", "430522").split("\n")[:2]
        their_origin, their_print = other.run("peer", "fingerprint", "430524").split("\n")[:2]
        other.run("peer", "accept", "430524", our_origin, "--fingerprint", our_print)
        ours.run("peer", "accept", "430522", their_origin, "--fingerprint", their_print)
        ours._spawn(
            "worker", "-m", "celery", "-A", "minqing.config.celery", "worker", "-Q", "work", "--pool=threads",
            "--concurrency=4", "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=WARNING",
        )  # fmt: skip
        said = ours.python(_COUNTERSIGNED.format(count=25 if quick else 100), unit="430522")
        seconds = sorted(
            float(line) for line in said.split()[5:]
        )  # the worker starts with the first
        late = seconds[int(len(seconds) * 0.95)]
    return {
        "sealed_per_second_over_http_32_clients": rate,
        "sealed_over_http_to_target_300": rate / 300,
        "p95_milliseconds_over_http": p95,
        "countersigned_median_seconds": statistics.median(seconds),
        "countersigned_p95_seconds": late,
        "countersigned_p95_to_target_2": late / 2,
    }


def _over_http(deployment: Deployment, each: int) -> tuple[float, float]:
    port = free_port()
    deployment._spawn(
        "sealing", "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--workers", "2",
        "--threads", "16", "--keep-alive", "30", "--log-level", "warning", "tests.bench.sealing_site:application",
    )  # fmt: skip
    body = b"x" * 1400
    headers = {"Host": f"xinshao.localhost:{deployment.port}", "Content-Type": "text/plain"}
    gate, times, sizes = threading.Barrier(CLIENTS + 1), [], []

    def send(connection: http.client.HTTPConnection) -> int:
        connection.request("POST", "/bench/send", body, headers)
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status == 200, said[:300]
        return int(said)

    def submit() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        _until_it_listens(connection)
        send(connection)
        gate.wait()
        for _ in range(each):
            started = time.perf_counter()
            sizes.append(send(connection))
            times.append(time.perf_counter() - started)
        connection.close()

    threads = [threading.Thread(target=submit) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    gate.wait(120)
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    assert len(times) == CLIENTS * each
    assert max(sizes) >= CLIENTS * each
    return len(times) / seconds, sorted(times)[int(len(times) * 0.95)] * 1000


def _until_it_listens(connection: http.client.HTTPConnection) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            return connection.connect()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


# --- five hundred quiet peers -----------------------------------------------------------------


def _idle(quick: bool) -> dict[str, float]:
    with durable_server():
        unit = unit_create(code="430522", name="新邵县", level="county", host="xinshao.localhost")
        with unit_context(unit), Liar().served() as answering, mock.patch.object(doorbell, "queue"):
            ledger.seal()
            asked = _peers(answering)
            swept = _sweeping(20 if quick else 120)
            pulled = _pulling(asked, 10 if quick else 60)
    pause = 0.75 * contacts.IDLE * 2**contacts.IDLE_DOUBLINGS  # jitter takes it from half to whole
    share = swept + PEERS / pause * pulled
    return {
        "idle_sweep_milliseconds_each_second": swept * 1000,
        "idle_pull_milliseconds_both_sides": pulled * 1000,
        "idle_500_peers_percent_of_a_core": share * 100,
        "idle_500_peers_to_target_2_percent": share * 100 / 2,
    }


def _peers(answering: Liar) -> Peer:
    """Make the rows of 500 connected peers, none of them due; return the one that answers."""
    today, later = timezone.localdate(), timezone.now() + datetime.timedelta(hours=1)
    answering.recipient = identity.origin()
    answering.add(b"one")
    liars = [answering, *(Liar(f"4306{number:03d}") for number in range(PEERS - 1))]
    rows = Peer.objects.bulk_create(
        Peer(
            origin=liar.origin, code=liar.code, name="演示县", address=answering.address, operator=f"operator {number}",
            fingerprint=str(number), accepted_here=today, accepted_there=today, told_of_acceptance=True, box_key="",
            **{f"{name}_key": str(key.verifier) for name, key in liar.keys.items()},
        )
        for number, liar in enumerate(liars)
    )  # fmt: skip
    Following.objects.bulk_create(Following(peer=peer) for peer in rows)
    now = timezone.now()
    for direction in ("pull", "ring", "witness"):
        due = later if direction == "pull" else now
        Contact.objects.bulk_create(
            Contact(peer=peer, direction=direction, due_at=due) for peer in rows
        )
    assert pull(rows[0]).fault == ""
    return rows[0]


def _sweeping(seconds: int) -> float:
    """Processor seconds of the sweep for each second, over so many ticks."""
    clock, begun = mock.Mock(), 0.0
    with mock.patch.object(sweeps, "time", clock):
        for tick in range(seconds + 1):
            if tick == 1:  # the first does everything
                begun = _spent()
            clock.monotonic.return_value = 1000.0 + tick
            sweeps.sweep_due()
    return (_spent() - begun) / seconds


def _pulling(peer: Peer, times: int) -> float:
    """Processor seconds of a pull that brings nothing new."""
    begun = _spent()
    for _ in range(times):
        assert pull(peer).fault == ""
    return (_spent() - begun) / times


def _spent() -> float:
    """Processor seconds of this process and of its database so far."""
    cluster = settings.MINQING_CLUSTER
    assert cluster is not None
    server = (cluster.data / "postmaster.pid").read_text().split("\n", 1)[0]
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", server], capture_output=True, text=True, check=True
    )
    spent = time.process_time()
    for process in (server, *listed.stdout.split()):
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        spent += (int(fields[11]) + int(fields[12])) / TICK
    return spent


if __name__ == "__main__":
    run(bool(os.environ.get("QUICK")))
