"""The signer's memory: the last head of every log it signs or witnesses, in a file of its own.

SQLite with full synchronisation: when ``commit`` returns, the row has reached the disk. The file is
outside the database and outside every backup on purpose: what it remembers must not travel back in
time. It is bound to this folder of this machine by a stamp; copied elsewhere it is refused.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sync.errors import ProofFault, SignerRefused
from sync.formats import merkle

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (one INTEGER PRIMARY KEY CHECK (one = 1), stamp TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS log (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS witnessed (
    origin TEXT PRIMARY KEY, log_key TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL, note BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS coming (origin TEXT PRIMARY KEY, next_key TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS policy (origin TEXT PRIMARY KEY, version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS confirmed (origin TEXT PRIMARY KEY, start TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS forgot (key TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS former (key TEXT PRIMARY KEY, successor TEXT NOT NULL UNIQUE, last INTEGER NOT NULL);
"""

BOOT = Path("/proc/sys/kernel/random/boot_id")
"""Differs from one start of the machine to the next; where there is none, starts cannot be told apart."""


@dataclass(frozen=True)
class Signed:
    """The last head signed for one of our logs."""

    size: int
    root: bytes


@dataclass(frozen=True)
class Seen:
    """The last checkpoint cosigned for another log; ``note`` holds its signature and ours."""

    log_key: str
    size: int
    root: bytes
    note: bytes
    next_key: str = ""
    """The log's coming key: a head carried its signature beside the other's."""


def check_continues(last: Signed | Seen, size: int, root: bytes, proof: list[bytes]) -> None:
    """Check that a head continues the one remembered.

    Raises:
        SignerRefused: ``inconsistent``.
    """
    try:
        merkle.verify_consistency(
            old=last.size, new=size, old_root=last.root, new_root=root, proof=proof
        )
    except ProofFault as fault:
        raise SignerRefused("inconsistent", str(fault), last.size) from fault


