"""Loaded by pytest before anything else: a state folder of this run's own, so that no test meets real data.

Under pytest-xdist the workers inherit the folder, so that one embedded PostgreSQL serves them all. A run begins
with the database template that an earlier run of the same migrations and provisioning kept, if there is one.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).parents[2]
_KEPT = _ROOT / ".pytest_cache" / "templates"
_TEMPLATES = 3


def kept_template() -> Path:
    """Return where a template made by this very code is kept: the folder is named by what makes one."""
    made_by = [_ROOT / "requirements.txt", _ROOT / "tests" / "conftest.py"]
    for room in ("platform", "tenants", "sync", "search"):
        made_by += [
            path
            for path in sorted((_ROOT / room).rglob("*.py"))
            if "/migrations/" in str(path) or b"provision" in path.read_bytes()
        ]
        made_by += sorted((_ROOT / room).rglob("*.csv"))
    digest = hashlib.sha256()
    for path in made_by:
        digest.update(f"{path.relative_to(_ROOT)} ".encode() + path.read_bytes())
    return _KEPT / digest.hexdigest()[:16]


@contextlib.contextmanager
def _templates_locked(how: int) -> Iterator[None]:
    _KEPT.mkdir(parents=True, exist_ok=True)
    with (_KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, how)
        yield


def keep_template(run: Path) -> None:
    """Keep a copy of a run's folder, whose server has nothing left to write."""
    kept = kept_template()
    with _templates_locked(fcntl.LOCK_EX):
        if kept.is_dir():
            return
        others = sorted(_KEPT.glob("*/"), key=lambda folder: folder.stat().st_mtime)
        for old in others[: -_TEMPLATES + 1]:
            shutil.rmtree(old, ignore_errors=True)
        begun = Path(tempfile.mkdtemp(dir=_KEPT))
        for part in ("postgres", "keys", "template.done"):
            subprocess.run(["cp", "-a", str(run / part), str(begun)], check=True)
        for left in ("postgres/data/postmaster.pid", "postgres/serving"):
            (begun / left).unlink(missing_ok=True)
        begun.rename(kept)


_CLEANER = """
import pathlib, shutil, sys, time
sys.stdin.read()  # ends with the process that holds the other end, however that ends
folder = pathlib.Path(sys.argv[1])
for _ in range(600):
    if not (folder / "state/postgres/data/postmaster.pid").exists():
        break
    time.sleep(0.1)
shutil.rmtree(folder, ignore_errors=True)
"""


def _quick_folder() -> str | None:
    """Return a folder in memory where there is plenty: each test's database is two thousand small files."""
    memory = Path("/dev/shm")
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 6 << 30:
        return str(memory)
    return None


def remove_afterwards(folder: str) -> None:
    """Have a folder removed when this process has ended and its server has stopped."""
    read, _ = os.pipe()  # the other end closes with this process
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.posix_spawn(
        sys.executable,
        [sys.executable, "-c", _CLEANER, folder],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, read, 0),
            (os.POSIX_SPAWN_DUP2, nowhere, 1),
            (os.POSIX_SPAWN_DUP2, nowhere, 2),
        ],
        setsid=True,
    )
    os.close(read)
    os.close(nowhere)


if "MINQING_TEST_RUN" not in os.environ:
    folder = tempfile.mkdtemp(prefix="minqing-test-", dir=_quick_folder())
    # Apart, so that a test can ask what a deployment wrote while others use the temporary folder.
    state, temporary = f"{folder}/state", f"{folder}/tmp"
    os.mkdir(state)
    os.mkdir(temporary)
    with _templates_locked(fcntl.LOCK_SH):
        if kept_template().is_dir():
            subprocess.run(["cp", "-a", f"{kept_template()}/.", state], check=True)
    # The embedded server runs under another account when the tests run as root.
    for made in (folder, state, temporary):
        os.chmod(made, 0o755)
    remove_afterwards(folder)
    os.environ.update(
        MINQING_TEST_RUN=state,
        TMPDIR=temporary,
        MINQING_STATE=state,
        MINQING_DURABLE="0",
        MINQING_SLOT_SECONDS="2",
        MINQING_OPERATOR="tests",
        DJANGO_SETTINGS_MODULE="minqing.config.settings",
    )
    tempfile.tempdir = None  # asked again
    for name in ("DATABASE_URL", "CELERY_BROKER_URL", "MINQING_DEBUG", "MINQING_DEMO"):
        os.environ.pop(name, None)
