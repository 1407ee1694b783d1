"""Catch-up of a peer's log over HTTP, beside PostgreSQL logical replication of the same rows in the same run.

The issuer is a whole deployment of its own (embedded PostgreSQL, signer, gunicorn); this process pulls into a second
embedded server: head, bundles, records, each verified against its leaf, stored, and handed to a handler that
keeps a row for each. Then the issuer's PostgreSQL replicates the same rows to ours: as a bare copy of what is disclosed, and
as what catching up leaves behind, under the same constraints (see ``replication``). Of three rounds medians are told. Both
servers run with fsync, and both are worn in before anything is measured: else what comes first pays for the first touch of all
shared memory, for new WAL files, and for a vacuum that the load set off.
PouchDB replicates fewer documents of the same size over HTTP, where npm is at hand. `--records 1000000` for a million.
Targets on 2 cores: as many as logical replication, ten times PouchDB, at most 300 MB however long the backlog is.
"""

from __future__ import annotations

import io
import resource
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx
import psycopg2
from django.conf import settings
from django.db import connection

from minqing.config import postgres
from sync.exchange import peers
from sync.exchange.pull import pull
from sync.kinds import RecordKind, register_kind
from sync.models import Peer
from tenants.current import unit_context
from tenants.services import unit_create
from tests.bench import pouchdb
from tests.bench.own_server import durable_server
from tests.bench.replication import Replication, kept, plain
from tests.support.deployment import Deployment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.kinds import ReceivedRecord
    from tenants.models import Unit

KIND = "bench.line"

_READERS = [
    ("430500", "邵阳市", "shaoyang.localhost"),
    ("430600", "岳阳市", "yueyang.localhost"),
    ("430700", "常德市", "changde.localhost"),
]
"""Each catches up in a round of its own: a machine that others use, too, is not equally fast from second to second."""

_LOAD = """
import secrets
from django.db import transaction
from sync import ledger
from sync.kinds import RecordKind, register_kind
register_kind(RecordKind(name="bench.line"))
for batch in range({count} // 1000):
    with transaction.atomic():
        for _ in range(1000):
            ledger.append(kind="bench.line", subject=secrets.token_hex(16), body=secrets.token_bytes(512).hex().encode()[:900],
                          audience="public", media_type="text/plain")
    if batch % 8 == 7:
        ledger.seal()
print(ledger.seal().size)
"""

_GRANT = """
from sync.exchange import peers
from sync.models import Peer
from sync.kinds import RecordKind, register_kind
register_kind(RecordKind(name="bench.line"))
for state in peers.peers_with_state():
    if state.fingerprint and not Peer.objects.get(origin=state.origin).accepted_here:
        peers.connection_accept(state.origin, state.fingerprint)
        peers.grant_set(state.origin, "bench.line", history=True)
"""


def apply(records: Sequence[ReceivedRecord]) -> None:
    """Keep a projection's row for each record: index, subject, first words."""
    rows = [f"{r.index}\t{r.header.subject}\t\\\\x{r.body[:40].hex()}\n" for r in records]
    with connection.cursor() as cursor:
        cursor.copy_expert(
            "COPY bench_line (index, subject, body) FROM STDIN", io.StringIO("".join(rows)), 1 << 20
        )


def run(quick: bool, records: int = 0) -> dict[str, float]:
    """Measure and print; returns rows per second and their ratio."""
    register_kind(RecordKind(name=KIND, apply=apply))
    count = records or (10_000 if quick else 100_000)
    with durable_server():
        with Deployment("issuer", durable=True) as issuer:
            figures = _measure(issuer, count)
        figures |= _pouchdb(figures["catch_up_records_per_second"], 2_000 if quick else 10_000)
    for name, value in figures.items():
        sys.stdout.write(f"{name:<62} {value:,.2f}\n")
    return figures


