"""The embedded PostgreSQL starts, is shared, and ends with its last user, however that one dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg2
import pytest

from minqing.config import keeper, postgres
from tests.support.waiting import wait_until

HOLD = """
import sys, time
from pathlib import Path
from minqing.config import keeper, postgres
postgres.lease(postgres.Cluster(Path(sys.argv[1]), Path(sys.argv[2]), False))
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def cluster():
    state = Path(tempfile.mkdtemp(prefix="minqing-pg-"))
    state.chmod(0o755)
    cluster = postgres.cluster_for(state, durable=False)
    yield cluster
    postgres.release(cluster)


def hold(cluster):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(cluster.home), str(cluster.sockets)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process):
    process.kill()
    process.wait()
    process.stdout.close()


def server_pid(cluster):
    return int((cluster.data / "postmaster.pid").read_text().split("\n", 1)[0])


def alive(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False


def ask(cluster):
    connection = psycopg2.connect(host=str(cluster.sockets), user=postgres.USER, dbname="postgres")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT datlocprovider, datctype FROM pg_database WHERE datname = 'postgres'"
        )
        row = cursor.fetchone()
    connection.close()
    return row


def test_a_killed_last_user_does_not_leave_the_server_running(cluster):
    first, second = hold(cluster), hold(cluster)
    pid = server_pid(cluster)
    assert ask(cluster) == ("b", "C.UTF-8")
    end(first)
    assert alive(pid)
    end(second)
    wait_until(lambda: not alive(pid))


def test_a_killed_server_is_started_again_for_the_next_user(cluster):
    process = hold(cluster)
    os.kill(server_pid(cluster), signal.SIGKILL)
    end(process)
    postgres.lease(cluster)
    assert ask(cluster) is not None


def test_a_pid_file_of_a_stranger_is_not_believed(cluster):
    end(hold(cluster))
    wait_until(lambda: not (cluster.data / "postmaster.pid").exists())
    (cluster.data / "postmaster.pid").write_text(
        f"{os.getpid()}\n{cluster.data}\n1\n0\n\n\n\nready\n"
    )
    postgres.lease(cluster)
    wait_until(lambda: server_pid(cluster) != os.getpid())
    assert ask(cluster) is not None


def test_nobody_else_can_reach_the_socket(cluster):
    postgres.lease(cluster)
    assert cluster.sockets.stat().st_mode & 0o077 == 0


def test_a_broken_data_folder_is_told_in_a_sentence(cluster):
    end(hold(cluster))
    wait_until(lambda: not (cluster.data / "postmaster.pid").exists())
    (cluster.data / "PG_VERSION").write_text("9\n")
    with pytest.raises(postgres.PostgresFault, match=r"did not start"):
        postgres.lease(cluster)


def test_a_killed_server_comes_back_for_those_who_still_hold_it(cluster):
    postgres.lease(cluster)
    for _ in range(3):
        os.kill(server_pid(cluster), signal.SIGKILL)
        postgres.bring_up(cluster)
        assert ask(cluster) == ("b", "C.UTF-8")


def test_binaries_that_the_server_account_cannot_reach_are_copied_with_their_libraries(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(keeper.os, "geteuid", lambda: 0)
    monkeypatch.setattr(keeper, "others_may_enter", lambda path: False)
    copied = keeper._reachable_binaries(postgres.Cluster(tmp_path / "home", tmp_path / "s", False))
    assert copied.is_relative_to(tmp_path)
    for name in ("initdb", "postgres"):
        told = subprocess.run([copied / name, "--version"], capture_output=True, text=True)
        assert "PostgreSQL" in told.stdout, told.stderr


@pytest.mark.parametrize(
    ("limit", "megabytes"),
    [(64 * 2**20, 128), (2 * 2**30, 256), (10**15, 1024), ("max", None), (None, None)],
)
def test_the_servers_cache_keeps_to_the_memory_that_a_container_has(
    tmp_path, monkeypatch, limit, megabytes
):
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 8 // 2**20
    file = tmp_path / "memory.max"
    if limit is not None:
        file.write_text(f"{limit}\n")
    monkeypatch.setattr(keeper, "_MEMORY", (str(tmp_path / "none"), str(file)))
    most = min(max(machine, 128), 1024)
    assert keeper._cache_megabytes() == min(megabytes or most, most)