class Store:
    """High-water marks on disk. Used by one process only, which holds the folder's lock."""

    def __init__(self, folder: Path, *, witnesses: Sequence[str] = ()) -> None:
        """Open the file, or make it; ``witnesses`` are the witness keys that are there already: what they cosigned is unknown to a new one."""
        self.path = folder / "high-water.sqlite3"
        self._lock_file = folder / "lock"
        self._db = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_TABLES)
        self._here = (
            self._stamp()
        )  # neither folder nor machine changes under a process that holds the lock
        self._start = BOOT.read_text().strip() if BOOT.exists() else ""
        with self._together():
            made = self._db.execute("INSERT OR IGNORE INTO meta VALUES (1, ?)", [self._here])
            if made.rowcount:
                self._forget(witnesses)
        (self._bound,) = self._db.execute("SELECT stamp FROM meta").fetchone()
        self.path.chmod(0o600)

    def _forget(self, witnesses: Sequence[str]) -> None:
        rows = [[key] for key in witnesses]
        self._db.executemany("INSERT OR IGNORE INTO forgot VALUES (?)", rows)

    def _stamp(self) -> str:
        """Name this folder on this machine: a copy has another inode, another host another machine id."""
        machine = Path("/etc/machine-id")
        name = machine.read_text().strip() if machine.exists() else ""
        return f"{name}:{self._lock_file.stat().st_ino}"

    @property
    def copied(self) -> bool:
        """Whether the file was made in another folder or on another machine."""
        return bool(self._bound != self._here)

    def refuse_copy(self) -> None:
        """Refuse where the file was made elsewhere.

        Raises:
            SignerRefused: ``copied``.
        """
        if self.copied:
            raise SignerRefused(
                "copied",
                "The signer's folder was copied or restored: stop the other one, then `minqing unit adopt`.",
            )

    def refuse_forgotten(self, witnesses: Sequence[str]) -> None:
        """Refuse where it is not known any more what one of these keys cosigned: it could be asked for a second history.

        Raises:
            SignerRefused: ``state-lost``.
        """
        forgot = {key for (key,) in self._db.execute("SELECT key FROM forgot")}
        if not forgot.isdisjoint(witnesses):
            raise SignerRefused(
                "state-lost",
                "What this witness cosigned is forgotten, so it cosigns nothing: let another key follow its own"
                " (`minqing key rotate UNIT witness`, then `minqing key retire UNIT witness`).",
            )

    def stamp(self, *, forgotten: Sequence[str] = ()) -> None:
        """Bind the file to this place: an operator has vouched for it, but not for what these witness keys cosigned."""
        with self._together():
            self._db.execute("UPDATE meta SET stamp = ?", [self._here])
            self._forget(forgotten)
        self._bound = self._here

    def confirmed(self, origin: str) -> bool:
        """Whether somebody said since this start of the machine that nobody knows more of a log of ours than we do.

        A machine that is set back as a whole brings this file back, too, and is started to run again.
        """
        row = self._db.execute("SELECT start FROM confirmed WHERE origin = ?", [origin]).fetchone()
        return row is not None and row[0] == self._start

    def keep_confirmed(self, origin: str) -> None:
        """Remember that for this start of the machine."""
        self._db.execute("INSERT OR REPLACE INTO confirmed VALUES (?, ?)", [origin, self._start])

    def signed(self, origin: str) -> Signed | None:
        """Return the last head of one of our logs."""
        row = self._db.execute("SELECT size, root FROM log WHERE origin = ?", [origin]).fetchone()
        return Signed(*row) if row else None

    def keep_signed(self, origin: str, head: Signed) -> None:
        """Remember a head for ever; on return it is on the disk."""
        self._db.execute(
            "INSERT OR REPLACE INTO log VALUES (?, ?, ?)", [origin, head.size, head.root]
        )

    def seen(self, origin: str) -> Seen | None:
        """Return the last checkpoint cosigned for another log."""
        row = self._db.execute(
            "SELECT log_key, size, root, note, coalesce(next_key, '') FROM witnessed LEFT JOIN coming USING (origin)"
            " WHERE origin = ?",
            [origin],
        ).fetchone()
        return Seen(*row) if row else None

    def keep_seen(self, origin: str, seen: Seen) -> None:
        """Remember a cosigned checkpoint; on return it is on the disk."""
        row = [origin, seen.log_key, seen.size, seen.root, seen.note]
        with self._together():
            self._db.execute("INSERT OR REPLACE INTO witnessed VALUES (?, ?, ?, ?, ?)", row)
            self._db.execute("INSERT OR REPLACE INTO coming VALUES (?, ?)", [origin, seen.next_key])

    @contextmanager
    def _together(self) -> Iterator[None]:
        """Write several rows or none. One left open by a full disk would hold all later marks back from the disk."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def policy_version(self, origin: str) -> int:
        """Return the version of the region's policy signed last; 0 if none was."""
        row = self._db.execute("SELECT version FROM policy WHERE origin = ?", [origin]).fetchone()
        return int(row[0]) if row else 0

    def keep_policy_version(self, origin: str, version: int) -> None:
        """Remember a version for ever."""
        self._db.execute("INSERT OR REPLACE INTO policy VALUES (?, ?)", [origin, version])

    def ended_before(self, successor: str) -> tuple[str, int] | None:
        """Return the key that another one followed, and the size of the last head before."""
        row = self._db.execute(
            "SELECT key, last FROM former WHERE successor = ?", [successor]
        ).fetchone()
        return (str(row[0]), int(row[1])) if row else None

    def keep_ended(self, key: str, successor: str, last: int) -> None:
        """Remember that a key ends; what was said the first time stays."""
        self._db.execute("INSERT OR IGNORE INTO former VALUES (?, ?, ?)", [key, successor, last])

    def close(self) -> None:
        """Close the file."""
        self._db.close()
