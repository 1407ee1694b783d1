"""The embedded PostgreSQL: leases on one server under a launcher of our own (its process is ``config.keeper``).

A process that needs the server takes a *lease* (a shared lock on one file, dropped by the
kernel when the process dies, however it dies). A *keeper* process owns the postmaster and
waits for the exclusive lock: it gets it when the last lease is gone, and then stops the
server. So a crash leaves neither a stale count nor a server that nobody stops.

The wheel's own starter is not used: it never stops a server whose last owner was killed,
takes no initdb options, and as root opens every parent folder to the world.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pwd
import stat
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg2

USER = "minqing"
"""Name of the only database role; the socket folder is private, so it has no password."""

_START_SECONDS = 60.0


class PostgresFault(Exception):
    """The embedded PostgreSQL cannot be started; the message says why and what to do."""


@dataclass(frozen=True)
class Cluster:
    """One embedded server: where its data, socket and binaries are."""

    home: Path
    """Folder that holds the data, the log and the locks."""

    sockets: Path
    """Private folder of the Unix socket (short: a socket path has at most 107 bytes)."""

    durable: bool = True
    """False only for tests and trials that may lose data: fsync off."""

    @property
    def data(self) -> Path:
        """The PostgreSQL data folder."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """Where the server writes its messages (never statements or parameters)."""
        return self.home / "postgres.log"


_leases: dict[Path, int] = {}
_keepers: list[
    subprocess.Popen[bytes]
] = []  # held so that a finished one is reaped, never waited for


def cluster_for(state: Path, *, durable: bool = True) -> Cluster:
    """Return the cluster that belongs to a state folder; creates nothing.

    As root the server runs as ``nobody``, who must be able to reach its folder. Where the
    state folder lies under one that others cannot enter, the data goes to ``/var/lib``.
    """
    home = state / "postgres"
    if os.geteuid() == 0 and not others_may_enter(state):
        home = Path("/var/lib") / f"minqing-{_digest(state)}" / "postgres"
    return Cluster(home, Path(tempfile.gettempdir()) / f"mq-{_digest(home)}", durable)


def lease(cluster: Cluster) -> Path:
    """Make sure that the server runs, keep it running while this process lives.

    Returns:
        The folder of the socket, to be used as the connection's host.

    Raises:
        PostgresFault: the server could not be started.
    """
    if cluster.home in _leases:
        return cluster.sockets
    _make_folders(cluster)
    holder = os.open(cluster.home / "lease.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(holder, fcntl.LOCK_SH)
    try:
        bring_up(cluster)
    except BaseException:
        os.close(holder)
        raise
    _leases[cluster.home] = holder
    return cluster.sockets


def bring_up(cluster: Cluster) -> None:
    """Start the server if it does not run (any more): what a lease begins with, and what a lost connection calls.

    Raises:
        PostgresFault: the server could not be started.
    """
    starter = os.open(cluster.home / "start.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(starter, fcntl.LOCK_EX)
        _start_and_wait(cluster)
    finally:
        os.close(starter)


def release(cluster: Cluster) -> None:
    """Give the lease back before the process ends; without it a later call starts anew."""
    holder = _leases.pop(cluster.home, None)
    if holder is not None:
        os.close(holder)


def wait_until_stopped(cluster: Cluster) -> None:
    """Wait until no keeper runs (the server stops soon after its last lease); for removing a cluster.

    Raises:
        PostgresFault: somebody else still uses it.
    """
    deadline = time.monotonic() + _START_SECONDS
    while cluster.home.exists() and _keeper_runs(cluster):
        if time.monotonic() > deadline:
            raise PostgresFault(
                f"The database under {cluster.home} is still in use: stop what uses it first."
            )
        time.sleep(0.05)


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def others_may_enter(path: Path) -> bool:
    """Say whether another account can reach a folder."""
    for folder in (path, *path.parents):
        with contextlib.suppress(FileNotFoundError):
            if not folder.stat().st_mode & stat.S_IXOTH:
                return False
    return True


def server_account() -> tuple[int, int] | None:
    """Return the account for the server when we are root (PostgreSQL refuses to run as root)."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def _make_folders(cluster: Cluster) -> None:
    account = server_account()
    cluster.home.mkdir(parents=True, exist_ok=True, mode=0o755)
    cluster.sockets.mkdir(exist_ok=True, mode=0o700)
    if account is not None:
        for folder in (cluster.home, cluster.sockets):
            os.chown(folder, *account)
    owner = cluster.sockets.lstat()
    wanted = account[0] if account else os.geteuid()
    if (
        owner.st_uid != wanted
        or stat.S_IMODE(owner.st_mode) != 0o700
        or not stat.S_ISDIR(owner.st_mode)
    ):
        raise PostgresFault(
            f"{cluster.sockets} belongs to somebody else: remove it and start again."
        )


def _keeper_runs(cluster: Cluster) -> bool:
    keeper = os.open(cluster.home / "keeper.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(keeper, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(keeper)
    return False


def _start_keeper(cluster: Cluster) -> None:
    for name in ("failed", "serving"):
        (cluster.home / name).unlink(missing_ok=True)
    with (cluster.home / "keeper.log").open("ab") as log:
        keeper = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "minqing.config.keeper",
                str(cluster.home),
                str(cluster.sockets),
                str(int(cluster.durable)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )
    _keepers.append(keeper)


def _start_and_wait(cluster: Cluster) -> None:
    """Wait for a ready server; start a keeper where none runs (an earlier one may be just leaving)."""
    deadline = time.monotonic() + _START_SECONDS
    started = False
    while time.monotonic() < deadline:
        if _serves(cluster):
            return
        if not _keeper_runs(cluster):
            if started and (cluster.home / "failed").exists():
                reason = (cluster.home / "failed").read_text().strip()
                raise PostgresFault(
                    f"The embedded PostgreSQL did not start: {reason}. Its messages are in {cluster.log}."
                )
            if not started:
                _start_keeper(cluster)
                started = True
        time.sleep(0.02)
    raise PostgresFault(
        f"The embedded PostgreSQL was not ready after {_START_SECONDS:.0f} s; see {cluster.log}."
    )


def _serves(cluster: Cluster) -> bool:
    """Say whether the server that our keeper started answers; its pid file alone may be a dead one's."""
    try:
        if not is_ready(cluster, int((cluster.home / "serving").read_text())):
            return False
        psycopg2.connect(
            host=str(cluster.sockets), user=USER, dbname="postgres", connect_timeout=10
        ).close()
    except (OSError, ValueError, psycopg2.OperationalError):
        return False
    return True


def is_ready(cluster: Cluster, pid: int) -> bool:
    """Say whether the pid file is this server's and says that it takes connections."""
    try:
        lines = (cluster.data / "postmaster.pid").read_text().splitlines()
        return lines[0] == str(pid) and lines[7].strip() == "ready"
    except (OSError, IndexError):
        return False
