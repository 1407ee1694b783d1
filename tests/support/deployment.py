"""A whole deployment of its own, as processes: embedded PostgreSQL, signer, gunicorn. Its own state folder and operator."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

_FORKING = Path(__file__).with_name("forking.py")
_READY_SECONDS = 90.0


def free_port():
    """Return a port that is free now, below those that the kernel gives to outgoing connections: none takes it meanwhile."""
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", secrets.randbelow(12_000) + 20_000))
            return probe.getsockname()[1]


class Deployment:
    """One deployment. Use it as a context manager; `stop` and `start` again keep its data.

    ``source`` names the folder of another release of the product, to be run instead of this tree.
    """

    def __init__(self, operator, *, durable=False, source=None):
        self.source = source
        self.state = Path(tempfile.mkdtemp(prefix=f"minqing-{operator}-"))
        self.state.chmod(0o755)
        self.port = free_port()
        self.variables = {
            "MINQING_STATE": str(self.state),
            "MINQING_DURABLE": "1" if durable else "0",
            "MINQING_PUBLIC_PORT": str(self.port),
            "MINQING_OPERATOR": operator,
            "MINQING_SLOT_SECONDS": "3600",
            "DJANGO_SETTINGS_MODULE": "minqing.config.settings",
        }
        self._processes = []
        self._orders = None
        """Where commands are asked for, once the first has been."""

    def __enter__(self):
        try:
            self.run("prepare")
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop()
        self._end_forking()
        shutil.rmtree(self.state, ignore_errors=True)

    def upgrade(self):
        """Go on with this tree in place of the release that ran so far, as an operator does: stop, prepare, start."""
        self.stop()
        self._end_forking()
        self.source = None
        self.run("prepare")
        self.start()

    def start(self):
        """Start signer and web and wait until both answer."""
        self._spawn("signer", "-m", "minqing", "signer")
        self._spawn(
            "web", "-m", "gunicorn", "--bind", f"127.0.0.1:{self.port}", "--worker-class", "gthread",
            "--threads", "8", "--log-level", "warning", "minqing.config.wsgi:application",
        )  # fmt: skip
        deadline = time.monotonic() + _READY_SECONDS
        while not self._answers():
            for process in self._processes:
                if process.poll() is not None:
                    raise RuntimeError(f"a part ended: {self.messages()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"the web did not answer: {self.messages()}")
            time.sleep(0.1)

    def stop(self):
        """Stop what was started."""
        for process in reversed(self._processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()

    def _spawn(self, name, *arguments):
        with (self.state / f"{name}.log").open("ab") as log:
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, *arguments],
                    env=self._environment(),
                    stdout=log,
                    stderr=log,
                    cwd=self.state,
                )
            )

    def _environment(self):
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MINQING_", "DATABASE_", "CELERY_"))
        }
        if self.source is not None:  # comes before the tree that the environment was installed from
            kept["PYTHONPATH"] = f"{self.source}{os.pathsep}{self.source / 'platform'}"
        return {**kept, **self.variables}

    def _answers(self):
        with contextlib.suppress(httpx.HTTPError):
            return (
                httpx.get(
                    f"http://127.0.0.1:{self.port}/healthz", trust_env=False, timeout=10
                ).status_code
                == 200
            )
        return False

    def messages(self):
        """Return what the parts wrote."""
        return "\n".join(path.read_text()[-3000:] for path in sorted(self.state.glob("*.log")))

    def run(self, *arguments, check=True):
        """Run one `minqing` command; return what it printed."""
        return self._run({"arguments": arguments}, check=check)

    def python(self, code, *, unit=""):
        """Run Python in the deployment, inside a unit if one is named; return what it printed."""
        inside = f"from tenants.current import unit_by_code, unit_context\ninside = unit_context(unit_by_code({unit!r}))\ninside.__enter__()\n"
        return self._run({"code": f"{inside if unit else ''}{code}"}, check=True)

    def _run(self, order, *, check):
        if self._orders is None:
            self._begin_forking()
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as said:
            socket.send_fds(
                self._orders, [json.dumps(order).encode()], [out.fileno(), said.fileno()]
            )
            status = self._orders.recv(32)
            for output in (out, said):
                output.seek(0)
            printed, messages = out.read(), said.read()
        if check and status != b"0":
            raise RuntimeError(f"{order}: {status!r} {messages[-3000:]}")
        return printed + ("" if check else messages)

    def _end_forking(self):
        if self._orders is not None:
            self._orders.close()
            self._forking.wait(20)
            self._orders = None

    def _begin_forking(self):
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._orders.settimeout(600)
        with theirs, (self.state / "commands.log").open("ab") as log:
            self._forking = subprocess.Popen(
                # -P: Python puts a script's folder first, and this one's files have names like the product's
                [sys.executable, "-P", str(_FORKING), str(theirs.fileno())],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.state,
                pass_fds=[theirs.fileno()],
            )
        if self._orders.recv(32) != b"ready":
            raise RuntimeError(f"no command can be run: {self.messages()}")

    def unit_create(self, code, name, host):
        """Make a county of this deployment; return its address."""
        self.run("unit", "create", code, name, "--level", "county", "--host", host)
        return f"http://{host}:{self.port}"
