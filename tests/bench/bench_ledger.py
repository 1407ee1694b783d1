"""Append and seal at the service, with fsync on and a real signer process.

`sealed_per_second_batched`: one seal over many pending records of about 1 kB. `sealed_per_second_32_waiting`:
32 threads, each appends one record in a transaction of its own and waits until it is sealed and under a signed,
published head. Targets on 2 cores: 25,000 and 1,100. Beside it in the same run, `plain_inserts_per_second_32`: 32 threads that
insert a row of the same size into a table without any index and commit, which is what the disk and PostgreSQL allow at best.
"""

from __future__ import annotations

import os
import secrets
import sys
import threading
import time
from typing import TYPE_CHECKING
from unittest import mock

import psycopg2
from django.db import connection, transaction

from sync import ledger, sweeps
from sync.audiences import CONNECTED
from sync.kinds import RecordKind, register_kind
from sync.models import Entry
from tenants.current import current_unit, unit_context
from tenants.services import unit_create
from tests.bench.own_server import durable_server

if TYPE_CHECKING:
    from tenants.models import Unit

KIND = "bench.record"
THREADS = 32


def run(quick: bool) -> dict[str, float]:
    """Measure and print; returns figures per second and their ratio to the target."""
    register_kind(RecordKind(name=KIND))
    with durable_server():
        unit = unit_create(code="430522", name="新邵县", level="county", host="xinshao.localhost")
        with (
            unit_context(unit),
            mock.patch.dict(sweeps._published, clear=True),
        ):  # doorbells are the exchange's cost
            return _measure(unit, quick)


def _measure(unit: Unit, quick: bool) -> dict[str, float]:
    batch = 4_000 if quick else 40_000
    started = time.perf_counter()
    for _ in range(batch // 2_000):
        with transaction.atomic():
            for _ in range(2_000):
                _append()
    appended = batch / (time.perf_counter() - started)
    started = time.perf_counter()
    head = ledger.seal()
    sealed = batch / (time.perf_counter() - started)
    assert head.size == batch
    each = 20 if quick else 150
    with connection.cursor() as cursor:  # as autovacuum does within a minute of a batch
        cursor.execute("VACUUM sync_pending")
    waiting, p95 = _waiting(unit, each)
    plain = _plain(each)
    figures = {
        "appended_per_second_one_transaction": appended,
        "sealed_per_second_batched": sealed,
        "sealed_batched_to_target_25000": sealed / 25_000,
        "sealed_per_second_32_waiting": waiting,
        "sealed_32_waiting_to_target_1100": waiting / 1_100,
        "p95_milliseconds_32_waiting": p95,
        "plain_inserts_per_second_32": plain,
        "sealed_32_waiting_to_plain_inserts": waiting / plain,
    }
    for name, value in figures.items():
        sys.stdout.write(f"{name:<40} {value:,.2f}\n")
    return figures


def _append() -> str:
    body = secrets.token_bytes(512).hex().encode()
    return ledger.append(
        kind=KIND,
        subject=secrets.token_hex(16),
        body=body,
        audience=CONNECTED,
        media_type="text/plain",
    ).commitment


def _waiting(unit: Unit, each: int) -> tuple[float, float]:
    gate = threading.Barrier(THREADS + 1)
    times: list[float] = []
    covered: list[tuple[str, int]] = []

    def submit() -> None:
        with unit_context(unit):
            ledger.head()
            gate.wait()
            for _ in range(each):
                started = time.perf_counter()
                with transaction.atomic():
                    commitment = _append()
                size = ledger.seal().size
                times.append(time.perf_counter() - started)
                covered.append((commitment, size))
        connection.close()

    threads = [threading.Thread(target=submit) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    gate.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    index = {bytes(entry.commitment).hex(): entry.index for entry in Entry.objects.all()}
    assert len(covered) == THREADS * each
    assert all(index[commitment] < size for commitment, size in covered)
    return len(times) / seconds, sorted(times)[int(len(times) * 0.95)] * 1000


def _plain(each: int) -> float:
    """Rows per second of 32 threads that insert a row and commit it."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_plain (body bytea)")
    parameters = {
        name: value
        for name, value in connection.get_connection_params().items()
        if name in {"dbname", "user", "password", "port"}
    }
    parameters["host"] = connection.connection.info.host
    schema = current_unit().schema_name
    gate = threading.Barrier(THREADS + 1)

    def submit() -> None:
        own = psycopg2.connect(**parameters, options=f"-c search_path={schema}")
        gate.wait()
        for _ in range(each):
            with own, own.cursor() as cursor:
                body = secrets.token_bytes(700).hex().encode()
                cursor.execute("INSERT INTO bench_plain VALUES (%s)", [body])
        own.close()

    threads = [threading.Thread(target=submit) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    gate.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    return THREADS * each / (time.perf_counter() - started)


if __name__ == "__main__":
    run(bool(os.environ.get("QUICK")))
