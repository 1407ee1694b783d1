"""Every part is killed at random, the database too, while people report: nothing acknowledged is lost, doubled or forked."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import tempfile
import threading
import time
from pathlib import Path

import httpx
import psycopg2
import pytest

from minqing.config import postgres
from minqing.demo.deployment import deployment
from minqing.demo.supervisor import free_port
from minqing.demo.visitor import Visitor, WalkFault

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]
HOST = "xinshao.localhost"
PARTS = ("web", "worker", "signer", "index", "scheduler", "database")
KILLS = 14


def lodge(port, words, receipts):
    """Report once; a receipt that was read counts as acknowledged, whatever happens afterwards."""
    with Visitor(port=port, host=HOST) as citizen, contextlib.suppress(httpx.HTTPError, WalkFault):
        citizen.open("/report/write")
        citizen.send("/report/look", {"words": words, "kind": "unsure"})
        citizen.send("/report/send")
        code = re.search(r"\d{4}(?: \d{4}){3}", citizen.text)
        if code:
            receipts[words] = code.group()


def kill_database(cluster):
    with contextlib.suppress(OSError, ValueError):
        os.kill(
            int((cluster.data / "postmaster.pid").read_text().split("\n", 1)[0]), signal.SIGKILL
        )


def ask(cluster, statement, *values):
    postgres.bring_up(cluster)
    connection = psycopg2.connect(host=str(cluster.sockets), user=postgres.USER, dbname="minqing")
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = cursor.fetchall()
    connection.close()
    return rows


def until_one_more(running, receipts):
    had, deadline = len(receipts), time.monotonic() + 120
    while len(receipts) == had:
        assert time.monotonic() < deadline, "no report gets through any more"
        running.supervisor.watch()
        time.sleep(0.1)


def read_back(port, code):
    """The reporter's page and the acknowledged commitment, as soon as the parts are back."""
    deadline = time.monotonic() + 90
    while True:
        try:
            with Visitor(port=port, host=HOST) as citizen:
                citizen.open("/follow/")
                citizen.send("/follow/", {"code": code})
                page = citizen.answer.text
                citizen.send("/follow/acknowledgement")
                return page, re.findall(r"\b[0-9a-f]{64}\b", citizen.octets.decode())
        except (httpx.HTTPError, WalkFault):
            assert time.monotonic() < deadline, "the parts did not come back"
            time.sleep(0.3)


def test_nothing_acknowledged_is_lost_doubled_or_forked_by_kills(tmp_path):
    state = Path(tempfile.mkdtemp(prefix="minqing-kills-"))
    state.chmod(0o755)
    draw = random.Random(20261122)
    receipts: dict[str, str] = {}
    over = threading.Event()
    with deployment(state=state, port=free_port(), say=lambda _: None) as running:
        cluster = postgres.cluster_for(state)

        def people(number):
            count = 0
            while not over.is_set():
                count += 1
                lodge(running.port, f"第 {number} 人第 {count} 次说的话（演示）", receipts)

        threads = [threading.Thread(target=people, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        parts = [*PARTS, *(draw.choice(PARTS) for _ in range(KILLS - len(PARTS)))]
        for number, part in enumerate(parts, 1):
            over.wait(draw.uniform(0.2, 2.5))
            if part == "database":
                kill_database(cluster)
            else:
                running.supervisor.kill(part)
            running.supervisor.watch()
            if (
                number % 3 == 0
            ):  # a slow machine is given the time for at least one report among three kills
                until_one_more(running, receipts)
        over.set()
        for thread in threads:
            thread.join()
        for words, code in receipts.items():
            page, commitments = read_back(running.port, code)
            assert words in page
            assert len(commitments) == 1
            deadline = time.monotonic() + 90
            statement = (
                "SELECT count(*) FROM unit_430522.sync_entry WHERE commitment = decode(%s, 'hex')"
            )
            while ask(cluster, statement, commitments[0]) != [(1,)]:
                assert ask(cluster, statement, commitments[0]) == [(0,)], "doubled"
                assert time.monotonic() < deadline, "an acknowledged report is not in the log"
                running.supervisor.watch()
                time.sleep(0.3)
        assert ask(
            cluster,
            "SELECT count(*) - 1 = max(index), count(DISTINCT commitment) = count(*) FROM unit_430522.sync_entry",
        ) == [(True, True)]
        told = running.run("ledger", "audit", "430522", "--openings")
        assert told.returncode == 0, told.stdout + told.stderr
    postgres.release(cluster)
    postgres.wait_until_stopped(cluster)
