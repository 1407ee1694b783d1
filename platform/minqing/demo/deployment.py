"""Bring a whole demonstration deployment up, and down again."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from minqing.config import postgres
from minqing.demo.parts import parts, variables
from minqing.demo.supervisor import PartFault, Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

_READY_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A running deployment."""

    state: Path
    port: int
    variables: Mapping[str, str]
    supervisor: Supervisor

    def address(self, host: str, path: str = "/") -> str:
        """Address of a unit's page, as a browser takes it."""
        return f"http://{host}:{self.port}{path}"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one ``minqing`` command inside the deployment; never raises for its exit status."""
        return run_command(self.variables, arguments)


def run_command(
    environment: Mapping[str, str], arguments: Sequence[str]
) -> subprocess.CompletedProcess[str]:
    """Run one ``minqing`` command with a deployment's settings."""
    return subprocess.run(
        [sys.executable, "-m", "minqing", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@contextlib.contextmanager
def deployment(
    *, state: Path, port: int, say: Callable[[str], None], slot_seconds: int = 2
) -> Iterator[Deployment]:
    """Start every part and load the demonstration data; stop all parts afterwards, keep the data.

    ``slot_seconds`` is the length of the slots of a state that is new; a kept one keeps its own.

    Raises:
        PartFault: a part does not come up.
        PostgresFault: the embedded PostgreSQL does not start.
    """
    state.mkdir(parents=True, exist_ok=True)
    environment = variables(state=state, port=port, slot_seconds=slot_seconds)
    cluster = postgres.cluster_for(state)
    say("starting PostgreSQL")
    postgres.lease(cluster)
    try:
        with Supervisor(logs=state / "logs", variables=environment, say=say) as supervisor:
            signer, *others = parts(state=state, port=port)
            say("bringing the database up to date")
            _must(run_command(environment, ["prepare"]), "prepare")
            supervisor.start(signer)
            say("starting signer, web, workers and scheduler")
            for part in others:
                supervisor.start(part)
            _wait_for_web(port, supervisor)
            running = Deployment(
                state=state, port=port, variables=environment, supervisor=supervisor
            )
            say(
                "loading units, people and entries (fictitious; kept from the last time where they exist)"
            )
            _must(running.run("demo_load"), "demo_load")
            yield running
            say("stopping")
    finally:
        postgres.release(cluster)


def _must(done: subprocess.CompletedProcess[str], name: str) -> None:
    if done.returncode != 0:
        raise PartFault(f"`minqing {name}` failed: {(done.stderr or done.stdout).strip()[-2000:]}")


def _wait_for_web(port: int, supervisor: Supervisor) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            if (
                httpx.get(
                    f"http://127.0.0.1:{port}/healthz", trust_env=False, timeout=5
                ).status_code
                == 200
            ):
                return
        supervisor.watch()
        time.sleep(0.1)
    raise PartFault(f"The web process did not answer within {_READY_SECONDS:.0f} s.")
