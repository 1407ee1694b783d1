"""The PostgreSQL servers of a run: the one that all its units share, and those that a unit has to itself, which are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import psycopg2

from minqing.config import keeper, postgres


class Databases:
    """A server that runs all the time."""

    own = False
    runs = True

    def __init__(self, server):
        self.server = server
        self._connection = None

    def disconnect(self):
        """Let it run without us."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self):
        """Leave it for good."""
        self.disconnect()

    def ask(self, statement, arguments=None):
        """Run one statement outside any transaction; return its rows."""
        if self._connection is None:
            self._connection = psycopg2.connect(dbname="postgres", **self.server)
            self._connection.autocommit = True
        with self._connection.cursor() as cursor:
            cursor.execute(statement, arguments)
            return cursor.fetchall() if cursor.description else []

    def copy(self, source, target):
        """Copy a database that nobody uses."""
        self.ask(f'CREATE DATABASE "{target}" TEMPLATE "{source}" STRATEGY WAL_LOG')

    def rename(self, source, target):
        """Rename a database that nobody uses."""
        self.ask(f'ALTER DATABASE "{source}" RENAME TO "{target}"')

    def drop(self, name):
        """Drop a database."""
        self.ask(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def drop_all(self, beginning):
        """Drop every database whose name begins so."""
        for (name,) in self.ask(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [beginning]
        ):
            self.drop(name)

    def leave(self, name, *, until_gone):
        """End every connection to a database; ``until_gone``: wait for the last."""
        while self.runs:
            ((found,),) = self.ask(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s",
                [name],
            )
            if not found or not until_gone:
                return
            time.sleep(0.005)


class Own(Databases):
    """A server of one unit's own, which dies under it and is started again by the harness, not by the product."""

    own = True
    runs = False

    def __init__(self, folder):
        self._cluster = postgres.Cluster(
            folder / "postgres", folder / "postgres-socket", durable=False
        )
        super().__init__({"user": postgres.USER, "host": str(self._cluster.sockets)})
        folder.mkdir()

    def begin(self):
        """Start it for the first time."""
        postgres.lease(self._cluster)
        self.runs = True

    def copy(self, source, target):
        """Copy a database, and write it out: PostgreSQL logs nothing of a copied sequence's next 32 numbers, and a crash gives them out again."""
        super().copy(source, target)
        self.ask("CHECKPOINT")

    def fill(self, source, template, target):
        """Copy a database from another server; from a copy of it there, since nobody may be in a template that others use."""
        source.copy(template, target)
        self.ask(f'CREATE DATABASE "{target}"')
        programs = keeper.binaries()
        reach = ["-h", source.server["host"], "-U", source.server["user"]]
        dump = [programs / "pg_dump", *reach, target]
        load = [programs / "psql", "-qX", "-v", "ON_ERROR_STOP=1", "-h", self.server["host"], "-U", postgres.USER, target]  # fmt: skip
        with subprocess.Popen(dump, stdout=subprocess.PIPE) as dumping:
            subprocess.run(load, stdin=dumping.stdout, stdout=subprocess.DEVNULL, check=True)
        if dumping.returncode:
            raise RuntimeError(f"{template} could not be copied")
        source.drop(target)

    def kill(self):
        """End it as a crash would."""
        if self.runs:
            self.runs = False
            self.disconnect()
            written = (self._cluster.data / "postmaster.pid").read_text()
            os.kill(int(written.split("\n", 1)[0]), signal.SIGKILL)

    def start(self):
        """Start it again, and wait until it answers."""
        if not self.runs:
            postgres.bring_up(self._cluster)
            self.runs = True

    def close(self):
        """End it for good."""
        self.kill()
        postgres.release(self._cluster)
        postgres.wait_until_stopped(self._cluster)