def _measure(issuer: Deployment, count: int) -> dict[str, float]:
    """Load the issuer's log, then have it caught up with and replicated in turns."""
    address = issuer.unit_create("430522", "新邵县", "xinshao.localhost")
    for server in (_server(postgres.cluster_for(issuer.state)), _server(settings.MINQING_CLUSTER)):
        _wear_in(server)
    size = int(issuer.python(_LOAD.format(count=count), unit="430522"))
    _server(postgres.cluster_for(issuer.state)).execute("VACUUM (ANALYZE)")
    httpx.get(f"{address}/ledger/checkpoint".replace("xinshao.localhost", "127.0.0.1"), headers={"host": f"xinshao.localhost:{issuer.port}"}, trust_env=False)  # fmt: skip
    replication = _replication(issuer)
    rounds = []
    for code, name, host in _READERS if count <= 100_000 else _READERS[:1]:
        unit = unit_create(code=code, name=name, level="city", host=host)
        caught_up, busy = _catch_up(issuer, address, unit, size, count)
        copied = replication.rows_per_second(plain(), count)
        stored = replication.rows_per_second(kept(), count)
        sys.stdout.write(f"{caught_up:,.0f} records/s beside {copied:,.0f} rows/s copied, {stored:,.0f} stored\n")  # fmt: skip
        rounds.append((caught_up, copied, stored, caught_up / copied, caught_up / stored, busy))
    caught_up, copied, stored, to_copied, to_stored, busy = (
        statistics.median(figures) for figures in zip(*rounds, strict=True)
    )
    return {
        "records": float(count),
        "catch_up_records_per_second": caught_up,
        "logical_replication_rows_per_second": copied,
        "catch_up_to_logical_replication": to_copied,
        "logical_replication_of_what_is_kept_rows_per_second": stored,
        "catch_up_to_logical_replication_of_what_is_kept": to_stored,
        "peak_memory_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "puller_cpu_seconds_per_100000": busy / count * 100_000,
    }


def _catch_up(
    issuer: Deployment, address: str, unit: Unit, size: int, count: int
) -> tuple[float, float]:
    """Have a unit connect and pull everything; records per second, and seconds of CPU of this process."""
    with unit_context(unit):
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TABLE bench_line (index bigint PRIMARY KEY, subject text, body bytea)"
            )
        asked = peers.connection_request(address)
        issuer.python(_GRANT, unit="430522")
        peers.connection_accept(asked.origin, asked.fingerprint)
        Peer.objects.update(accepted_there=Peer.objects.get().accepted_here)
        started, busy = time.perf_counter(), time.process_time()
        pulled = pull(Peer.objects.get())
        seconds, busy = time.perf_counter() - started, time.process_time() - busy
        assert pulled.fault == "", pulled.fault
        assert pulled.applied >= size
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM bench_line")
            assert cursor.fetchone() == (count,)
    return count / seconds, busy


def _pouchdb(caught_up: float, count: int) -> dict[str, float]:
    rate = pouchdb.documents_per_second(count)
    if rate is None:
        return {}
    return {
        "pouchdb_documents": float(count),
        "pouchdb_documents_per_second": rate,
        "catch_up_to_pouchdb": caught_up / rate,
    }


def _replication(issuer: Deployment) -> Replication:
    """Return what moves the issuer's openings to our server without us."""
    cluster = postgres.cluster_for(issuer.state)
    return Replication(
        theirs=_server(cluster), ours=_server(settings.MINQING_CLUSTER),
        source=f"host={cluster.sockets} dbname=minqing user={postgres.USER}",
        openings=f"FROM unit_430522.sync_opening WHERE kind = '{KIND}'",
    )  # fmt: skip


def _wear_in(server: Any) -> None:
    """Write more than shared memory holds, and make its WAL files free for use: a unit's server runs since long."""
    server.execute(
        "CREATE TABLE bench_worn AS SELECT 0 AS n, ''::text AS filling WITH NO DATA;"
        "INSERT INTO bench_worn SELECT n, repeat(md5(n::text), 40) FROM generate_series(1, 900000) AS n"
    )
    server.execute("DROP TABLE bench_worn")
    server.execute("CHECKPOINT")


def _server(cluster: postgres.Cluster | None) -> Any:
    assert cluster is not None
    server = psycopg2.connect(
        dbname="minqing", user=postgres.USER, host=str(postgres.lease(cluster))
    )
    server.autocommit = True
    return server.cursor()
